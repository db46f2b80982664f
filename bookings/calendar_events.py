"""Bookings as events in their hosts' own calendars, and the meeting links that those calendars make for them."""

from datetime import datetime
from uuid import UUID

from bookings import selectors
from bookings.domain.locations import MEETING
from bookings.domain.mail_kinds import BOOKING
from bookings.invites import invite_for_host
from bookings.services.meeting_links import keep_link
from workestra.calendars.domain.invites import Method
from workestra.calendars.providers.provider import ProviderEvent
from workestra.calendars.registry import Topic, register


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
        conference=booking.location_type == MEETING and user_id == booking.host_id,
    )


register(BOOKING, Topic(event_of, joined=keep_link))
