"""Making, moving and cancelling bookings: every one through the protocol of `scheduling.services.busy_time`."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4, uuid5

from django.db import transaction

from bookings.domain.assignment import Candidate, assign, everybody
from bookings.models import Attendee, Booking, RetiredToken
from bookings.selectors import MANAGE, freed_by_moving, host_to_keep
from bookings.services import answer_files, notices
from scheduling import selectors as scheduling
from scheduling.domain.slots import Verdict
from scheduling.models import BookingLink, BusyTime, LinkHost
from scheduling.services.busy_time import Claim, LockedHosts, SlotTaken, TryAgain, with_hosts_locked
from workestra.accounts import tokens
from workestra.accounts.domain.tokens import token_hash
from workestra.accounts.models import User
from workestra.audit import services as audit
from workestra.calendars.domain.period import Period
from workestra.crm import services as crm


class BookingClosed(Exception):
    """The booking can no longer be changed: it has begun, was cancelled, or has moved to another time."""


class TooLate(Exception):
    """The page's cut-off for the booker has passed."""

    def __init__(self, hours: int) -> None:
        super().__init__(f"less than {hours} hours before the start")
        self.hours = hours


@dataclass(frozen=True, slots=True)
class Booker:
    """What somebody typed to book. `answers` is a list of `{"label", "answer"}` in the form's order.

    `guests` are addresses of others who get the invitation, at most `MOST_GUESTS`.
    """

    name: str
    email: str
    timezone: str
    phone: str = ""
    notes: str = ""
    answers: Sequence[dict[str, Any]] = ()
    guests: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Draft:
    """A meeting about to be entered: everything of its row that is known before the hosts' time is taken."""

    workspace_id: UUID
    hosts: Sequence[User]
    period: Period
    title: str
    strategy: str
    timezone: str
    page_slug: str
    location_type: str = ""
    location_detail: str = ""
    capacity: int = 1
    link: BookingLink | None = None
    receipt: dict[str, Any] | None = None
    reminder: bool = True
    id: UUID = field(default_factory=uuid4)


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
    pool = scheduling.hosts_in_order(link)
    if not scheduling.verdict_on(link, start, now, hosts=pool).host_ids:
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
    return _welcome(_open(locked, draft, now), booker, nonce, draft.reminder, now)


def cancel_by_booker(*, attendee: Attendee, reason: str, now: datetime) -> Attendee:
    """Cancel an upcoming booking as its booker and free its time; the hosts are told by a calendar CANCEL.

    Of a group session only his seat is free again, until he was the last. Raises: BookingClosed; TooLate behind the
    page's cut-off; TryAgain.
    """

    def work(locked: LockedHosts) -> Attendee:
        current = _attendee_locked(attendee)
        _ensure_open(current, now)
        ensure_before_cutoff(current.booking, _cutoff(current.booking, "cancel_cutoff_hours"), now)
        _cancel_locked(locked, current.booking, [current], Attendee.Party.BOOKER, reason, now)
        return current

    return with_hosts_locked(attendee.booking.host_ids, work)


def cancel_by_host(*, booking: Booking, reason: str, actor: User, now: datetime) -> Booking:
    """Cancel an upcoming booking and free its time; whoever booked it is told by a calendar CANCEL.

    Raises: BookingClosed; TryAgain.
    """

    def work(locked: LockedHosts) -> Booking:
        current = _booking_locked(booking.pk)
        if not current.is_upcoming(now):
            raise BookingClosed(current.status)
        _cancel_locked(locked, current, current.company, Attendee.Party.HOST, reason, now, actor=actor)
        return current

    return with_hosts_locked(booking.host_ids, work)


def cancel_attendee(*, attendee: Attendee, reason: str, actor: User, now: datetime) -> Attendee:
    """Cancel one attendee's part of an upcoming booking as its host; the others of a group session still meet.

    Raises: BookingClosed; TryAgain.
    """

    def work(locked: LockedHosts) -> Attendee:
        current = _attendee_locked(attendee)
        _ensure_open(current, now)
        _cancel_locked(locked, current.booking, [current], Attendee.Party.HOST, reason, now, actor=actor)
        return current

    return with_hosts_locked(attendee.booking.host_ids, work)


def reschedule(*, attendee: Attendee, start: datetime, now: datetime, timezone: str = "") -> Attendee:
    """Move an upcoming booking to another start that its link offers, with the same host, as its booker asks.

    The old rows stay as "rescheduled"; the new ones carry the series, the next SEQUENCE and a fresh manage token.
    Its own time does not stand in its way. Of a group session with others he alone moves, to a seat of another one.
    `timezone`, where given, is the one he picked the start in: from now on he is told of it in that zone. Gives the
    attendee of the new booking.

    Raises: SlotTaken; BookingClosed, also when the link is gone; TooLate; TryAgain.
    """

    def work(locked: LockedHosts) -> Attendee:
        current = _attendee_locked(attendee)
        booking = current.booking
        _ensure_open(current, now)
        ensure_before_cutoff(booking, _cutoff(booking, "reschedule_cutoff_hours"), now)
        link = _link_locked(booking.link_id)
        if link is None:
            raise BookingClosed("the booking page no longer exists")
        hosts = _present(locked, link, _hosts_to_move_to(booking, link))
        verdict = scheduling.verdict_on(link, start, now, hosts=hosts, without=freed_by_moving(booking))
        session = _session_at(link, start)
        if not verdict.host_ids or session == booking:
            raise SlotTaken
        if session is None and booking.attendee_count == 1:
            successor = _move(locked, booking, start, link, _users(hosts), now)
        else:
            booking.attendee_count -= 1
            _settle(locked, booking, now)
            if session is None:
                successor = _open(locked, _draft_of(link, hosts, start), now)
            else:
                successor = _take_seat(locked, session, link)
        _leave(current, Booking.Status.RESCHEDULED, now)
        moved = _attendee_at(successor, current, timezone, now)
        notices.announce_moved(moved, previous=current, reminder=link.reminder_enabled, now=now)
        record(
            "booking.rescheduled",
            moved,
            now,
            actor_name=current.email,
            before={"starts_at": booking.starts_at},
            after={"starts_at": successor.starts_at},
        )
        return moved

    link = attendee.booking.link
    others = {host.user_id for host in _hosts_to_move_to(attendee.booking, link)} if link else set()
    return with_hosts_locked(attendee.booking.host_ids | others, work)


def renew_manage_token(*, attendee: Attendee, actor: User, now: datetime) -> str:
    """Give the attendee's page a new address; the old one is dead at once. Gives the new token.

    Raises: BookingClosed when he is no longer to come.
    """
    with transaction.atomic():
        current = _attendee_locked(attendee)
        _ensure_open(current, now)
        _retire_token(current, now)
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
    link = _link_locked(link_id)
    if link is None:
        raise SlotTaken("the booking page no longer exists")
    pool = _present(locked, link, scheduling.hosts_in_order(link))
    verdict = scheduling.verdict_on(link, start, now, hosts=pool)
    if not verdict.host_ids:
        raise SlotTaken
    session = _session_at(link, start)
    if session is not None:
        return _welcome(_take_seat(locked, session, link), booker, key, link.reminder_enabled, now)
    hosts, receipt = _assigned(link, pool, verdict)
    attendee = enter(locked, _draft_of(link, hosts, start, receipt), booker, key, now)
    if link.strategy == BookingLink.Strategy.ROUND_ROBIN:
        (chosen,) = hosts
        chosen.rotation = max(host.rotation for host in pool) + 1
        chosen.save(update_fields=["rotation"])
    return attendee


def _present(locked: LockedHosts, link: BookingLink, hosts: Sequence[LinkHost]) -> list[LinkHost]:
    """Those of the hosts that are locked: somebody may have joined them just now.

    Raises: TryAgain when somebody has, and everybody is needed.
    """
    present = [host for host in hosts if host.user_id in locked]
    if link.strategy == BookingLink.Strategy.COLLECTIVE and len(present) < len(hosts):
        raise TryAgain
    return present


def _hosts_to_move_to(booking: Booking, link: BookingLink) -> list[LinkHost]:
    keep = host_to_keep(booking, link)
    return [host for host in scheduling.hosts_in_order(link) if keep in {None, host.user_id}]


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


def _link_locked(link_id: UUID | None) -> BookingLink | None:
    """The link as it is now, kept from being changed or deleted until the booking that names it is committed.

    Always after the hosts: who changes links never waits for a host.
    """
    if link_id is None:
        return None
    return BookingLink.objects.select_for_update(no_key=True).filter(pk=link_id).first()


def _booking_locked(booking_id: UUID) -> Booking:
    """The booking as it is now. Whoever changes it or one of its attendees holds its row."""
    return (
        Booking.objects.select_for_update(no_key=True, of=("self",))
        .select_related("link", "host")
        .get(pk=booking_id)
    )


def _attendee_locked(attendee: Attendee) -> Attendee:
    return _booking_locked(attendee.booking_id).attendees.get(pk=attendee.pk)


def _session_at(link: BookingLink, start: datetime) -> Booking | None:
    """The session of a group link that begins then, to be changed; None when there is none, or the link has none."""
    if link.strategy != BookingLink.Strategy.GROUP:
        return None
    sessions = Booking.objects.filter(
        link=link, starts_at=start, strategy=link.strategy, status=Booking.Status.CONFIRMED
    )
    return sessions.select_for_update(no_key=True, of=("self",)).select_related("link", "host").first()


def _users(hosts: Iterable[LinkHost]) -> list[User]:
    """The hosts as bookings know them: the lowest id comes first."""
    return sorted((host.user for host in hosts), key=lambda user: user.pk)


def _draft_of(
    link: BookingLink, hosts: Sequence[LinkHost], start: datetime, receipt: dict[str, Any] | None = None
) -> Draft:
    return Draft(
        workspace_id=link.workspace_id,
        hosts=_users(hosts),
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


def _open(locked: LockedHosts, draft: Draft, now: datetime) -> Booking:
    """Take the hosts' time and write the booking, which counts its first attendee already."""
    link = draft.link
    booking = Booking(
        id=draft.id,
        workspace_id=draft.workspace_id,
        link=link,
        host=draft.hosts[0],
        title=draft.title,
        strategy=draft.strategy,
        starts_at=draft.period.start,
        ends_at=draft.period.end,
        timezone=draft.timezone,
        location_type=draft.location_type,
        location_detail=draft.location_detail,
        capacity=draft.capacity,
        page_slug=draft.page_slug,
        buffer_before_minutes=link.buffer_before_minutes if link else 0,
        buffer_after_minutes=link.buffer_after_minutes if link else 0,
        assignment_receipt=draft.receipt,
        created_at=now,
    )
    _take(locked, booking, draft.hosts)
    return booking


def _move(
    locked: LockedHosts,
    booking: Booking,
    start: datetime,
    link: BookingLink,
    hosts: Sequence[User],
    now: datetime,
) -> Booking:
    """Take the hosts' time at another start in place of the booking's; gives its successor there."""
    locked.free(booking.pk)
    moved = Booking.objects.get(pk=booking.pk)
    moved.pk = uuid4()
    moved._state.adding = True
    moved.host = hosts[0]
    moved.strategy = link.strategy
    moved.capacity = link.capacity
    moved.starts_at = start
    moved.ends_at = start + timedelta(minutes=link.duration_minutes)
    moved.briefing_sent_at = None
    moved.ics_sequence = booking.ics_sequence + 1
    moved.buffer_before_minutes = link.buffer_before_minutes
    moved.buffer_after_minutes = link.buffer_after_minutes
    moved.created_at = now
    _end(booking, Booking.Status.RESCHEDULED, now)
    _take(locked, moved, hosts)
    return moved


def _take(locked: LockedHosts, booking: Booking, hosts: Sequence[User]) -> None:
    """Take the booking's time of all its hosts, and write it. Raises: SlotTaken."""
    locked.take(
        [
            Claim(
                workspace_id=booking.workspace_id,
                host_id=host.pk,
                period=booking.period,
                kind=BusyTime.Kind.BOOKING,
                owner_key=booking.pk,
                label=booking.title,
                link_id=booking.link_id,
                buffer_before_minutes=booking.buffer_before_minutes,
                buffer_after_minutes=booking.buffer_after_minutes,
                seats_taken=booking.attendee_count if booking.is_group else None,
            )
            for host in hosts
        ]
    )
    booking.save(force_insert=True)
    if len(hosts) > 1:
        booking.co_hosts.set(hosts[1:])


def _take_seat(locked: LockedHosts, session: Booking, link: BookingLink) -> Booking:
    """One more for a session that has a seat left of those that the link has now."""
    session.attendee_count += 1
    session.capacity = link.capacity
    session.save(update_fields=["attendee_count", "capacity"])
    locked.seat(session.pk, session.attendee_count)
    return session


def _settle(locked: LockedHosts, booking: Booking, now: datetime) -> None:
    """After somebody has left: the others' session stands, without anybody the booking is cancelled."""
    if booking.attendee_count:
        booking.save(update_fields=["attendee_count"])
        locked.seat(booking.pk, booking.attendee_count)
    else:
        locked.free(booking.pk)
        booking.ics_sequence += 1
        _end(booking, Booking.Status.CANCELLED, now)


def _welcome(booking: Booking, booker: Booker, key: UUID, reminder: bool, now: datetime) -> Attendee:
    """Write the attendee of a booking that counts him already, with what follows from it."""
    attendee = _admit(booking, booker, key, now)
    notices.announce_booked(attendee, reminder=reminder, now=now)
    record("booking.made", attendee, now, actor_name=attendee.email, after=_facts(attendee))
    return attendee


def _admit(booking: Booking, booker: Booker, key: UUID, now: datetime) -> Attendee:
    attendee_id = uuid4()
    attendee = Attendee.objects.create(
        id=attendee_id,
        booking=booking,
        person=crm.match_or_create(
            workspace_id=booking.workspace_id,
            email=booker.email,
            name=booker.name,
            phone=booker.phone,
            now=now,
        ),
        name=booker.name,
        email=booker.email,
        phone=booker.phone,
        timezone=booker.timezone,
        notes=booker.notes,
        answers=list(booker.answers),
        guests=list(booker.guests),
        series_id=uuid4() if booking.is_group else booking.series_id,
        manage_token_hash=token_hash(tokens.issue(MANAGE, attendee_id)),
        idempotency_key=key,
        created_at=now,
    )
    answer_files.attach(
        file_ids=[UUID(answer["file"]) for answer in attendee.answers if "file" in answer],
        series_id=attendee.series_id,
    )
    return attendee


def _cancel_locked(
    locked: LockedHosts,
    booking: Booking,
    leaving: Sequence[Attendee],
    by: Attendee.Party,
    reason: str,
    now: datetime,
    actor: User | None = None,
) -> None:
    booking.attendee_count -= len(leaving)
    _settle(locked, booking, now)
    for attendee in leaving:
        attendee.cancelled_by = by
        attendee.reason = reason
        attendee.ics_sequence += 1
        _leave(attendee, Booking.Status.CANCELLED, now)
        record(
            "booking.cancelled",
            attendee,
            now,
            actor=actor,
            actor_name=attendee.email,
            before={"status": Booking.Status.CONFIRMED},
            after={"status": attendee.status, "reason": reason, "cancelled_by": by},
        )
    notices.announce_cancelled(booking, leaving, now=now)


def _end(booking: Booking, status: Booking.Status, now: datetime) -> None:
    booking.status = status
    booking.ended_at = now
    booking.attendee_count = 0
    booking.save(update_fields=["status", "ended_at", "attendee_count", "ics_sequence"])


def _leave(attendee: Attendee, status: Booking.Status, now: datetime) -> None:
    attendee.status = status
    attendee.ended_at = now
    attendee.save(update_fields=["status", "ended_at", "cancelled_by", "reason", "ics_sequence"])


def _attendee_at(booking: Booking, previous: Attendee, timezone: str, now: datetime) -> Attendee:
    """Who attended another booking, as an attendee of this one. His old manage token is replaced."""
    _retire_token(previous, now)
    moved = Attendee.objects.get(pk=previous.pk)
    moved.pk = uuid4()
    moved._state.adding = True
    moved.booking = booking
    moved.status = Booking.Status.CONFIRMED
    moved.ended_at = None
    moved.timezone = timezone or previous.timezone
    moved.ics_sequence = previous.ics_sequence + 1
    moved.manage_token_generation = 0
    moved.manage_token_hash = token_hash(tokens.issue(MANAGE, moved.pk))
    moved.idempotency_key = uuid4()
    moved.created_at = now
    moved.save(force_insert=True)
    return moved


def _retire_token(attendee: Attendee, now: datetime) -> None:
    RetiredToken.objects.create(token_hash=attendee.manage_token_hash, attendee=attendee, retired_at=now)


def _key(link: BookingLink, start: datetime, booker: Booker, nonce: UUID) -> UUID:
    return uuid5(nonce, f"{link.pk} {start.astimezone(UTC).isoformat()} {booker.email}")


def _already_made(key: UUID) -> Attendee | None:
    return Attendee.objects.filter(idempotency_key=key).select_related("booking").first()


def _ensure_open(attendee: Attendee, now: datetime) -> None:
    if not attendee.is_upcoming(now):
        raise BookingClosed(attendee.status)


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


def record(action: str, attendee: Attendee, now: datetime, **more: Any) -> None:
    """Put something that happened to an attendee's booking into the audit log; `more` as `audit.record` takes it."""
    booking = attendee.booking
    audit.record(
        workspace_id=booking.workspace_id,
        action=action,
        target_type="booking",
        target_id=booking.pk,
        target_name=f"{booking.title} with {attendee.name}",
        at=now,
        **more,
    )
