"""Which mails a booking's life puts into the outbox. They are rows of the booking's own transaction."""

from datetime import datetime, timedelta
from typing import Final

from bookings.domain.mail_kinds import (
    CANCELLED_BOOKER,
    CANCELLED_HOST,
    CONFIRMED_BOOKER,
    CONFIRMED_HOST,
    MOVED_BOOKER,
    MOVED_HOST,
    REMINDER_BOOKER,
    TOPIC,
)
from bookings.models import Booking
from workestra.notifications import services as outbox

REMINDER_BEFORE: Final = timedelta(hours=24)


def announce_booked(booking: Booking, *, reminder: bool, now: datetime) -> None:
    """Tell both sides, and remind the booker a day ahead if the meeting is further off than that."""
    _tell_both(booking, CONFIRMED_BOOKER, CONFIRMED_HOST, now)
    if reminder:
        _remind(booking, now)


def announce_moved(moved: Booking, *, previous: Booking, reminder: bool, now: datetime) -> None:
    """Tell both sides of the new time; what was still waiting for the old one is dropped."""
    outbox.cancel_pending(previous.pk, REMINDER_BOOKER)
    _tell_both(moved, MOVED_BOOKER, MOVED_HOST, now)
    if reminder:
        _remind(moved, now)


def announce_cancelled(booking: Booking, *, now: datetime) -> None:
    """Tell both sides; the reminder is dropped."""
    outbox.cancel_pending(booking.pk, REMINDER_BOOKER)
    _tell_both(booking, CANCELLED_BOOKER, CANCELLED_HOST, now)


def _tell_both(booking: Booking, booker_kind: str, host_kind: str, now: datetime) -> None:
    _enqueue(booking, booker_kind, booking.booker_email, now)
    _enqueue(booking, host_kind, booking.host.email, now)


def _remind(booking: Booking, now: datetime) -> None:
    due = booking.starts_at - REMINDER_BEFORE
    if due > now:
        _enqueue(booking, REMINDER_BOOKER, booking.booker_email, due)


def _enqueue(booking: Booking, kind: str, recipient: str, due: datetime) -> None:
    outbox.enqueue(
        workspace_id=booking.workspace_id,
        topic=TOPIC,
        topic_id=booking.pk,
        kind=kind,
        recipient=recipient,
        seq=booking.ics_sequence,
        available_at=due,
    )
