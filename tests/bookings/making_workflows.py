"""Workflows for tests, and a poller that delivers what is due by the clock of the test."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from bookings.models import Attendee, WorkflowRun
from bookings.services import workflows as service
from scheduling.domain.workflow_presets import BY_KEY
from scheduling.domain.workflows import StepDraft, To, Trigger, WorkflowDraft
from scheduling.models import BookingLink, Workflow
from workestra.accounts.models import Membership
from workestra.notifications import effects
from workestra.notifications.models import OutboxMessage
from workestra.notifications.selectors import waiting

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def step_of(delay: timedelta = DAY, to: To = To.BOOKER, **more: Any) -> StepDraft:
    return StepDraft(
        None, delay, to, more.pop("subject", "About {{event_title}}"), "Hello {{first_name}}.", **more
    )


def draft_of(
    trigger: Trigger = Trigger.BEFORE_START, *steps: StepDraft, every_link: bool = True, **more: Any
) -> WorkflowDraft:
    return WorkflowDraft(more.pop("name", "Around it"), trigger, steps or (step_of(),), every_link, **more)


def make_workflow(
    admin: Membership,
    trigger: Trigger = Trigger.BEFORE_START,
    *steps: StepDraft,
    now: datetime,
    links: Sequence[BookingLink] = (),
    every: bool = True,
    **more: Any,
) -> Workflow:
    """On every link unless `links` says on which, or not `every`."""
    workflow = service.create(
        by=admin, draft=draft_of(trigger, *steps, every_link=every and not links, **more), links=(), now=now
    )
    for link in links:
        link.workflow_ids = sorted([*link.workflow_ids, str(workflow.pk)])
        link.save(update_fields=["workflow_ids"])
    return workflow


def make_preset(admin: Membership, key: str, now: datetime) -> Workflow:
    step = BY_KEY[key].draft.steps[0]
    preset = BY_KEY[key].draft
    draft = WorkflowDraft(preset.name, preset.trigger, (step,), every_link=True, replaces=preset.replaces)
    return service.create(by=admin, draft=draft, links=(), now=now)


def runs_of(attendee: Attendee) -> list[WorkflowRun]:
    runs = WorkflowRun.objects.filter(attendee=attendee).select_related("message", "workflow")
    return list(runs.order_by("due_at", "recipient"))


def state_of(run: WorkflowRun) -> str:
    """ "waiting", "sent", "failed", or "left out: …"."""
    message = OutboxMessage.objects.get(pk=run.message_id)
    if message.sent_at:
        return "sent"
    if message.dead_at:
        return "failed"
    return f"left out: {message.skip_reason}" if message.skipped_at else "waiting"


def deliver(now: datetime) -> None:
    """What the beat and a worker do at `now`: the database's clock, by which messages are due, is moved there."""
    away = now - timezone.now()
    ahead = waiting().filter(available_at__gt=now)
    kept = dict(ahead.values_list("pk", "available_at"))
    for message in waiting().filter(available_at__lte=now):
        OutboxMessage.objects.filter(pk=message.pk).update(available_at=message.available_at - away)
    far = timezone.now() + timedelta(days=1)
    ahead.filter(pk__in=kept).update(available_at=far)
    effects.deliver_due(now)
    for key, at in kept.items():
        OutboxMessage.objects.filter(pk=key).update(available_at=at)
