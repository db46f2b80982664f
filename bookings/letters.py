"""The mails about a booking: for each kind whom it is for, what it says, and what it asks of a calendar."""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from bookings.domain import mail_kinds as kinds
from bookings.models import Booking
from workestra.calendars.domain.invites import Method


class Reader(Enum):
    """Whom a mail is for."""

    BOOKER = "booker"
    GUEST = "guest"
    HOST = "host"


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail to one side about a booking in `status`. `method` is what its calendar is asked to do, if anything.

    A mail `is_farewell` to a host who is none of this booking any more.
    A host's mail `is_of_seat` when it is about one attendee of a group session that stands.

    `headline` may name {host}, {booker}, {mover} of the hosts' side and {you} ("Priya, ", or nothing when the name
    does not look like one).
    """

    template: str
    headline: str
    status: Booking.Status
    method: Method | None
    reader: Reader
    is_of_seat: bool = False
    is_farewell: bool = False
    only_before_start: bool = False


LETTERS: Final = {
    kinds.CONFIRMED_BOOKER: Letter(
        "confirmed_booker",
        "{you}you’re booked with {host}",
        Booking.Status.CONFIRMED,
        Method.REQUEST,
        Reader.BOOKER,
    ),
    kinds.MOVED_BOOKER: Letter(
        "moved_booker",
        "{you}your meeting with {host} has moved",
        Booking.Status.CONFIRMED,
        Method.REQUEST,
        Reader.BOOKER,
    ),
    kinds.PROPOSED_BOOKER: Letter(
        "proposed_booker",
        "{you}your meeting was moved by {mover}",
        Booking.Status.CONFIRMED,
        Method.REQUEST,
        Reader.BOOKER,
    ),
    kinds.ALTERNATIVES_BOOKER: Letter(
        "alternatives_booker",
        "{you}{host} offers you other times",
        Booking.Status.CONFIRMED,
        None,
        Reader.BOOKER,
        only_before_start=True,
    ),
    kinds.ALTERNATIVES_HOST: Letter(
        "alternatives_host",
        "{booker} picked none of the times",
        Booking.Status.CONFIRMED,
        None,
        Reader.HOST,
        only_before_start=True,
    ),
    kinds.REASSIGNED_BOOKER: Letter(
        "reassigned_booker",
        "{you}you meet {host} now",
        Booking.Status.CONFIRMED,
        Method.REQUEST,
        Reader.BOOKER,
    ),
    kinds.CANCELLED_BOOKER: Letter(
        "cancelled_booker",
        "{you}your meeting with {host} is cancelled",
        Booking.Status.CANCELLED,
        Method.CANCEL,
        Reader.BOOKER,
    ),
    kinds.REMINDER_BOOKER: Letter(
        "reminder_booker",
        "{you}you meet {host} soon",
        Booking.Status.CONFIRMED,
        None,
        Reader.BOOKER,
        only_before_start=True,
    ),
    kinds.CONFIRMED_GUEST: Letter(
        "confirmed_booker",
        "You’re invited to a meeting with {host}",
        Booking.Status.CONFIRMED,
        Method.REQUEST,
        Reader.GUEST,
    ),
    kinds.MOVED_GUEST: Letter(
        "moved_booker",
        "Your meeting with {host} has moved",
        Booking.Status.CONFIRMED,
        Method.REQUEST,
        Reader.GUEST,
    ),
    kinds.PROPOSED_GUEST: Letter(
        "moved_booker",
        "Your meeting with {host} has moved",
        Booking.Status.CONFIRMED,
        Method.REQUEST,
        Reader.GUEST,
    ),
    kinds.REASSIGNED_GUEST: Letter(
        "reassigned_booker",
        "Your meeting is with {host} now",
        Booking.Status.CONFIRMED,
        Method.REQUEST,
        Reader.GUEST,
    ),
    kinds.CANCELLED_GUEST: Letter(
        "cancelled_booker",
        "Your meeting with {host} is cancelled",
        Booking.Status.CANCELLED,
        Method.CANCEL,
        Reader.GUEST,
    ),
    kinds.CONFIRMED_HOST: Letter(
        "confirmed_host", "{booker} booked you", Booking.Status.CONFIRMED, Method.REQUEST, Reader.HOST
    ),
    kinds.MOVED_HOST: Letter(
        "moved_host", "{booker} moved your meeting", Booking.Status.CONFIRMED, Method.REQUEST, Reader.HOST
    ),
    kinds.PROPOSED_HOST: Letter(
        "moved_host",
        "Your meeting with {booker} has moved",
        Booking.Status.CONFIRMED,
        Method.REQUEST,
        Reader.HOST,
    ),
    kinds.REASSIGNED_HOST: Letter(
        "confirmed_host",
        "You host the meeting with {booker} now",
        Booking.Status.CONFIRMED,
        Method.REQUEST,
        Reader.HOST,
    ),
    kinds.GIVEN_AWAY_HOST: Letter(
        "given_away_host",
        "{host} hosts the meeting with {booker} now",
        Booking.Status.CONFIRMED,
        Method.CANCEL,
        Reader.HOST,
        is_farewell=True,
    ),
    kinds.CANCELLED_HOST: Letter(
        "cancelled_host",
        "Your meeting with {booker} is cancelled",
        Booking.Status.CANCELLED,
        Method.CANCEL,
        Reader.HOST,
    ),
    kinds.BRIEFING_HOST: Letter(
        "briefing_host",
        "{booker} is next",
        Booking.Status.CONFIRMED,
        None,
        Reader.HOST,
        only_before_start=True,
    ),
    kinds.SEAT_TAKEN_HOST: Letter(
        "confirmed_host", "{booker} joined", Booking.Status.CONFIRMED, None, Reader.HOST, is_of_seat=True
    ),
    kinds.SEAT_MOVED_HOST: Letter(
        "moved_host", "{booker} moved here", Booking.Status.CONFIRMED, None, Reader.HOST, is_of_seat=True
    ),
    kinds.SEAT_LEFT_HOST: Letter(
        "cancelled_host",
        "{booker} is not coming",
        Booking.Status.CANCELLED,
        None,
        Reader.HOST,
        is_of_seat=True,
    ),
}
