"""What happened to templates, in the audit log."""

from managed_events.domain.words import line_of
from workestra.audit.models import AuditEvent
from workestra.audit.words import tells_story


@tells_story("template")
def story(event: AuditEvent) -> str:
    """The headline of the template's own history, with its detail."""
    line = line_of(event.action, event.detail)
    return f"{line.headline}. {line.detail}".strip() if line.detail else f"{line.headline}."
