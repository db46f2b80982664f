"""Making, moving and cancelling bookings: every one through the protocol of `scheduling.services.busy_time`."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from django.db import transaction

from bookings.domain.assignment import Candidate, assign, everybody
from bookings.domain.lifecycle import BookingClosed, Change
from bookings.models import Attendee, Booking
from bookings.selectors import MANAGE, freed_by_moving
from bookings.services import notices
from bookings.services.records import (
    Booker,
    Draft,
    admit,
    attendee_at,
    attendee_locked,
    booking_locked,
    leave,
    link_locked,
    move_booking,
    open_booking,
    record,
    retire_token,
)
from bookings.services.sessions import hosts_to_move_to, in_order, present, session_at, settle, take_seat
from scheduling.domain.slots import Verdict
from scheduling.models import BookingLink, LinkHost
from scheduling.selectors.times import hosts_in_order, verdict_on
from scheduling.services.busy_time import LockedHosts, SlotTaken, with_hosts_locked
from workestra.accounts import tokens
from workestra.accounts.domain.tokens import token_hash
from workestra.accounts.models import User
from workestra.calendars.domain.period import Period

__all__ = [
    "Booker",
    "BookingClosed",
    "Draft",
    "TooLate",
    "book",
    "booked_before",
    "cancel_attendee",
    "cancel_by_booker",
    "cancel_by_host",
    "ensure_before_cutoff",
    "enter",
    "move_to",
    "renew_manage_token",
    "reschedule",
]


class TooLate(Exception):
    """The page's cut-off for the booker has passed."""

    def __init__(self, hours: int) -> None:
        super().__init__(f"less than {hours} hours before the start")
        self.hours = hours


def book(*, link: BookingLink, start: datetime, booker: Booker, nonce: UUID, now: datetime) -> Attendee:
    """Book this start for this booker, with the host whose turn it is, with all of them, or a seat of its session.

    Gives him as the attendee of the booking.

    `nonce` belongs to the form: the same details sent twice give what they made the first time. Sent again with
    another address or start, as after going back in the browser, they are another booking.

    Raises: SlotTaken when the link does not (or no longer) offer the start; TryAgain.
    """
    key = _key(link, start, booker, nonce)
    made = _already_made(key)
    if made is not None:
        return made
    pool = hosts_in_order(link)
    offered = verdict_on(link, start, now, hosts=pool).host_ids
    if not offered:
        # The first of two clicks may have taken it since.
        made = _already_made(key)
        if made is not None:
            return made
        raise SlotTaken
    return with_hosts_locked(
        [host.user_id for host in pool],
        lambda locked: _book_locked(locked, link.pk, start, booker, key, now),
    )


def booked_before(*, link: BookingLink, start: datetime, booker: Booker, nonce: UUID) -> Attendee | None:
    """What the same form made when it was sent before; None when it is sent for the first time."""
    return _already_made(_key(link, start, booker, nonce))


def enter(locked: LockedHosts, draft: Draft, booker: Booker, nonce: UUID, now: datetime) -> Attendee:
    """Take the hosts' time and write the booking with everything that follows from it: mails, audit, the person.

    For callers that hold the hosts and have made sure that the meeting may be.

    Raises: SlotTaken.
    """
    return _welcome(open_booking(locked, draft, now), booker, nonce, draft.reminder, now)


def cancel_by_booker(*, attendee: Attendee, reason: str, now: datetime) -> Attendee:
    """Cancel an upcoming booking as its booker and free its time; the hosts are told by a calendar CANCEL.

    Of a group session only his seat is free again, until he was the last. Raises: BookingClosed; TooLate behind the
    page's cut-off; TryAgain.
    """

    def work(locked: LockedHosts) -> Attendee:
        current = attendee_locked(attendee, locked)
        current.after(Change.CANCEL, now)
        ensure_before_cutoff(current.booking, _cutoff(current.booking, "cancel_cutoff_hours"), now)
        _cancel_locked(locked, current.booking, [current], Attendee.Party.BOOKER, reason, now)
        return current

    return with_hosts_locked(attendee.booking.host_ids, work)


def cancel_by_host(*, booking: Booking, reason: str, actor: User, now: datetime) -> Booking:
    """Cancel an upcoming booking and free its time; whoever booked it is told by a calendar CANCEL.

    Raises: BookingClosed; TryAgain.
    """

    def work(locked: LockedHosts) -> Booking:
        current = booking_locked(booking.pk, locked)
        current.after(Change.CANCEL, now)
        _cancel_locked(locked, current, current.company, Attendee.Party.HOST, reason, now, actor=actor)
        return current

    return with_hosts_locked(booking.host_ids, work)


def cancel_attendee(*, attendee: Attendee, reason: str, actor: User, now: datetime) -> Attendee:
    """Cancel one attendee's part of an upcoming booking as its host; the others of a group session still meet.

    Raises: BookingClosed; TryAgain.
    """

    def work(locked: LockedHosts) -> Attendee:
        current = attendee_locked(attendee, locked)
        current.after(Change.CANCEL, now)
        _cancel_locked(locked, current.booking, [current], Attendee.Party.HOST, reason, now, actor=actor)
        return current

    return with_hosts_locked(attendee.booking.host_ids, work)


def reschedule(
    *, attendee: Attendee, start: datetime, now: datetime, timezone: str = "", message: str = ""
) -> Attendee:
    """Move an upcoming booking to another start that its link offers, with the same host, as its booker asks.

    The old rows stay as "rescheduled"; the new ones carry the series, the next SEQUENCE and a fresh manage token.
    Its own time does not stand in its way. Of a group session with others he alone moves, to a seat of another one.
    `timezone`, where given, is the one he picked the start in: from now on he is told of it in that zone. `message` is
    for the hosts. Gives the attendee of the new booking.

    Raises: SlotTaken; BookingClosed, also when the link is gone; TooLate; TryAgain.
    """

    def work(locked: LockedHosts) -> Attendee:
        current = attendee_locked(attendee, locked)
        booking = current.booking
        ended = current.after(Change.MOVE, now)
        ensure_before_cutoff(booking, _cutoff(booking, "reschedule_cutoff_hours"), now)
        link = link_locked(booking.link_id)
        if link is None:
            raise BookingClosed("the booking page no longer exists")
        hosts = present(locked, link, hosts_to_move_to(booking, link))
        verdict = verdict_on(link, start, now, hosts=hosts, without=freed_by_moving(booking))
        session = session_at(link, start)
        if not verdict.host_ids or session == booking:
            raise SlotTaken
        if session is None and booking.attendee_count == 1:
            period = Period(start, start + timedelta(minutes=link.duration_minutes))
            successor = move_booking(locked, booking, period, in_order(hosts), now, terms=link)
        else:
            booking.attendee_count -= 1
            settle(locked, booking, now)
            if session is None:
                successor = open_booking(locked, _draft_of(link, hosts, start), now)
            else:
                successor = take_seat(locked, session, link)
        current.reason = message
        return _moved(current, successor, ended, timezone, now, reminder=link.reminder_enabled)

    link = attendee.booking.link
    others = {host.user_id for host in hosts_to_move_to(attendee.booking, link)} if link else set()
    return with_hosts_locked(attendee.booking.host_ids | others, work)


def move_to(
    locked: LockedHosts, attendee: Attendee, period: Period, now: datetime, timezone: str = ""
) -> Attendee:
    """Move an upcoming booking that has no page to a time that its host offers or accepts, as its only booker asks.

    For callers that hold the hosts. The rows are those of `reschedule`. Raises: SlotTaken; BookingClosed; TryAgain.
    """
    current = attendee_locked(attendee, locked)
    ended = current.after(Change.MOVE, now)
    successor = move_booking(locked, current.booking, period, current.booking.hosts, now)
    return _moved(current, successor, ended, timezone, now, reminder=True)


def renew_manage_token(*, attendee: Attendee, actor: User, now: datetime) -> str:
    """Give the attendee's page a new address; the old one is dead at once. Gives the new token.

    Raises: BookingClosed when he is no longer to come.
    """
    with transaction.atomic():
        current = attendee_locked(attendee)
        current.after(Change.RENEW_LINK, now)
        retire_token(current, now)
        current.manage_token_generation += 1
        token = tokens.issue(MANAGE, current.pk, current.manage_token_generation)
        current.manage_token_hash = token_hash(token)
        current.save(update_fields=["manage_token_generation", "manage_token_hash"])
        record("booking.manage_link_renewed", current, now, actor=actor)
    return token


def ensure_before_cutoff(booking: Booking, hours: int, now: datetime) -> None:
    """Raises: TooLate when fewer than `hours` remain before the start; 0 hours means no cut-off."""
    if hours and now > booking.starts_at - timedelta(hours=hours):
        raise TooLate(hours)


def _book_locked(
    locked: LockedHosts,
    link_id: UUID,
    start: datetime,
    booker: Booker,
    key: UUID,
    now: datetime,
) -> Attendee:
    made = _already_made(key)
    if made is not None:
        return made
    # The page may be minutes old: rules, hosts and whose turn it is are read again behind the locks.
    link = link_locked(link_id)
    if link is None:
        raise SlotTaken("the booking page no longer exists")
    pool = present(locked, link, hosts_in_order(link))
    verdict = verdict_on(link, start, now, hosts=pool)
    if not verdict.host_ids:
        raise SlotTaken
    session = session_at(link, start)
    if session is not None:
        return _welcome(take_seat(locked, session, link), booker, key, link.reminder_enabled, now)
    hosts, receipt = _assigned(link, pool, verdict)
    attendee = enter(locked, _draft_of(link, hosts, start, receipt), booker, key, now)
    if link.strategy == BookingLink.Strategy.ROUND_ROBIN:
        (chosen,) = hosts
        chosen.rotation = max(host.rotation for host in pool) + 1
        chosen.save(update_fields=["rotation"])
    return attendee


def _assigned(
    link: BookingLink, pool: Sequence[LinkHost], verdict: Verdict
) -> tuple[list[LinkHost], dict[str, Any] | None]:
    """Which hosts the meeting is with, and the receipt of how several were chosen from."""
    by_id = {str(host.user_id): host for host in pool}
    candidates = [
        Candidate(host_id, host.user.name, host.rotation, host.weight) for host_id, host in by_id.items()
    ]
    match BookingLink.Strategy(link.strategy):
        case BookingLink.Strategy.ROUND_ROBIN:
            excluded: dict[str, list[str]] = defaultdict(list)
            for reason in verdict.reasons:
                excluded[reason.host_id].append(reason.detail)
            assignment = assign(candidates, verdict.host_ids, excluded)
        case BookingLink.Strategy.COLLECTIVE:
            assignment = everybody(candidates)
        case _:
            return list(pool), None
    return [by_id[host_id] for host_id in assignment.host_ids], assignment.receipt


def _draft_of(
    link: BookingLink, hosts: Sequence[LinkHost], start: datetime, receipt: dict[str, Any] | None = None
) -> Draft:
    return Draft(
        workspace_id=link.workspace_id,
        hosts=in_order(hosts),
        period=Period(start, start + timedelta(minutes=link.duration_minutes)),
        title=link.title,
        strategy=link.strategy,
        timezone=link.zone,
        page_slug=link.slug,
        location_type=link.location_type,
        location_detail=link.location_detail,
        capacity=link.capacity,
        link=link,
        receipt=receipt,
        reminder=link.reminder_enabled,
    )


def _welcome(booking: Booking, booker: Booker, key: UUID, reminder: bool, now: datetime) -> Attendee:
    """Write the attendee of a booking that counts him already, with what follows from it."""
    attendee = admit(booking, booker, key, now)
    notices.announce_booked(attendee, reminder=reminder, now=now)
    record("booking.made", attendee, now, actor_name=attendee.email, after=_facts(attendee))
    return attendee


def _moved(
    current: Attendee,
    successor: Booking,
    ended: Booking.Status,
    timezone: str,
    now: datetime,
    *,
    reminder: bool,
) -> Attendee:
    """Write who has moved to another booking as its attendee, and tell everybody."""
    current.ended_by = Attendee.Party.BOOKER
    leave(current, ended, now)
    moved = attendee_at(successor, current, timezone, now)
    notices.announce_moved(moved, previous=current, reminder=reminder, now=now)
    record(
        "booking.rescheduled",
        moved,
        now,
        actor_name=current.email,
        before={"starts_at": current.booking.starts_at},
        after={"starts_at": successor.starts_at, "message": current.reason},
    )
    return moved


def _cancel_locked(
    locked: LockedHosts,
    booking: Booking,
    leaving: Sequence[Attendee],
    by: Attendee.Party,
    reason: str,
    now: datetime,
    actor: User | None = None,
) -> None:
    cancelled = booking.after(Change.CANCEL, now)
    booking.attendee_count -= len(leaving)
    settle(locked, booking, now)
    for attendee in leaving:
        attendee.ended_by = by
        attendee.ended_by_user = actor
        attendee.reason = reason
        attendee.ics_sequence += 1
        leave(attendee, cancelled, now)
        record(
            "booking.cancelled",
            attendee,
            now,
            actor=actor,
            actor_name=attendee.email,
            before={"status": Booking.Status.CONFIRMED},
            after={"status": attendee.status, "reason": reason, "ended_by": by},
        )
    notices.announce_cancelled(booking, leaving, now=now)


def _key(link: BookingLink, start: datetime, booker: Booker, nonce: UUID) -> UUID:
    return uuid5(nonce, f"{link.pk} {start.astimezone(UTC).isoformat()} {booker.email}")


def _already_made(key: UUID) -> Attendee | None:
    return Attendee.objects.filter(idempotency_key=key).select_related("booking").first()


def _cutoff(booking: Booking, field_name: str) -> int:
    return getattr(booking.link, field_name) if booking.link else 0


def _facts(attendee: Attendee) -> dict[str, Any]:
    booking = attendee.booking
    return {
        "host": booking.host_names,
        "booker": attendee.email,
        "starts_at": booking.starts_at,
        "ends_at": booking.ends_at,
    }
