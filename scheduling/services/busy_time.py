"""The one way to take or free a host's time, and the only module that writes `BusyTime`.

Why locks as well as the exclusion constraint: the constraint alone is right but deadlocks, because an exclusion
check inserts first and waits for the other transaction afterwards. Locking every candidate host first, in ascending
id, leaves the constraint nothing to do but to guard against a mistake in this protocol (docs/architecture.md).
"""

import random
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar
from uuid import UUID

from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.models import DateTimeField, Func, QuerySet

from scheduling.models import BusyTime, as_range
from workestra.accounts.models import User
from workestra.calendars.domain.period import Period

T = TypeVar("T")

LOCK_TIMEOUT: Final = "3s"
TRIES: Final = 3
# serialization_failure, deadlock_detected, lock_not_available: PostgreSQL's appendix A, class 40 and 55.
TRANSIENT: Final = frozenset({"40001", "40P01", "55P03"})
NO_OVERLAP: Final = "busy_time_no_overlap"


class SlotTaken(Exception):
    """The time is no longer free. Nothing was written."""


class TryAgain(Exception):
    """Too many others were changing these hosts' time at once. Nothing was written; a moment later it will work."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A piece of a host's time to be taken. Claims of one `owner_key` may overlap each other."""

    workspace_id: UUID
    host_id: UUID
    period: Period
    kind: BusyTime.Kind
    owner_key: UUID
    label: str
    link_id: UUID | None = None
    buffer_before_minutes: int = 0
    buffer_after_minutes: int = 0
    seats_taken: int | None = None
    expires_at: datetime | None = None


class LockedHosts:
    """Hosts whose rows this transaction holds: their time can be read, taken and freed without anybody in between."""

    def __init__(self, host_ids: Sequence[UUID]) -> None:
        self._host_ids = frozenset(host_ids)

    def __contains__(self, host_id: UUID) -> bool:
        return host_id in self._host_ids

    def take(self, claims: Sequence[Claim]) -> None:
        """Take all of these times, or none.

        Holds in the way whose time is over by the database's clock are freed first.

        Raises: SlotTaken when one of them meets time that somebody else has.
        """
        assert all(claim.host_id in self for claim in claims), "take only the time of locked hosts"
        for claim in claims:
            self._free_expired_holds(claim)
        rows = [
            BusyTime(
                workspace_id=claim.workspace_id,
                host_id=claim.host_id,
                during=as_range(claim.period),
                kind=claim.kind,
                owner_key=claim.owner_key,
                label=claim.label[:120],
                link_id=claim.link_id,
                buffer_before_minutes=claim.buffer_before_minutes,
                buffer_after_minutes=claim.buffer_after_minutes,
                seats_taken=claim.seats_taken,
                expires_at=claim.expires_at,
            )
            for claim in sorted(claims, key=lambda claim: (claim.host_id, claim.period))
        ]
        try:
            with transaction.atomic():
                BusyTime.objects.bulk_create(rows)
        except IntegrityError as error:
            if _constraint_of(error) == NO_OVERLAP:
                raise SlotTaken from error
            raise

    def seat(self, owner_key: UUID, taken: int) -> None:
        """Say how many come to the group session that this time is taken for."""
        BusyTime.objects.filter(owner_key=owner_key, active=True).update(seats_taken=taken)

    def free(self, owner_key: UUID) -> int:
        """Give back everything this owner has; how many rows that was (0 when it had nothing)."""
        return BusyTime.objects.filter(owner_key=owner_key, active=True).update(active=False)

    def free_holds(self, owner_key: UUID) -> int:
        """Give back what is only held for this owner, and leave him what he has; how many rows that was."""
        held = BusyTime.objects.filter(owner_key=owner_key, active=True, kind=BusyTime.Kind.HOLD)
        return held.update(active=False)

    def _free_expired_holds(self, claim: Claim) -> None:
        _expired_holds().filter(host_id=claim.host_id, during__overlap=as_range(claim.period)).update(
            active=False
        )


def with_hosts_locked(host_ids: Iterable[UUID], work: Callable[[LockedHosts], T]) -> T:
    """Run `work` in one transaction that holds the rows of all these hosts, and give what it gives.

    `work` checks again every rule that the page knew, then writes. It must not send mail, reach the network or ring
    for a worker. It is run again from the start when PostgreSQL breaks the transaction off for a passing reason.

    Raises: TryAgain when that has happened three times; SlotTaken and whatever else `work` raises.
    """
    ordered = sorted(set(host_ids))
    for tries_left in reversed(range(TRIES)):
        try:
            with transaction.atomic(durable=True):
                _lock(ordered)
                return work(LockedHosts(ordered))
        except OperationalError as error:
            if _sqlstate_of(error) not in TRANSIENT:
                raise
            if not tries_left:
                raise TryAgain from error
            time.sleep(random.uniform(0.02, 0.2))  # noqa: S311  Jitter, not a secret.
    raise AssertionError("unreachable: the last try returns or raises")


def lock_hosts(host_ids: Iterable[UUID]) -> LockedHosts:
    """Hold the rows of these hosts in the caller's transaction, which changes more than their time and is not repeated.

    Raises: TryAgain when somebody else has them for too long; the transaction cannot go on after that.
    """
    assert connection.in_atomic_block, "hosts are locked until the transaction ends"
    ordered = sorted(set(host_ids))
    try:
        _lock(ordered)
    except OperationalError as error:
        if _sqlstate_of(error) not in TRANSIENT:
            raise
        raise TryAgain from error
    return LockedHosts(ordered)


def relabel(owner_key: UUID, said_anew: Callable[[str], str]) -> None:
    """Say anew what this owner's time is, and was, taken for: `said_anew` gives each label's new words."""
    rows = BusyTime.objects.filter(owner_key=owner_key)
    for label in set(rows.values_list("label", flat=True)):
        rows.filter(label=label).update(label=said_anew(label)[:120])


def free_expired_holds() -> int:
    """Tidy up every hold whose time is over by the database's clock; how many there were.

    Correctness never waits for this: a booking frees what is in its way by itself. A hold that somebody is changing at
    this moment is left to the next run, so that this waits for nobody.
    """
    with transaction.atomic():
        idle = _expired_holds().select_for_update(skip_locked=True)
        return BusyTime.objects.filter(pk__in=idle.values("pk")).update(active=False)


def _expired_holds() -> QuerySet[BusyTime]:
    clock = Func(function="clock_timestamp", output_field=DateTimeField())
    return BusyTime.objects.filter(kind=BusyTime.Kind.HOLD, active=True, expires_at__lte=clock)


def _lock(host_ids: Sequence[UUID]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
    # FOR NO KEY UPDATE: the stronger lock would wait for every foreign key that points at a host.
    found = list(
        User.objects.select_for_update(no_key=True)
        .filter(pk__in=host_ids)
        .order_by("pk")
        .values_list("pk", flat=True)
    )
    if len(found) != len(host_ids):
        raise SlotTaken("a host of this meeting no longer exists")


def _sqlstate_of(error: Exception) -> str | None:
    return getattr(error.__cause__, "sqlstate", None)


def _constraint_of(error: IntegrityError) -> str | None:
    diagnostics = getattr(error.__cause__, "diag", None)
    return getattr(diagnostics, "constraint_name", None)
