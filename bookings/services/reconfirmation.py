"""The booker's answer to the question whether he is still coming."""

from datetime import datetime

from django.db import transaction

from bookings.domain.lifecycle import Change
from bookings.models import Attendee
from bookings.services.records import attendee_locked, record


def say_yes(*, attendee: Attendee, now: datetime) -> Attendee:
    """Write down that he is still coming; saying so again changes nothing. Raises: BookingClosed."""
    with transaction.atomic():
        current = attendee_locked(attendee)
        current.after(Change.RECONFIRM, now)
        if current.reconfirmed_at is None:
            current.reconfirmed_at = now
            current.save(update_fields=["reconfirmed_at"])
            record("booking.reconfirmed", current, now, actor_name=current.email)
    return current
