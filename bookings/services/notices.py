"""Which mails a booking's life puts into the outbox. They are rows of the booking's own transaction.

Who booked is told of his own part, with his guests, under his id as an attendee; hosts of the meeting, under its own.
"""

from datetime import datetime, timedelta
from typing import Final

from bookings.domain import mail_kinds as kinds
from bookings.models import Attendee, Booking
from workestra.notifications import services as outbox

REMINDER_BEFORE: Final = timedelta(hours=24)


def announce_booked(attendee: Attendee, *, reminder: bool, now: datetime) -> None:
    """Tell both sides, and remind the booker a day ahead if the meeting is further off than that."""
    _tell_booker(attendee, kinds.CONFIRMED_BOOKER, kinds.CONFIRMED_GUEST, now)
    _tell_hosts(attendee.booking, kinds.CONFIRMED_HOST, now)
    if reminder:
        _remind(attendee, now)


def announce_moved(moved: Attendee, *, previous: Attendee, reminder: bool, now: datetime) -> None:
    """Tell both sides of the new time; what was still waiting for the old one is dropped."""
    outbox.cancel_pending(previous.pk, kinds.REMINDER_BOOKER)
    _tell_booker(moved, kinds.MOVED_BOOKER, kinds.MOVED_GUEST, now)
    _tell_hosts(moved.booking, kinds.MOVED_HOST, now)
    if reminder:
        _remind(moved, now)


def announce_cancelled(attendee: Attendee, *, now: datetime) -> None:
    """Tell both sides; the reminder is dropped."""
    outbox.cancel_pending(attendee.pk, kinds.REMINDER_BOOKER)
    _tell_booker(attendee, kinds.CANCELLED_BOOKER, kinds.CANCELLED_GUEST, now)
    _tell_hosts(attendee.booking, kinds.CANCELLED_HOST, now)


def _tell_booker(attendee: Attendee, kind: str, guest_kind: str, now: datetime) -> None:
    _about_attendee(attendee, kind, attendee.email, now)
    for guest in attendee.guests:
        _about_attendee(attendee, guest_kind, guest, now)


def _tell_hosts(booking: Booking, kind: str, now: datetime) -> None:
    outbox.enqueue(
        workspace_id=booking.workspace_id,
        topic=kinds.BOOKING,
        topic_id=booking.pk,
        kind=kind,
        recipient=booking.host.email,
        seq=booking.ics_sequence,
        available_at=now,
    )


def _remind(attendee: Attendee, now: datetime) -> None:
    due = attendee.booking.starts_at - REMINDER_BEFORE
    if due > now:
        _about_attendee(attendee, kinds.REMINDER_BOOKER, attendee.email, due)


def _about_attendee(attendee: Attendee, kind: str, recipient: str, due: datetime) -> None:
    outbox.enqueue(
        workspace_id=attendee.booking.workspace_id,
        topic=kinds.ATTENDEE,
        topic_id=attendee.pk,
        kind=kind,
        recipient=recipient,
        seq=attendee.ics_sequence,
        available_at=due,
    )
