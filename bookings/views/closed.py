"""What came first, for somebody whose change of a booking comes too late."""

from datetime import datetime
from zoneinfo import ZoneInfo

from bookings import selectors
from bookings.models import Attendee, Booking
from workestra.calendars.domain import clock_words as words


def why_closed(booking: Booking, now: datetime) -> str:
    """Why it can no longer be changed, in a sentence with the clock of the booking's zone: who cancelled it and when,
    where it was moved to, or that it has begun. Of one that is still to come, who has it."""
    zone = ZoneInfo(booking.timezone)
    if booking.ended_at is None:
        return "It has begun." if booking.is_past(now) else f"It is with {booking.host_names} already."
    who, when = _who_ended(booking), words.clock(booking.ended_at, zone)
    if booking.ended_at.astimezone(zone).date() == now.astimezone(zone).date():
        when = f"at {when} {words.abbreviation(booking.ended_at, zone)}"
    else:
        when = f"on {words.moment(booking.ended_at, zone)}"
    if booking.status == Booking.Status.CANCELLED:
        return f"Cancelled by {who} {when}."
    latest = selectors.series_of(booking)[-1]
    return f"Moved to {words.moment(latest.starts_at, ZoneInfo(latest.timezone))} by {who}, {when}."


def _who_ended(booking: Booking) -> str:
    (last,) = booking.company[-1:] or (None,)
    if last is None:
        return "somebody"
    if last.ended_by == Attendee.Party.HOST:
        return last.ended_by_user.name if last.ended_by_user else "the host"
    return last.name
