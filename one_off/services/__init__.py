"""Making, changing, picking and withdrawing one-offs: each through the protocol of `scheduling.services.busy_time`."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar, Final
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import QuerySet

from bookings.domain.offers import ensure_can_be_offered
from bookings.models import Attendee
from bookings.selectors.taken import Clash, clashes
from bookings.services.booking import Booker, Draft, enter
from one_off import selectors
from one_off.calendar_events import begin_placeholders, renew_placeholders
from one_off.domain.offers import MAX_SLOTS, Offer
from one_off.models import OfferedSlot, OneOff
from scheduling.models import BookingLink, BusyTime
from scheduling.services.busy_time import Claim, LockedHosts, SlotTaken, with_hosts_locked
from workestra.accounts import tokens
from workestra.accounts.domain.tokens import token_hash
from workestra.accounts.models import Membership, User
from workestra.audit import services as audit
from workestra.calendars.domain.period import Period
from workestra.notifications.selectors import database_now

_CHANGEABLE: Final = (
    "title",
    "description",
    "reserve",
    "location_type",
    "location_detail",
    "invitee_name",
    "invitee_email",
    "expires_at",
)


class OneOffClosed(Exception):
    """The one-off can no longer be picked or withdrawn; `state` says why. Nothing was written."""

    state: ClassVar[OneOff.State]


class AlreadyBooked(OneOffClosed):
    """Somebody has picked one of its times."""

    state = OneOff.State.BOOKED


class OneOffExpired(OneOffClosed):
    """Its closing time has passed, by the application's clock or by the database's."""

    state = OneOff.State.EXPIRED


class OneOffWithdrawn(OneOffClosed):
    """Its host has taken it back."""

    state = OneOff.State.WITHDRAWN


class NotOffered(Exception):
    """The time is not one of this one-off's. Nothing was written."""


class SlotPassed(SlotTaken):
    """The offered time has begun."""


class SlotTakenOut(SlotTaken):
    """The host does not offer the time any more."""


class SlotsTaken(SlotTaken):
    """Times that should be held are taken: `clashes` has, for each time offered, what it meets (or nothing)."""

    def __init__(self, clashes: Sequence[Sequence[Clash]]) -> None:
        super().__init__("offered times are taken")
        self.clashes = clashes


def create(*, member: Membership, offer: Offer, nonce: UUID, now: datetime) -> OneOff:
    """Make a one-off of this member; with `reserve`, all its times are held for it, or nothing is written.

    `nonce` belongs to the form: sent twice, it gives the one-off it made the first time.

    Raises: BadOffer; SlotsTaken, only with `reserve`; TryAgain.
    """
    # Derived, not the nonce itself: what a browser sends must never be somebody else's owner key.
    one_off_id = uuid5(member.user_id, str(nonce))
    made = OneOff.objects.filter(pk=one_off_id).first()
    if made is not None:
        return made
    ensure_can_be_offered(offer.periods, offer.expires_at, now, most=MAX_SLOTS)
    if offer.reserve:
        try:
            _ensure_free(member.user_id, offer.periods, now)
        except SlotsTaken:
            # The first of two clicks may hold them since.
            made = OneOff.objects.filter(pk=one_off_id).first()
            if made is not None:
                return made
            raise
    return with_hosts_locked(
        [member.user_id], lambda locked: _create_locked(locked, one_off_id, member, offer, now)
    )


def change(*, one_off: OneOff, offer: Offer, actor: User, now: datetime) -> OneOff:
    """Let an open one-off offer this from now on, behind the address it has: times, words, place, expiry.

    What it holds follows at once, or nothing is written. A time that stays keeps its row, so that a page that was
    opened before can pick it; one that is taken out is withdrawn; times that have begun stay, and are held no more.

    Raises: BadOffer; SlotsTaken, only with `reserve`; AlreadyBooked, OneOffExpired, OneOffWithdrawn; TryAgain.
    """
    ensure_can_be_offered(offer.periods, offer.expires_at, now, most=MAX_SLOTS)
    ensure_open(one_off, now)

    def work(locked: LockedHosts) -> OneOff:
        current = locked_row(one_off.pk)
        latest = latest_of(now)
        ensure_open(current, latest)
        if offer.reserve:
            _ensure_free(current.host_id, offer.periods, latest, without=current.pk)
        before = _facts(current)
        for name in _CHANGEABLE:
            setattr(current, name, getattr(offer, name))
        current.save(update_fields=_CHANGEABLE)
        _offer_only(current, offer.periods, now)
        locked.free(current.pk)
        if current.reserve:
            locked.take(
                [_hold(current, slot.period) for slot in _standing(current) if slot.starts_at > latest]
            )
            begin_placeholders(current)
        renew_placeholders([current])
        record("one_off.changed", current, now, actor=actor, before=before, after=_facts(current))
        return current

    return with_hosts_locked([one_off.host_id], work)


def pick(*, one_off: OneOff, slot_id: UUID, booker: Booker, nonce: UUID, now: datetime) -> Attendee:
    """Book one of its times for this booker; its other times are free again at once, and it is closed.

    Gives him as the attendee of the booking. `nonce` belongs to the form: sent twice by the same booker, it gives what
    it made the first time.

    Raises: AlreadyBooked, OneOffExpired, OneOffWithdrawn; NotOffered; SlotTaken, as SlotPassed when its start is
    over and as SlotTakenOut when it is not offered any more; TryAgain.
    """
    made = _already_picked(one_off, booker, nonce)
    if made is not None:
        return made
    ensure_open(one_off, now)
    return with_hosts_locked(
        [one_off.host_id], lambda locked: _pick_locked(locked, one_off.pk, slot_id, booker, nonce, now)
    )


def picked_before(*, one_off: OneOff, booker: Booker, nonce: UUID) -> Attendee | None:
    """What the same form booked when it was sent before; None when it is sent for the first time."""
    return _already_picked(one_off, booker, nonce)


def withdraw(*, one_off: OneOff, actor: User, now: datetime) -> OneOff:
    """Take an open one-off back: its page says so, and what was held for it is free at once.

    One that is withdrawn already stays as it is.

    Raises: AlreadyBooked, OneOffExpired; TryAgain.
    """

    def work(locked: LockedHosts) -> OneOff:
        current = locked_row(one_off.pk)
        if current.state == OneOff.State.WITHDRAWN:
            return current
        ensure_open(current, latest_of(now))
        locked.free(current.pk)
        current.state = OneOff.State.WITHDRAWN
        current.closed_at = now
        current.save(update_fields=["state", "closed_at"])
        renew_placeholders([current])
        record("one_off.withdrawn", current, now, actor=actor, after={"state": current.state})
        return current

    return with_hosts_locked([one_off.host_id], work)


def write_in(*, one_off: OneOff, zone: ZoneInfo, actor: User, now: datetime) -> None:
    """Let the words to send of this one-off name its times in this zone from now on."""
    with transaction.atomic():
        current = locked_row(one_off.pk)
        before = {"invitee_timezone": current.invitee_timezone}
        if current.invitee_timezone == zone.key:
            return
        current.invitee_timezone = zone.key
        current.save(update_fields=["invitee_timezone"])
        after = {"invitee_timezone": zone.key}
        record("one_off.changed", current, now, actor=actor, before=before, after=after)


def _create_locked(
    locked: LockedHosts, one_off_id: UUID, member: Membership, offer: Offer, now: datetime
) -> OneOff:
    made = OneOff.objects.filter(pk=one_off_id).first()
    if made is not None:
        return made
    one_off = OneOff.objects.create(
        id=one_off_id,
        workspace=member.workspace,
        host=member.user,
        title=offer.title,
        description=offer.description,
        timezone=offer.timezone,
        reserve=offer.reserve,
        invitee_name=offer.invitee_name,
        invitee_email=offer.invitee_email,
        location_type=offer.location_type,
        location_detail=offer.location_detail,
        expires_at=offer.expires_at,
        token_hash=token_hash(tokens.issue(selectors.PICK, one_off_id)),
        created_at=now,
    )
    OfferedSlot.objects.bulk_create(
        OfferedSlot(one_off=one_off, starts_at=period.start, ends_at=period.end) for period in offer.periods
    )
    if offer.reserve:
        _ensure_free(member.user_id, offer.periods, latest_of(now))
        locked.take([_hold(one_off, period) for period in offer.periods])
        begin_placeholders(one_off)
    record(
        "one_off.created",
        one_off,
        now,
        actor=member.user,
        after={
            "slots": [[period.start, period.end] for period in offer.periods],
            "reserve": offer.reserve,
            "expires_at": offer.expires_at,
        },
    )
    return one_off


def _pick_locked(
    locked: LockedHosts, one_off_id: UUID, slot_id: UUID, booker: Booker, nonce: UUID, now: datetime
) -> Attendee:
    current = locked_row(one_off_id)
    made = _already_picked(current, booker, nonce)
    if made is not None:
        return made
    ensure_open(current, latest_of(now))
    slot = current.slots.filter(pk=slot_id).first()
    if slot is None:
        raise NotOffered
    if slot.withdrawn_at is not None:
        raise SlotTakenOut
    return book_locked(locked, current, slot.period, booker, nonce, now)


def book_locked(
    locked: LockedHosts, current: OneOff, period: Period, booker: Booker, nonce: UUID, now: datetime
) -> Attendee:
    """Close the one-off, whose row is held, with a booking at this time; what else it holds is free again.

    Raises: SlotTaken, as SlotPassed when its start is over.
    """
    if period.start <= now:
        raise SlotPassed
    locked.free(current.pk)
    renew_placeholders([current])
    attendee = enter(
        locked,
        Draft(
            workspace_id=current.workspace_id,
            hosts=[current.host],
            period=period,
            title=current.title,
            strategy=BookingLink.Strategy.INDIVIDUAL,
            timezone=current.timezone,
            page_slug=selectors.PICK,
            location_type=current.location_type,
            location_detail=current.location_detail,
        ),
        booker,
        # The database refuses a second booking with this key, whatever the code does.
        current.pk,
        now,
    )
    current.state = OneOff.State.BOOKED
    current.booking = attendee.booking
    current.picked_with = nonce
    current.closed_at = now
    current.save(update_fields=["state", "booking", "picked_with", "closed_at"])
    record(
        "one_off.booked",
        current,
        now,
        actor_name=booker.email,
        after={"state": current.state, "starts_at": period.start, "booking": attendee.booking_id},
    )
    return attendee


def _already_picked(one_off: OneOff, booker: Booker, nonce: UUID) -> Attendee | None:
    if one_off.booking is None or one_off.picked_with != nonce:
        return None
    attendee = one_off.booking.booker
    return attendee if attendee.email == booker.email else None


def locked_row(one_off_id: UUID) -> OneOff:
    return (
        OneOff.objects.select_for_update(no_key=True, of=("self",))
        .select_related("host", "booking")
        .get(pk=one_off_id)
    )


def ensure_open(one_off: OneOff, now: datetime) -> None:
    match one_off.state_at(now):
        case OneOff.State.BOOKED:
            raise AlreadyBooked
        case OneOff.State.EXPIRED:
            raise OneOffExpired
        case OneOff.State.WITHDRAWN:
            raise OneOffWithdrawn


def latest_of(now: datetime) -> datetime:
    # The locks may have been waited for, and a worker's clock may be slow: nothing is picked after its closing time.
    return max(now, database_now())


def _standing(one_off: OneOff) -> QuerySet[OfferedSlot]:
    return one_off.slots.filter(withdrawn_at=None)


def _offer_only(one_off: OneOff, periods: Sequence[Period], now: datetime) -> None:
    """Of its times to come let it offer these and no others."""
    rows = {slot.period: slot for slot in one_off.slots.all()}
    gone = [slot.pk for period, slot in rows.items() if period not in periods and slot.starts_at > now]
    one_off.slots.filter(pk__in=gone, withdrawn_at=None).update(withdrawn_at=now)
    kept = [rows[period].pk for period in periods if period in rows]
    one_off.slots.filter(pk__in=kept).update(withdrawn_at=None)
    OfferedSlot.objects.bulk_create(
        OfferedSlot(one_off=one_off, starts_at=period.start, ends_at=period.end)
        for period in periods
        if period not in rows
    )


def _facts(one_off: OneOff) -> dict[str, Any]:
    """What the audit log keeps of a one-off that changes."""
    slots = [[slot.starts_at, slot.ends_at] for slot in _standing(one_off)]
    return {"slots": slots} | {name: getattr(one_off, name) for name in _CHANGEABLE}


def _ensure_free(
    host_id: UUID, periods: Sequence[Period], now: datetime, *, without: UUID | None = None
) -> None:
    met = clashes(host_id, periods, now, without=without)
    if any(met):
        raise SlotsTaken(met)


def _hold(one_off: OneOff, period: Period) -> Claim:
    return Claim(
        workspace_id=one_off.workspace_id,
        host_id=one_off.host_id,
        period=period,
        kind=BusyTime.Kind.HOLD,
        owner_key=one_off.pk,
        label=one_off.title,
        expires_at=one_off.expires_at,
    )


def record(action: str, one_off: OneOff, now: datetime, **more: Any) -> None:
    audit.record(
        workspace_id=one_off.workspace_id,
        action=action,
        target_type="one_off",
        target_id=one_off.pk,
        target_name=one_off.title,
        at=now,
        **more,
    )
