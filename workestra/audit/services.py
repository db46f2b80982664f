"""Writing the audit log."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Protocol
from uuid import UUID

import pgtrigger
from django.db.models import Q, TextField, Value
from django.db.models.functions import Cast, Concat

from workestra.audit.erasing import ERASED, Traces
from workestra.audit.models import AuditEvent

SYSTEM = "Workestra"
TYPED: Final = frozenset({"reason", "message", "answer", "note", "activity", "description"})
"""Values that are what somebody typed: who is to be erased may be in them in any words."""


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


def erase(
    *,
    workspace_id: UUID,
    traces: Traces,
    person_ids: Collection[UUID],
    about: Collection[UUID],
    elsewhere: bool,
) -> int:
    """Take somebody out of the log; gives how many events told of him. In the caller's transaction.

    What was written about himself (`person_ids`) keeps only what was done, when and by whom. What tells of him among
    what is `about` things he had to do with, and `elsewhere` where one of his addresses is named, loses all that
    somebody typed. This alone ever changes an event.
    """
    text = TextField()
    events = AuditEvent.objects.filter(workspace=workspace_id).annotate(
        told=Concat(
            *("actor_name", Value(" "), "target_name", Value(" ")),
            *(Cast("before", text), Cast("after", text), Cast("detail", text)),
            output_field=text,
        )
    )
    wanted = Q(target_id__in=[*person_ids, *about])
    for address in traces.addresses if elsewhere else ():
        wanted |= Q(told__icontains=address)
    changed = []
    for event in events.filter(wanted).iterator(chunk_size=500):
        if event.target_id in person_ids:
            event.target_name, event.before, event.after, event.detail = ERASED, {}, {}, {}
        elif traces.are_in_value(
            [event.actor_name, event.target_name, event.before, event.after, event.detail]
        ):
            event.target_name = traces.out_of(event.target_name)[:200]
            event.before, event.after, event.detail = (
                {key: traces.out_of_value(value) for key, value in values.items() if key not in TYPED}
                for values in (event.before, event.after, event.detail)
            )
        else:
            continue
        if event.actor_id is None:
            event.actor_name = traces.out_of(event.actor_name)
        changed.append(event)
    with pgtrigger.ignore("audit.AuditEvent:append_only"):
        AuditEvent.objects.bulk_update(
            changed, ["actor_name", "target_name", "before", "after", "detail"], batch_size=500
        )
    return len(changed)


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
