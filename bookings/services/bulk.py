"""Changing several bookings at once: a run keeps a row for each, which a worker does one by one.

Each booking is changed by the service that changes one alone, in a transaction of its own. Whoever goes on after a
dead worker may find a booking changed whose row does not say so yet: what is already so counts as done.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from bookings import access
from bookings.domain.bulk import Action
from bookings.domain.lifecycle import BookingClosed
from bookings.models import Booking, BulkItem, BulkRun
from bookings.plans import CLOSED, NOBODY, NOT_YOURS, SEVERAL_HOSTS, Step, steps_of
from bookings.services import attendance, booking, hosting
from scheduling.services.busy_time import SlotTaken, TryAgain
from workestra.accounts import selectors as accounts
from workestra.accounts.models import Membership, User

logger = logging.getLogger(__name__)

LEASE: Final = timedelta(seconds=60)

Clock = Callable[[], datetime]


class _NotDone(Exception):
    """Why a booking stays as it is, in words."""


def start(
    *,
    run_id: UUID,
    member: Membership,
    action: Action,
    steps: Sequence[Step],
    now: datetime,
    reason: str = "",
    attendance: str = "",
    host_id: UUID | None = None,
) -> BulkRun:
    """Keep what is to be done to each booking whose step has no problem. The same id twice is one run."""
    with transaction.atomic():
        run, is_new = BulkRun.objects.get_or_create(
            pk=run_id,
            defaults={
                "member": member,
                "action": action.value,
                "reason": reason,
                "attendance": attendance,
                "host_id": host_id,
                "started_at": now,
            },
        )
        if is_new:
            BulkItem.objects.bulk_create(
                BulkItem(run=run, booking=step.booking, host=step.host) for step in steps if not step.problem
            )
    return run


def perform(run_id: UUID, clock: Clock) -> None:
    """Do what is left of a run. Several workers share its rows; nothing happens when there are none."""
    run = BulkRun.objects.select_related("member__workspace", "member__user").filter(pk=run_id).first()
    if run is None or run.finished_at:
        return
    while (item := _claim(run, clock())) is not None:
        state, problem = BulkItem.State.DONE, ""
        try:
            _do(run, item, clock())
        except _NotDone as error:
            state, problem = BulkItem.State.FAILED, str(error)
        except Exception:
            logger.exception("Row %s of the bulk run %s failed.", item.pk, run.pk)
            state, problem = BulkItem.State.FAILED, "Something went wrong on our side"
        mine = BulkItem.objects.filter(pk=item.pk, attempts=item.attempts, state=BulkItem.State.WAITING)
        mine.update(state=state, problem=problem, leased_until=None)
    with transaction.atomic():
        # Held, as by `retry_failed`: rows that wait again are never left in a run that counts as finished.
        still = BulkRun.objects.select_for_update().filter(pk=run.pk, finished_at=None)
        if still.first() and not BulkItem.objects.filter(run=run, state=BulkItem.State.WAITING).exists():
            still.update(finished_at=clock())


def perform_unfinished(clock: Clock) -> None:
    """Go on with every run that is not finished, oldest first."""
    for run_id in (
        BulkRun.objects.filter(finished_at=None).order_by("started_at").values_list("pk", flat=True)
    ):
        perform(run_id, clock)


def retry_failed(*, run: BulkRun, now: datetime) -> int:
    """Let the failed rows be done again; how many there are. Without a chosen host each gets whoever is free now."""
    with transaction.atomic():
        BulkRun.objects.select_for_update().get(pk=run.pk)
        failed = list(
            run.items.filter(state=BulkItem.State.FAILED)
            .select_related("booking__host", "booking__link", "booking__workspace")
            .prefetch_related("booking__attendees", "booking__co_hosts")
        )
        action = Action(run.action)
        if action is Action.REASSIGN and run.host_id is None:
            reach = accounts.reachable_user_ids(run.member, action.permission)
            steps = steps_of(action, [item.booking for item in failed], reach, now)
            for item, step in zip(failed, steps, strict=True):
                item.host = step.host
        for item in failed:
            item.state, item.problem = BulkItem.State.WAITING, ""
        BulkItem.objects.bulk_update(failed, ["state", "problem", "host"])
        BulkRun.objects.filter(pk=run.pk).update(finished_at=None if failed else run.finished_at)
    return len(failed)


def _claim(run: BulkRun, now: datetime) -> BulkItem | None:
    free = Q(leased_until=None) | Q(leased_until__lte=now)
    with transaction.atomic():
        item = (
            BulkItem.objects.select_for_update(skip_locked=True, of=("self",))
            .filter(free, run=run, state=BulkItem.State.WAITING)
            .select_related("host")
            .first()
        )
        if item is not None:
            item.attempts += 1
            item.leased_until = now + LEASE
            item.save(update_fields=["attempts", "leased_until"])
    return item


def _do(run: BulkRun, item: BulkItem, now: datetime) -> None:
    action, member = Action(run.action), run.member
    target = Booking.objects.select_related("host", "link", "workspace").get(pk=item.booking_id)
    if not member.is_active or not access.may(member, action.permission, target):
        raise _NotDone(NOT_YOURS)
    try:
        match action:
            case Action.CANCEL if target.status != Booking.Status.CANCELLED:
                booking.cancel_by_host(booking=target, reason=run.reason, actor=member.user, now=now)
            case Action.REASSIGN if target.host_id != item.host_id:
                _give(target, item.host, member, now)
            case Action.ATTENDANCE:
                mark = Booking.Attendance(run.attendance)
                for attendee in target.company:
                    attendance.mark(attendee=attendee, attendance=mark, actor=member.user, now=now)
    except BookingClosed as error:
        raise _NotDone(CLOSED) from error
    except hosting.NotToBeHandedOver as error:
        raise _NotDone(SEVERAL_HOSTS) from error
    except SlotTaken as error:
        raise _NotDone(f"{item.host.name} was booked just now" if item.host else NOBODY) from error
    except TryAgain as error:
        raise _NotDone("Too much was going on at once") from error


def _give(target: Booking, host: User | None, member: Membership, now: datetime) -> None:
    if host is None:
        raise _NotDone(NOBODY)
    if not accounts.active_members(member.workspace).filter(user=host).exists():
        raise _NotDone(f"{host.name} is no member any more")
    hosting.reassign(booking=target, host=host, actor=member.user, now=now)
