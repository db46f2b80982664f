"""Bookings in their hosts' own calendars: one event each, as the booking stands, whatever goes wrong on the way."""

import threading
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import connections
from django.db.models import F
from django.db.models.functions import Now
from django.urls import reverse

from bookings.models import Booking
from bookings.services import booking as bookings
from scheduling.models import BookingLink
from tests.calendars.making import MAIN, TEAM, as_if_read, calendar_of, connect_google
from tests.conftest import signed_in
from tests.factories import make_booking, make_link
from tests.fakes.google import FakeGoogle, problem
from tests.fakes.server import Answer
from workestra.accounts.models import Membership
from workestra.calendars import effects, live, services, writing
from workestra.calendars.models import CalendarAccount, OwnEvent, RemoteCalendar
from workestra.notifications.effects import deliver_due
from workestra.notifications.models import OutboxMessage

HALF = timedelta(minutes=30)


@pytest.fixture
def ten(NOW: datetime) -> datetime:
    """Tuesday at ten in Berlin."""
    return NOW.replace(hour=9) + timedelta(days=1)


@pytest.fixture
def account(alice: Membership, google: FakeGoogle, NOW: datetime) -> CalendarAccount:
    """Alice's, with empty calendars, read a moment ago; new bookings go to the first."""
    google.events[MAIN.id].clear()
    google.calendars.pop(TEAM.id, None)
    google.add_calendar(TEAM.id, TEAM.name)
    account = connect_google(alice, google, NOW)
    as_if_read(NOW)
    google.calm()
    return account


def write_now(now: datetime) -> int:
    """A turn of the worker in which everything is due."""
    OwnEvent.objects.update(due_at=Now() - HALF, leased_until=None)
    return writing.write_due(now)


def events(google: FakeGoogle, calendar_id: str = MAIN.id) -> list[dict[str, Any]]:
    return [event for event in google.events[calendar_id].values() if event["status"] != "cancelled"]


def start_of(event: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(event["start"]["dateTime"])


@pytest.mark.django_db
class TestBookings:
    def test_a_booking_is_an_event_that_moves_with_it_and_ends_with_it(
        self, link: BookingLink, account: CalendarAccount, google: FakeGoogle, ten: datetime, NOW: datetime
    ) -> None:
        booking = make_booking(link, ten, NOW, phone="+49 30 123456", notes="Bring the map")
        assert google.requests == []
        assert write_now(NOW) == 1
        (event,) = events(google)
        assert event["summary"] == "Discovery Call with Priya Raman"
        assert "Bring the map" in event["description"]
        assert start_of(event) == ten
        assert not event.get("attendees")
        moved = bookings.reschedule(attendee=booking.booker, start=ten + 2 * HALF, now=NOW)
        assert write_now(NOW) == 1
        (after,) = events(google)
        assert (after["id"], start_of(after)) == (event["id"], ten + 2 * HALF)
        bookings.cancel_by_host(booking=moved.booking, reason="", actor=link.owner, now=NOW)
        assert write_now(NOW) == 1
        assert events(google) == []
        assert write_now(NOW) == 0
        kept = OwnEvent.objects.get()
        assert (kept.is_there, kept.dead_at, kept.written_version) == (False, None, kept.version)

    def test_changes_before_it_was_written_need_no_order(
        self, link: BookingLink, account: CalendarAccount, google: FakeGoogle, ten: datetime, NOW: datetime
    ) -> None:
        booking = make_booking(link, ten, NOW)
        moved = bookings.reschedule(attendee=booking.booker, start=ten + 2 * HALF, now=NOW)
        bookings.cancel_by_booker(attendee=moved, reason="Ill", now=NOW)
        write_now(NOW)
        assert events(google) == []
        assert not google.asked("POST")

    def test_every_host_has_it_in_his_own_calendar(
        self,
        alice: Membership,
        bob: Membership,
        account: CalendarAccount,
        google: FakeGoogle,
        ten: datetime,
        NOW: datetime,
    ) -> None:
        theirs = connect_google(bob, google, NOW)
        services.choose(bob, {calendar_of(theirs).pk}, calendar_of(theirs, "Sales team").pk, NOW)
        as_if_read(NOW)
        together = make_link(alice, slug="both", hosts=[alice, bob], strategy=BookingLink.Strategy.COLLECTIVE)
        make_booking(together, ten, NOW)
        assert write_now(NOW) == 2
        assert len(events(google)) == len(events(google, TEAM.id)) == 1

    def test_a_group_session_has_one_event_until_the_last_has_left(
        self,
        alice: Membership,
        account: CalendarAccount,
        google: FakeGoogle,
        ten: datetime,
        NOW: datetime,
    ) -> None:
        link = make_link(alice, slug="group", strategy=BookingLink.Strategy.GROUP, capacity=3)
        for name in ("priya", "jonas"):
            make_booking(link, ten, NOW, email=f"{name}@saltmarsh.example")
        write_now(NOW)
        (event,) = events(google)
        assert "saltmarsh" not in str(event)
        for left, attendee in ((1, 0), (0, 1)):
            booking = Booking.objects.get()
            bookings.cancel_by_booker(
                attendee=booking.attendees.order_by("created_at", "pk")[attendee], reason="", now=NOW
            )
            write_now(NOW)
            assert len(events(google)) == left

    @pytest.mark.parametrize("why", ["nobody connected", "no calendar chosen", "the link says so"])
    def test_where_no_calendar_is_meant_nothing_is_owed(
        self, alice: Membership, google: FakeGoogle, ten: datetime, NOW: datetime, why: str
    ) -> None:
        provider = "none" if why == "the link says so" else "host"
        link = make_link(alice, slug="none", calendar_provider=provider)
        if why != "nobody connected":
            account = connect_google(alice, google, NOW)
            as_if_read(NOW)
            if why == "no calendar chosen":
                services.choose(alice, {calendar_of(account).pk}, None, NOW)
                as_if_read(NOW)
        make_booking(link, ten, NOW)
        assert not OwnEvent.objects.exists()

    def test_an_event_stays_in_the_calendar_it_began_in(
        self,
        alice: Membership,
        link: BookingLink,
        account: CalendarAccount,
        google: FakeGoogle,
        ten: datetime,
        NOW: datetime,
    ) -> None:
        booking = make_booking(link, ten, NOW)
        write_now(NOW)
        services.choose(alice, {calendar_of(account).pk}, calendar_of(account, "Sales team").pk, NOW)
        as_if_read(NOW)
        bookings.reschedule(attendee=booking.booker, start=ten + 2 * HALF, now=NOW)
        write_now(NOW)
        assert len(events(google)) == 1
        assert events(google, TEAM.id) == []

    def test_a_host_who_has_it_in_his_calendar_gets_no_file_of_it_besides(
        self, link: BookingLink, account: CalendarAccount, ten: datetime, NOW: datetime
    ) -> None:
        make_booking(link, ten, NOW)
        OutboxMessage.objects.exclude(kind__contains="reminder").update(available_at=Now() - HALF)
        deliver_due(NOW)
        kinds = {
            message.to[0]: {part.get_content_type() for part in message.message().walk()}
            for message in mail.outbox
        }
        assert "text/calendar" not in kinds[link.owner.email]
        assert "text/calendar" in kinds["priya@saltmarsh.example"]

    def test_our_own_event_that_comes_back_by_reading_does_not_stand_in_its_own_way(
        self,
        link: BookingLink,
        account: CalendarAccount,
        google: FakeGoogle,
        ten: datetime,
        NOW: datetime,
    ) -> None:
        from workestra.calendars import selectors

        booking = make_booking(link, ten, NOW)
        write_now(NOW)
        RemoteCalendar.objects.update(due_at=Now() - HALF)
        effects.read_due(NOW)
        key = OwnEvent.objects.get().key
        assert selectors.own_events([key]) == {key: booking.period}
        moved = bookings.reschedule(attendee=booking.booker, start=ten + HALF, now=NOW)
        assert moved.booking.starts_at == ten + HALF


@pytest.mark.django_db
class TestFaults:
    @pytest.fixture(autouse=True)
    def _booked(self, link: BookingLink, account: CalendarAccount, ten: datetime, NOW: datetime) -> None:
        make_booking(link, ten, NOW)

    def test_written_twice_it_is_there_once(self, google: FakeGoogle, NOW: datetime) -> None:
        write_now(NOW)
        # As after a worker that died between the provider's answer and the mark.
        OwnEvent.objects.update(written_version=0, is_there=False)
        assert write_now(NOW) == 1
        assert len(events(google)) == 1

    @pytest.mark.parametrize(
        "fault",
        [
            {"answer": Answer(503, {})},
            {"answer": Answer(500, {}), "after": True},
            {"half": True},
            {"answer": problem(403, "rateLimitExceeded")},
        ],
        ids=["before", "after", "half", "limit"],
    )
    def test_what_fails_is_tried_again_and_ends_with_one_event(
        self, google: FakeGoogle, NOW: datetime, fault: dict[str, Any]
    ) -> None:
        google.fail(methods="POST", path="/events", times=9, **fault)
        write_now(NOW)
        waiting = OwnEvent.objects.get()
        assert (waiting.failures, waiting.written_version, waiting.dead_at) == (1, 0, None)
        assert waiting.last_error
        google.faults.clear()
        write_now(NOW)
        assert len(events(google)) == 1
        assert OwnEvent.objects.get().last_error == ""

    def test_it_waits_as_long_as_it_is_asked_to_and_so_does_the_whole_account(
        self, link: BookingLink, google: FakeGoogle, ten: datetime, NOW: datetime
    ) -> None:
        make_booking(link, ten + 2 * HALF, NOW)
        google.fail(answer=problem(429, "rateLimitExceeded", Retry_After="600"), path="/events", times=99)
        OwnEvent.objects.update(due_at=Now() - HALF)
        assert writing.write_due(NOW) == 2
        assert len(google.asked("POST", "/events")) == 1
        RemoteCalendar.objects.update(due_at=Now() - HALF)
        OwnEvent.objects.update(due_at=Now() - HALF, leased_until=None)
        assert writing.write_due(NOW) == effects.read_due(NOW) == len(live.to_ask([link.owner_id])) == 0
        (left,) = CalendarAccount.objects.values_list(F("quiet_until") - Now(), flat=True)
        assert timedelta(seconds=590) < left <= timedelta(seconds=720)
        CalendarAccount.objects.update(quiet_until=Now())
        google.faults.clear()
        assert write_now(NOW) == 2
        assert len(events(google)) == 2

    def test_a_change_while_it_is_written_is_written_too(
        self, google: FakeGoogle, link: BookingLink, NOW: datetime
    ) -> None:
        OwnEvent.objects.update(due_at=Now() - HALF)
        (leased,) = writing._lease()
        OwnEvent.objects.update(version=F("version") + 1)
        writing.write(leased, NOW)
        assert write_now(NOW) == 1
        assert write_now(NOW) == 0
        assert len(events(google)) == 1

    def test_nothing_is_marked_after_the_lease_went_to_somebody_else(
        self, google: FakeGoogle, NOW: datetime
    ) -> None:
        OwnEvent.objects.update(due_at=Now() - HALF)
        (leased,) = writing._lease()
        OwnEvent.objects.update(attempts=F("attempts") + 1)
        writing.write(leased, NOW)
        assert OwnEvent.objects.get().written_version == 0

    def test_an_account_that_lets_nobody_in_is_broken_and_caught_up_with_later(
        self, alice: Membership, google: FakeGoogle, NOW: datetime
    ) -> None:
        google.revoke_all()
        write_now(NOW)
        write_now(NOW)
        assert CalendarAccount.objects.get().is_broken
        google.calm()
        assert write_now(NOW) == 0
        assert google.requests == []
        connect_google(alice, google, NOW)
        assert write_now(NOW) == 1
        assert len(events(google)) == 1

    def test_what_can_never_be_written_is_said_and_tried_once_more_when_asked(
        self, alice: Membership, google: FakeGoogle, NOW: datetime
    ) -> None:
        google.calendars[MAIN.id]["accessRole"] = "reader"
        try:
            write_now(NOW)
            assert write_now(NOW) == 0
            page = reverse("calendars:accounts")
            shown = signed_in(alice).get(page).content.decode()
            assert "1 event could not be written" in shown
        finally:
            google.calendars[MAIN.id]["accessRole"] = "owner"
        assert signed_in(alice).post(reverse("calendars:write_again")).status_code == 302
        assert write_now(NOW) == 1
        assert len(events(google)) == 1
        assert "could not be written" not in signed_in(alice).get(page).content.decode()


@pytest.mark.django_db(transaction=True)
def test_many_workers_write_each_event_once(
    alice: Membership, google: FakeGoogle, ten: datetime, NOW: datetime
) -> None:
    google.events[MAIN.id].clear()
    connect_google(alice, google, NOW)
    as_if_read(NOW)
    link = make_link(alice, slug="many")
    for number in range(6):
        make_booking(link, ten + number * HALF, NOW)
    google.calm()
    google.delay = 0.02

    def work() -> None:
        try:
            writing.write_due(NOW)
        finally:
            connections.close_all()

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    google.delay = 0.0
    assert len(events(google)) == len(google.asked("POST", "/events")) == 6
