"""Links that the host's calendar makes: asked for with the event, told to everybody, never made twice."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.db.models.functions import Now

from bookings.models import Booking
from bookings.services import booking as bookings
from bookings.services import hosting
from scheduling.models import BookingLink
from tests.calendars.making import MAIN, connect_caldav, connect_google
from tests.calendars.test_writing import as_if_read, events, write_now
from tests.factories import make_booking, make_link
from tests.fakes.google import FakeGoogle
from workestra.accounts.models import Membership
from workestra.notifications.effects import deliver_due
from workestra.notifications.models import OutboxMessage

pytestmark = pytest.mark.django_db

HALF = timedelta(minutes=30)
PRIYA = "priya@saltmarsh.example"


@pytest.fixture
def link(alice: Membership, google: FakeGoogle, NOW: datetime) -> BookingLink:
    """Alice's, met at a link that her Google calendar makes."""
    google.events[MAIN.id].clear()
    connect_google(alice, google, NOW)
    as_if_read(NOW)
    google.calm()
    return make_link(alice, slug="meet", location_type="meeting", location_detail="typed by hand")


@pytest.fixture
def ten(NOW: datetime) -> datetime:
    return NOW.replace(hour=9) + timedelta(days=1)


def deliver(now: datetime) -> list[Any]:
    """What goes out when all that waits for nothing but its time is due."""
    mail.outbox.clear()
    OutboxMessage.objects.filter(available_at__lte=now).exclude(kind__contains="reminder").update(
        available_at=Now() - HALF
    )
    deliver_due(now)
    return mail.outbox


def test_mails_wait_for_the_link_and_tell_it(
    link: BookingLink, google: FakeGoogle, ten: datetime, NOW: datetime
) -> None:
    booking = make_booking(link, ten, NOW)
    assert booking.location_detail == ""
    assert deliver(NOW) == []
    write_now(NOW)
    booking.refresh_from_db()
    assert booking.location_detail.startswith("https://meet.google.com/")
    told = {message.to[0]: str(message.body) for message in deliver(NOW)}
    assert set(told) == {PRIYA, link.owner.email}
    assert booking.location_detail.removeprefix("https://") in told[PRIYA]
    write_now(NOW)
    (event,) = events(google)
    assert event["location"] == event["hangoutLink"] == booking.location_detail
    assert deliver(NOW) == []


def test_a_link_that_comes_late_is_told_after_the_mail_that_lacked_it(
    link: BookingLink, google: FakeGoogle, ten: datetime, NOW: datetime
) -> None:
    booking = make_booking(link, ten, NOW)
    late = NOW + timedelta(minutes=2)
    (first,) = [message for message in deliver(late) if message.to == [PRIYA]]
    assert "Alice sends you the link" in str(first.body)
    write_now(late)
    booking.refresh_from_db()
    (second,) = [message for message in deliver(late) if message.to == [PRIYA]]
    assert booking.location_detail.removeprefix("https://") in str(second.body)


def test_the_link_survives_a_move_and_not_a_change_of_host(
    link: BookingLink, bob: Membership, google: FakeGoogle, ten: datetime, NOW: datetime
) -> None:
    booking = make_booking(link, ten, NOW)
    write_now(NOW)
    first = Booking.objects.get(pk=booking.pk).location_detail
    moved = bookings.reschedule(attendee=booking.booker, start=ten + 2 * HALF, now=NOW).booking
    write_now(NOW)
    assert Booking.objects.get(pk=moved.pk).location_detail == first
    connect_google(bob, google, NOW)
    as_if_read(NOW)
    handed_over = hosting.reassign(
        booking=Booking.objects.get(pk=moved.pk), host=bob.user, actor=link.owner, now=NOW
    )
    assert handed_over.location_detail == ""
    write_now(NOW)
    (event,) = events(google)
    assert event["hangoutLink"] != first
    assert Booking.objects.get(pk=moved.pk).location_detail == event["hangoutLink"]


@pytest.mark.parametrize("why", ["nobody connected", "a calendar without links", "the link says so"])
def test_without_a_calendar_that_makes_links_nobody_waits(
    alice: Membership, google: FakeGoogle, ten: datetime, NOW: datetime, why: str
) -> None:
    if why == "a calendar without links":
        connect_caldav(alice, NOW)
    elif why == "the link says so":
        connect_google(alice, google, NOW)
    as_if_read(NOW)
    provider = "none" if why == "the link says so" else "host"
    link = make_link(alice, slug="meet", location_type="meeting", calendar_provider=provider)
    make_booking(link, ten, NOW)
    assert {message.to[0] for message in deliver(NOW)} == {PRIYA, alice.user.email}
