"""Reads about the runs of workflows."""

from collections import Counter
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import connection
from django.db.models import Count, Q, QuerySet
from django.db.models.functions import Now

from bookings.domain import mail_kinds as kinds
from bookings.models import Attendee, Booking, WorkflowRun
from scheduling.domain.workflows import WITH_THE_MEETING, Channel, To, Trigger, applies
from scheduling.models import BookingLink, Workflow, WorkflowStep
from workestra.accounts.domain.permissions import Permission
from workestra.accounts.models import Membership
from workestra.notifications.models import OutboxMessage

KIND = "workflow"
TEST = "workflow.test"
WAITING = Q(message__sent_at=None, message__dead_at=None, message__skipped_at=None)

GAVE_WAY: Final = "A workflow’s message takes its place"
MOMENTS: Final = {
    kinds.CONFIRMED_BOOKER: Trigger.BOOKED,
    kinds.MOVED_BOOKER: Trigger.RESCHEDULED,
    kinds.PROPOSED_BOOKER: Trigger.RESCHEDULED,
    kinds.CANCELLED_BOOKER: Trigger.CANCELLED,
    kinds.REMINDER_BOOKER: Trigger.BEFORE_START,
}
"""The mails to the booker that a workflow may replace, each with its moment."""


def kind_of(run_id: UUID) -> str:
    """The kind of the outbox message of a run."""
    return f"{KIND}:{run_id}"


def workflows_held(booking: Booking) -> list[Workflow]:
    """The workflows for this booking, with their steps: nobody changes them until the caller's transaction ends.
    Others who book at the same time do not wait. Two queries and one for the steps, or one where there are none.
    """
    named = list(booking.link.workflow_ids) if booking.link else []
    own_of = booking.link.has_workflows_of if booking.link else None
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM scheduling_workflows WHERE workspace_id = %s AND deleted_at IS NULL"
            " AND (owner_id IS NULL OR owner_id = %s) AND (every_link OR id::text = ANY(%s))"
            " ORDER BY id FOR SHARE",
            [booking.workspace_id, own_of, named],
        )
        ids = [row[0] for row in cursor.fetchall()]
    if not ids:
        return []
    return list(Workflow.objects.filter(pk__in=ids).prefetch_related("steps").order_by("pk"))


def is_for(workflow: Workflow, booking: Booking) -> bool:
    """Whether the workflow is for bookings like this one, as its link is now."""
    link = booking.link
    return applies(
        every_link=workflow.every_link,
        workflow_id=str(workflow.pk),
        owner_id=workflow.owner_id,
        link_workflow_ids=link.workflow_ids if link else None,
        link_has_workflows_of=link.has_workflows_of if link else None,
    )


def recipients_of(step: WorkflowStep, attendee: Attendee) -> list[str]:
    """To which addresses the message goes, as things are now."""
    match To(step.to):
        case To.BOOKER:
            return [] if attendee.is_erased else [attendee.email]
        case To.HOST:
            return [host.email for host in attendee.booking.hosts]
        case To.ADDRESS:
            return [step.address]


def run_of(message: OutboxMessage) -> WorkflowRun | None:
    """The run that this message is of, with all that its mail tells of; None when it is gone."""
    related = ("workflow", "step", "attendee__booking__link", "attendee__booking__host")
    # A copy that somebody asked for is of the same run as the first.
    runs = WorkflowRun.objects.filter(message=message.resend_of_id or message.pk)
    return runs.select_related(*related, "attendee__booking__workspace").first()


def waiting_runs(runs: QuerySet[WorkflowRun]) -> QuerySet[WorkflowRun]:
    """Those of them that are still to come: not the one that is being sent at this moment."""
    on_its_way = Q(message__leased_until__gt=Now())
    return runs.filter(WAITING).exclude(on_its_way)


def runs_about(booking: Booking) -> list[WorkflowRun]:
    """Every run about this booking, whatever became of it, with its workflow, step, attendee and message. One query."""
    return list(_with_messages(WorkflowRun.objects.filter(attendee__booking=booking)))


def replacing(attendee: Attendee, trigger: str) -> bool:
    """Whether a workflow's mail takes the place of the standard one that this attendee gets at this moment."""
    return bool(_in_place(attendee, trigger))


def due_in_place(attendee: Attendee, trigger: str) -> datetime | None:
    """When the first of the workflows' mails goes out that take the place of the standard one of this moment.

    None when all of them have. Raises: LookupError when there is none.
    """
    in_place = _in_place(attendee, trigger)
    if not in_place:
        raise LookupError(trigger)
    return min((run.message.available_at for run in in_place if run.message.sent_at is None), default=None)


def takes_the_place(run: WorkflowRun, booking: Booking) -> bool:
    """Whether the run's mail is one that takes the place of the booker's standard one, as things are now.

    `booking` is the run's, which the caller has.
    """
    workflow, step, message = run.workflow, run.step, run.message
    return (
        workflow.replaces
        and not workflow.is_paused
        and workflow.deleted_at is None
        and step is not None
        and step.to == To.BOOKER
        and step.channel == Channel.EMAIL
        and run.recipient == run.attendee.email
        and message.dead_at is None
        and message.skipped_at is None
        and is_for(workflow, booking)
    )


def _in_place(attendee: Attendee, trigger: str) -> list[WorkflowRun]:
    runs = WorkflowRun.objects.filter(attendee=attendee, trigger=trigger, workflow__replaces=True)
    return [run for run in _with_messages(runs) if takes_the_place(run, attendee.booking)]


def _with_messages(runs: QuerySet[WorkflowRun]) -> QuerySet[WorkflowRun]:
    return runs.select_related("workflow", "step", "attendee", "message").defer("message__payload")


def kinds_in_place(attendees: Collection[Attendee]) -> list[str]:
    """The kinds of messages that stand in the place of the mail that tells these bookers where they meet."""
    runs = WorkflowRun.objects.filter(
        attendee__in=attendees,
        trigger__in=[Trigger.BOOKED, Trigger.RESCHEDULED],
        workflow__replaces=True,
        step__channel=Channel.EMAIL,
        step__to=To.BOOKER,
        step__delay=timedelta(),
    )
    return [kind_of(pk) for pk in runs.values_list("pk", flat=True)]


def whose_mails_gave_way(attendee_ids: Collection[UUID]) -> list[UUID]:
    """Those of these attendees who were not sent a standard mail because a workflow's message takes its place."""
    given_way = OutboxMessage.objects.filter(topic_id__in=attendee_ids, skip_reason=GAVE_WAY)
    return list(given_way.order_by("topic_id").values_list("topic_id", flat=True).distinct())


def owed_after_all(attendee_id: UUID) -> list[OutboxMessage]:
    """Standard mails of this attendee that gave way to messages of workflows of which none went out, nor will."""
    given_way = OutboxMessage.objects.filter(topic_id=attendee_id, kind__in=MOMENTS, skip_reason=GAVE_WAY)
    if not given_way:
        return []
    attendee = Attendee.objects.select_related("booking__link").get(pk=attendee_id)
    told = set(
        WorkflowRun.objects.filter(
            attendee=attendee,
            recipient=attendee.email,
            workflow__replaces=True,
            message__sent_at__isnull=False,
            message__text=None,
        ).values_list("trigger", flat=True)
    )
    return [
        message
        for message in given_way
        if MOMENTS[message.kind] not in told and not replacing(attendee, MOMENTS[message.kind])
    ]


def standard_mail_stands(run: WorkflowRun) -> bool:
    """Whether the standard mail whose place the run's takes has gone out since it was due, as one that had failed."""
    standard = [kind for kind, moment in MOMENTS.items() if moment == run.trigger]
    about = OutboxMessage.objects.filter(topic_id=run.attendee_id, kind__in=standard, resend_of=None)
    return about.filter(sent_at__gte=run.due_at).exists()


def left_in_vain(since: datetime) -> list[UUID]:
    """Attendees to whom a mail in place of a standard one did not go out after all since then."""
    ended = Q(message__dead_at__gte=since) | Q(message__skipped_at__gte=since)
    runs = WorkflowRun.objects.filter(ended, workflow__replaces=True, step__to=To.BOOKER)
    return whose_mails_gave_way(set(runs.values_list("attendee", flat=True)))


def told_by_another(run: WorkflowRun) -> bool:
    """Whether the hosts of a group session get this message, which is about the meeting, for another attendee of it."""
    booking = run.attendee.booking
    if (
        not booking.is_group
        or run.trigger not in WITH_THE_MEETING
        or run.step is None
        or run.step.to == To.BOOKER
    ):
        return False
    others = WorkflowRun.objects.filter(
        step=run.step, recipient=run.recipient, attendee__booking=booking
    ).exclude(pk=run.pk)
    still_tell = WAITING & Q(pk__lt=run.pk, attendee__status=Booking.Status.CONFIRMED)
    if run.trigger == Trigger.ENDS:
        still_tell &= ~Q(attendee__no_show_status=Booking.Attendance.NO_SHOW)
    return others.filter(Q(message__sent_at__isnull=False) | still_tell).exists()


def sent_since(workspace_id: UUID, since: datetime) -> dict[UUID, tuple[int, int]]:
    """How many messages of each workflow went out since then, and how many failed. One query."""
    rows = (
        WorkflowRun.objects.filter(workflow__workspace=workspace_id)
        .values_list("workflow")
        .annotate(
            sent=Count("pk", filter=Q(message__sent_at__gte=since)),
            failed=Count("pk", filter=Q(message__dead_at__gte=since)),
        )
    )
    return {workflow: (sent, failed) for workflow, sent, failed in rows}


def links_naming(workspace_id: UUID) -> list[BookingLink]:
    """Links that name workflows of their own, by title, with owner and template."""
    links = BookingLink.objects.filter(workspace=workspace_id).exclude(workflow_ids=[])
    return list(links.select_related("owner", "managed_event_template"))


def count_by_workflow(links: Iterable[BookingLink]) -> Counter[str]:
    """How many of these links name each workflow."""
    return Counter(key for link in links for key in link.workflow_ids)


def own_links(member: Membership) -> list[BookingLink]:
    """The member's links of which he may choose the workflows himself, by title; none where he may not edit links."""
    if member.scope_of(Permission.EDIT) is None:
        return []
    return [link for link in _links_of(member) if not link.locks("workflows")]


def kept_links(member: Membership) -> list[BookingLink]:
    """The member's links whose workflows a template keeps, by title, with templates: his own do not apply there."""
    return [link for link in _links_of(member) if link.locks("workflows")]


def _links_of(member: Membership) -> QuerySet[BookingLink]:
    links = BookingLink.objects.filter(workspace=member.workspace_id, owner=member.user_id)
    return links.select_related("managed_event_template")


def waiting_count(workflow: Workflow) -> int:
    """How many messages of the workflow are still to come."""
    return waiting_runs(WorkflowRun.objects.filter(workflow=workflow)).count()


def bookings_to_show(member: Membership, reach: set[UUID] | None, now: datetime) -> list[Attendee]:
    """Attendees that the member may see, to show a message with: a few to come, soonest first, else the latest."""
    seen = Attendee.objects.filter(
        booking__workspace=member.workspace_id, status=Booking.Status.CONFIRMED
    ).select_related("booking__link", "booking__host", "booking__workspace")
    if reach is not None:
        seen = seen.filter(booking__host__in=reach)
    ahead = list(seen.filter(booking__starts_at__gt=now).order_by("booking__starts_at", "pk")[:8])
    return ahead or list(seen.order_by("-booking__starts_at", "pk")[:8])
