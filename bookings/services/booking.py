"""Making, moving and cancelling bookings: every one through the protocol of `scheduling.services.busy_time`."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4, uuid5

from django.db import transaction

from bookings.domain.assignment import Assignment, Candidate, assign
from bookings.models import Booking, RetiredToken
from bookings.selectors import MANAGE
from bookings.services import answer_files, notices
from scheduling import selectors as scheduling
from scheduling.models import BookingLink, BusyTime, LinkHost
from scheduling.services.busy_time import Claim, LockedHosts, SlotTaken, with_hosts_locked
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
    """What somebody typed to book. `answers` is a list of `{"label", "answer"}` in the form's order."""

    name: str
    email: str
    timezone: str
    phone: str = ""
    notes: str = ""
    answers: Sequence[dict[str, Any]] = ()
    guests: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Draft:
    """A meeting about to be entered: everything of its row that is known before the host's time is taken."""

    workspace_id: UUID
    host: User
    period: Period
    title: str
    strategy: str
    timezone: str
    page_slug: str
    booker: Booker
    nonce: UUID
    location_type: str = ""
    location_detail: str = ""
    link: BookingLink | None = None
    receipt: dict[str, Any] | None = None
    reminder: bool = True
    id: UUID = field(default_factory=uuid4)


def book(*, link: BookingLink, start: datetime, booker: Booker, nonce: UUID, now: datetime) -> Booking:
    """Book this start for this booker, with the host whose turn it is.

    `nonce` belongs to the form: the same details sent twice give the booking they made the first time. Sent again with
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
    host_ids = {host.user_id for host in pool}
    return with_hosts_locked(
        host_ids, lambda locked: _book_locked(locked, host_ids, link.pk, start, booker, key, now)
    )


def booked_before(*, link: BookingLink, start: datetime, booker: Booker, nonce: UUID) -> Booking | None:
    """What the same form made when it was sent before; None when it is sent for the first time."""
    return _already_made(_key(link, start, booker, nonce))


def enter(locked: LockedHosts, draft: Draft, now: datetime) -> Booking:
    """Take the host's time and write the booking with everything that follows from it: mails, audit, the person.

    For callers that hold the hosts and have made sure that the meeting may be.

    Raises: SlotTaken.
    """
    link = draft.link
    locked.take([_claim(draft.id, draft.host.pk, draft.period, draft.workspace_id, draft.title, link)])
    booking = Booking.objects.create(
        id=draft.id,
        workspace_id=draft.workspace_id,
        link=link,
        host=draft.host,
        person=crm.match_or_create(
            workspace_id=draft.workspace_id,
            email=draft.booker.email,
            name=draft.booker.name,
            phone=draft.booker.phone,
        ),
        title=draft.title,
        strategy=draft.strategy,
        starts_at=draft.period.start,
        ends_at=draft.period.end,
        timezone=draft.timezone,
        location_type=draft.location_type,
        location_detail=draft.location_detail,
        booker_name=draft.booker.name,
        booker_email=draft.booker.email,
        booker_phone=draft.booker.phone,
        booker_timezone=draft.booker.timezone,
        notes=draft.booker.notes,
        answers=list(draft.booker.answers),
        page_slug=draft.page_slug,
        manage_token_hash=token_hash(tokens.issue(MANAGE, draft.id)),
        idempotency_key=draft.nonce,
        buffer_before_minutes=link.buffer_before_minutes if link else 0,
        buffer_after_minutes=link.buffer_after_minutes if link else 0,
        assignment_receipt=draft.receipt,
        created_at=now,
    )
    answer_files.attach(
        file_ids=[UUID(answer["file"]) for answer in booking.answers if "file" in answer],
        series_id=booking.series_id,
    )
    notices.announce_booked(booking, reminder=draft.reminder, now=now)
    record("booking.made", booking, now, actor_name=booking.booker_email, after=_facts(booking))
    return booking


def cancel(
    *, booking: Booking, by: Booking.Party, reason: str, now: datetime, actor: User | None = None
) -> Booking:
    """Cancel an upcoming booking and free its time; the other side is told by a calendar CANCEL.

    Raises: BookingClosed; TooLate when the booker is behind the page's cut-off; TryAgain.
    """

    def work(locked: LockedHosts) -> Booking:
        current = (
            Booking.objects.select_for_update(no_key=True, of=("self",))
            .select_related("link", "host")
            .get(pk=booking.pk)
        )
        _ensure_open(current, now)
        if by == Booking.Party.BOOKER:
            ensure_before_cutoff(current, _cutoff(current, "cancel_cutoff_hours"), now)
        locked.free(current.pk)
        current.status = Booking.Status.CANCELLED
        current.cancelled_by = by
        current.cancellation_reason = reason
        current.ended_at = now
        current.ics_sequence += 1
        current.save(
            update_fields=["status", "cancelled_by", "cancellation_reason", "ended_at", "ics_sequence"]
        )
        notices.announce_cancelled(current, now=now)
        record(
            "booking.cancelled",
            current,
            now,
            actor=actor,
            actor_name=current.booker_email,
            before={"status": Booking.Status.CONFIRMED},
            after={"status": current.status, "reason": reason, "cancelled_by": by},
        )
        return current

    return with_hosts_locked([booking.host_id], work)


def reschedule(*, booking: Booking, start: datetime, now: datetime, timezone: str = "") -> Booking:
    """Move an upcoming booking to another start that its link offers, with the same host, as its booker asks.

    The old row stays as "rescheduled"; the new one carries the series, the next SEQUENCE and a fresh manage token.
    Its own time does not stand in its way. `timezone`, where given, is the one he picked the start in: from now on he
    is told of it in that zone. Gives the new booking.

    Raises: SlotTaken; BookingClosed, also when the link is gone; TooLate; TryAgain.
    """

    def work(locked: LockedHosts) -> Booking:
        current = (
            Booking.objects.select_for_update(no_key=True, of=("self",))
            .select_related("link", "host")
            .get(pk=booking.pk)
        )
        _ensure_open(current, now)
        ensure_before_cutoff(current, _cutoff(current, "reschedule_cutoff_hours"), now)
        link = _link_locked(current.link_id)
        if link is None:
            raise BookingClosed("the booking page no longer exists")
        hosts = [host for host in scheduling.hosts_in_order(link) if host.user_id == current.host_id]
        if not hosts or not scheduling.verdict_on(link, start, now, hosts=hosts, without=current.pk).host_ids:
            raise SlotTaken
        locked.free(current.pk)
        moved_id = uuid4()
        period = Period(start, start + timedelta(minutes=link.duration_minutes))
        locked.take([_claim(moved_id, current.host_id, period, current.workspace_id, current.title, link)])
        current.status = Booking.Status.RESCHEDULED
        current.ended_at = now
        current.save(update_fields=["status", "ended_at"])
        moved = _successor(current, moved_id, period, link, timezone, now)
        RetiredToken.objects.create(token_hash=current.manage_token_hash, booking=current, retired_at=now)
        notices.announce_moved(moved, previous=current, reminder=link.reminder_enabled, now=now)
        record(
            "booking.rescheduled",
            moved,
            now,
            actor_name=current.booker_email,
            before={"starts_at": current.starts_at},
            after={"starts_at": moved.starts_at},
        )
        return moved

    return with_hosts_locked([booking.host_id], work)


def renew_manage_token(*, booking: Booking, actor: User, now: datetime) -> str:
    """Give the booker's page a new address; the old one is dead at once. Gives the new token.

    Raises: BookingClosed for a booking that is no longer upcoming.
    """
    with transaction.atomic():
        current = Booking.objects.select_for_update(no_key=True, of=("self",)).get(pk=booking.pk)
        _ensure_open(current, now)
        RetiredToken.objects.create(token_hash=current.manage_token_hash, booking=current, retired_at=now)
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
    host_ids: Collection[UUID],
    link_id: UUID,
    start: datetime,
    booker: Booker,
    key: UUID,
    now: datetime,
) -> Booking:
    made = _already_made(key)
    if made is not None:
        return made
    # The page may be minutes old: rules, hosts and whose turn it is are read again behind the locks.
    link = _link_locked(link_id)
    if link is None:
        raise SlotTaken("the booking page no longer exists")
    # Somebody who joined the pool just now is not locked.
    pool = [host for host in scheduling.hosts_in_order(link) if host.user_id in host_ids]
    verdict = scheduling.verdict_on(link, start, now, hosts=pool)
    if not verdict.host_ids:
        raise SlotTaken
    by_id = {str(host.user_id): host for host in pool}
    excluded: dict[str, list[str]] = defaultdict(list)
    for reason in verdict.reasons:
        excluded[reason.host_id].append(reason.detail)
    assignment = assign(
        [Candidate(host_id, host.user.name, host.rotation, host.weight) for host_id, host in by_id.items()],
        verdict.host_ids,
        excluded,
    )
    chosen = by_id[assignment.host_id]
    draft = _draft_of(link, chosen, start, booker, key, assignment)
    booking = enter(locked, draft, now)
    if link.strategy == BookingLink.Strategy.ROUND_ROBIN:
        chosen.rotation = max(host.rotation for host in pool) + 1
        chosen.save(update_fields=["rotation"])
    return booking


def _link_locked(link_id: UUID | None) -> BookingLink | None:
    """The link as it is now, kept from being changed or deleted until the booking that names it is committed.

    Always after the hosts: who changes links never waits for a host.
    """
    if link_id is None:
        return None
    return BookingLink.objects.select_for_update(no_key=True).filter(pk=link_id).first()


def _draft_of(
    link: BookingLink, chosen: LinkHost, start: datetime, booker: Booker, nonce: UUID, assignment: Assignment
) -> Draft:
    return Draft(
        workspace_id=link.workspace_id,
        host=chosen.user,
        period=Period(start, start + timedelta(minutes=link.duration_minutes)),
        title=link.title,
        strategy=link.strategy,
        timezone=link.zone,
        page_slug=link.slug,
        booker=booker,
        nonce=nonce,
        location_type=link.location_type,
        location_detail=link.location_detail,
        link=link,
        receipt=assignment.receipt if link.strategy == BookingLink.Strategy.ROUND_ROBIN else None,
        reminder=link.reminder_enabled,
    )


def _successor(
    current: Booking, moved_id: UUID, period: Period, link: BookingLink, timezone: str, now: datetime
) -> Booking:
    moved = Booking.objects.get(pk=current.pk)
    moved.pk = moved_id
    moved._state.adding = True
    moved.status = Booking.Status.CONFIRMED
    moved.ended_at = None
    moved.starts_at = period.start
    moved.ends_at = period.end
    moved.booker_timezone = timezone or current.booker_timezone
    moved.briefing_sent_at = None
    moved.ics_sequence = current.ics_sequence + 1
    moved.manage_token_generation = 0
    moved.manage_token_hash = token_hash(tokens.issue(MANAGE, moved_id))
    moved.idempotency_key = uuid4()
    moved.buffer_before_minutes = link.buffer_before_minutes
    moved.buffer_after_minutes = link.buffer_after_minutes
    moved.created_at = now
    moved.save(force_insert=True)
    return moved


def _claim(
    owner_key: UUID, host_id: UUID, period: Period, workspace_id: UUID, title: str, link: BookingLink | None
) -> Claim:
    return Claim(
        workspace_id=workspace_id,
        host_id=host_id,
        period=period,
        kind=BusyTime.Kind.BOOKING,
        owner_key=owner_key,
        label=title,
        link_id=link.pk if link else None,
        buffer_before_minutes=link.buffer_before_minutes if link else 0,
        buffer_after_minutes=link.buffer_after_minutes if link else 0,
    )


def _key(link: BookingLink, start: datetime, booker: Booker, nonce: UUID) -> UUID:
    return uuid5(nonce, f"{link.pk} {start.astimezone(UTC).isoformat()} {booker.email}")


def _already_made(key: UUID) -> Booking | None:
    return Booking.objects.filter(idempotency_key=key).first()


def _ensure_open(booking: Booking, now: datetime) -> None:
    if not booking.is_upcoming(now):
        raise BookingClosed(booking.status)


def _cutoff(booking: Booking, field_name: str) -> int:
    return getattr(booking.link, field_name) if booking.link else 0


def _facts(booking: Booking) -> dict[str, Any]:
    return {
        "host": booking.host.name,
        "booker": booking.booker_email,
        "starts_at": booking.starts_at,
        "ends_at": booking.ends_at,
    }


def record(action: str, booking: Booking, now: datetime, **more: Any) -> None:
    """Put something that happened to a booking into the audit log; `more` as `audit.record` takes it."""
    audit.record(
        workspace_id=booking.workspace_id,
        action=action,
        target_type="booking",
        target_id=booking.pk,
        target_name=str(booking),
        at=now,
        **more,
    )
