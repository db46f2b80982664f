"""Beside each start that a host types for other times, or for a move, it is said whether it suits."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.urls import reverse

from bookings.models import Booking
from bookings.services import alternatives, hosting
from scheduling.models import BookingLink, OutOfOffice
from tests.bookings.test_alternatives import HTMX, TUESDAY_TEN, WEDNESDAY_TEN, offer, written
from tests.calendars.making import calendar_of, connect_caldav, mirror_busy
from tests.conftest import MONDAY_MORNING, signed_in
from tests.factories import make_booking, make_link
from workestra.accounts.models import Membership
from workestra.calendars.domain.period import Period

pytestmark = pytest.mark.django_db

HALF = timedelta(minutes=30)


@pytest.fixture(autouse=True)
def _at_now() -> object:
    with time_machine.travel(MONDAY_MORNING, tick=False):
        yield


@pytest.fixture
def booking(link: BookingLink) -> Booking:
    return make_booking(link, TUESDAY_TEN, MONDAY_MORNING)


def fit(member: Membership, booking: Booking, **typed: str) -> str:
    before = written()
    answer = signed_in(member).get(reverse("bookings:fit", args=[booking.pk]), typed, headers=HTMX)
    assert (answer.status_code, written()) == (200, before)
    return " ".join(answer.content.decode().split())


def offered(member: Membership, booking: Booking, clock: str, day: str = "2030-01-09") -> str:
    return fit(member, booking, row="2", day2=day, time2=clock)


def test_a_free_start_a_busy_one_and_one_outside_hours(
    alice: Membership, link: BookingLink, booking: Booking
) -> None:
    make_booking(link, WEDNESDAY_TEN, MONDAY_MORNING, name="Noor Haddad", email="n@x.example")
    assert "You are free" in offered(alice, booking, "11:07")
    busy = offered(alice, booking, "10:00")
    assert "You are busy" in busy
    assert "Discovery Call 10:00–10:30 (CET, Berlin)" in busy
    assert "Outside hours" in offered(alice, booking, "20:00")
    assert "You are busy" in fit(alice, booking, day="2030-01-09", time="10:15")


def test_a_colleague_hears_only_that_the_host_is_busy(
    alice: Membership, dana: Membership, link: BookingLink, booking: Booking
) -> None:
    make_booking(make_link(alice, title="Salary talk"), WEDNESDAY_TEN, MONDAY_MORNING, email="n@x.example")
    mirror_busy(
        calendar_of(connect_caldav(alice, MONDAY_MORNING)), Period.lasting(WEDNESDAY_TEN + 4 * HALF, HALF)
    )
    dana.user.timezone = "Europe/Berlin"
    dana.user.save()
    for clock in ("10:00", "12:00"):
        told = offered(dana, booking, clock)
        assert "Alice is busy" in told
        assert "Salary" not in told
        assert clock not in told
    assert "An event in the calendar 12:00–12:30" in offered(alice, booking, "12:00")
    assert "Alice is free" in offered(dana, booking, "11:00")


def test_the_notice_is_said_and_does_not_bind_the_host(alice: Membership) -> None:
    page = make_link(alice, minimum_notice_hours=24)
    later = make_booking(page, WEDNESDAY_TEN, MONDAY_MORNING)
    assert "Within the notice" in offered(alice, later, "15:00", "2030-01-07")


def test_neither_the_meeting_nor_what_is_held_for_it_stands_in_its_own_way(
    alice: Membership, booking: Booking
) -> None:
    offer(booking, alice, MONDAY_MORNING)
    assert "You are free" in fit(alice, booking, day="2030-01-08", time="10:15")
    assert "You are free" in fit(alice, booking, day="2030-01-09", time="10:00")


def test_every_host_of_a_collective_meeting_is_asked(alice: Membership, bob: Membership) -> None:
    both = make_booking(
        make_link(alice, hosts=[alice, bob], strategy="collective"), TUESDAY_TEN, MONDAY_MORNING
    )
    assert "You and Bob are free" in offered(alice, both, "10:00")
    make_booking(make_link(bob), WEDNESDAY_TEN, MONDAY_MORNING, email="n@x.example")
    assert "Bob is busy" in offered(alice, both, "10:00")


def test_a_booking_without_a_page_is_asked_of_the_hosts_time_alone(
    alice: Membership, link: BookingLink, booking: Booking
) -> None:
    make_booking(make_link(alice), WEDNESDAY_TEN, MONDAY_MORNING, email="n@x.example")
    link.delete()
    booking.refresh_from_db()
    assert "You are free" in offered(alice, booking, "22:00")
    assert "You are busy" in offered(alice, booking, "10:15")


def test_nobody_is_said_to_be_free_who_works_here_no_longer(dana: Membership, bob: Membership) -> None:
    left = make_booking(make_link(bob), TUESDAY_TEN, MONDAY_MORNING)
    make_booking(make_link(bob), WEDNESDAY_TEN, MONDAY_MORNING, email="n@x.example")
    Membership.objects.filter(pk=bob.pk).update(is_active=False)
    assert "Bob is busy" in offered(dana, left, "10:00")
    assert "Bob is here no longer" in offered(dana, left, "12:00")


def test_nor_with_the_times_that_an_offer_begins_with(alice: Membership, bob: Membership) -> None:
    both = make_booking(
        make_link(alice, hosts=[alice, bob], strategy="collective"), TUESDAY_TEN, MONDAY_MORNING
    )
    Membership.objects.filter(pk=bob.pk).update(is_active=False)
    page = signed_in(alice).get(reverse("bookings:drawer", args=[both.pk]), headers=HTMX).content.decode()
    assert (page.count("Bob is here no longer"), "are free" in page) == (3, False)


@pytest.mark.parametrize("has_page", [True, False])
def test_who_was_handed_a_meeting_is_known_to_be_away_though_he_is_no_host_of_its_page(
    has_page: bool, dana: Membership, bob: Membership, alice: Membership, booking: Booking
) -> None:
    given = hosting.reassign(booking=booking, host=bob.user, actor=alice.user, now=MONDAY_MORNING)
    if not has_page:
        booking.link.delete()
    for whose, day in ((bob, "2030-01-09"), (alice, "2030-01-10")):
        OutOfOffice.objects.create(workspace=bob.workspace, user=whose.user, first_day=day, last_day=day)
    assert "Bob is out of office" in offered(dana, given, "12:00")
    assert "Bob is free" in offered(dana, given, "12:00", "2030-01-10")


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"row": "1", "day1": "2030-01-09"}, ""),
        ({"row": "1", "day1": "2030-01-08", "time1": "10:00"}, "That is the time it has."),
        ({"row": "1", "day1": "2030-01-02", "time1": "10:00"}, "Not possible"),
        ({"row": "1", "day1": "2030-01-09", "time1": "9h"}, "Write the start as 16:30."),
        (
            {"row": "2", "day1": "2030-01-09", "time1": "10:00", "day2": "2030-01-09", "time2": "10:00"},
            "This time is there already.",
        ),
        ({}, ""),
        ({"day": "2030-01-08", "time": "10:00"}, "That is the time it has."),
        ({"day": "9999-12-31", "time": "23:59"}, "within the next two years"),
        ({"day": "0001-01-01", "time": "00:00"}, "That time has passed."),
        ({"day": "2030-01-09\x00", "time": "10:00"}, "Write the day as 2030-01-31."),
    ],
)
def test_what_cannot_be_is_said_and_of_what_is_missing_nothing(
    alice: Membership, booking: Booking, typed: dict[str, str], words: str
) -> None:
    said = fit(alice, booking, **typed)
    nothing = (
        f'<span id="of-{booking.pk}-go" hx-swap-oob="true">Offer these times</span>' if "row" in typed else ""
    )
    assert words in said if words else said == nothing


def test_without_htmx_it_leads_to_the_form(alice: Membership, booking: Booking) -> None:
    address = reverse("bookings:fit", args=[booking.pk])
    client: Any = signed_in(alice)
    assert client.get(address, {"row": "1"})["Location"].endswith(f"?open={booking.pk}&form=offer")
    assert client.get(address)["Location"].endswith(f"?open={booking.pk}&form=propose")
    for row in ("0", "6", "x", "１"):
        assert client.get(address, {"row": row}, headers=HTMX).status_code == 404


def test_the_times_that_an_offer_begins_with_are_said_to_be_free(alice: Membership, booking: Booking) -> None:
    drawer = reverse("bookings:drawer", args=[booking.pk])
    page = signed_in(alice).get(drawer, headers=HTMX).content.decode()
    assert page.count("You are free") == 3
    alternatives.offer(
        booking=booking,
        starts=[WEDNESDAY_TEN],
        message="",
        closes=timedelta(),
        actor=alice.user,
        now=MONDAY_MORNING,
    )
    assert "You are free" not in signed_in(alice).get(drawer, headers=HTMX).content.decode()
