"""Runs of workflows: planned in the transaction in which a booking is made or changes; they follow their workflow.

Each run is a row with its outbox message, which becomes available when the run is due. Delivery, retries and several
workers are the outbox's; whether a message may still go out is asked again when it does (`bookings.workflow_mails`).

Workflows are held before any message is touched: an edit, which holds its workflow first as well, cannot deadlock.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import QuerySet

from bookings.domain import mail_kinds as kinds
from bookings.models import Attendee, Booking, WorkflowRun
from bookings.selectors.runs import (
    kind_of,
    left_in_vain,
    owed_after_all,
    recipients_of,
    waiting_runs,
    whose_mails_gave_way,
    workflows_held,
)
from scheduling.domain.workflows import (
    A_NO_SHOW,
    NO_LONGER_A_NO_SHOW,
    OTHER_MOMENT,
    WITH_THE_MEETING,
    Channel,
    To,
    Trigger,
    anchor_of,
    due_at,
    is_planned,
)
from scheduling.models import Workflow, WorkflowStep
from workestra.notifications import services as outbox
from workestra.notifications.models import OutboxMessage

MADE = frozenset({Trigger.BOOKED}) | WITH_THE_MEETING
MOVED = frozenset({Trigger.RESCHEDULED}) | WITH_THE_MEETING

OTHER_HOST = "Somebody else hosts it now"
OTHER_RECIPIENT = "It goes to somebody else now"
UNDONE = frozenset({OTHER_HOST, OTHER_RECIPIENT, OTHER_MOMENT, NO_LONGER_A_NO_SHOW})
"""Reasons that may go away again: what was left out because of them waits again when they do."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A run that there is to be: a step's message to somebody about an attendee, due at a time counted from `anchor`.

    `available` is when it goes out at the earliest.
    """

    workflow: Workflow
    step: WorkflowStep
    attendee: Attendee
    recipient: str
    anchor: datetime
    due: datetime
    available: datetime

    @property
    def key(self) -> tuple[UUID, UUID, str]:
        return self.step.pk, self.attendee.pk, self.recipient


def plan(
    attendee: Attendee, triggers: Collection[Trigger], now: datetime, *, wait: timedelta = timedelta()
) -> None:
    """Plan what these moments in the attendee's part of a booking start. What is planned already stays as it is.

    `wait` puts off what would go out at once, as for a meeting link that is still to come.
    """
    _enter(_started(workflows_held(attendee.booking), attendee, triggers, now, wait), now)


def move(previous: Attendee, moved: Attendee, now: datetime, *, wait: timedelta = timedelta()) -> None:
    """The attendee comes at another time: what waited for the old one is dropped, and planned for the new one.

    What is counted from the booking goes on being counted from there.
    """
    workflows = workflows_held(moved.booking)
    carried = _waiting(previous).filter(trigger=Trigger.BOOKED, step__isnull=False)
    wanted = [
        _like(run, moved, recipient, run.due_at)
        for run in carried.select_related("workflow", "step")
        if run.step is not None
        for recipient in recipients_of(run.step, moved)
    ]
    drop(previous, "The meeting was moved")
    _enter([*wanted, *_started(workflows, moved, MOVED, now, wait)], now)


def cancel(attendee: Attendee, now: datetime) -> None:
    """The attendee comes no more: nothing that waited goes out, and what a cancellation starts is planned."""
    workflows = workflows_held(attendee.booking)
    drop(attendee, "The booking was cancelled")
    _enter(_started(workflows, attendee, {Trigger.CANCELLED}, now), now)


def mark(attendee: Attendee, attendance: Booking.Attendance, now: datetime) -> None:
    """Attendance is marked: a no-show starts what follows one. Anything else drops what has not gone out yet, and what
    was left out because he was marked as one waits again.
    """
    workflows = workflows_held(attendee.booking)
    if attendance == Booking.Attendance.NO_SHOW:
        _enter(_started(workflows, attendee, {Trigger.NO_SHOW}, now), now)
    else:
        _drop(_waiting(attendee).filter(trigger=Trigger.NO_SHOW), NO_LONGER_A_NO_SHOW)
        kept_back = WorkflowRun.objects.filter(attendee=attendee, message__skip_reason=A_NO_SHOW)
        outbox.wait_again(dict(kept_back.values_list("message", "due_at")))


def hand_over(attendee: Attendee, now: datetime) -> None:
    """Others host the meeting now: what its hosts were to be told goes to these."""
    workflows_held(attendee.booking)
    waiting = _waiting(attendee).filter(step__to=To.HOST)
    runs = list(waiting.select_related("workflow", "step").order_by("pk"))
    hosts = [host.email for host in attendee.booking.hosts]
    _drop(waiting.exclude(recipient__in=hosts), OTHER_HOST)
    _enter([_like(run, attendee, host, run.due_at) for run in runs for host in hosts], now)


def drop(attendee: Attendee, reason: str) -> None:
    """Nothing that waits for the attendee's part of the booking goes out."""
    _drop(_waiting(attendee), reason)


def follow(workflow: Workflow, now: datetime) -> int:
    """Bring the runs that still wait in line with the workflow, which the caller has locked; how many wait on.

    Messages that went out, failed, were left out, or are being sent, stay as they are. A message that the workflow has
    got since is for bookings to come.
    """
    waiting = waiting_runs(WorkflowRun.objects.filter(workflow=workflow))
    if workflow.deleted_at:
        _drop_for_good(waiting, "The workflow was deleted")
        return 0
    _drop_for_good(waiting.filter(step=None), "The message was taken out of the workflow")
    _drop_for_good(waiting.exclude(trigger=workflow.trigger), OTHER_MOMENT)
    there = waiting.select_related("workflow", "step", "attendee__booking__host")
    elsewhere: list[UUID] = []
    late: list[WorkflowRun] = []
    wanted: dict[tuple[UUID, UUID, str], Wanted] = {}
    for run in there.prefetch_related("attendee__booking__co_hosts").order_by("pk"):
        assert run.step is not None
        due = due_at(Trigger(run.trigger), run.step.delay, run.anchor)
        recipients = recipients_of(run.step, run.attendee)
        if run.recipient not in recipients:
            elsewhere.append(run.message_id)
        elif due != run.due_at:
            run.due_at = due
            late.append(run)
        for recipient in recipients:
            one = _like(run, run.attendee, recipient, due)
            wanted.setdefault(one.key, one)
    outbox.leave_out(elsewhere, reason=OTHER_RECIPIENT)
    WorkflowRun.objects.bulk_update(late, ["due_at"], batch_size=500)
    outbox.put_off_until({run.message_id: run.due_at for run in late})
    _enter(wanted.values(), now)
    return waiting.count()


def owe_replaced(attendee_id: UUID) -> None:
    """Owe the attendee after all what gave way to a workflow's message that did not go out. Safe to repeat.

    The mail itself is left out when it has nothing to tell any more.
    """
    outbox.wait_again({message.pk: message.available_at for message in owed_after_all(attendee_id)})


def owe_what_was_left(since: datetime) -> None:
    """Owe what gave way in vain since then, where the worker died before it could say so. Safe to repeat."""
    for attendee_id in left_in_vain(since):
        with transaction.atomic():
            owe_replaced(attendee_id)


def _started(
    workflows: Sequence[Workflow],
    attendee: Attendee,
    triggers: Collection[Trigger],
    now: datetime,
    wait: timedelta = timedelta(),
) -> list[Wanted]:
    """What these moments, which are now, start of these workflows."""
    booking, started = attendee.booking, []
    for workflow in workflows:
        trigger = Trigger(workflow.trigger)
        if trigger not in triggers:
            continue
        anchor = anchor_of(trigger, start=booking.starts_at, end=booking.ends_at, now=now)
        for step in workflow.steps.all():
            due = due_at(trigger, step.delay, anchor)
            if is_planned(trigger, due, now):
                available = max(due, now + wait) if wait else due
                started += [
                    Wanted(workflow, step, attendee, recipient, anchor, due, available)
                    for recipient in recipients_of(step, attendee)
                ]
    return started


def _like(run: WorkflowRun, attendee: Attendee, recipient: str, due: datetime) -> Wanted:
    """A run like this one, about that attendee, for that recipient, due then."""
    assert run.step is not None, "what waits has its step"
    return Wanted(run.workflow, run.step, attendee, recipient, run.anchor, due, due)


def _enter(wanted: Iterable[Wanted], now: datetime) -> None:
    """Plan these runs unless they are there. Those that were left out because of what is undone now wait again.

    As many queries for many as for one.
    """
    missing = {one.key: one for one in wanted}
    if not missing:
        return
    known = WorkflowRun.objects.filter(
        step__in={one.step.pk for one in missing.values()},
        attendee__in={one.attendee.pk for one in missing.values()},
    )
    again: dict[UUID, datetime] = {}
    revived = []
    for run in known.select_related("message"):
        assert run.step_id is not None
        one = missing.pop((run.step_id, run.attendee_id, run.recipient), None)
        if one is not None and run.message.skip_reason in UNDONE:
            run.trigger, run.anchor, run.due_at = one.workflow.trigger, one.anchor, one.due
            revived.append(run)
            again[run.message_id] = one.available
    WorkflowRun.objects.bulk_update(revived, ["trigger", "anchor", "due_at"], batch_size=500)
    outbox.wait_again(again)
    made = [_made(one, now) for one in missing.values()]
    outbox.enqueue_new([run.message for run in made])
    WorkflowRun.objects.bulk_create(made)


def _made(one: Wanted, now: datetime) -> WorkflowRun:
    """The run with its message, neither of them written yet."""
    run_id = uuid4()
    message = OutboxMessage(
        workspace_id=one.workflow.workspace_id,
        topic=kinds.ATTENDEE,
        topic_id=one.attendee.pk,
        kind=kind_of(run_id),
        recipient=one.recipient,
        seq=one.attendee.ics_sequence,
        available_at=one.available,
        is_text=one.step.channel == Channel.SMS,
    )
    return WorkflowRun(
        id=run_id,
        workflow=one.workflow,
        step=one.step,
        attendee=one.attendee,
        message=message,
        trigger=one.workflow.trigger,
        recipient=one.recipient,
        anchor=one.anchor,
        due_at=one.due,
        created_at=now,
    )


def _waiting(attendee: Attendee) -> QuerySet[WorkflowRun]:
    return waiting_runs(WorkflowRun.objects.filter(attendee=attendee))


def _drop_for_good(runs: QuerySet[WorkflowRun], reason: str) -> None:
    """Leave these runs out; what had given way to them is owed again."""
    attendees = set(runs.values_list("attendee", flat=True))
    _drop(runs, reason)
    for attendee_id in whose_mails_gave_way(attendees):
        owe_replaced(attendee_id)


def _drop(runs: QuerySet[WorkflowRun], reason: str) -> None:
    """Leave these runs out."""
    outbox.leave_out(list(runs.values_list("message", flat=True)), reason=reason)
