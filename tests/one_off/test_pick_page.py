"""The invitee's page, as a browser without JavaScript sees it."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.http import HttpResponse
from django.test import Client

from bookings.models import Booking
from one_off import services
from one_off.models import OneOff
from one_off.selectors import token_of
from scheduling.models import BookingLink
from scheduling.services.busy_time import TryAgain
from tests.factories import make_booking
from tests.one_off.making import (
    DAY,
    HOUR,
    MINUTE,
    ROSA,
    active_holds,
    make_one_off,
    pick,
    slot_of,
    three_times,
    written,
)
from tests.pages import form_posting, forms_in
from workestra.accounts.models import Membership
from workestra.calendars.domain.period import Period

WHO = {"name": "Tomás Herrera", "email": "tomas@cobaltfoods.example"}


@pytest.fixture(autouse=True)
def _clock(NOW: datetime) -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def one_off(alice: Membership, NOW: datetime) -> OneOff:
    """Three held times, by video, closing in two weeks."""
    return make_one_off(alice, NOW, location_type="video", expires_at=NOW + 14 * DAY)


@pytest.fixture
def invitee(db: None) -> Client:
    return Client()


def url_of(one_off: OneOff) -> str:
    return f"/one-off/{token_of(one_off)}"


def page(response: HttpResponse) -> str:
    return response.content.decode()


def typed(invitee: Client, one_off: OneOff, index: int = 0, **changes: str) -> dict[str, str]:
    """The form as loaded, with one of the times ticked, a name and an email."""
    values = form_posting(page(invitee.get(url_of(one_off))), "nonce").values
    return values | WHO | {"slot": str(slot_of(one_off, index).pk)} | changes


# --- The times ---


def test_the_page_shows_what_is_offered_in_the_hosts_zone(invitee: Client, one_off: OneOff) -> None:
    response = invitee.get(url_of(one_off))
    html = page(response)
    assert response.status_code == 200
    for words in (
        "Contract walkthrough",
        "Three times to go through the draft together.",
        "Alice Okafor",
        "Larkhill",
        "Berlin time (CET)",
        "10:00 – 10:30",
        "14:00 – 14:45",
        "16:00 – 17:00",
        "45 minutes",
        "Open until",
    ):
        assert words in html
    assert form_posting(html, "nonce").choices["slot"] == [str(slot.pk) for slot in one_off.slots.all()]
    assert "slot" not in form_posting(html, "nonce").values


def test_the_zone_of_the_address_decides(invitee: Client, one_off: OneOff) -> None:
    html = page(invitee.get(url_of(one_off), {"tz": "America/New_York"}))
    assert "New York time (EST)" in html
    assert "04:00 – 04:30" in html
    assert "for Alice" in html
    assert form_posting(html, "nonce").values["tz"] == "America/New_York"


def test_the_browsers_zone_is_used_when_the_address_names_none(invitee: Client, one_off: OneOff) -> None:
    invitee.cookies["tz"] = "Asia/Kathmandu"
    assert "13:45" in page(invitee.get(url_of(one_off)))
    invitee.cookies["tz"] = "Mars/Phobos"
    assert "Berlin time" in page(invitee.get(url_of(one_off)))


def test_another_zone_is_shown_without_losing_what_is_typed(invitee: Client, one_off: OneOff) -> None:
    before = written()
    values = typed(invitee, one_off, 1, tz="America/New_York", zone="1", email="not yet")
    response = invitee.post(url_of(one_off), values)
    html = page(response)
    assert response.status_code == 200
    assert "08:00 – 08:45" in html
    kept = form_posting(html, "nonce").values
    for name in ("name", "email", "slot", "tz", "nonce"):
        assert kept[name] == values[name]
    assert 'id="form-errors"' not in html
    assert written() == before


def test_with_htmx_another_zone_changes_the_times_and_leaves_the_fields(
    invitee: Client, one_off: OneOff
) -> None:
    query = {"tz": "America/New_York", "slot": str(slot_of(one_off, 1).pk), **WHO}
    html = page(invitee.get(url_of(one_off), query, headers={"HX-Request": "true", "HX-Target": "id_slot"}))
    assert html.lstrip().startswith('<fieldset id="id_slot"')
    assert "08:00 – 08:45" in html
    assert html.count("checked") >= 1
    assert "Times now in New York time (EST)" in html
    assert 'name="email"' not in html


def test_with_htmx_ticking_a_time_changes_the_bar(invitee: Client, one_off: OneOff) -> None:
    before = written()
    response = invitee.get(
        url_of(one_off),
        {"slot": str(slot_of(one_off, 1).pk)},
        headers={"HX-Request": "true", "HX-Target": "bar"},
    )
    assert "Wed 9 Jan, " in page(response)
    assert "<!doctype" not in page(response)
    assert written() == before


def test_a_time_named_in_the_address_is_ticked_and_nothing_else_happens(
    invitee: Client, one_off: OneOff
) -> None:
    before = written()
    slot = str(slot_of(one_off, 2).pk)
    html = page(invitee.get(url_of(one_off), {"slot": slot}))
    assert form_posting(html, "nonce").values["slot"] == slot
    assert invitee.get(url_of(one_off), {"slot": "nonsense"}).status_code == 200
    assert written() == before


def test_the_only_time_is_ticked(invitee: Client, alice: Membership, NOW: datetime) -> None:
    one_off = make_one_off(alice, NOW, periods=three_times(NOW)[:1])
    values = form_posting(page(invitee.get(url_of(one_off))), "nonce").values
    assert values["slot"] == str(slot_of(one_off).pk)


def test_times_that_have_begun_are_not_offered(invitee: Client, one_off: OneOff, NOW: datetime) -> None:
    with time_machine.travel(three_times(NOW)[0].start, tick=False):
        html = page(invitee.get(url_of(one_off)))
    assert "10:00 – 10:30" not in html
    assert len(form_posting(html, "nonce").choices["slot"]) == 2


def test_unheld_times_that_were_taken_are_shown_as_such(
    invitee: Client, alice: Membership, link: BookingLink, NOW: datetime
) -> None:
    one_off = make_one_off(alice, NOW, reserve=False)
    make_booking(link, three_times(NOW)[0].start, NOW)
    html = page(invitee.get(url_of(one_off)))
    assert "Just taken" in html
    assert form_posting(html, "nonce").choices["slot"] == [str(slot_of(one_off, n).pk) for n in (1, 2)]
    assert "Priya" not in html


@pytest.mark.parametrize(
    ("start", "zone", "words"),
    [
        # In autumn 02:30 comes twice in Berlin, an hour apart.
        (datetime(2030, 10, 27, 0, 30, tzinfo=UTC), "Europe/Berlin", "02:30 CEST – 02:00 CET"),
        (datetime(2030, 10, 27, 1, 30, tzinfo=UTC), "Europe/Berlin", "02:30 – 03:00 CET"),
        (datetime(2030, 3, 31, 0, 45, tzinfo=UTC), "Europe/Berlin", "01:45 CET – 03:15 CEST"),
    ],
)
def test_days_on_which_the_clocks_change_read_right(
    invitee: Client, alice: Membership, NOW: datetime, start: datetime, zone: str, words: str
) -> None:
    one_off = make_one_off(alice, NOW, periods=(Period.lasting(start, 30 * MINUTE),))
    html = page(invitee.get(url_of(one_off), {"tz": zone}))
    assert words in re.sub("<[^>]+>", "", re.sub('<span class="t12">[^<]*</span>', "", html))


def test_another_year_is_named(invitee: Client, alice: Membership, NOW: datetime) -> None:
    periods = (*three_times(NOW)[:1], Period.lasting(NOW + 400 * DAY, HOUR))
    html = page(invitee.get(url_of(make_one_off(alice, NOW, periods=periods))))
    assert "<small>Jan</small>" in html
    assert "<small>Feb 2031</small>" in html


# --- Picking ---


def test_an_invitee_picks_a_time(invitee: Client, one_off: OneOff, NOW: datetime) -> None:
    response = invitee.post(url_of(one_off), typed(invitee, one_off, 1, tz="Europe/Madrid"))
    booking = Booking.objects.get()
    assert response.status_code == 303
    assert response["Location"].startswith("/b/one-off/manage/")
    assert response["Location"].endswith("/confirmed")
    assert booking.starts_at == three_times(NOW)[1].start
    assert (booking.booker.name, booking.booker.email, booking.booker.timezone) == (
        "Tomás Herrera",
        "tomas@cobaltfoods.example",
        "Europe/Madrid",
    )
    assert active_holds(one_off) == 0
    confirmed = invitee.get(response["Location"])
    assert confirmed.status_code == 200
    assert "Contract walkthrough" in page(confirmed)


def test_the_link_is_inert_afterwards(invitee: Client, one_off: OneOff) -> None:
    invitee.post(url_of(one_off), typed(invitee, one_off))
    response = invitee.get(url_of(one_off))
    assert response.status_code == 410
    assert "This one-off was already booked" in page(response)
    assert not any(form.action.startswith("/one-off") for form in forms_in(page(response)))


def test_the_same_form_sent_twice_leads_to_the_same_booking(invitee: Client, one_off: OneOff) -> None:
    values = typed(invitee, one_off)
    first = invitee.post(url_of(one_off), values)
    before = written()
    second = invitee.post(url_of(one_off), values)
    assert (second.status_code, second["Location"]) == (303, first["Location"])
    assert written() == before


def test_a_second_person_is_told_that_it_is_booked(invitee: Client, one_off: OneOff) -> None:
    hers = typed(Client(), one_off, 1, name="Rosa Lindholm", email="rosa@fjordline.example")
    invitee.post(url_of(one_off), typed(invitee, one_off))
    before = written()
    response = Client().post(url_of(one_off), hers)
    assert response.status_code == 410
    assert "This one-off was already booked" in page(response)
    assert "Tomás" not in page(response)
    assert written() == before


def test_a_phone_call_needs_a_number(invitee: Client, alice: Membership, NOW: datetime) -> None:
    one_off = make_one_off(alice, NOW, location_type="phone")
    before = written()
    response = invitee.post(url_of(one_off), typed(invitee, one_off))
    assert response.status_code == 422
    assert "Add the number to call" in page(response)
    assert written() == before
    invitee.post(url_of(one_off), typed(invitee, one_off, phone="+34 600 123 456"))
    assert Booking.objects.get().booker.phone == "+34 600 123 456"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"slot": ""}, "Pick one of the times"),
        ({"slot": "nonsense"}, "Pick one of the times"),
        ({"slot": str(uuid4())}, "Pick one of the times"),
        ({"name": ""}, "Add your name so Alice knows who is coming"),
        ({"name": "a\x00b"}, "cannot be shown"),
        ({"name": "a\nb"}, "cannot be shown"),
        ({"name": "x" * 121}, "121 characters are too many"),
        ({"name": "Win at www.casino.example"}, "without a web or email address"),
        ({"email": ""}, "Add your email"),
        ({"email": "tomas"}, "name@example.com"),
        ({"email": "tomas@cobaltfoods"}, "Add the ending"),
        ({"email": "tomas@cobaltfoods.example\nBcc: all@larkhill.example"}, "name@example.com"),
        ({"email": "x" * 250 + "@example.com"}, "too many"),
        ({"leave_empty": "bot"}, "Leave this field empty"),
        ({"nonce": ""}, "Load the page again"),
        ({"nonce": "nonsense"}, "Load the page again"),
    ],
)
def test_what_makes_no_sense_is_said_and_everything_typed_stays(
    invitee: Client, one_off: OneOff, changes: dict[str, str], words: str
) -> None:
    values = typed(invitee, one_off, 1, **changes)
    before = written()
    response = invitee.post(url_of(one_off), values)
    assert response.status_code == 422
    assert words in page(response)
    kept = form_posting(page(response), "nonce").values
    assert all(kept[name] == values[name] for name in ("name", "email", "tz") if "\n" not in values[name])
    assert written() == before


def test_a_zone_that_does_not_exist_gets_a_page_that_says_so(invitee: Client, one_off: OneOff) -> None:
    before = written()
    for response in (
        invitee.get(url_of(one_off), {"tz": "Mars/Phobos"}),
        invitee.get(url_of(one_off), {"tz": "../../etc/passwd"}),
        invitee.post(url_of(one_off), typed(invitee, one_off, tz="Mars/Phobos")),
        invitee.post(url_of(one_off), typed(invitee, one_off, tz="a\x00b")),
    ):
        assert response.status_code == 400
        assert "time zone that does not exist" in page(response)
    assert written() == before


def test_what_is_typed_is_printed_as_text(invitee: Client, one_off: OneOff) -> None:
    hostile = '"><script>alert(1)</script>'
    html = page(invitee.post(url_of(one_off), typed(invitee, one_off, name=hostile, email=hostile)))
    assert "<script>alert" not in html
    html = page(invitee.get(url_of(one_off), {"name": hostile, "email": hostile, "slot": hostile}))
    assert "<script>alert" not in html


def test_an_unheld_time_taken_meanwhile_is_refused_with_the_others(
    invitee: Client, alice: Membership, link: BookingLink, NOW: datetime
) -> None:
    one_off = make_one_off(alice, NOW, reserve=False, location_type="video")
    values = typed(invitee, one_off)
    make_booking(link, three_times(NOW)[0].start, NOW)
    before = written()
    response = invitee.post(url_of(one_off), values)
    html = page(response)
    assert response.status_code == 409
    assert "was just taken." in html
    assert "Your answers are kept. Pick another time below." in html
    form = form_posting(html, "nonce")
    assert form.choices["slot"] == [str(slot_of(one_off, n).pk) for n in (1, 2)]
    assert {name: form.values[name] for name in WHO} == WHO
    assert written() == before
    again = invitee.post(url_of(one_off), form.values | {"slot": form.choices["slot"][0]})
    assert again.status_code == 303


def test_a_time_that_began_meanwhile_is_refused_with_the_others(
    invitee: Client, one_off: OneOff, NOW: datetime
) -> None:
    values = typed(invitee, one_off)
    before = written()
    with time_machine.travel(three_times(NOW)[0].start, tick=False):
        response = invitee.post(url_of(one_off), values)
    assert response.status_code == 409
    assert "has passed" in page(response)
    assert len(form_posting(page(response), "nonce").choices["slot"]) == 2
    assert written() == before


def test_when_the_last_time_is_taken_the_page_says_whom_to_ask(
    invitee: Client, alice: Membership, link: BookingLink, NOW: datetime
) -> None:
    one_off = make_one_off(alice, NOW, reserve=False, periods=three_times(NOW)[:1])
    values = typed(invitee, one_off, phone="+34 600 123 456")
    make_booking(link, three_times(NOW)[0].start, NOW)
    lost, loaded = invitee.post(url_of(one_off), values), invitee.get(url_of(one_off))
    assert (lost.status_code, loaded.status_code) == (409, 200)
    for response in (lost, loaded):
        assert "None of these times is free any more" in page(response)
        assert f"mailto:{alice.user.email}" in page(response)


def test_too_many_at_once_asks_to_try_again(
    invitee: Client, one_off: OneOff, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(**_: Any) -> None:
        raise TryAgain

    values = typed(invitee, one_off)
    monkeypatch.setattr(services, "pick", busy)
    response = invitee.post(url_of(one_off), values)
    assert (response.status_code, response["Retry-After"]) == (503, "2")
    assert form_posting(page(response), "nonce").values["email"] == WHO["email"]


# --- Filled in by the address ---


def test_a_name_and_an_email_in_the_address_lead_straight_to_the_times(
    invitee: Client, one_off: OneOff
) -> None:
    html = page(invitee.get(url_of(one_off), WHO))
    assert "Not you? Change" in html
    values = form_posting(html, "nonce").values
    assert {name: values[name] for name in WHO} == WHO
    slot = str(slot_of(one_off).pk)
    response = invitee.post(
        f"{url_of(one_off)}?name=Other&email=other@larkhill.example", values | {"slot": slot}
    )
    assert response.status_code == 303
    assert Booking.objects.get().booker.email == WHO["email"]


@pytest.mark.parametrize(
    "query",
    [
        {"name": "Tomás"},
        {"email": "tomas@cobaltfoods.example"},
        {"name": "Tomás", "email": "nonsense"},
        {"name": "a\x00b", "email": "tomas@cobaltfoods.example"},
        {"name": "x" * 200, "email": "tomas@cobaltfoods.example"},
        {"name": "Buy at casino.example", "email": "tomas@cobaltfoods.example"},
    ],
)
def test_what_of_it_makes_no_sense_is_left_out_and_the_fields_are_shown(
    invitee: Client, one_off: OneOff, query: dict[str, str]
) -> None:
    response = invitee.get(url_of(one_off), query)
    assert response.status_code == 200
    assert "Not you? Change" not in page(response)
    assert "Who is booking" in page(response)


def test_nothing_but_name_and_email_can_be_filled_in(
    invitee: Client, alice: Membership, NOW: datetime
) -> None:
    one_off = make_one_off(alice, NOW, location_type="phone")
    values = form_posting(
        page(invitee.get(url_of(one_off), {"phone": "+49 30 1", "nonce": "x"})), "nonce"
    ).values
    assert values["phone"] == ""
    assert values["nonce"] != "x"


# --- Links that lead nowhere any more ---


def booked(one_off: OneOff, now: datetime) -> None:
    pick(one_off, now, booker=ROSA)


def withdrawn(one_off: OneOff, now: datetime) -> None:
    services.withdraw(one_off=one_off, actor=one_off.host, now=now)


def over(one_off: OneOff, now: datetime) -> None:
    OneOff.objects.filter(pk=one_off.pk).update(expires_at=now - HOUR)


def marked(one_off: OneOff, now: datetime) -> None:
    OneOff.objects.filter(pk=one_off.pk).update(state="expired", expires_at=now - HOUR, closed_at=now - HOUR)


CLOSED = [
    (booked, "This one-off was already booked"),
    (withdrawn, "This one-off was withdrawn"),
    (over, "This one-off has expired"),
    (marked, "This one-off has expired"),
]


@pytest.mark.parametrize(("close", "words"), CLOSED)
def test_a_closed_link_says_why_and_takes_nothing(
    invitee: Client, one_off: OneOff, NOW: datetime, close: Callable[[OneOff, datetime], None], words: str
) -> None:
    values = typed(invitee, one_off, 1)
    close(one_off, NOW)
    before = written()
    answers = [
        invitee.get(url_of(one_off)),
        invitee.get(url_of(one_off), WHO),
        invitee.post(url_of(one_off), values),
        invitee.post(url_of(one_off), values | {"email": ""}),
        invitee.post(url_of(one_off), values | {"zone": "1"}),
        invitee.get(url_of(one_off), headers={"HX-Request": "true", "HX-Target": "bar"}),
    ]
    for response in answers:
        assert response.status_code == 410
        assert f'<h1 id="what" class="big">{words}' in page(response)
        assert "10:00 – 10:30" not in page(response)
    assert written() == before


def test_the_databases_clock_closes_a_link_too(invitee: Client, one_off: OneOff) -> None:
    values = typed(invitee, one_off)
    with time_machine.travel(datetime(2020, 1, 1, tzinfo=UTC), tick=False):
        OneOff.objects.update(expires_at=datetime(2020, 1, 2, tzinfo=UTC))
        response = invitee.post(url_of(one_off), values)
    assert response.status_code == 410
    assert not Booking.objects.exists()


def test_a_link_whose_times_have_all_passed_says_so(
    invitee: Client, alice: Membership, NOW: datetime
) -> None:
    one_off = make_one_off(alice, NOW)
    with time_machine.travel(NOW + 5 * DAY, tick=False):
        response = invitee.get(url_of(one_off))
    assert response.status_code == 410
    assert "These times have passed" in page(response)


def test_an_unknown_token_is_not_found(invitee: Client, one_off: OneOff) -> None:
    for token in ("x", "a" * 43, url_of(one_off).removeprefix("/one-off/")[:-1], "%00", "x" * 5000):
        assert invitee.get(f"/one-off/{token}").status_code == 404
        assert invitee.post(f"/one-off/{token}").status_code == 404


def test_a_host_who_has_left_offers_nothing(invitee: Client, one_off: OneOff, alice: Membership) -> None:
    Membership.objects.filter(pk=alice.pk).update(is_active=False)
    assert invitee.get(url_of(one_off)).status_code == 404


@pytest.mark.parametrize("close", [None, booked])
def test_the_page_stays_out_of_caches_and_search_engines(
    invitee: Client, one_off: OneOff, NOW: datetime, close: Callable[[OneOff, datetime], None] | None
) -> None:
    if close:
        close(one_off, NOW)
    for response in (invitee.get(url_of(one_off)), invitee.get("/one-off/unknown")):
        assert "no-store" in response["Cache-Control"]
        assert "noindex" in response["X-Robots-Tag"]
        assert response["Referrer-Policy"] in {"same-origin", "no-referrer"}


def test_a_form_without_its_token_is_refused(one_off: OneOff) -> None:
    before = written()
    strict = Client(enforce_csrf_checks=True)
    values = typed(strict, one_off)
    assert strict.post(url_of(one_off), values | {"csrfmiddlewaretoken": "x"}).status_code == 403
    assert written() == before
    assert strict.post(url_of(one_off), values).status_code == 303
