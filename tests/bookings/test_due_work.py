"""What is due is found by what rows say and by PostgreSQL's clock, whatever a worker's own clock says."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db.models.functions import Now

from bookings import jobs
from bookings.domain import mail_kinds as kinds
from bookings.models import Booking
from bookings.services import booking as service
from bookings.services import hosting
from scheduling.models import BookingLink
from scheduling.selectors.times import open_slots_of
from tests.factories import make_booking, make_link
from workestra.accounts.models import Membership
from workestra.calendars.domain.period import Period
from workestra.notifications import tasks
from workestra.notifications.models import Notice, OutboxMessage

pytestmark = pytest.mark.django_db(transaction=True)

DUE = {kinds.BRIEFING_HOST, kinds.REMINDER_BOOKER}
MINUTE = timedelta(minutes=1)


@pytest.fixture
def link(alice: Membership) -> BookingLink:
    hours = [{"days": list(range(7)), "start": "00:00", "end": "24:00"}]
    return make_link(alice, weekly_hours=hours, duration_minutes=15)


@pytest.fixture
def slots(link: BookingLink) -> Iterator[datetime]:
    """Free starts, from in three days on."""
    now = datetime.now(UTC)
    ahead = Period(now + timedelta(days=3), now + timedelta(days=6))
    return iter([slot.start for slot in open_slots_of(link, ahead, now)])


def made(link: BookingLink, slots: Iterator[datetime], ahead: timedelta, before: timedelta) -> Booking:
    """A booking that begins so far ahead of this moment, and was made so long before its start."""
    now = datetime.now(UTC)
    booking = make_booking(link, next(slots), now)
    start = now + ahead
    Booking.objects.filter(pk=booking.pk).update(
        starts_at=start, ends_at=start + 15 * MINUTE, created_at=start - before
    )
    reminders = OutboxMessage.objects.filter(topic_id=booking.booker.pk, kind=kinds.REMINDER_BOOKER)
    if before > timedelta(hours=24):
        reminders.update(available_at=start - timedelta(hours=24))
    else:
        reminders.delete()
    OutboxMessage.objects.exclude(kind=kinds.REMINDER_BOOKER).update(sent_at=Now())
    booking.refresh_from_db()
    return booking


def told_of(booking: Booking) -> set[str]:
    about = OutboxMessage.objects.filter(
        topic_id__in=[booking.pk, booking.booker.pk], kind__in=DUE, sent_at__isnull=False
    )
    told = list(about.values_list("kind", flat=True))
    assert len(told) == len(set(told)), "each once"
    assert Notice.objects.filter(topic_id=booking.pk).count() == (kinds.BRIEFING_HOST in told)
    return set(told)


@pytest.mark.parametrize("skew", [-10, 0, 10])
def test_what_is_useful_is_told_late_and_what_is_not_never(
    link: BookingLink, alice: Membership, slots: Iterator[datetime], skew: int
) -> None:
    """After a beat that stood still for half an hour, on a machine whose clock is wrong by `skew` minutes."""
    day, two_days = timedelta(days=1), timedelta(days=2)
    now = datetime.now(UTC)
    useful = made(link, slots, 30 * MINUTE, two_days)
    only_reminded = made(link, slots, day - 30 * MINUTE, two_days)
    not_due = made(link, slots, 65 * MINUTE, day)
    not_reminded_yet = made(link, slots, day + 5 * MINUTE, two_days)
    begun = made(link, slots, -5 * MINUTE, two_days)
    made_late = made(link, slots, 30 * MINUTE, 59 * MINUTE)
    cancelled = made(link, slots, 30 * MINUTE, two_days)
    service.cancel_by_host(booking=cancelled, reason="", actor=alice.user, now=now)
    moved = made(link, slots, 30 * MINUTE, two_days)
    later = hosting.propose(booking=moved, start=next(slots), message="", actor=alice.user, now=now)
    for _tick in range(2):
        with time_machine.travel(datetime.now(UTC) + skew * MINUTE):
            jobs.send_briefings()
            tasks.deliver_outbox()
    assert told_of(useful) == DUE
    assert told_of(only_reminded) == {kinds.REMINDER_BOOKER}
    for booking in (not_due, not_reminded_yet, begun, made_late, cancelled, moved, later):
        assert told_of(booking) == set()
    useful.refresh_from_db()
    assert abs(useful.briefing_sent_at - datetime.now(UTC)) < MINUTE  # type: ignore[operator]
