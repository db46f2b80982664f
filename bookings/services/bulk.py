"""Changing several bookings at once: a run keeps a row for each, which a worker does one by one.

A run begins as a draft: what was checked is kept with it, so that starting it does what was shown and nothing else. A
booking that has changed since is left as it is. Each is changed by the service that changes one alone. Whoever goes on
after a dead worker may find a booking changed whose row does not say so yet: what is already so counts as done.
"""

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
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


class CheckedSince(Exception):
    """The draft has been checked again: what each booking gets may be another thing than was shown."""


class NothingPicked(Exception):
    """No booking of the draft is to be changed."""


class _NotDone(Exception):
    """Why a booking stays as it is, in words."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What is sent of a draft's page: of the bookings `shown` those that are ticked, and what was typed."""

    shown: Collection[UUID] = ()
    picked: Collection[UUID] = ()
    reason: str = ""
    attendance: str = ""


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
    """Keep what was found that each booking would get. Nothing is done to any.

    The same id twice is one draft, with what was found last: who goes back in his browser picks anew. An id that is not
    this member's draft of this action any more makes another one.
    """
    values = {
        "member": member,
        "action": action.value,
        "reason": reason,
        "attendance": attendance,
        "host_id": host_id,
        "checked_at": now,
    }
    with transaction.atomic():
        run, is_new = BulkRun.objects.select_for_update(of=("self",)).get_or_create(
            pk=run_id, defaults=values
        )
        if not is_new and (run.member_id, run.action, run.started_at) != (member.pk, action.value, None):
            run = BulkRun.objects.create(pk=uuid4(), **values)
        elif not is_new:
            run.items.all().delete()
            BulkRun.objects.filter(pk=run.pk).update(**values)
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


def choose(*, run: BulkRun, choice: Choice) -> None:
    """Of the bookings shown leave out those that are not ticked, and keep what was typed with the draft.

    Raises: AlreadyStarted.
    """
    with transaction.atomic():
        _choose(_draft_locked(run), choice)


def start(*, run: BulkRun, choice: Choice, checked: str, now: datetime) -> None:
    """Choose, and let the draft be done from now on, at once: a tick still on its way comes before both, or too late.

    `checked` is when what was shown had been checked, as ISO 8601. Raises: AlreadyStarted; CheckedSince; NothingPicked.
    Then nothing is kept of the choice either.
    """
    with transaction.atomic():
        current = _draft_locked(run)
        if current.checked_at.isoformat() != checked:
            raise CheckedSince
        _choose(current, choice)
        if not current.items.filter(state=State.WAITING).exists():
            raise NothingPicked
        current.started_at = now
        current.save(update_fields=["started_at"])


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
    run = BulkRun.objects.select_related("member").filter(pk=run_id).first()
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
    # Left out comes first: what cannot be done now may be possible at the next check.
    if step.booking.pk in out:
        return State.OUT
    return State.KEPT if step.problem else State.WAITING


def _choose(current: BulkRun, choice: Choice) -> None:
    current.reason, current.attendance = choice.reason, choice.attendance
    current.save(update_fields=["reason", "attendance"])
    of_page = current.items.filter(booking_id__in=choice.shown, problem="")
    of_page.filter(state=State.WAITING).exclude(booking_id__in=choice.picked).update(state=State.OUT)
    of_page.filter(state=State.OUT, booking_id__in=choice.picked).update(state=State.WAITING)


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
    action, target = Action(run.action), _target(item)
    if item.attempts > 1 and _is_so(run, item, target):
        return  # By a worker that died before it could say so; even if that took the booking out of the member's reach.
    # Read for each row: who loses the right while it runs changes no more.
    ours = accounts.active_members_of(run.member.workspace_id).select_related("workspace")
    member = ours.filter(pk=run.member_id).first()
    if member is None or not access.may(member, action.permission, target):
        raise _NotDone(NOT_YOURS)
    try:
        match action:
            case Action.ATTENDANCE if run.undoes_id is None:
                _mark(run, item, member, now)
            case Action.ATTENDANCE:
                _set_back(run, item, member, now)
            case _ if seen_of(target) != item.seen:
                raise _NotDone(CHANGED)
            case Action.CANCEL:
                booking.cancel_by_host(booking=target, reason=run.reason, actor=member.user, now=now)
            case Action.REASSIGN:
                _give(target, item.host, member, now)
    except BookingClosed as error:
        # Whoever held the row before may have been slow, not dead, and have done it meanwhile.
        if item.attempts == 1 or not _is_so(run, item, _target(item)):
            raise _NotDone(CLOSED) from error
    except hosting.NotToBeHandedOver as error:
        if item.attempts == 1 or not _is_so(run, item, _target(item)):
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


def _is_so(run: BulkRun, item: BulkItem, target: Booking) -> bool:
    """Whether the booking is what the row was to make of it."""
    match Action(run.action):
        case Action.CANCEL:
            return target.status == Booking.Status.CANCELLED
        case Action.REASSIGN:
            return target.host_id == item.host_id
        case Action.ATTENDANCE:
            return _is_back(item, target) if run.undoes_id else bool(item.before)


def _is_back(item: BulkItem, target: Booking) -> bool:
    """Whether everybody has the mark again that he had."""
    return all(
        each.no_show_status == item.before.get(str(each.pk), each.no_show_status) for each in target.company
    )


def _mark(run: BulkRun, item: BulkItem, member: Membership, now: datetime) -> None:
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
            attendance.mark(attendee=attendee, attendance=mark, actor=member.user, now=now)
        current.before = before
        current.save(update_fields=["before"])


def _set_back(run: BulkRun, item: BulkItem, member: Membership, now: datetime) -> None:
    """Give everybody back the mark he had, unless somebody has marked one of them otherwise since."""
    with transaction.atomic():
        current = _alone(item)
        target = _target(item)
        marked: list[Attendee] = [each for each in target.company if str(each.pk) in current.before]
        if not _is_back(current, target) and any(each.no_show_status != run.attendance for each in marked):
            raise _NotDone("It was marked otherwise since")
        for attendee in marked:
            mark = Booking.Attendance(current.before[str(attendee.pk)])
            attendance.mark(attendee=attendee, attendance=mark, actor=member.user, now=now)


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
