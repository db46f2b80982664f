"""Changing several bookings at once: a run keeps a row for each, which a worker does one by one.

A run begins as a draft: what was checked is kept with it, so that starting it does what was shown and nothing else. A
booking that has changed since is left as it is. Each is changed by the service that changes one alone. Whoever goes on
after a dead worker may find a booking changed whose row does not say so yet: what is already so counts as done.
"""

import logging
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import Q

from bookings import access
from bookings.domain.bulk import Action
from bookings.domain.lifecycle import BookingClosed
from bookings.models import Attendee, Booking, BulkItem, BulkRun
from bookings.plans import CHANGED, CLOSED, NOBODY, NOT_YOURS, SEVERAL_HOSTS, Step, seen_of
from bookings.services import attendance, booking, hosting
from scheduling.services.busy_time import SlotTaken, TryAgain
from workestra.accounts import selectors as accounts
from workestra.accounts.models import Membership, User

logger = logging.getLogger(__name__)

LEASE: Final = timedelta(seconds=60)
BATCH: Final = timedelta(seconds=30)
"""So long one task goes on with a run: other work of its worker waits no longer than that."""
KEPT_FOR: Final = timedelta(days=1)
"""How long a draft is kept that nobody starts."""

Clock = Callable[[], datetime]
State = BulkItem.State


class AlreadyStarted(Exception):
    """The run is no draft any more: what it does stands."""


class _NotDone(Exception):
    """Why a booking stays as it is, in words."""


def draft(
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
    """Keep what was found that each booking would get. The same id twice is one draft. Nothing is done to any."""
    with transaction.atomic():
        run, is_new = BulkRun.objects.get_or_create(
            pk=run_id,
            defaults={
                "member": member,
                "action": action.value,
                "reason": reason,
                "attendance": attendance,
                "host_id": host_id,
                "checked_at": now,
            },
        )
        if is_new:
            _keep(run, steps, frozenset())
    return run


def check_again(*, run: BulkRun, steps: Sequence[Step], now: datetime, host_id: UUID | None = None) -> None:
    """Keep in the draft what each booking would get now. Those that were left out stay so.

    Raises: AlreadyStarted.
    """
    with transaction.atomic():
        current = _draft_locked(run)
        out = frozenset(run.items.filter(state=State.OUT).values_list("booking_id", flat=True))
        run.items.all().delete()
        _keep(run, steps, out)
        current.checked_at, current.host_id = now, host_id
        current.save(update_fields=["checked_at", "host"])


def choose(
    *, run: BulkRun, shown: Collection[UUID], picked: Collection[UUID], reason: str = "", attendance: str = ""
) -> None:
    """Of the bookings `shown` leave out those that are not `picked`, and keep what was typed with the draft.

    Raises: AlreadyStarted.
    """
    with transaction.atomic():
        current = _draft_locked(run)
        current.reason, current.attendance = reason, attendance
        current.save(update_fields=["reason", "attendance"])
        of_page = run.items.filter(booking_id__in=shown)
        of_page.filter(state=State.WAITING).exclude(booking_id__in=picked).update(state=State.OUT)
        of_page.filter(state=State.OUT, booking_id__in=picked).update(state=State.WAITING)


def start(*, run: BulkRun, now: datetime) -> None:
    """Let the draft be done from now on. A run that has been started goes on as it does."""
    BulkRun.objects.filter(pk=run.pk, started_at=None).update(started_at=now)


def undo(*, run: BulkRun, member: Membership, now: datetime) -> BulkRun:
    """A run that sets back the attendance that this one has marked, and begins at once. Twice is one run.

    An empty one when nothing was marked.
    """
    with transaction.atomic():
        BulkRun.objects.select_for_update().get(pk=run.pk)
        back, is_new = BulkRun.objects.get_or_create(
            undoes=run,
            defaults={
                "id": uuid4(),
                "member": member,
                "action": run.action,
                "attendance": run.attendance,
                "checked_at": now,
                "started_at": now,
            },
        )
        if is_new:
            done = run.items.filter(state=State.DONE).exclude(before={})
            BulkItem.objects.bulk_create(
                BulkItem(run=back, booking_id=booking_id, before=before)
                for booking_id, before in done.values_list("booking_id", "before")
            )
    return back


def perform(run_id: UUID, clock: Clock) -> bool:
    """Do what is left of a run, for half a minute; whether there may be more. Several workers share its rows.

    Nothing happens to a draft, and when there is nothing left.
    """
    run = BulkRun.objects.select_related("member__workspace", "member__user").filter(pk=run_id).first()
    if run is None or run.finished_at or run.started_at is None:
        return False
    until = clock() + BATCH
    while (item := _claim(run, clock())) is not None:
        state, problem = State.DONE, ""
        try:
            _do(run, item, clock())
        except _NotDone as error:
            state, problem = State.FAILED, str(error)
        except Exception:
            logger.exception("Row %s of the bulk run %s failed.", item.pk, run.pk)
            state, problem = State.FAILED, "Something went wrong on our side"
        mine = BulkItem.objects.filter(pk=item.pk, attempts=item.attempts, state=State.WAITING)
        mine.update(state=state, problem=problem, leased_until=None)
        if clock() > until:
            return True
    if not BulkItem.objects.filter(run=run, state=State.WAITING).exists():
        BulkRun.objects.filter(pk=run.pk, finished_at=None).update(finished_at=clock())
    return False


def perform_unfinished(clock: Clock) -> None:
    """Go on with the runs that nobody is at, oldest first."""
    at_work = BulkItem.objects.filter(state=State.WAITING, leased_until__gt=clock())
    left = BulkRun.objects.filter(finished_at=None, started_at__isnull=False)
    for run_id in (
        left.exclude(pk__in=at_work.values("run")).order_by("started_at").values_list("pk", flat=True)
    ):
        perform(run_id, clock)


def remove_drafts(now: datetime) -> int:
    """Forget the drafts that nobody has started for a day; how many there were."""
    old = BulkRun.objects.filter(started_at=None, finished_at=None, checked_at__lt=now - KEPT_FOR)
    return old.delete()[1].get(BulkRun._meta.label, 0)


def _keep(run: BulkRun, steps: Sequence[Step], out: Collection[UUID]) -> None:
    BulkItem.objects.bulk_create(
        (
            BulkItem(
                run=run,
                booking=step.booking,
                host=step.host,
                state=_state(step, out),
                problem=step.problem,
                seen=seen_of(step.booking),
                mails=step.mails,
            )
            for step in steps
        ),
        batch_size=1_000,
    )


def _state(step: Step, out: Collection[UUID]) -> State:
    if step.problem:
        return State.KEPT
    return State.OUT if step.booking.pk in out else State.WAITING


def _draft_locked(run: BulkRun) -> BulkRun:
    current = BulkRun.objects.select_for_update().get(pk=run.pk)
    if current.started_at is not None:
        raise AlreadyStarted
    return current


def _claim(run: BulkRun, now: datetime) -> BulkItem | None:
    free = Q(leased_until=None) | Q(leased_until__lte=now)
    with transaction.atomic():
        item = (
            BulkItem.objects.select_for_update(skip_locked=True, of=("self",))
            .filter(free, run=run, state=State.WAITING)
            .select_related("host")
            .order_by("id")
            .first()
        )
        if item is not None:
            item.attempts += 1
            item.leased_until = now + LEASE
            item.save(update_fields=["attempts", "leased_until"])
    return item


def _do(run: BulkRun, item: BulkItem, now: datetime) -> None:
    action, member = Action(run.action), run.member
    target = _target(item)
    if not member.is_active or not access.may(member, action.permission, target):
        raise _NotDone(NOT_YOURS)
    try:
        match action:
            case Action.ATTENDANCE if run.undoes_id is None:
                _mark(run, item, now)
            case Action.ATTENDANCE:
                _set_back(run, item, now)
            case _ if item.attempts > 1 and _is_so(action, item, target):
                pass  # By a worker that died before it could say so.
            case _ if seen_of(target) != item.seen:
                raise _NotDone(CHANGED)
            case Action.CANCEL:
                booking.cancel_by_host(booking=target, reason=run.reason, actor=member.user, now=now)
            case Action.REASSIGN:
                _give(target, item.host, member, now)
    except BookingClosed as error:
        # Whoever held the row before may have been slow, not dead, and have done it meanwhile.
        if item.attempts == 1 or not _is_so(action, item, _target(item)):
            raise _NotDone(CLOSED) from error
    except hosting.NotToBeHandedOver as error:
        if item.attempts == 1 or not _is_so(action, item, _target(item)):
            raise _NotDone(SEVERAL_HOSTS) from error
    except SlotTaken as error:
        raise _NotDone(f"{item.host.name} was booked just now" if item.host else NOBODY) from error
    except TryAgain as error:
        raise _NotDone("Too much was going on at once") from error


def _target(item: BulkItem) -> Booking:
    return (
        Booking.objects.select_related("host", "link", "workspace")
        .prefetch_related("attendees", "co_hosts")
        .get(pk=item.booking_id)
    )


def _is_so(action: Action, item: BulkItem, target: Booking) -> bool:
    """Whether the booking is what the row was to make of it."""
    if action is Action.CANCEL:
        return target.status == Booking.Status.CANCELLED
    return action is Action.REASSIGN and target.host_id == item.host_id


def _mark(run: BulkRun, item: BulkItem, now: datetime) -> None:
    """Mark everybody, and keep what they were marked, both or neither."""
    mark = Booking.Attendance(run.attendance)
    with transaction.atomic():
        current = _alone(item)
        if current.before:
            return
        target = _target(item)
        if seen_of(target) != item.seen:
            raise _NotDone(CHANGED)
        before = {str(attendee.pk): attendee.no_show_status for attendee in target.company}
        for attendee in target.company:
            attendance.mark(attendee=attendee, attendance=mark, actor=run.member.user, now=now)
        current.before = before
        current.save(update_fields=["before"])


def _set_back(run: BulkRun, item: BulkItem, now: datetime) -> None:
    """Give everybody back the mark he had, unless somebody has marked one of them otherwise since."""
    with transaction.atomic():
        current = _alone(item)
        marked: list[Attendee] = [each for each in _target(item).company if str(each.pk) in current.before]
        is_back = all(each.no_show_status == current.before[str(each.pk)] for each in marked)
        if not is_back and any(each.no_show_status != run.attendance for each in marked):
            raise _NotDone("It was marked otherwise since")
        for attendee in marked:
            mark = Booking.Attendance(current.before[str(attendee.pk)])
            attendance.mark(attendee=attendee, attendance=mark, actor=run.member.user, now=now)


def _alone(item: BulkItem) -> BulkItem:
    """The row and its booking, held until the end of the transaction."""
    Booking.objects.select_for_update(no_key=True).get(pk=item.booking_id)
    return BulkItem.objects.get(pk=item.pk)


def _give(target: Booking, host: User | None, member: Membership, now: datetime) -> None:
    if host is None:
        raise _NotDone(NOBODY)
    if not accounts.active_members(member.workspace).filter(user=host).exists():
        raise _NotDone(f"{host.name} is no member any more")
    hosting.reassign(booking=target, host=host, actor=member.user, now=now)
