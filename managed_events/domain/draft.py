"""What the template form gives."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from managed_events.domain.sync import TemplateState


@dataclass(frozen=True, slots=True)
class TemplateDraft:
    """A template as somebody wants it: a value for each sectioned field, locked sections, and its own settings.

    Without a group the template belongs to the whole workspace.
    """

    values: Mapping[str, Any]
    locks: Collection[str]
    slug: str
    slug_pattern: str
    group_id: UUID | None = None

    @property
    def state(self) -> TemplateState:
        return TemplateState(self.values, frozenset(self.locks))

    @property
    def settings(self) -> dict[str, Any]:
        """What a template has besides sections and locks, as JSON would have it."""
        group = str(self.group_id) if self.group_id else None
        return {"slug": self.slug, "slug_pattern": self.slug_pattern, "group_id": group}
