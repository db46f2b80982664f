"""Making, changing and deleting workflows. Their runs are followed up by the app that has them."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import transaction

from scheduling.domain.workflows import Channel, StepDraft, To, Trigger, WorkflowDraft
from scheduling.models import Workflow, WorkflowStep
from scheduling.selectors import leavers_workflows
from workestra.accounts.models import Membership, User
from workestra.audit import services as audit

TARGET: Final = "workflow"
COPY: Final = " copy"


class WorkflowGone(Exception):
    """The workflow was deleted in the meantime. Nothing was written."""


class OwnerGone(Exception):
    """The workflow is that of somebody who has left, and stays paused. Nothing was written."""


def create(*, by: Membership, draft: WorkflowDraft, now: datetime, is_paused: bool = False) -> Workflow:
    """Make a workflow of the member's workspace, or, where the draft says so, of his own."""
    with transaction.atomic():
        owner_id = by.user_id if draft.is_own else None
        workflow = Workflow(workspace=by.workspace, owner_id=owner_id, created_at=now, is_paused=is_paused)
        _write(workflow, draft)
        _record("workflow.created", workflow, by.user, now, after=_facts(workflow))
    return workflow


def locked(workflow_id: UUID) -> Workflow:
    """The workflow as it stands, its row locked: edits take turns, and wait for bookings that read it.

    Raises: WorkflowGone.
    """
    rows = Workflow.objects.select_for_update(no_key=True, of=("self",)).filter(deleted_at=None)
    workflow = rows.filter(pk=workflow_id).first()
    if workflow is None:
        raise WorkflowGone(str(workflow_id))
    return workflow


def save(workflow: Workflow, *, by: Membership, draft: WorkflowDraft, now: datetime) -> None:
    """Make the workflow, which the caller has locked, what `draft` says. Steps it does not name are gone."""
    before = _facts(workflow)
    _write(workflow, draft)
    after = _facts(workflow)
    changed = [name for name in after if after[name] != before[name]]
    if changed:
        _record(
            "workflow.saved",
            workflow,
            by.user,
            now,
            before={name: before[name] for name in changed},
            after={name: after[name] for name in changed},
        )


def pause(workflow: Workflow, *, by: Membership, is_paused: bool, now: datetime) -> None:
    """Let the workflow, which the caller has locked, send nothing until further notice, or go on.

    Raises: OwnerGone when one of a member who has left is to go on.
    """
    if not is_paused and leavers_workflows().filter(pk=workflow.pk).exists():
        raise OwnerGone
    if workflow.is_paused != is_paused:
        workflow.is_paused = is_paused
        workflow.save(update_fields=["is_paused"])
        _record("workflow.paused" if is_paused else "workflow.resumed", workflow, by.user, now)


def stop_of(*, workspace_id: UUID, owner_id: UUID, actor: User | None, now: datetime) -> int:
    """Pause what goes on of a member's own workflows here, as he leaves; how many. Where he comes back he may let them
    go on.
    """
    with transaction.atomic():
        rows = Workflow.objects.filter(
            workspace=workspace_id, owner=owner_id, is_paused=False, deleted_at=None
        )
        stopped = list(rows.select_for_update(no_key=True, of=("self",)).order_by("pk"))
        for workflow in stopped:
            workflow.is_paused = True
            workflow.save(update_fields=["is_paused"])
            _record("workflow.paused", workflow, actor, now)
    return len(stopped)


def stop_of_leavers(now: datetime) -> int:
    """Pause what goes on of those who have left without anybody's doing it there and then; how many workflows."""
    left = leavers_workflows().filter(is_paused=False).order_by("owner").values_list("workspace", "owner")
    return sum(
        stop_of(workspace_id=workspace_id, owner_id=owner_id, actor=None, now=now)
        for workspace_id, owner_id in left.distinct()
        if owner_id is not None
    )


def duplicate(workflow: Workflow, *, by: Membership, now: datetime) -> Workflow:
    """Make another workflow like this one. It is for no link yet, and paused."""
    longest = Workflow._meta.get_field("name").max_length
    assert longest is not None, "names have a greatest length"
    draft = WorkflowDraft(
        workflow.name[: longest - len(COPY)] + COPY,
        Trigger(workflow.trigger),
        tuple(draft_of(step, is_new=True) for step in workflow.steps.all()),
        every_link=False,
        replaces=workflow.replaces,
        group_id=workflow.group_id,
        is_own=workflow.owner_id is not None,
    )
    return create(by=by, draft=draft, now=now, is_paused=True)


def delete(workflow: Workflow, *, by: Membership, now: datetime) -> None:
    """Put the workflow, which the caller has locked, out of use for good. Links may name it still; it does nothing."""
    workflow.deleted_at = now
    workflow.save(update_fields=["deleted_at"])
    _record("workflow.deleted", workflow, by.user, now, before=_facts(workflow))


def draft_of(step: WorkflowStep, *, is_new: bool = False) -> StepDraft:
    """A message as its form has it."""
    return StepDraft(
        None if is_new else step.pk,
        step.delay,
        To(step.to),
        step.subject,
        step.body,
        step.address,
        step.asks,
        Channel(step.channel),
    )


def _write(workflow: Workflow, draft: WorkflowDraft) -> None:
    workflow.name = draft.name
    workflow.trigger = draft.trigger
    workflow.every_link = draft.every_link
    workflow.replaces = draft.replaces
    workflow.group_id = draft.group_id
    workflow.save()
    there = {step.pk: step for step in WorkflowStep.objects.filter(workflow=workflow)}
    for position, wanted in enumerate(draft.steps):
        step = there.pop(wanted.id, None) if wanted.id else None
        step = step or WorkflowStep(workflow=workflow)
        step.position = position
        step.delay, step.to, step.address = wanted.delay, wanted.to, wanted.address
        step.subject, step.body, step.asks = wanted.subject, wanted.body, wanted.asks
        step.channel = wanted.channel
        step.save()
    WorkflowStep.objects.filter(pk__in=there).delete()


def _facts(workflow: Workflow) -> dict[str, Any]:
    steps = WorkflowStep.objects.filter(workflow=workflow).order_by("position")
    return {
        "name": workflow.name,
        "trigger": str(workflow.trigger),
        "every_link": workflow.every_link,
        "replaces_standard_mail": workflow.replaces,
        "group": str(workflow.group_id or ""),
        **({"owner": workflow.owner.name} if workflow.owner else {}),
        "messages": [
            {
                "minutes": int(step.delay.total_seconds() // 60),
                "to": step.address or str(step.to),
                "subject": step.subject,
                "text": step.body,
                "asks": step.asks,
                **({"by": str(step.channel)} if step.channel != Channel.EMAIL else {}),
            }
            for step in steps
        ],
    }


def _record(action: str, workflow: Workflow, by: User | None, now: datetime, **more: Any) -> None:
    audit.record(
        workspace_id=workflow.workspace_id,
        action=action,
        target_type=TARGET,
        target_id=workflow.pk,
        target_name=workflow.name,
        at=now,
        actor=by,
        **more,
    )
