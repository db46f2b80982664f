"""Bookings as other calendars read them (RFC 5545, 5546): what is mailed to both sides, and the file to keep."""

from dataclasses import replace
from datetime import datetime
from email.utils import parseaddr

from django.conf import settings

from bookings.domain.locations import Location, location_after, location_for_host
from bookings.domain.names import printable_name
from bookings.models import Booking
from workestra.calendars.domain.invites import (
    Attendee,
    Invite,
    Method,
    Organizer,
    ParticipationStatus,
    Role,
    invite_uid,
)


def invite_for_booker(booking: Booking, method: Method, *, manage_url: str, now: datetime) -> Invite:
    """What the booker's calendar is told. `manage_url` may be empty.

    His name is left out unless it looks like one: whoever gets this mail may not be the one who typed it.
    """
    location = location_of(booking)
    return _invite(
        booking,
        method,
        now,
        summary=f"{booking.title} with {booking.host.name}",
        booker_name=printable_name(booking.booker_name),
        location=location.url or location.text,
        description=_lines(
            location.url or location.text, f"Move or cancel it: {manage_url}" if manage_url else ""
        ),
        url=manage_url,
    )


def invite_for_host(booking: Booking, method: Method, *, now: datetime) -> Invite:
    """What the host's calendar is told: the same event, without the booker's own link."""
    contact = ", ".join(filter(None, [booking.booker_email, booking.booker_phone]))
    return _invite(
        booking,
        method,
        now,
        summary=f"{booking.title} with {booking.booker_name}",
        booker_name=booking.booker_name,
        location=location_for_host(
            booking.location_type, booking.location_detail, booking.booker_phone, booking.booker_name
        ),
        description=_lines(f"{booking.booker_name}, {contact}", booking.notes),
        url="",
    )


def invite_to_keep(booking: Booking, *, manage_url: str, now: datetime) -> Invite:
    """The booker's event as a file: METHOD:PUBLISH, which names no attendees."""
    invite = invite_for_booker(booking, Method.REQUEST, manage_url=manage_url, now=now)
    return replace(invite, method=Method.PUBLISH, attendees=())


def location_of(booking: Booking) -> Location:
    """Where the meeting takes place, as its booker is told."""
    return location_after(
        booking.location_type, booking.location_detail, booking.booker_phone, booking.host.first_name
    )


def sender() -> str:
    """The address that every mail about a booking comes from, and the organizer of its event."""
    return parseaddr(settings.DEFAULT_FROM_EMAIL)[1]


def _invite(
    booking: Booking,
    method: Method,
    now: datetime,
    *,
    summary: str,
    booker_name: str,
    location: str,
    description: str,
    url: str,
) -> Invite:
    return Invite(
        uid=invite_uid(booking.series_id, settings.SITE_HOST),
        sequence=booking.ics_sequence,
        method=method,
        period=booking.period,
        summary=summary,
        organizer=Organizer(booking.host.name, sender()),
        dtstamp=now,
        attendees=(
            Attendee(booker_name, booking.booker_email, status=ParticipationStatus.ACCEPTED),
            Attendee(
                booking.host.name, booking.host.email, role=Role.CHAIR, status=ParticipationStatus.ACCEPTED
            ),
        ),
        description=description,
        location=location,
        url=url,
        conference_url=location_of(booking).url if booking.location_type == "video" else "",
    )


def _lines(*parts: str) -> str:
    return "\n\n".join(filter(None, parts))
