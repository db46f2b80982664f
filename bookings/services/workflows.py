"""Changing workflows together with what is under way of them, and sending their messages to oneself."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from bookings.selectors import runs as reads
from bookings.services import runs
from bookings.workflow_texts import NO_OWN_NUMBER
from scheduling.domain.workflows import Channel, WorkflowDraft
from scheduling.models import BookingLink, Workflow
from scheduling.services import links as link_service
from scheduling.services import workflows as definitions
from scheduling.services.workflows import OwnerGone, WorkflowGone
from workestra.accounts.models import Membership
from workestra.notifications import services as outbox
from workestra.notifications.models import OutboxMessage
from workestra.sms import selectors as sms

__all__ = [
    "LinkChanged",
    "OwnerGone",
    "Saved",
    "WorkflowGone",
    "create",
    "delete",
    "duplicate",
    "pause",
    "save",
    "send_test",
]


class LinkChanged(Exception):
    """A link that was to name the workflow, or no longer, is gone or kept by its template now. Nothing was written."""

    def __init__(self, title: str) -> None:
        super().__init__(title)
        self.title = title


@dataclass(frozen=True, slots=True)
class Saved:
    """A saved workflow, and how many messages that wait follow it."""

    workflow: Workflow
    waiting: int


def create(*, by: Membership, draft: WorkflowDraft, links: Collection[UUID], now: datetime) -> Workflow:
    """Make a workflow, and name it on these links of the member's own. Bookings to come have its messages.

    Raises: LinkChanged.
    """
    with transaction.atomic():
        workflow = definitions.create(by=by, draft=draft, now=now)
        _name_on_links(workflow.pk, by, () if draft.every_link else links, now)
    return workflow


def save(
    *, workflow_id: UUID, by: Membership, draft: WorkflowDraft, links: Collection[UUID], now: datetime
) -> Saved:
    """Make the workflow what `draft` says, and have exactly these of the member's own links name it.

    Only messages that still wait follow the change. Raises: LinkChanged; WorkflowGone.
    """
    with transaction.atomic():
        # Links before their workflow: bookings hold them in that order.
        _name_on_links(workflow_id, by, () if draft.every_link else links, now)
        workflow = definitions.locked(workflow_id)
        definitions.save(workflow, by=by, draft=draft, now=now)
        waiting = runs.follow(workflow, now)
    return Saved(workflow, waiting)


def pause(*, workflow_id: UUID, by: Membership, is_paused: bool, now: datetime) -> Workflow:
    """Let it send nothing until it goes on: what falls due meanwhile is left out.

    Raises: WorkflowGone; OwnerGone.
    """
    with transaction.atomic():
        workflow = definitions.locked(workflow_id)
        definitions.pause(workflow, by=by, is_paused=is_paused, now=now)
    return workflow


def duplicate(*, workflow_id: UUID, by: Membership, now: datetime) -> Workflow:
    """Make another workflow like this one, for no link yet, and paused. Raises: WorkflowGone."""
    with transaction.atomic():
        return definitions.duplicate(definitions.locked(workflow_id), by=by, now=now)


def delete(*, workflow_id: UUID, by: Membership, now: datetime) -> Workflow:
    """Put it out of use for good; what waits is left out. Raises: WorkflowGone."""
    with transaction.atomic():
        workflow = definitions.locked(workflow_id)
        definitions.delete(workflow, by=by, now=now)
        runs.follow(workflow, now)
    return workflow


@dataclass(frozen=True, slots=True)
class Tested:
    """What is on its way to the member himself. `no_texts` is why texts are not; "" where none are kept back."""

    emails: int
    texts: int
    no_texts: str


def send_test(*, workflow: Workflow, by: Membership, attendee_id: UUID | None) -> Tested:
    """Send the workflow's messages to the member himself, filled with this attendee's booking: mails to his address,
    texts to the number he has confirmed.

    Without an attendee they are filled with a made-up booking.
    """
    kind = f"{reads.TEST}:{attendee_id or ''}"
    number = sms.number_of_host(by.workspace_id, by.user.email)
    why_not = sms.why_not(by.workspace_id, number) if number else NO_OWN_NUMBER
    with transaction.atomic():
        every = list(workflow.steps.all())
        steps = [step for step in every if step.channel != Channel.SMS or not why_not]
        for step in steps:
            earlier = OutboxMessage.objects.filter(topic_id=step.pk, recipient=by.user.email).count()
            outbox.enqueue(
                workspace_id=workflow.workspace_id,
                topic=reads.TEST,
                topic_id=step.pk,
                kind=kind,
                recipient=by.user.email,
                seq=earlier,
            )
    texts = [step for step in every if step.channel == Channel.SMS]
    return Tested(len(every) - len(texts), 0 if why_not else len(texts), why_not if texts else "")


def _name_on_links(workflow_id: UUID, by: Membership, wanted: Collection[UUID], now: datetime) -> None:
    """Have exactly these of the member's own links, of those that leave it to him, name the workflow."""
    key = str(workflow_id)
    for link in reads.own_links(by):
        named = set(link.workflow_ids)
        then = named | {key} if link.pk in wanted else named - {key}
        if then != named:
            try:
                link_service.update_link(
                    link_id=link.pk, by=by, values={"workflow_ids": sorted(then)}, now=now
                )
            except (link_service.SectionLocked, BookingLink.DoesNotExist) as changed:
                raise LinkChanged(link.title) from changed
