"""Reads about one-offs: the host's own, the one behind an address, and what stands in the way of its times."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Final
from uuid import UUID

from django.db import connection
from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from bookings.models import Booking
from one_off.models import OfferedSlot, OneOff
from scheduling.models import BusyTime, as_range
from workestra.accounts import tokens
from workestra.accounts.domain.tokens import token_hash
from workestra.accounts.models import Membership
from workestra.calendars.domain.period import Period

PICK: Final = "one-off"


@dataclass(frozen=True, slots=True)
class Clash:
    """Time of the host that an offered time meets; `what` is whom he meets, or what he holds it for."""

    period: Period
    what: str
    is_hold: bool

    @property
    def words(self) -> str:
        """ "You meet Priya Raman then"."""
        return f"Held for {self.what}" if self.is_hold else f"You meet {self.what} then"


@dataclass(frozen=True, slots=True)
class OfferedTime:
    """An offered time as its invitee sees it; one that is taken cannot be picked."""

    slot: OfferedSlot
    is_taken: bool


def one_offs_of(member: Membership) -> QuerySet[OneOff]:
    """The one-offs that this member hosts in this workspace, newest first, with their slots and bookings."""
    return (
        OneOff.objects.filter(workspace=member.workspace, host=member.user_id)
        .select_related("booking", "host")
        .prefetch_related("slots")
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
    ).count()


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


def times_of(one_off: OneOff, now: datetime) -> list[OfferedTime]:
    """The offered times that are still to come, in order; its own holds do not stand in their way."""
    slots = list(one_off.slots.filter(starts_at__gt=now))
    met = clashes(one_off.host_id, [slot.period for slot in slots], now, without=one_off.pk)
    return [OfferedTime(slot, bool(found)) for slot, found in zip(slots, met, strict=True)]


def clashes(
    host_id: UUID, periods: Sequence[Period], now: datetime, *, without: UUID | None = None
) -> list[list[Clash]]:
    """For each period what of the host's time it meets, by start; an empty list where he is free.

    Holds that have expired by `now` do not count, nor does the time of the owner key `without`.
    """
    if not periods:
        return []
    rows = BusyTime.objects.filter(
        reduce(or_, (Q(during__overlap=as_range(period)) for period in periods)),
        Q(expires_at__isnull=True) | Q(expires_at__gt=now),
        host_id=host_id,
        active=True,
    )
    if without is not None:
        rows = rows.exclude(owner_key=without)
    busy = list(rows.order_by("during"))
    bookers = dict(
        Booking.objects.filter(
            pk__in=[row.owner_key for row in busy if row.kind == BusyTime.Kind.BOOKING]
        ).values_list("pk", "booker_name")
    )
    found = [
        Clash(
            Period(row.during.lower, row.during.upper),
            bookers.get(row.owner_key, row.label),
            row.kind == BusyTime.Kind.HOLD,
        )
        for row in busy
    ]
    return [[clash for clash in found if clash.period.overlaps(period)] for period in periods]


def database_clock() -> datetime:
    """What the database's clock shows at this instant, whatever the transaction began with."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (instant,) = cursor.fetchone()
    assert isinstance(instant, datetime)
    return instant
