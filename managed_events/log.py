"""What happens to templates, in the audit log: how it gets there, and how it is told."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from managed_events.domain.words import line_of
from managed_events.models import ManagedEventTemplate
from workestra.accounts.models import User
from workestra.audit import services as audit
from workestra.audit.models import AuditEvent
from workestra.audit.words import tells_story


def record(
    action: str,
    template: ManagedEventTemplate,
    now: datetime,
    *,
    actor: User | None = None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    detail: Mapping[str, Any] | None = None,
) -> AuditEvent:
    """Write down what happened to the template, in the caller's transaction. Without an actor the system did it."""
    return audit.record(
        workspace_id=template.workspace_id,
        action=action,
        target_type="template",
        target_id=template.pk,
        target_name=template.title,
        at=now,
        actor=actor,
        before=before,
        after=after,
        detail=detail,
    )


@tells_story("template")
def story(event: AuditEvent) -> str:
    """The headline of the template's own history, with its detail."""
    line = line_of(event.action, event.detail)
    return f"{line.headline}. {line.detail}".strip() if line.detail else f"{line.headline}."
