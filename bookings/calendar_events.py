"""Bookings as events in their hosts' own calendars."""

from datetime import datetime
from uuid import UUID

from bookings import selectors
from bookings.domain.mail_kinds import BOOKING
from bookings.invites import invite_for_host
from workestra.calendars.domain.invites import Method
from workestra.calendars.providers.provider import ProviderEvent
from workestra.calendars.registry import describes


@describes(BOOKING)
def event_of(series_id: UUID, user_id: UUID, key: UUID, now: datetime) -> ProviderEvent | None:
    """The booking of this series as it stands now, as its host reads it; None when it is off, or no longer his."""
    booking = selectors.standing_booking(series_id)
    if booking is None or user_id not in booking.host_ids:
        return None
    told = invite_for_host(booking.company[0], Method.REQUEST, now=now)
    # Who booked is told by us: providers would mail him a second invitation.
    return ProviderEvent(
        key=key,
        period=booking.period,
        summary=told.summary,
        description=told.description,
        location=told.location,
    )
