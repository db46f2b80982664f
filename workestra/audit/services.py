"""Writing the audit log."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from workestra.audit.models import AuditEvent

SYSTEM = "Workestra"


class Actor(Protocol):
    """Who did it, as far as the log needs to know: a user."""

    pk: Any
    name: Any


def record(
    *,
    workspace_id: UUID,
    action: str,
    target_type: str,
    target_id: UUID,
    target_name: str,
    at: datetime,
    actor: Actor | None = None,
    actor_name: str = "",
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    detail: Mapping[str, Any] | None = None,
) -> AuditEvent:
    """Add one event, in the caller's transaction, so that it stands exactly when the change it tells of does.

    `action` is `object.verb` in the past tense ("template.saved"). `before` and `after` hold only what changed.
    Without `actor`, `actor_name` says who it was (a booker's address), or the system did it.
    """
    return AuditEvent.objects.create(
        workspace_id=workspace_id,
        at=at,
        actor_id=actor.pk if actor else None,
        actor_name=(actor.name if actor else actor_name or SYSTEM)[:160],
        action=action,
        target_type=target_type,
        target_id=target_id,
        target_name=target_name[:200],
        before=dict(before or {}),
        after=dict(after or {}),
        detail=dict(detail or {}),
    )


def record_each(
    targets: Sequence[tuple[UUID, str]],
    *,
    workspace_id: UUID,
    action: str,
    target_type: str,
    at: datetime,
    actor: Actor,
) -> None:
    """The same event of each of these targets, given by key and name, as `record` adds one. A query for them all."""
    AuditEvent.objects.bulk_create(
        AuditEvent(
            workspace_id=workspace_id,
            at=at,
            actor_id=actor.pk,
            actor_name=actor.name[:160],
            action=action,
            target_type=target_type,
            target_id=target_id,
            target_name=name[:200],
        )
        for target_id, name in targets
    )
