"""Bookings as other calendars read them (RFC 5545, 5546): what is mailed to both sides, and the file to keep."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from email.utils import parseaddr
from uuid import UUID

from django.conf import settings

from bookings.domain.locations import VIDEO, Location, location_after, location_for_host
from bookings.domain.names import printable_name
from bookings.models import Attendee, Booking
from workestra.calendars.domain.invites import Attendee as Participant
from workestra.calendars.domain.invites import (
    Invite,
    Method,
    Organizer,
    ParticipationStatus,
    Role,
    invite_uid,
)


def invite_for_booker(attendee: Attendee, method: Method, *, manage_url: str, now: datetime) -> Invite:
    """What the booker's calendar is told, with his guests. `manage_url` may be empty.

    His name is left out unless it looks like one: whoever gets this mail may not be the one who typed it.
    """
    location = location_of(attendee)
    return _invite(
        attendee,
        method,
        now,
        summary=f"{attendee.booking.title} with {attendee.booking.host_names}",
        invited=(_booker(attendee, printable_name(attendee.name)), *map(_guest, attendee.guests)),
        location=location.url or location.text,
        description=_lines(
            location.url or location.text, f"Move or cancel it: {manage_url}" if manage_url else ""
        ),
        url=manage_url,
    )


def invite_for_guest(attendee: Attendee, guest: str, method: Method, *, now: datetime) -> Invite:
    """What a guest's calendar is told: the same event, without anything to change it by and without other guests.

    The booker is named by his address alone.
    """
    location = guests_location_of(attendee.booking)
    return _invite(
        attendee,
        method,
        now,
        summary=f"{attendee.booking.title} with {attendee.booking.host_names}",
        invited=(_booker(attendee, ""), _guest(guest)),
        location=location.url or location.text,
        description=location.url or location.text,
    )


def invite_for_host(attendee: Attendee, method: Method, *, now: datetime) -> Invite:
    """What the hosts' calendars are told: the same event, without the booker's own link.

    A group session is an event of its own, which names none of those who come: it does not change with them.
    """
    booking = attendee.booking
    if booking.is_group:
        return _event(
            booking,
            method,
            now,
            series_id=booking.series_id,
            sequence=booking.ics_sequence,
            summary=booking.title,
            location=location_for_host(booking.location_type, booking.location_detail, "", "each attendee"),
        )
    contact = ", ".join(filter(None, [attendee.name, attendee.email, attendee.phone]))
    return _invite(
        attendee,
        method,
        now,
        summary=f"{booking.title} with {attendee.name}",
        invited=()
        if attendee.is_erased
        else (_booker(attendee, attendee.name), *map(_guest, attendee.guests)),
        location=location_for_host(
            booking.location_type, booking.location_detail, attendee.phone, attendee.name
        ),
        description=_lines(contact, attendee.notes),
    )


def invite_for_former_host(attendee: Attendee, address: str, *, now: datetime) -> Invite:
    """What takes the event out of the calendar of a host who does not host it any more: a CANCEL for him alone.

    The event stands for everybody else, so nobody else is named (RFC 5546, 3.2.5).
    """
    invite = invite_for_host(attendee, Method.CANCEL, now=now)
    return replace(invite, attendees=(Participant("", address),))


def invite_to_keep(attendee: Attendee, *, manage_url: str, now: datetime) -> Invite:
    """The booker's event as a file: METHOD:PUBLISH, which names no attendees."""
    invite = invite_for_booker(attendee, Method.REQUEST, manage_url=manage_url, now=now)
    return replace(invite, method=Method.PUBLISH, attendees=())


def location_of(attendee: Attendee) -> Location:
    """Where the meeting takes place, as its booker is told."""
    booking = attendee.booking
    return location_after(
        booking.location_type, booking.location_detail, attendee.phone, booking.host.first_name
    )


def guests_location_of(booking: Booking) -> Location:
    """Where the meeting takes place, as a guest is told: a call goes to the booker, and his number is his own."""
    if booking.location_type == "phone":
        return Location("phone", "Phone call")
    return location_after(booking.location_type, booking.location_detail, "", booking.host.first_name)


def sender() -> str:
    """The address that every mail about a booking comes from, and the organizer of its event."""
    return parseaddr(settings.DEFAULT_FROM_EMAIL)[1]


def _invite(
    attendee: Attendee, method: Method, now: datetime, *, invited: Sequence[Participant], **told: str
) -> Invite:
    """The attendee's own event."""
    return _event(
        attendee.booking,
        method,
        now,
        series_id=attendee.series_id,
        sequence=attendee.ics_sequence,
        invited=invited,
        **told,
    )


def _event(
    booking: Booking,
    method: Method,
    now: datetime,
    *,
    series_id: UUID,
    sequence: int,
    summary: str,
    location: str,
    invited: Sequence[Participant] = (),
    description: str = "",
    url: str = "",
) -> Invite:
    chair, *others = booking.hosts
    return Invite(
        uid=invite_uid(series_id, settings.SITE_HOST),
        sequence=sequence,
        method=method,
        period=booking.period,
        summary=summary,
        organizer=Organizer(chair.name, sender()),
        dtstamp=now,
        attendees=(
            *invited,
            Participant(chair.name, chair.email, role=Role.CHAIR, status=ParticipationStatus.ACCEPTED),
            *(Participant(host.name, host.email, status=ParticipationStatus.ACCEPTED) for host in others),
        ),
        description=description,
        location=location,
        url=url,
        conference_url=guests_location_of(booking).url if booking.location_type in VIDEO else "",
    )


def _booker(attendee: Attendee, name: str) -> Participant:
    return Participant(name, attendee.email, status=ParticipationStatus.ACCEPTED)


def _guest(address: str) -> Participant:
    return Participant("", address)


def _lines(*parts: str) -> str:
    return "\n\n".join(filter(None, parts))
