"""What a host does with a booking beside cancelling it: move it, hand it over, keep a note on it."""

from datetime import datetime

from django.db import transaction

from bookings.domain.lifecycle import Change
from bookings.domain.locations import LINK_MADE
from bookings.domain.mail_kinds import BOOKING
from bookings.models import Alternatives, Attendee, Booking
from bookings.selectors.hosting import is_known_free
from bookings.services import notices
from bookings.services.records import (
    attendee_at,
    booking_locked,
    claims_of,
    close_alternatives,
    leave,
    link_locked,
    move_booking,
    record,
)
from bookings.services.sessions import session_at
from scheduling import external
from scheduling.services.busy_time import LockedHosts, SlotTaken, with_hosts_locked
from workestra.accounts.models import User
from workestra.calendars import services as calendars
from workestra.calendars.domain.period import Period


class NotToBeHandedOver(Exception):
    """The meeting cannot have this host: it needs all of its hosts, or it is his already."""


def propose(*, booking: Booking, start: datetime, message: str, actor: User, now: datetime) -> Booking:
    """Move an upcoming booking, with everybody who comes to it, to another start; gives the booking there.

    The hosts, the length and everything else stay. A host may go beyond the hours, the notice and the buffers of his
    page: only time that one of the hosts has not got is refused. The bookers are told with the `message`.

    Raises: SlotTaken, also for the start it has and one that has passed; BookingClosed; TryAgain.
    """

    def work(locked: LockedHosts) -> Booking:
        current = booking_locked(booking.pk, locked)
        ended = current.after(Change.MOVE, now)
        link = link_locked(current.link_id)
        if start <= now or start == current.starts_at:
            raise SlotTaken
        if current.is_group and link is not None and session_at(link, start) is not None:
            raise SlotTaken
        company, hosts = current.company, current.hosts
        period = Period(start, start + (current.ends_at - current.starts_at))
        moved = move_booking(locked, current, period, hosts, now)
        successors = []
        for attendee in company:
            attendee.ended_by = Attendee.Party.HOST
            attendee.ended_by_user = actor
            attendee.reason = message
            leave(attendee, ended, now)
            successors.append((attendee, attendee_at(moved, attendee, "", now)))
            record(
                "booking.rescheduled",
                successors[-1][1],
                now,
                actor=actor,
                before={"starts_at": current.starts_at},
                after={"starts_at": moved.starts_at, "message": message},
            )
        notices.announce_proposed(moved, successors, reminder=link is None or link.reminder_enabled, now=now)
        return moved

    return with_hosts_locked(booking.host_ids, work)


def reassign(*, booking: Booking, host: User, actor: User, now: datetime) -> Booking:
    """Give an upcoming booking to another host at the time it has; both hosts and the bookers are told.

    Raises: SlotTaken when he is not free, or not known to be, here or in a connected calendar; NotToBeHandedOver;
    BookingClosed; TryAgain.
    """

    def work(locked: LockedHosts) -> Booking:
        current = booking_locked(booking.pk, locked)
        current.after(Change.REASSIGN, now)
        if len(current.hosts) > 1 or host == current.host:
            raise NotToBeHandedOver
        known = external.known_of([host.pk], current.period, now)[host.pk]
        if not is_known_free(current, known, now):
            raise SlotTaken
        previous, company = current.host, current.company
        close_alternatives(current, Alternatives.State.OVERTAKEN, now)
        locked.free(current.pk)
        locked.take(claims_of(current, [host]))
        current.host = host
        current.ics_sequence += 1
        current.briefing_sent_at = None  # His successor has not been told yet.
        if current.location_type in LINK_MADE:
            current.location_detail = ""  # It belonged to the host before.
        current.save(update_fields=["host", "ics_sequence", "briefing_sent_at", "location_detail"])
        for attendee in company:
            attendee.ics_sequence += 1
            attendee.save(update_fields=["ics_sequence"])
            record(
                "booking.reassigned",
                attendee,
                now,
                actor=actor,
                before={"host": previous.name},
                after={"host": host.name},
            )
        handed_over = booking_locked(current.pk)
        notices.announce_reassigned(handed_over, previous, now=now)
        return handed_over

    return with_hosts_locked(booking.host_ids | {host.pk}, work)


def put_back(*, booking: Booking, actor: User, now: datetime) -> None:
    """Have its events stand in its hosts' calendars as the booking does, whatever was done to them there."""
    with transaction.atomic():
        calendars.renew_events(BOOKING, [booking.series_id])
        record("booking.put_back", booking.company[0], now, actor=actor)


def note(*, booking: Booking, text: str, actor: User, now: datetime) -> Booking:
    """Keep a note that only members who see the booking read; "" takes it away. In any state of the booking."""
    booking.private_note = text
    booking.noted_by, booking.noted_at = (actor, now) if text else (None, None)
    booking.save(update_fields=["private_note", "noted_by", "noted_at"])
    return booking
