"""Workflows for tests, and a poller that delivers what is due by the clock of the test."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from django.db import transaction
from django.utils import timezone

from bookings.models import Attendee, Booking, WorkflowRun
from bookings.services import runs
from bookings.services import workflows as service
from scheduling.domain.workflow_presets import BY_KEY
from scheduling.domain.workflows import StepDraft, To, Trigger, WorkflowDraft
from scheduling.models import BookingLink, Workflow
from scheduling.selectors.times import open_slots_of
from tests.factories import make_booking, make_link
from workestra.accounts.models import Membership
from workestra.calendars.domain.period import Period
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


def make_due_runs(alice: Membership, admin: Membership, count: int, now: datetime) -> Booking:
    """A session with so many seats taken, that begins soon; a message to each that has been due for some minutes."""
    hours = [{"days": list(range(7)), "start": "00:00", "end": "24:00"}]
    link = make_link(alice, strategy="group", capacity=count, weekly_hours=hours)
    early = now - 2 * DAY
    soon = Period(now + timedelta(minutes=25), now + 2 * HOUR)
    start = open_slots_of(link, soon, early)[0].start
    make_workflow(admin, Trigger.BEFORE_START, step_of(2 * HOUR), now=early, links=[link])
    booking = make_booking(link, start, early, email="b0@example.com")
    others = [
        Attendee(
            booking=booking,
            name="Priya Raman",
            email=f"b{number}@example.com",
            timezone=booking.booker.timezone,
            manage_token_hash=f"{number:064}",
            idempotency_key=uuid4(),
            created_at=early,
        )
        for number in range(1, count)
    ]
    Attendee.objects.bulk_create(others)
    with transaction.atomic():
        for other in others:
            runs.plan(other, runs.MADE, early)
    due = OutboxMessage.objects.filter(kind__startswith="workflow:")
    assert due.filter(available_at__lte=now).count() == count
    OutboxMessage.objects.exclude(pk__in=due).delete()
    return booking


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
