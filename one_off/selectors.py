"""Reads about one-offs: the host's own, the one behind an address, and what stands in the way of its times."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.urls import reverse

from bookings.models import Attendee, Booking
from bookings.selectors.taken import Clash, busy_of, seen_busy
from one_off.calendar_events import PLACEHOLDERS
from one_off.domain.offers import SlotState
from one_off.models import OfferedSlot, OneOff, Proposal
from workestra.accounts import tokens
from workestra.accounts.domain.tokens import token_hash
from workestra.accounts.models import Membership
from workestra.calendars.domain.period import Period
from workestra.calendars.placeholders import HeldTime

PICK: Final = "one-off"


@dataclass(frozen=True, slots=True)
class OfferedTime:
    """An offered time with what it is now; `clashes` are what else the host has then, while it is still offered."""

    slot: OfferedSlot
    state: SlotState
    clashes: Sequence[Clash] = ()


def one_offs_of(member: Membership) -> QuerySet[OneOff]:
    """The one-offs that this member hosts in this workspace, newest first, with slots, bookings and bookers."""
    return (
        OneOff.objects.filter(workspace=member.workspace, host=member.user_id)
        .select_related("booking", "host", "workspace")
        .prefetch_related("slots", "booking__attendees")
    )


def in_state(state: OneOff.State, now: datetime) -> Q:
    """The condition that `OneOff.state_at(now)` is this state."""
    expired = Q(state=OneOff.State.OPEN, expires_at__lte=now)
    match state:
        case OneOff.State.OPEN:
            return Q(state=OneOff.State.OPEN) & ~expired
        case OneOff.State.EXPIRED:
            return Q(state=OneOff.State.EXPIRED) | expired
    return Q(state=state)


def count_by_state(member: Membership, now: datetime) -> dict[OneOff.State, int]:
    """How many one-offs the member hosts in each state at `now`, in the order of the states; zeros are there too."""
    counts = OneOff.objects.filter(workspace=member.workspace, host=member.user_id).aggregate(
        **{state.value: Count("pk", filter=in_state(state, now)) for state in OneOff.State}
    )
    return {state: counts[state.value] for state in OneOff.State}


def held_slots(member: Membership, now: datetime) -> int:
    """How many times to come are held at `now` for the member's one-offs."""
    return OfferedSlot.objects.filter(
        one_off__in=OneOff.objects.filter(
            in_state(OneOff.State.OPEN, now), workspace=member.workspace, host=member.user_id, reserve=True
        ),
        starts_at__gt=now,
        withdrawn_at=None,
    ).count()


def zone_of_invitee(one_off: OneOff) -> str:
    """The zone in which its invitee last booked with this host; "" when he has not, or nobody knows who he is."""
    if not one_off.invitee_email:
        return ""
    before = Attendee.objects.filter(
        booking__workspace=one_off.workspace_id, booking__host=one_off.host_id, email=one_off.invitee_email
    )
    return before.order_by("-created_at").values_list("timezone", flat=True).first() or ""


def token_of(one_off: OneOff) -> str | None:
    """The secret of its public page; None when the key it was made under is gone."""
    return tokens.reissue(PICK, one_off.pk, 0, one_off.token_hash)


def one_off_by_token(token: str) -> OneOff | None:
    """The one-off behind `/one-off/<token>`, whatever its state, with its host and workspace; None when there is none.

    Nor is there one when its host no longer works in the workspace.
    """
    at_work = Membership.objects.filter(
        user=OuterRef("host"), workspace=OuterRef("workspace"), is_active=True, user__is_active=True
    )
    return (
        OneOff.objects.filter(Exists(at_work), token_hash=token_hash(token))
        .select_related("host", "workspace", "booking")
        .first()
    )


def one_off_of_booking(booking: Booking) -> OneOff | None:
    """The one-off that this booking, or one of its series before it, was picked from."""
    found = OneOff.objects.filter(booking__series_id=booking.series_id)
    return found.select_related("host", "workspace", "booking").first()


def left_of(one_off: OneOff, booking: Booking, now: datetime) -> list[OfferedTime]:
    """What else of a booked one-off is to come, and free for who hosts it now, by start.

    The booking's own time does not stand in its way.
    """
    slots = one_off.slots.filter(withdrawn_at=None, starts_at__gt=now).exclude(
        starts_at=booking.starts_at, ends_at=booking.ends_at
    )
    busy = [
        clash
        for clash in busy_of(booking.host_id, [slot.period for slot in slots], now)
        if clash.owner_key != booking.pk
    ]
    return [
        OfferedTime(slot, SlotState.OPEN)
        for slot in slots
        if not any(clash.period.overlaps(slot.period) for clash in busy)
    ]


@dataclass(frozen=True, slots=True)
class Proposed:
    """A proposed time with what else the host has then."""

    period: Period
    clashes: Sequence[Clash]
    has_passed: bool

    @property
    def is_free(self) -> bool:
        return not self.has_passed and all(clash.is_elsewhere for clash in self.clashes)


@dataclass(frozen=True, slots=True)
class WaitingProposal:
    """A proposal with its times. `is_own` when it is to a one-off of the member himself, whose page he may see."""

    proposal: Proposal
    times: Sequence[Proposed]
    is_own: bool


def unanswered_proposals(member: Membership, now: datetime) -> QuerySet[Proposal]:
    """What invitees propose to the member and he has not answered, oldest first, each with its one-off. One-offs that
    are withdrawn, or were booked since by somebody else, are left out."""
    return (
        Proposal.objects.filter(
            Q(
                attendee=None,
                one_off__state__in=[OneOff.State.OPEN, OneOff.State.EXPIRED],
                one_off__host=member.user_id,
            )
            | Q(
                attendee__status=Booking.Status.CONFIRMED,
                attendee__booking__starts_at__gt=now,
                attendee__booking__host=member.user_id,
            ),
            state=Proposal.State.WAITING,
            one_off__workspace=member.workspace,
        )
        .select_related("one_off", "attendee__booking")
        .order_by("created_at")
    )


def waiting_proposals(member: Membership, now: datetime) -> list[WaitingProposal]:
    """The unanswered proposals, each time with what else the member has then."""
    proposals = list(unanswered_proposals(member, now))
    busy = seen_busy(member.user_id, [period for each in proposals for period in each.periods], now)
    found = []
    for proposal in proposals:
        own = {proposal.one_off_id, proposal.attendee.booking_id if proposal.attendee else None} - {None}
        times = [
            Proposed(
                period,
                [clash for clash in busy if clash.owner_key not in own and clash.period.overlaps(period)],
                period.start <= now,
            )
            for period in proposal.periods
        ]
        found.append(WaitingProposal(proposal, times, proposal.one_off.host_id == member.user_id))
    return found


def times_of(one_offs: Sequence[OneOff], now: datetime) -> dict[UUID, list[OfferedTime]]:
    """For each one-off of one host, under its id, its offered times in order, with what each is at `now`.

    Two queries besides the slots, whatever the number of one-offs.
    """
    still_open = [one_off for one_off in one_offs if one_off.state_at(now) == OneOff.State.OPEN]
    asked = [slot.period for one_off in still_open for slot in one_off.slots.all()]
    busy = busy_of(still_open[0].host_id, asked, now) if still_open else []
    return {
        one_off.pk: [_time_of(one_off, slot, busy, now) for slot in one_off.slots.all()]
        for one_off in one_offs
    }


def held_times(member: Membership, now: datetime) -> list[HeldTime]:
    """The member's held times that are not over yet, by start, with those released ones whose placeholder is still in
    his calendar. Three queries, whatever their number."""
    standing = PLACEHOLDERS.of(member.user_id)
    slots = OfferedSlot.objects.filter(
        Q(one_off__state=OneOff.State.OPEN, one_off__reserve=True, withdrawn_at=None)
        | Q(pk__in=standing.lingering),
        one_off__workspace=member.workspace,
        one_off__host=member.user_id,
        ends_at__gt=now,
    )
    found = []
    for slot in slots.select_related("one_off").prefetch_related("one_off__slots"):
        one_off = slot.one_off
        is_open = one_off.state_at(now) == OneOff.State.OPEN
        is_held = one_off.reserve and is_open and slot.withdrawn_at is None
        if is_held or slot.pk in standing.lingering:
            every = [each.pk for each in one_off.slots.all()]
            about = f"Slot {every.index(slot.pk) + 1} of {len(every)}"
            found.append(
                HeldTime(
                    slot.period,
                    one_off.title,
                    f"{about}, {one_off.invitee_name}" if one_off.invitee_name else about,
                    one_off.expires_at,
                    reverse("one_off:detail", args=[one_off.pk]),
                    is_held,
                    standing.events.get(slot.pk),
                )
            )
    return found


def _time_of(one_off: OneOff, slot: OfferedSlot, busy: Sequence[Clash], now: datetime) -> OfferedTime:
    if slot.withdrawn_at is not None:
        return OfferedTime(slot, SlotState.WITHDRAWN)
    match one_off.state_at(now):
        case OneOff.State.BOOKED:
            booking = one_off.booking
            was_picked = booking is not None and booking.period == slot.period
            return OfferedTime(slot, SlotState.PICKED if was_picked else SlotState.RELEASED)
        case OneOff.State.EXPIRED | OneOff.State.WITHDRAWN:
            return OfferedTime(slot, SlotState.RELEASED)
    if slot.starts_at <= now:
        return OfferedTime(slot, SlotState.PASSED)
    met = [clash for clash in busy if clash.owner_key != one_off.pk and clash.period.overlaps(slot.period)]
    if met:
        return OfferedTime(slot, SlotState.TAKEN, met)
    return OfferedTime(slot, SlotState.HELD if one_off.reserve else SlotState.OPEN)
