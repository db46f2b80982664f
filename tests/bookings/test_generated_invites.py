"""Thousands of bookings with hostile text, as mails: what two parsers nobody here wrote read back is what was meant."""

import email
import email.policy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import formataddr, parseaddr

import pytest
from django.core.mail import EmailMultiAlternatives
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bookings.invites import invite_for_booker, invite_for_guest, invite_for_host, sender
from bookings.models import Attendee, Booking
from tests.calendars.test_invites import (
    address,
    check_bytes,
    check_icalendar,
    check_vobject,
    hostile,
    url,
    whole_seconds,
)
from workestra.accounts.models import User, Workspace
from workestra.calendars.domain.invites import Invite, Method, to_ics
from workestra.calendars.invite_mail import attach_invite
from workestra.notifications.domain.mails import to_wire

NOW = datetime(2026, 11, 10, 9, 0, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Series:
    """A booking whose time changes twice before it is cancelled; `starts` are its three times."""

    attendee: Attendee
    starts: tuple[datetime, datetime, datetime]


@st.composite
def series(draw: st.DrawFn) -> Series:
    """Rows as they could stand in the database, written by people who type anything."""
    starts = draw(st.tuples(whole_seconds, whole_seconds, whole_seconds))
    length = timedelta(minutes=draw(st.integers(5, 480)))
    host = User(name=draw(hostile), email=draw(address))
    booking = Booking(
        workspace=Workspace(name=draw(hostile)),
        host=host,
        title=draw(hostile),
        strategy=draw(st.sampled_from(["individual", "round_robin", "group"])),
        starts_at=starts[0],
        ends_at=starts[0] + length,
        timezone="Europe/Berlin",
        location_type=draw(st.sampled_from(["phone", "video", "in_person", "other", ""])),
        location_detail=draw(url),
        capacity=20,
        attendee_count=1,
    )
    attendee = Attendee(
        booking=booking,
        name=draw(hostile),
        email=draw(address),
        phone=draw(hostile),
        notes=draw(hostile),
        timezone="America/New_York",
        guests=draw(st.lists(address, max_size=3)),
    )
    return Series(attendee, starts)


def invites_of(attendee: Attendee, method: Method, now: datetime) -> list[Invite]:
    """What everybody's mail carries."""
    manage_url = f"https://larkhill.example/b/call/manage/{attendee.pk.hex}"
    guests = [invite_for_guest(attendee, guest, method, now=now) for guest in attendee.guests]
    return [
        invite_for_booker(attendee, method, manage_url=manage_url, now=now),
        invite_for_host(attendee, method, now=now),
        *guests,
    ]


def mailed(invite: Invite) -> EmailMessage:
    """The mail as its receiver's program reads it from the wire."""
    sent = EmailMultiAlternatives(
        "Booked", "Text", formataddr(("Larkhill", sender())), ["priya@orchardfreight.example"]
    )
    sent.attach_alternative("<p>Text</p>", "text/html")
    attach_invite(sent, invite)
    read = email.message_from_bytes(to_wire(sent.message()), policy=email.policy.default)
    assert isinstance(read, EmailMessage)
    return read


def calendar_of(mail: EmailMessage, invite: Invite) -> bytes:
    """The iCalendar object, after the rules of RFC 6047, 2.4 and of what calendars expect of the MIME parts."""
    alternatives, file = mail.iter_parts()
    assert isinstance(alternatives, EmailMessage)
    assert alternatives.get_content_type() == "multipart/alternative"
    *_, part = alternatives.iter_parts()
    assert part.get_content_type() == "text/calendar"
    assert part["Content-Type"].params["method"] == invite.method
    assert part.get_content_charset() == "utf-8"
    content: bytes = part.get_payload(decode=True)  # type: ignore[assignment]
    assert content == file.get_payload(decode=True) == to_ics(invite)
    assert parseaddr(str(mail["From"]))[1] == invite.organizer.email
    return content


def check_series(generated: Series) -> None:
    """REQUEST, update, update, CANCEL: of each receiver one event, ever newer, the same in both parsers."""
    attendee, booking = generated.attendee, generated.attendee.booking
    length = booking.ends_at - booking.starts_at
    steps = [(Method.REQUEST, start) for start in generated.starts] + [(Method.CANCEL, generated.starts[-1])]
    seen: list[list[Invite]] = []
    for sequence, (method, start) in enumerate(steps):
        booking.starts_at, booking.ends_at = start, start + length
        booking.ics_sequence = attendee.ics_sequence = sequence
        invites = invites_of(attendee, method, NOW + timedelta(hours=sequence))
        for invite in invites:
            content = calendar_of(mailed(invite), invite)
            check_bytes(content)
            check_icalendar(content, invite)
            check_vobject(content, invite)
            assert (invite.sequence, invite.period.start) == (sequence, start)
        seen.append(invites)
    for of_receiver in zip(*seen, strict=True):
        assert len({invite.uid for invite in of_receiver}) == 1
        assert len({invite.organizer for invite in of_receiver}) == 1
        assert len({invite.attendees for invite in of_receiver}) == 1


SLOW = (HealthCheck.too_slow, HealthCheck.data_too_large)


@settings(max_examples=15, suppress_health_check=SLOW)
@given(series())
def test_generated_bookings_are_read_back_as_they_were_meant(generated: Series) -> None:
    check_series(generated)


@pytest.mark.stress
@settings(max_examples=5_000, suppress_health_check=SLOW)
@given(series())
def test_five_thousand_generated_bookings_are_read_back_as_they_were_meant(generated: Series) -> None:
    check_series(generated)
