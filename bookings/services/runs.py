"""Runs of workflows: planned in the transaction in which a booking is made or changes; they follow their workflow.

Each run is a row with its outbox message, which becomes available when the run is due. Delivery, retries and several
workers are the outbox's; whether a message may still go out is asked again when it does (`bookings.workflow_mails`).

Workflows are held before any message is touched: an edit, which holds its workflow first as well, cannot deadlock.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django.db.models import QuerySet

from bookings.domain import mail_kinds as kinds
from bookings.models import Attendee, Booking, WorkflowRun
from bookings.selectors.runs import kind_of, owed_after_all, recipients_of, waiting_runs, workflows_held
from scheduling.domain.workflows import (
    A_NO_SHOW,
    NO_LONGER_A_NO_SHOW,
    WITH_THE_MEETING,
    To,
    Trigger,
    anchor_of,
    due_at,
    is_planned,
)
from scheduling.models import Workflow, WorkflowStep
from workestra.notifications import services as outbox

MADE = frozenset({Trigger.BOOKED}) | WITH_THE_MEETING
MOVED = frozenset({Trigger.RESCHEDULED}) | WITH_THE_MEETING

OTHER_HOST = "Somebody else hosts it now"
OTHER_RECIPIENT = "It goes to somebody else now"
UNDONE = frozenset({OTHER_HOST, OTHER_RECIPIENT, NO_LONGER_A_NO_SHOW})
"""Reasons that may go away again: what was left out because of them waits again when they do."""


def plan(
    attendee: Attendee, triggers: Iterable[Trigger], now: datetime, *, wait: timedelta = timedelta()
) -> None:
    """Plan what these moments in the attendee's part of a booking start. What is planned already stays as it is.

    `wait` puts off what would go out at once, as for a meeting link that is still to come.
    """
    booking = attendee.booking
    for workflow in workflows_held(booking, triggers):
        trigger = Trigger(workflow.trigger)
        anchor = anchor_of(trigger, start=booking.starts_at, end=booking.ends_at, now=now)
        for step in workflow.steps.all():
            due = due_at(trigger, step.delay, anchor)
            if is_planned(trigger, due, now):
                for recipient in recipients_of(step, attendee):
                    _enter(workflow, step, attendee, recipient, anchor, due, now, wait)


def move(previous: Attendee, moved: Attendee, now: datetime, *, wait: timedelta = timedelta()) -> None:
    """The attendee comes at another time: what waited for the old one is dropped, and planned for the new one.

    What is counted from the booking goes on being counted from there.
    """
    workflows_held(moved.booking, MADE | MOVED)
    carried = [
        run
        for run in _waiting(previous).select_related("workflow", "step")
        if run.trigger == Trigger.BOOKED and run.step is not None
    ]
    drop(previous, "The meeting was moved")
    for run in carried:
        assert run.step is not None
        for recipient in recipients_of(run.step, moved):
            _enter(run.workflow, run.step, moved, recipient, run.anchor, run.due_at, now)
    plan(moved, MOVED, now, wait=wait)


def cancel(attendee: Attendee, now: datetime) -> None:
    """The attendee comes no more: nothing that waited goes out, and what a cancellation starts is planned."""
    workflows_held(attendee.booking, {Trigger.CANCELLED})
    drop(attendee, "The booking was cancelled")
    plan(attendee, {Trigger.CANCELLED}, now)


def mark(attendee: Attendee, attendance: Booking.Attendance, now: datetime) -> None:
    """Attendance is marked: a no-show starts what follows one. Anything else drops what has not gone out yet, and what
    was left out because he was marked as one waits again.
    """
    if attendance == Booking.Attendance.NO_SHOW:
        plan(attendee, {Trigger.NO_SHOW}, now)
    else:
        _drop(_waiting(attendee).filter(trigger=Trigger.NO_SHOW), NO_LONGER_A_NO_SHOW)
        kept_back = WorkflowRun.objects.filter(attendee=attendee, message__skip_reason=A_NO_SHOW)
        for run in kept_back:
            outbox.wait_again(run.message_id, run.due_at)


def hand_over(attendee: Attendee, now: datetime) -> None:
    """Others host the meeting now: what its hosts were to be told goes to these."""
    waiting = _waiting(attendee).filter(step__to=To.HOST)
    runs = list(waiting.select_related("workflow", "step").order_by("pk"))
    hosts = [host.email for host in attendee.booking.hosts]
    _drop(waiting.exclude(recipient__in=hosts), OTHER_HOST)
    for run in runs:
        assert run.step is not None
        for host in hosts:
            _enter(run.workflow, run.step, attendee, host, run.anchor, run.due_at, now)


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
    _drop_for_good(waiting.exclude(trigger=workflow.trigger), "The workflow is about another moment now")
    there = waiting.select_related("step", "message", "attendee__booking__host").order_by("pk")
    seen: set[tuple[UUID, UUID]] = set()
    for run in list(there):
        assert run.step is not None
        due = due_at(Trigger(run.trigger), run.step.delay, run.anchor)
        wanted = recipients_of(run.step, run.attendee)
        if run.recipient not in wanted:
            _drop(waiting.filter(pk=run.pk), OTHER_RECIPIENT)
        elif due != run.due_at:
            run.due_at = due
            run.save(update_fields=["due_at"])
            run.message.available_at = due
            run.message.save(update_fields=["available_at"])
        if (run.step.pk, run.attendee_id) not in seen:
            seen.add((run.step.pk, run.attendee_id))
            for recipient in wanted:
                _enter(workflow, run.step, run.attendee, recipient, run.anchor, due, now)
    return waiting.count()


def owe_replaced(attendee_id: UUID) -> None:
    """Owe the attendee after all what gave way to a workflow's message that did not go out. Safe to repeat.

    The mail itself is left out when it has nothing to tell any more.
    """
    for message in owed_after_all(attendee_id):
        outbox.wait_again(message.pk, message.available_at)


def _enter(
    workflow: Workflow,
    step: WorkflowStep,
    attendee: Attendee,
    recipient: str,
    anchor: datetime,
    due: datetime,
    now: datetime,
    wait: timedelta = timedelta(),
) -> None:
    """Plan a run unless there is one. One that was left out because of what is undone now waits again."""
    available = max(due, now + wait) if wait else due
    known = WorkflowRun.objects.filter(step=step, attendee=attendee, recipient=recipient).first()
    if known is not None:
        if known.message.skip_reason in UNDONE:
            known.anchor, known.due_at = anchor, due
            known.save(update_fields=["anchor", "due_at"])
            outbox.wait_again(known.message_id, available)
        return
    run_id = uuid4()
    message = outbox.enqueue(
        workspace_id=workflow.workspace_id,
        topic=kinds.ATTENDEE,
        topic_id=attendee.pk,
        kind=kind_of(run_id),
        recipient=recipient,
        seq=attendee.ics_sequence,
        available_at=available,
    )
    WorkflowRun.objects.create(
        id=run_id,
        workflow=workflow,
        step=step,
        attendee=attendee,
        message=message,
        trigger=workflow.trigger,
        recipient=recipient,
        anchor=anchor,
        due_at=due,
        created_at=now,
    )


def _waiting(attendee: Attendee) -> QuerySet[WorkflowRun]:
    return waiting_runs(WorkflowRun.objects.filter(attendee=attendee))


def _drop_for_good(runs: QuerySet[WorkflowRun], reason: str) -> None:
    """Leave these runs out; what had given way to them is owed again."""
    attendees = set(runs.values_list("attendee", flat=True))
    _drop(runs, reason)
    for attendee_id in attendees:
        owe_replaced(attendee_id)


def _drop(runs: QuerySet[WorkflowRun], reason: str) -> None:
    """Leave these runs out."""
    for run_id, attendee_id in list(runs.values_list("pk", "attendee")):
        outbox.cancel_pending(attendee_id, kind_of(run_id), reason=reason)
