"""Offering times: the form of a new one-off, its rows, and what makes no sense in it."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from one_off import services
from one_off.models import OneOff
from one_off.selectors import token_of
from scheduling.models import BookingLink, BusyTime
from scheduling.services.busy_time import TryAgain
from tests.factories import make_booking
from tests.one_off.hosting import LIST, NEW, TUESDAY, page, typed
from tests.one_off.making import HOUR, MINUTE, make_one_off, written
from tests.pages import form_posting
from workestra.accounts.models import Membership
from workestra.calendars.domain.period import Period

pytestmark = pytest.mark.usefixtures("at_now")
WEDNESDAY = ("2030-01-09", "14:00", "45")
ELEVEN = [(f"2030-01-{day}", "10:00", "30") for day in range(10, 21)]


def test_a_host_offers_times_and_gets_the_link(browser: Client, alice: Membership, settings: Any) -> None:
    response = browser.post(
        NEW, typed(browser, TUESDAY, WEDNESDAY, description="A few words", closes="2030-01-10T12:00")
    )
    one_off = OneOff.objects.get()
    assert (response.status_code, response["Location"]) == (303, f"{LIST}/{one_off.pk}")
    assert [(slot.starts_at, slot.ends_at) for slot in one_off.slots.all()] == [
        (datetime(2030, 1, 8, 9, 0, tzinfo=UTC), datetime(2030, 1, 8, 9, 30, tzinfo=UTC)),
        (datetime(2030, 1, 9, 13, 0, tzinfo=UTC), datetime(2030, 1, 9, 13, 45, tzinfo=UTC)),
    ]
    assert one_off.expires_at == datetime(2030, 1, 10, 11, 0, tzinfo=UTC)
    assert (one_off.host_id, one_off.timezone, one_off.reserve) == (alice.user_id, "Europe/Berlin", True)
    assert BusyTime.objects.filter(owner_key=one_off.pk).count() == 2
    detail = browser.get(response["Location"])
    assert f"{settings.SITE_URL}/one-off/{token_of(one_off)}" in page(detail)
    assert "no-store" in detail["Cache-Control"]


def test_what_the_host_knows_of_his_invitee_goes_into_the_link(browser: Client) -> None:
    browser.post(
        NEW,
        typed(browser, TUESDAY, invitee_name="Tomás Herrera", invitee_email="tomas@cobaltfoods.example"),
    )
    html = page(browser.get(f"{LIST}/{OneOff.objects.get().pk}"))
    assert "?name=Tom%C3%A1s+Herrera&amp;email=tomas%40cobaltfoods.example" in html


def test_the_form_names_the_hosts_zone_and_reads_times_in_it(browser: Client, alice: Membership) -> None:
    alice.user.timezone = "America/New_York"
    alice.user.save()
    assert "New York time (EST)" in page(browser.get(NEW))
    browser.post(NEW, typed(browser, TUESDAY))
    assert OneOff.objects.get().slots.get().starts_at == datetime(2030, 1, 8, 15, 0, tzinfo=UTC)


def test_without_reserve_nothing_is_held(browser: Client) -> None:
    values = typed(browser, TUESDAY)
    del values["reserve"]
    browser.post(NEW, values)
    assert not OneOff.objects.get().reserve
    assert not BusyTime.objects.exists()


def test_the_same_form_sent_twice_makes_one_one_off(browser: Client) -> None:
    values = typed(browser, TUESDAY)
    first, second = browser.post(NEW, values), browser.post(NEW, values)
    assert first["Location"] == second["Location"]
    assert OneOff.objects.count() == 1


def test_ten_times_are_taken(browser: Client) -> None:
    rows = [(f"2030-01-{day}", "10:00", "30") for day in range(10, 20)]
    assert browser.post(NEW, typed(browser, *rows)).status_code == 303
    assert OneOff.objects.get().slots.count() == 10


@pytest.mark.parametrize("minutes", ["5", "37", "480"])
def test_any_length_from_5_to_480_minutes_is_taken(browser: Client, minutes: str) -> None:
    browser.post(NEW, typed(browser, ("2030-01-08", "10:00", minutes)))
    assert OneOff.objects.get().slots.get().period.duration == int(minutes) * MINUTE


@pytest.mark.parametrize(
    ("rows", "changes", "words"),
    [
        ([TUESDAY], {"title": ""}, "Add a title"),
        ([TUESDAY], {"title": " \t "}, "Add a title"),
        ([TUESDAY], {"title": "x" * 121}, "121 characters are too many"),
        ([TUESDAY], {"title": "a\x00b"}, "cannot be shown"),
        ([TUESDAY], {"title": "a\nb"}, "cannot be shown"),
        ([TUESDAY], {"title": "a\u202eb"}, "cannot be shown"),
        ([TUESDAY], {"description": "x" * 2001}, "2001 characters are too many"),
        ([TUESDAY], {"description": "a\x00b"}, "cannot be shown"),
        ([], {}, "Offer at least one time"),
        (ELEVEN, {}, "Offer at most 10 times"),
        ([TUESDAY, TUESDAY], {}, "You offer this time already"),
        ([("2030-01-06", "10:00", "30")], {}, "That time has passed"),
        ([("2030-01-07", "09:00", "30")], {}, "That time has passed"),
        ([("1970-01-01", "00:00", "30")], {}, "That time has passed"),
        ([("0001-01-01", "00:00", "30")], {}, "That time has passed"),
        ([("2032-01-08", "10:00", "30")], {}, "within the next two years"),
        ([("9999-12-31", "23:59", "480")], {}, "within the next two years"),
        ([("2030-02-30", "10:00", "30")], {}, "Write the day as"),
        ([("tomorrow", "10:00", "30")], {}, "Write the day as"),
        ([("2030-01-08", "25:00", "30")], {}, "Write the start as"),
        ([("2030-01-08", "\x00", "30")], {}, "Write the start as"),
        ([("", "10:00", "30")], {}, "Pick a day"),
        ([("2030-01-08", "", "30")], {}, "Pick a start"),
        ([("2030-03-31", "02:30", "30")], {}, "The clocks go forward over 02:30"),
        ([("2030-01-08", "10:00", "0")], {}, "between 5 and 480 minutes"),
        ([("2030-01-08", "10:00", "4")], {}, "between 5 and 480 minutes"),
        ([("2030-01-08", "10:00", "481")], {}, "between 5 and 480 minutes"),
        ([("2030-01-08", "10:00", "100000")], {}, "between 5 and 480 minutes"),
        ([("2030-01-08", "10:00", "-30")], {}, "between 5 and 480 minutes"),
        ([("2030-01-08", "10:00", "9" * 5000)], {}, "between 5 and 480 minutes"),
        ([("2030-01-08", "10:00", "half an hour")], {}, "between 5 and 480 minutes"),
        ([("2030-01-08", "10:00", "")], {}, "between 5 and 480 minutes"),
        ([TUESDAY], {"closes": "2030-01-07T08:59"}, "That time has passed"),
        ([TUESDAY], {"closes": "2030-03-31T02:30"}, "The clocks go forward over 02:30"),
        ([TUESDAY], {"closes": "9999-12-31T23:59"}, "within the next two years"),
        ([TUESDAY], {"closes": "soon"}, "Write a day and a time"),
        ([TUESDAY], {"closes": "2030-01-08T10:00+05:00"}, "without a zone"),
        ([TUESDAY], {"location_type": "moon"}, "Choose one of these"),
        ([TUESDAY], {"location_detail": "javascript:alert(1)"}, "Start the link with https://"),
        ([TUESDAY], {"invitee_email": "nobody"}, "name@example.com"),
        ([TUESDAY], {"invitee_email": "nobody@example"}, "Add the ending"),
        ([TUESDAY], {"nonce": "x"}, "Load the page again"),
        ([TUESDAY], {"nonce": ""}, "Load the page again"),
        ([TUESDAY], {"slots-TOTAL_FORMS": "x"}, "lost on the way"),
        ([TUESDAY], {"slots-TOTAL_FORMS": "-1"}, "Offer at least one time"),
        ([TUESDAY], {"slots-TOTAL_FORMS": "100000"}, "Offer at most 10 times"),
    ],
)
def test_what_makes_no_sense_is_said_beside_it_and_everything_typed_stays(
    browser: Client, rows: list[tuple[str, str, str]], changes: dict[str, str], words: str
) -> None:
    values = typed(browser, *rows, **({"description": "Kept words"} | changes))
    before = written()
    response = browser.post(NEW, values)
    assert response.status_code == 422
    assert words in page(response)
    assert written() == before
    assert page(response).startswith("<!doctype html>")
    assert "Kept words" in page(response) or "description" in changes


def test_what_is_typed_is_printed_as_text(browser: Client) -> None:
    hostile = '"><script>alert(1)</script>'
    html = page(browser.post(NEW, typed(browser, ("", "10:00", hostile), title=hostile, description=hostile)))
    assert "<script>alert" not in html
    browser.post(NEW, typed(browser, TUESDAY, title=hostile, description=hostile, invitee_name=hostile))
    one_off = OneOff.objects.get()
    assert one_off.title == hostile
    for url in (LIST, f"{LIST}/{one_off.pk}", f"/one-off/{token_of(one_off)}"):
        assert "<script>alert" not in page(browser.get(url))


def test_a_taken_time_is_named_beside_its_row_and_nothing_is_written(
    browser: Client, link: BookingLink, NOW: datetime
) -> None:
    make_booking(link, datetime(2030, 1, 9, 13, 0, tzinfo=UTC), NOW)
    values = typed(browser, TUESDAY, WEDNESDAY, description="Kept words")
    before = written()
    response = browser.post(NEW, values)
    html = page(response)
    assert response.status_code == 409
    assert "One of these times is taken" in html
    row = html[html.index('id="slots-1"') : html.index('id="slots-2"')]
    assert "You meet Priya Raman then" in row
    assert "You meet" not in html[html.index('id="slots-0"') : html.index('id="slots-1"')]
    assert "Kept words" in html
    assert written() == before
    again = form_posting(html, "slots-0-day").values
    assert {name: again[name] for name in values if name != "csrfmiddlewaretoken"} == {
        name: value for name, value in values.items() if name != "csrfmiddlewaretoken"
    }


def test_without_reserve_a_taken_time_is_offered_and_the_page_warns(
    browser: Client, link: BookingLink, NOW: datetime
) -> None:
    make_booking(link, datetime(2030, 1, 8, 9, 0, tzinfo=UTC), NOW)
    values = typed(browser, TUESDAY)
    del values["reserve"]
    response = browser.post(NEW, values)
    assert response.status_code == 303
    assert "You meet Priya Raman then" in page(browser.get(response["Location"]))


def test_too_many_at_once_asks_to_try_again(browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(**_: Any) -> None:
        raise TryAgain

    monkeypatch.setattr(services, "create", busy)
    response = browser.post(NEW, typed(browser, TUESDAY, description="Kept words"))
    assert response.status_code == 503
    assert "Your text is still here. Try again." in page(response)
    assert "Kept words" in page(response)


def rows_in(html: str) -> list[tuple[str, str, str]]:
    values = form_posting(html, "nonce").values
    return [
        (values[f"slots-{row}-day"], values[f"slots-{row}-start"], values[f"slots-{row}-minutes"])
        for row in range(int(values["slots-TOTAL_FORMS"]))
    ]


def test_a_row_is_added_and_everything_typed_stays(browser: Client) -> None:
    before = written()
    values = typed(
        browser, TUESDAY, WEDNESDAY, ("not a day", "99:99", "60"), description="Kept", closes="soon"
    )
    response = browser.post(NEW, values | {"add": "1"})
    html = page(response)
    assert response.status_code == 200
    assert rows_in(html) == [TUESDAY, WEDNESDAY, ("not a day", "99:99", "60"), ("", "", "60")]
    kept = form_posting(html, "nonce").values
    assert (kept["title"], kept["description"], kept["closes"]) == ("Contract walkthrough", "Kept", "soon")
    assert kept["nonce"] == values["nonce"]
    assert 'id="form-errors"' not in html
    assert written() == before


def test_a_row_is_removed_and_the_others_move_up(browser: Client) -> None:
    html = page(browser.post(NEW, typed(browser, TUESDAY, WEDNESDAY) | {"remove": "0"}))
    assert rows_in(html) == [WEDNESDAY, ("", "", "30")]


def test_the_switch_stays_off_when_a_row_is_added(browser: Client) -> None:
    values = typed(browser, TUESDAY)
    del values["reserve"]
    html = page(browser.post(NEW, values | {"add": "1"}))
    assert "reserve" not in form_posting(html, "nonce").values


def test_the_last_row_can_be_removed_and_one_added_again(browser: Client) -> None:
    values = typed(browser, TUESDAY) | {"slots-TOTAL_FORMS": "1"}
    html = page(browser.post(NEW, values | {"remove": "0"}))
    assert rows_in(html) == []
    html = page(browser.post(NEW, form_posting(html, "nonce").values | {"add": "1"}))
    assert rows_in(html) == [("", "", "30")]


def test_an_eleventh_row_is_not_added(browser: Client) -> None:
    html = page(browser.post(NEW, typed(browser, *ELEVEN[:10]) | {"add": "1"}))
    assert len(rows_in(html)) == 10
    assert "Ten is the most" in html
    assert "Add slot" not in html


@pytest.mark.parametrize("number", ["99", "-1", "x", "", "0x1", "9" * 5000])
def test_a_row_that_is_not_there_cannot_be_removed(browser: Client, number: str) -> None:
    html = page(browser.post(NEW, typed(browser, TUESDAY) | {"remove": number}))
    assert len(rows_in(html)) == 3


def test_with_htmx_only_the_rows_come_back(browser: Client) -> None:
    response = browser.post(
        NEW, typed(browser, TUESDAY) | {"add": "1", "check": "1"}, headers={"HX-Request": "true"}
    )
    html = page(response)
    assert "<!doctype" not in html
    assert html.lstrip().startswith('<fieldset class="oo-slots" id="slots"')
    assert "Slot 4 added, 4 of 10" in html
    assert html.count("autofocus") == 1
    assert response["Vary"].count("HX-Request") == 1


def test_a_row_that_meets_a_booking_is_told_while_typing(
    browser: Client, link: BookingLink, NOW: datetime
) -> None:
    make_booking(link, datetime(2030, 1, 8, 9, 0, tzinfo=UTC), NOW)
    values = typed(browser, ("2030-01-08", "10:15", "30"), WEDNESDAY, ("", "", "30"))
    before = written()
    html = page(browser.post(NEW, values | {"check": "1"}, headers={"HX-Request": "true"}))
    assert "Slot 1: You meet Priya Raman then." in html
    assert "Pick another start or remove it" in html
    assert "2 of 10" in html
    del values["reserve"]
    html = page(browser.post(NEW, values | {"check": "1"}, headers={"HX-Request": "true"}))
    assert "You can offer it all the same" in html
    assert written() == before


def test_a_meeting_of_somebody_else_is_no_warning(browser: Client, bob: Membership, NOW: datetime) -> None:
    make_one_off(bob, NOW, periods=(Period.lasting(datetime(2030, 1, 8, 9, 0, tzinfo=UTC), HOUR),))
    html = page(browser.post(NEW, typed(browser, TUESDAY) | {"check": "1"}, headers={"HX-Request": "true"}))
    assert "Held for" not in html
