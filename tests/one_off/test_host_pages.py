"""The host's pages, as a browser without JavaScript sees them."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from one_off import services
from one_off.models import OneOff
from one_off.selectors import token_of
from one_off.services import proposals
from scheduling.models import BookingLink, BusyTime
from scheduling.services.busy_time import TryAgain
from tests.conftest import signed_in
from tests.factories import MembershipFactory, UserFactory, make_booking
from tests.one_off.making import DAY, HOUR, MINUTE, TOMAS, make_one_off, pick, three_times, written
from tests.pages import form_posting, forms_in
from workestra.accounts.models import Membership, RoleGrant
from workestra.audit.models import AuditEvent
from workestra.calendars.domain.period import Period

LIST, NEW = "/calendar/one-off", "/calendar/one-off/new"
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture(autouse=True)
def _clock(NOW: datetime) -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def browser(alice: Membership) -> Client:
    return signed_in(alice)


@pytest.fixture
def viewer(alice: Membership) -> Membership:
    user = UserFactory(username="vera", name="Vera Viewer")
    return MembershipFactory(workspace=alice.workspace, user=user, role="viewer")


def page(response: HttpResponse) -> str:
    return response.content.decode()


def typed(browser: Client, *rows: tuple[str, str, str], **changes: str) -> dict[str, str]:
    """The new form as loaded, with a title, these rows (day, start, minutes) and the changes filled in."""
    values = form_posting(page(browser.get(NEW)), "slots-0-day").values | {"title": "Contract walkthrough"}
    values["slots-TOTAL_FORMS"] = str(max(len(rows), int(values["slots-TOTAL_FORMS"])))
    for index, row in enumerate(rows):
        for name, value in zip(("day", "start", "minutes"), row, strict=True):
            values[f"slots-{index}-{name}"] = value
    return values | changes


TUESDAY = ("2030-01-08", "10:00", "30")
WEDNESDAY = ("2030-01-09", "14:00", "45")


# --- Making one ---


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


ELEVEN = [(f"2030-01-{day}", "10:00", "30") for day in range(10, 21)]


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


# --- Rows, without JavaScript and with htmx ---


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


# --- The list ---


def test_the_empty_list_says_what_to_do(browser: Client) -> None:
    html = page(browser.get(LIST))
    assert "No one-offs yet" in html
    assert html.count(f'href="{NEW}"') == 2


def test_every_state_is_listed_with_what_can_be_done(
    browser: Client, alice: Membership, NOW: datetime
) -> None:
    times = three_times(NOW)
    open_ = make_one_off(alice, NOW, title="Open one", periods=times[:1], expires_at=NOW + DAY)
    booked = make_one_off(alice, NOW, title="Booked one", periods=times[1:2])
    booking = pick(booked, NOW)
    expired = make_one_off(alice, NOW, title="Expired one", periods=times[2:], expires_at=NOW + DAY)
    OneOff.objects.filter(pk=expired.pk).update(expires_at=NOW - DAY)
    withdrawn = make_one_off(alice, NOW, title="Withdrawn one", periods=(Period.lasting(NOW + HOUR, HOUR),))
    services.withdraw(one_off=withdrawn, actor=alice.user, now=NOW)
    html = page(browser.get(LIST))
    assert "1 open, 1 slot held." in html
    for state, one_off in (
        ("open", open_),
        ("booked", booked),
        ("expired", expired),
        ("withdrawn", withdrawn),
    ):
        assert f'href="#{state}"' in html
        section = html[html.index(f'<h2 class="day" id="{state}"') :].split("</ul>\n")[0]
        assert one_off.title in section
    assert f"/one-off/{token_of(open_)}" in html
    assert all(str(token_of(one_off)) not in html for one_off in (booked, expired, withdrawn))
    assert f"?tab=upcoming&amp;open={booking.pk}" in html
    assert html.count("Copy link") == 1


def test_an_unheld_time_that_was_taken_is_not_shown_as_open(
    browser: Client, alice: Membership, link: BookingLink, NOW: datetime
) -> None:
    make_one_off(alice, NOW, reserve=False, periods=three_times(NOW)[:1])
    make_booking(link, three_times(NOW)[0].start, NOW)
    html = page(browser.get(LIST))
    assert ", taken" in html
    assert "No time left to pick" in html


def test_nobody_else_sees_them(
    alice: Membership, bob: Membership, carol: Membership, dana: Membership, NOW: datetime
) -> None:
    make_one_off(alice, NOW, title="Secret plan")
    for other in (bob, carol, dana):
        assert "Secret plan" not in page(signed_in(other).get(LIST))


def test_a_long_list_shows_the_newest_and_leads_to_the_rest(
    browser: Client, alice: Membership, NOW: datetime
) -> None:
    for index in range(55):
        one_off = make_one_off(
            alice, NOW + index * timedelta(seconds=1), title=f"Number {index:02}", reserve=False
        )
        OneOff.objects.filter(pk=one_off.pk).update(state="withdrawn", closed_at=NOW)
    html = page(browser.get(LIST))
    assert "Number 54" in html
    assert "Number 34" not in html
    assert f'href="{LIST}?state=withdrawn"' in html
    first, second = (page(browser.get(f"{LIST}?state=withdrawn&page={number}")) for number in (1, 2))
    assert "Number 05" in first
    assert "Number 04" not in first
    assert "Number 04" in second
    assert browser.get(f"{LIST}?state=withdrawn&page=x").status_code == 200
    assert browser.get(f"{LIST}?state=nonsense").status_code == 200


@pytest.mark.parametrize("count", [1, 12])
def test_the_list_takes_the_same_queries_however_long_it_is(
    browser: Client,
    alice: Membership,
    NOW: datetime,
    count: int,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for index in range(count):
        make_one_off(alice, NOW, periods=(Period.lasting(NOW + (index + 1) * HOUR, HOUR),))
    # Session, user, membership, grants; counts, held; one-offs, slots, busy times.
    with django_assert_num_queries(11):
        browser.get(LIST)


# --- One of them ---


def test_a_booked_one_shows_who_came_and_which_time(
    browser: Client, alice: Membership, NOW: datetime
) -> None:
    one_off = make_one_off(alice, NOW)
    booking = pick(one_off, NOW, 1)
    html = page(browser.get(f"{LIST}/{one_off.pk}"))
    assert [html.count(word) for word in (">Picked</span>", "Released</span>", "Held</span>")][1:] == [2, 0]
    assert "Picked" in html
    assert TOMAS.email in html
    assert str(booking.pk) in html
    assert "Withdraw it" not in html
    assert str(token_of(one_off)) not in html


def test_the_address_is_not_shown_when_its_key_is_gone(
    browser: Client, alice: Membership, NOW: datetime
) -> None:
    one_off = make_one_off(alice, NOW)
    OneOff.objects.update(token_hash="0" * 64)
    html = page(browser.get(f"{LIST}/{one_off.pk}"))
    assert "cannot be shown again" in html
    assert "Copy link" not in html
    assert "Copy link" not in page(browser.get(LIST))


def test_the_host_withdraws(browser: Client, alice: Membership, NOW: datetime) -> None:
    one_off = make_one_off(alice, NOW)
    response = browser.post(f"{LIST}/{one_off.pk}/withdraw")
    assert (response.status_code, response["Location"]) == (303, LIST)
    one_off.refresh_from_db()
    assert one_off.state == "withdrawn"
    assert "Contract walkthrough is withdrawn" in page(browser.get(LIST))


def test_withdrawing_what_was_booked_meanwhile_says_so(
    browser: Client, alice: Membership, NOW: datetime
) -> None:
    one_off = make_one_off(alice, NOW)
    pick(one_off, NOW)
    before = written()
    response = browser.post(f"{LIST}/{one_off.pk}/withdraw")
    assert response.status_code == 409
    assert "Somebody has just booked it" in page(response)
    assert written() == before


def test_withdrawing_what_has_expired_says_so(browser: Client, alice: Membership, NOW: datetime) -> None:
    one_off = make_one_off(alice, NOW, expires_at=NOW + DAY)
    OneOff.objects.update(expires_at=timezone.now() - MINUTE)
    response = browser.post(f"{LIST}/{one_off.pk}/withdraw")
    assert response.status_code == 409
    assert "It has expired already" in page(response)


def test_a_get_withdraws_nothing(browser: Client, alice: Membership, NOW: datetime) -> None:
    one_off = make_one_off(alice, NOW)
    assert browser.get(f"{LIST}/{one_off.pk}/withdraw").status_code == 405
    one_off.refresh_from_db()
    assert one_off.state == "open"


# --- Who may ---


def urls_of(one_off: OneOff) -> dict[str, list[str]]:
    return {
        "get": [LIST, NEW, f"{LIST}/{one_off.pk}"],
        "post": [NEW, f"{LIST}/{one_off.pk}/withdraw"],
    }


def test_strangers_are_sent_to_sign_in(alice: Membership, NOW: datetime) -> None:
    one_off = make_one_off(alice, NOW)
    before = written()
    for method, urls in urls_of(one_off).items():
        for url in urls:
            response = getattr(Client(), method)(url)
            assert response.status_code == 302
            assert response["Location"].startswith("/accounts/login/")
    assert written() == before


def bare(response: HttpResponse, one_off_id: UUID) -> str:
    """The page without what differs from one request to the next."""
    return re.sub(r'value="\w{64}"', "", page(response).replace(str(one_off_id), ""))


def test_other_peoples_one_offs_do_not_exist(
    alice: Membership, bob: Membership, carol: Membership, dana: Membership, NOW: datetime
) -> None:
    one_off = make_one_off(alice, NOW)
    before = written()
    for other in (bob, carol, dana):
        client = signed_in(other)
        foreign = client.get(f"{LIST}/{one_off.pk}")
        absent_id = uuid4()
        absent = client.get(f"{LIST}/{absent_id}")
        assert (foreign.status_code, absent.status_code) == (404, 404)
        assert bare(foreign, one_off.pk) == bare(absent, absent_id)
        assert client.post(f"{LIST}/{one_off.pk}/withdraw").status_code == 404
    assert written() == before


def test_a_viewer_may_look_but_not_make_or_withdraw(viewer: Membership, NOW: datetime) -> None:
    one_off = make_one_off(viewer, NOW)
    before, client = written(), signed_in(viewer)
    assert client.get(LIST).status_code == 200
    assert NEW not in page(client.get(LIST))
    assert client.get(f"{LIST}/{one_off.pk}").status_code == 200
    assert "Withdraw it" not in page(client.get(f"{LIST}/{one_off.pk}"))
    assert client.get(NEW).status_code == 403
    assert client.post(NEW).status_code == 403
    assert client.post(f"{LIST}/{one_off.pk}/withdraw").status_code == 403
    assert written() == before


def test_who_may_not_even_look_is_refused(alice: Membership, NOW: datetime) -> None:
    one_off = make_one_off(alice, NOW)
    RoleGrant.objects.create(workspace=alice.workspace, role="member", permission="scheduler.view", scope="")
    client = signed_in(alice)
    assert client.get(LIST).status_code == 403
    assert client.get(f"{LIST}/{one_off.pk}").status_code == 403


# --- The week, pasted text, a change, another one ---


def test_a_click_on_the_week_offers_a_time_and_another_takes_it_back(browser: Client) -> None:
    html = page(browser.get(NEW))
    assert 'value="2030-01-08T10:00"' in html
    values = typed(browser, TUESDAY)
    offered = page(browser.post(NEW, values | {"offer": "2030-01-09T14:00"}))
    rows = form_posting(offered, "slots-0-day").values
    assert (rows["slots-1-day"], rows["slots-1-start"], rows["slots-1-minutes"]) == (
        "2030-01-09",
        "14:00",
        "30",
    )
    assert "Take out slot 2, Wed 9 Jan, 14:00" in offered
    gone = page(browser.post(NEW, rows | {"offer": "2030-01-09T14:00"}))
    assert "Take out slot 2" not in gone
    assert not OneOff.objects.exists()


def test_the_week_shows_what_the_host_has_and_leads_to_the_next(browser: Client, link: BookingLink) -> None:
    make_booking(link, datetime(2030, 1, 8, 9, 0, tzinfo=UTC), timezone.now())
    html = page(browser.get(NEW))
    assert "Priya Raman" in html
    assert 'value="2030-01-08T10:00"' not in html
    later = page(browser.post(NEW, typed(browser, TUESDAY) | {"week": "2030-01-14"}))
    assert "14 to 18 January" in later
    assert form_posting(later, "slots-0-day").values["slots-0-start"] == "10:00"


@pytest.mark.parametrize("junk", ["", "x", "2030-01-09", "2030-01-09T14:00+01:00", "9999-12-31T23:59"])
def test_a_click_that_makes_no_sense_changes_nothing(browser: Client, junk: str) -> None:
    response = browser.post(NEW, typed(browser, TUESDAY) | {"offer": junk, "shown": junk})
    assert response.status_code == 200
    assert not OneOff.objects.exists()


def test_pasted_times_fill_the_rows_and_what_cannot_be_read_stays_with_its_reason(browser: Client) -> None:
    text = "Tue 8 Jan 10:00-10:45, 14:00\nMon 9 Jan 10:00"
    html = page(browser.post(NEW, typed(browser) | {"paste": "1", "pasted": text}))
    rows = form_posting(html, "slots-0-day").values
    assert [rows[f"slots-{row}-{name}"] for row in (0, 1) for name in ("start", "minutes")] == [
        "10:00", "45", "14:00", "45",
    ]  # fmt: skip
    assert rows["pasted"] == "Mon 9 Jan 10:00"
    assert "9 January 2030 is a Wednesday, not a Monday." in html
    many = "\n".join(f"{day} Jan 2030 09:00" for day in range(8, 20))
    html = page(browser.post(NEW, typed(browser) | {"paste": "1", "pasted": many}))
    assert form_posting(html, "slots-0-day").values["slots-TOTAL_FORMS"] == "10"
    assert "10 times are the most." in html
    assert not OneOff.objects.exists()


def test_a_host_changes_what_he_has_sent(browser: Client, alice: Membership, NOW: datetime) -> None:
    one_off = make_one_off(alice, NOW, expires_at=NOW + 2 * DAY)
    url = f"{LIST}/{one_off.pk}/edit"
    assert url in page(browser.get(f"{LIST}/{one_off.pk}"))
    values = form_posting(page(browser.get(url)), "slots-0-day").values
    assert (values["title"], values["slots-0-start"], values["closes"]) == (
        "Contract walkthrough",
        "10:00",
        "2030-01-09T09:00",
    )
    # Its own holds are not in its way.
    assert "Held for Contract walkthrough" not in page(browser.get(url))
    response = browser.post(url, values | {"title": "Renamed", "slots-0-start": "11:00", "closes": ""})
    assert (response.status_code, response["Location"]) == (303, f"{LIST}/{one_off.pk}")
    one_off.refresh_from_db()
    assert (one_off.title, one_off.expires_at) == ("Renamed", None)
    assert one_off.slots.filter(withdrawn_at=None).first().starts_at == datetime(
        2030, 1, 8, 10, 0, tzinfo=UTC
    )
    assert "Taken out" in page(browser.get(response["Location"]))
    before = written()
    refused = browser.post(url, values | {"title": ""})
    assert refused.status_code == 422
    assert "Add a title" in page(refused)
    assert written() == before
    pick(one_off, NOW, index=1)
    assert browser.get(url).status_code == 409
    assert browser.post(url, values).status_code == 409


def test_a_page_opened_before_the_change_is_told_so(
    client: Client, browser: Client, alice: Membership, NOW: datetime
) -> None:
    one_off = make_one_off(alice, NOW, location_type="other")
    slot = one_off.slots.all()[0]
    url = f"/one-off/{token_of(one_off)}"
    form = form_posting(page(client.get(url)), "nonce").values
    edit = f"{LIST}/{one_off.pk}/edit"
    browser.post(
        edit, form_posting(page(browser.get(edit)), "slots-0-day").values | {"slots-0-start": "11:00"}
    )
    booker = {"slot": str(slot.pk), "name": TOMAS.name, "email": TOMAS.email}
    response = client.post(url, form | booker)
    assert response.status_code == 409
    assert "does not offer that time any more" in page(response)
    assert f'value="{TOMAS.email}"' in page(response)
    assert "11:00" in page(response)


def test_an_expired_one_is_offered_again_so_many_weeks_later(
    browser: Client, alice: Membership, NOW: datetime
) -> None:
    one_off = make_one_off(alice, NOW, expires_at=NOW + HOUR)
    with time_machine.travel(NOW + 9 * DAY, tick=False):
        again = signed_in(alice)
        assert f"{NEW}?from={one_off.pk}" in page(again.get(LIST))
        values = form_posting(page(again.get(f"{NEW}?from={one_off.pk}")), "slots-0-day").values
        assert (values["title"], values["slots-0-day"], values["slots-0-start"], values["closes"]) == (
            one_off.title,
            "2030-01-22",
            "10:00",
            "",
        )
        assert again.post(NEW, values).status_code == 303
    assert OneOff.objects.count() == 2


def test_another_hosts_one_off_begins_nothing(bob: Membership, alice: Membership, NOW: datetime) -> None:
    one_off = make_one_off(alice, NOW)
    values = form_posting(page(signed_in(bob).get(f"{NEW}?from={one_off.pk}")), "slots-0-day").values
    assert values["title"] == ""


def test_the_text_to_send_has_a_link_for_each_time_in_the_readers_zone(
    browser: Client, client: Client, alice: Membership, NOW: datetime, settings: Any
) -> None:
    one_off = make_one_off(
        alice, NOW, invitee_name="Tomás Herrera", invitee_email="tomas@cobaltfoods.example"
    )
    html = page(browser.get(f"{LIST}/{one_off.pk}?tz=America/New_York"))
    assert "Here are three times for Contract walkthrough, New York time (EST)." in html
    assert "1. Tue 8 Jan, 04:00 – 04:30" in html
    (url, *_) = re.findall(r'<li><a href="([^"]*slot=[^"]*)">', html)
    url = url.replace("&amp;", "&").removeprefix(settings.SITE_URL)
    picked = client.get(url)
    assert re.search(rf'value="{one_off.slots.all()[0].pk}" required checked', page(picked))
    assert "New York time" in page(picked)
    assert OneOff.objects.get().state == "open"


def test_the_readers_zone_is_the_one_he_booked_in_before(
    browser: Client, alice: Membership, NOW: datetime
) -> None:
    pick(make_one_off(alice, NOW), NOW, booker=TOMAS)
    one_off = make_one_off(alice, NOW, reserve=False, invitee_email=TOMAS.email)
    assert "Madrid time (CET)" in page(browser.get(f"{LIST}/{one_off.pk}"))


def test_a_persons_page_leads_to_an_offer_for_him(alice: Membership, NOW: datetime) -> None:
    page = signed_in(alice).get("/calendar/one-off/new?name=Wei+Zhao&email=wei@harborline.example")
    html = page.content.decode()
    assert 'value="Wei Zhao"' in html
    assert 'value="wei@harborline.example"' in html


def test_the_zone_chosen_for_the_text_is_kept_for_this_one_off_alone(
    browser: Client, alice: Membership, NOW: datetime
) -> None:
    one_off, other = make_one_off(alice, NOW, reserve=False), make_one_off(alice, NOW, reserve=False)
    url = f"{LIST}/{one_off.pk}"
    assert browser.post(f"{url}/zone", {"tz": "Asia/Tokyo"})["Location"] == f"{url}#text"
    assert "Tokyo time (JST)" in page(browser.get(url))
    assert "Tokyo time" not in page(browser.get(f"{LIST}/{other.pk}"))
    browser.post(f"{url}/zone", {"tz": "Asia/Tokyo"})
    assert AuditEvent.objects.filter(action="one_off.changed").count() == 1
    refused = browser.post(f"{url}/zone", {"tz": "Mars/Olympus"})
    assert (refused.status_code, OneOff.objects.get(pk=one_off.pk).invitee_timezone) == (422, "Asia/Tokyo")
    assert "Choose a time zone from the list" in page(refused)


def test_what_its_invitee_proposes_is_answered_on_its_own_page_too(
    browser: Client, alice: Membership, NOW: datetime
) -> None:
    one_off, other = make_one_off(alice, NOW, reserve=False), make_one_off(alice, NOW, reserve=False)
    start = NOW + 7 * DAY
    proposals.propose(
        one_off=one_off, booker=TOMAS, starts=[start], length=HOUR, message="", nonce=uuid4(), now=NOW
    )
    assert "Waiting for your answer" not in page(browser.get(f"{LIST}/{other.pk}"))
    html = page(browser.get(f"{LIST}/{one_off.pk}"))
    accept = next(form for form in forms_in(html) if form.action.endswith("/accept"))
    assert f"{TOMAS.name} proposes a time" in html
    assert browser.post(accept.action, {"start": start.isoformat()}).status_code == 303
    assert OneOff.objects.get(pk=one_off.pk).state == "booked"
