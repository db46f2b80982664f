"""Bookings as events in their hosts' own calendars and as meetings in their accounts, and the links that come of it."""

from datetime import datetime
from uuid import UUID

from bookings import selectors
from bookings.domain.locations import MEETING
from bookings.domain.mail_kinds import BOOKING
from bookings.invites import invite_for_host
from bookings.services.meeting_links import keep_link
from workestra.calendars.domain.invites import Method
from workestra.calendars.domain.kinds import MEETING_KINDS
from workestra.calendars.providers.meetings import Meeting
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


def meeting_of(series_id: UUID, user_id: UUID, key: UUID, now: datetime) -> Meeting | None:
    """The booking of this series as a meeting in its first host's account; None when it is off, or no longer his."""
    booking = selectors.standing_booking(series_id)
    if booking is None or user_id != booking.host_id or booking.location_type not in MEETING_KINDS:
        return None
    # Who joins reads the title, and nothing else of what was typed.
    return Meeting(key, booking.period, invite_for_host(booking.company[0], Method.REQUEST, now=now).summary)


register(BOOKING, Topic(event_of, joined=keep_link, meeting=meeting_of))
