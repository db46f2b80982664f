"""Values of links and templates in the audit log, in the words of the section list."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from scheduling.domain.section_words import FIELD_LABELS, field_words
from scheduling.domain.sections import BY_KEY, SECTION_OF_FIELD
from scheduling.models import BookingLink
from scheduling.selectors import names_behind
from workestra.audit.models import AuditEvent
from workestra.audit.words import Change, label_of, plain, tells_values

LOCKS = "locked_sections"


@tells_values("booking_link", "template")
def changes(event: AuditEvent) -> list[Change]:
    """Sectioned fields in words, locks by their sections' names, and the rest as it is, in the log's order."""
    names = dict.fromkeys([*event.before, *event.after])
    return [
        Change(_label(name), _words(name, event.before), _words(name, event.after))
        for name in names
        if event.before.get(name) != event.after.get(name)
    ]


def _label(name: str) -> str:
    return "Locked" if name == LOCKS else FIELD_LABELS.get(name, label_of(name))


def _words(name: str, values: Mapping[str, Any]) -> str:
    if name not in values:
        return ""
    if name == LOCKS:
        return ", ".join(BY_KEY[key].short if key in BY_KEY else key for key in values[LOCKS]) or "nothing"
    if name not in SECTION_OF_FIELD:
        return plain(values[name])
    # Some words need a neighbor, such as a price its currency.
    try:
        if name == "schedule_id" and values[name]:
            values = {**values, name: UUID(str(values[name]))}
        if name in {"schedule_id", "workflow_ids"} and values[name]:
            return field_words(name, values, names_behind(values))
        return field_words(name, {**BookingLink().section_values(), **values})
    except (TypeError, ValueError, KeyError, AttributeError):
        # A value from the time of another release, which this one cannot read.
        return plain(values[name])
