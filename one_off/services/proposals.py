"""None of the times suits: what invitees propose instead, and what the host answers. And moving what was picked."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from django.db import transaction
from django.urls import reverse

from bookings.domain.lifecycle import BookingClosed
from bookings.models import Attendee
from bookings.services.booking import Booker, move_to
from bookings.services.records import attendee_locked
from one_off.domain.mail_kinds import DECLINED_INVITEE, PROPOSAL, PROPOSED_HOST
from one_off.models import OneOff, Proposal
from one_off.services import (
    NotOffered,
    OneOffExpired,
    SlotPassed,
    SlotTakenOut,
    book_locked,
    ensure_open,
    latest_of,
    locked_row,
    record,
)
from scheduling.services.busy_time import LockedHosts, SlotTaken, with_hosts_locked
from workestra.accounts.models import User
from workestra.calendars.domain import clock_words as words
from workestra.notifications import services as outbox


class ProposalAnswered(Exception):
    """The host has answered it already, or the invitee has proposed something else since. Nothing was written."""


def propose(
    *,
    one_off: OneOff,
    booker: Booker,
    starts: Sequence[datetime],
    length: timedelta,
    message: str,
    nonce: UUID,
    now: datetime,
    attendee: Attendee | None = None,
) -> Proposal:
    """Keep one to three starts to come as this invitee's proposal, and tell the host. No time of his is taken.

    `attendee` is the invitee when he has picked a time already. `nonce` belongs to the form: sent twice, it gives what
    it made the first time.

    Raises: AlreadyBooked, OneOffExpired, OneOffWithdrawn; BookingClosed when his booking cannot be moved any more.
    """
    with transaction.atomic():
        current = locked_row(one_off.pk)
        # Derived, not the nonce itself: what a browser sends must never be another one-off's proposal.
        key = uuid5(current.pk, str(nonce))
        made = Proposal.objects.filter(nonce=key).first()
        if made is not None:
            return made
        if attendee is None:
            ensure_open(current, latest_of(now))
        else:
            attendee = attendee_locked(attendee)
            if not attendee.is_upcoming(now):
                raise BookingClosed
        waiting = current.proposals.filter(state=Proposal.State.WAITING, email=booker.email)
        waiting.update(state=Proposal.State.REPLACED, answered_at=now)
        proposal = Proposal.objects.create(
            one_off=current,
            attendee=attendee,
            name=booker.name,
            email=booker.email,
            phone=booker.phone,
            timezone=booker.timezone,
            message=message,
            starts=list(starts),
            minutes=int(length / timedelta(minutes=1)),
            nonce=key,
            created_at=now,
        )
        _mail(proposal, PROPOSED_HOST, proposal.host.email)
        zone = ZoneInfo(current.timezone)
        outbox.notify(
            workspace_id=current.workspace_id,
            user_id=proposal.host.pk,
            kind=PROPOSED_HOST,
            topic_id=proposal.pk,
            title=f"{proposal.name} proposes other times for {current.title}",
            rows=[
                (words.day(start.astimezone(zone).date()), words.clock(start, zone))
                for start in proposal.starts
            ],
            path=f"{reverse('one_off:list')}#proposals",
        )
        record("one_off.proposed", current, now, actor_name=booker.email, after={"starts": proposal.starts})
    return proposal


def accept(*, proposal: Proposal, start: datetime, actor: User, now: datetime) -> Attendee:
    """Book a proposed start, or move the invitee's booking there; gives him as the attendee of the booking.

    One that expired since it was proposed is booked all the same: the host says so himself.

    Raises: ProposalAnswered; NotOffered when the start was not proposed; SlotTaken, as SlotPassed when it is over;
    AlreadyBooked, OneOffWithdrawn; BookingClosed; TryAgain.
    """

    def work(locked: LockedHosts) -> Attendee:
        current = locked_row(proposal.one_off_id)
        waiting = _waiting(proposal)
        period = next((each for each in waiting.periods if each.start == start), None)
        if period is None:
            raise NotOffered
        latest = latest_of(now)
        if period.start <= latest:
            raise SlotPassed
        if waiting.attendee is not None:
            attendee = move_to(locked, waiting.attendee, period, now)
            _follow(current, attendee)
        else:
            with suppress(OneOffExpired):
                ensure_open(current, latest)
            booker = Booker(
                name=waiting.name, email=waiting.email, timezone=waiting.timezone, phone=waiting.phone
            )
            attendee = book_locked(locked, current, period, booker, waiting.nonce, now)
        _answer(waiting, Proposal.State.ACCEPTED, now)
        facts = {"starts_at": period.start, "booking": attendee.booking_id}
        record("one_off.proposal_accepted", current, now, actor=actor, after=facts)
        return attendee

    others = proposal.attendee.booking.host_ids if proposal.attendee else set[UUID]()
    return with_hosts_locked({proposal.one_off.host_id} | others, work)


def decline(*, proposal: Proposal, actor: User, now: datetime) -> Proposal:
    """Say that none of the proposed times suits; the invitee is told by mail. Raises: ProposalAnswered."""
    with transaction.atomic():
        current = locked_row(proposal.one_off_id)
        waiting = _waiting(proposal)
        _answer(waiting, Proposal.State.DECLINED, now)
        _mail(waiting, DECLINED_INVITEE, waiting.email)
        record("one_off.proposal_declined", current, now, actor=actor, after={"starts": waiting.starts})
    return waiting


def move(*, one_off: OneOff, attendee: Attendee, slot_id: UUID, timezone: str, now: datetime) -> Attendee:
    """Move what was picked to another offered time that is still free, as its booker asks. Gives the new attendee.

    Raises: NotOffered; SlotTaken, as SlotPassed, as SlotTakenOut; BookingClosed; TryAgain.
    """

    def work(locked: LockedHosts) -> Attendee:
        current = locked_row(one_off.pk)
        slot = current.slots.filter(pk=slot_id).first()
        if slot is None:
            raise NotOffered
        if slot.withdrawn_at is not None:
            raise SlotTakenOut
        if slot.starts_at <= latest_of(now):
            raise SlotPassed
        if slot.period == attendee.booking.period:
            raise SlotTaken("the time it has")
        moved = move_to(locked, attendee, slot.period, now, timezone)
        _follow(current, moved)
        waiting = current.proposals.filter(state=Proposal.State.WAITING, attendee=attendee)
        waiting.update(state=Proposal.State.REPLACED, answered_at=now)
        return moved

    return with_hosts_locked({one_off.host_id} | attendee.booking.host_ids, work)


def _follow(one_off: OneOff, moved: Attendee) -> None:
    one_off.booking = moved.booking
    one_off.save(update_fields=["booking"])


def _waiting(proposal: Proposal) -> Proposal:
    """The proposal as it is now, its row held. Raises: ProposalAnswered."""
    rows = Proposal.objects.select_for_update(of=("self",), no_key=True).select_related("attendee__booking")
    current = rows.get(pk=proposal.pk)
    if current.state != Proposal.State.WAITING:
        raise ProposalAnswered
    return current


def _answer(proposal: Proposal, state: Proposal.State, now: datetime) -> None:
    proposal.state, proposal.answered_at = state, now
    proposal.save(update_fields=["state", "answered_at"])


def _mail(proposal: Proposal, kind: str, recipient: str) -> None:
    outbox.enqueue(
        workspace_id=proposal.one_off.workspace_id,
        topic=PROPOSAL,
        topic_id=proposal.pk,
        kind=kind,
        recipient=recipient,
        seq=0,
    )
