"""Events in words. An app that writes events about its things registers how their values and their story are told."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from workestra.audit.models import AuditEvent


@dataclass(frozen=True, slots=True)
class Change:
    """One value before and after, in words; "" where there was, or is, none."""

    label: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Kind:
    """What happened, in one word, with an icon and the tone of its badge; `verbs` are the actions' last words."""

    key: str
    label: str
    icon: str
    tone: str
    verbs: tuple[str, ...]


KINDS: Final = (
    Kind(
        "created",
        "Created",
        "plus",
        "ok",
        ("created", "made", "connected", "invited", "joined", "reactivated"),
    ),
    Kind(
        "edited",
        "Edited",
        "pencil",
        "",
        ("saved", "updated", "rolled_back", "reset", "newcomers_set", "paused", "resumed"),
    ),
    Kind("assigned", "Assigned", "user-plus", "ok", ("assigned", "adopted", "handed_over")),
    Kind("detached", "Detached", "unlink", "", ("detached",)),
    Kind("synced", "Synced", "refresh-cw", "acc", ("propagated", "propagation_overtaken")),
    Kind("deleted", "Deleted", "trash-2", "bad", ("deleted",)),
    Kind("ended", "Ended", "x", "bad", ("cancelled", "withdrawn", "expired", "deactivated")),
    Kind("erased", "Erased", "shield-check", "bad", ("erased",)),
    Kind("refused", "Refused", "shield", "bad", ("locked_section_refused",)),
)

OBJECTS: Final[Mapping[str, str]] = {
    "template": "Templates",
    "booking_link": "Booking links",
    "booking": "Bookings",
    "person": "People met",
    "mail": "Mails",
    "one_off": "One-off meetings",
    "calendar account": "Connected calendars",
    "user": "People",
    "privacy": "Privacy",
    "group": "Groups",
    "role": "Roles",
    "schedule": "Schedules",
    "workflow": "Workflows",
}

_INSTANT: Final = re.compile(r"^(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(:\d\d(\.\d+)?)?(Z|\+00:00)$")

Values = Callable[[AuditEvent], Sequence[Change]]
Story = Callable[[AuditEvent], str]

_values: dict[str, Values] = {}
_stories: dict[str, Story] = {}


def tells_values(*target_types: str) -> Callable[[Values], Values]:
    """Register how `before` and `after` of events about these things are told."""

    def register(tell: Values) -> Values:
        _values.update(dict.fromkeys(target_types, tell))
        return tell

    return register


def tells_story(*target_types: str) -> Callable[[Story], Story]:
    """Register the sentence that sums up an event about these things; "" for none."""

    def register(tell: Story) -> Story:
        _stories.update(dict.fromkeys(target_types, tell))
        return tell

    return register


def kind_of(action: str) -> Kind:
    """The kind of an action; one without a kind is named by its own last word."""
    verb = action.rpartition(".")[2]
    for kind in KINDS:
        if verb in kind.verbs:
            return kind
    return Kind("", verb.replace("_", " ").capitalize(), "history", "", (verb,))


def thing_of(target_type: str) -> str:
    """What an event is about, for people: "booking link"."""
    return "one-off" if target_type == "one_off" else target_type.replace("_", " ")


def changes_of(event: AuditEvent) -> Sequence[Change]:
    """What the event changed, value by value, in words."""
    return _values.get(event.target_type, plain_changes)(event)


def story_of(event: AuditEvent) -> str:
    tell = _stories.get(event.target_type)
    return tell(event) if tell else ""


def plain_changes(event: AuditEvent) -> list[Change]:
    """Every value as it was written, under its name."""
    return [
        Change(label_of(name), plain(event.before.get(name)), plain(event.after.get(name)))
        for name in dict.fromkeys([*event.before, *event.after])
    ]


def label_of(name: str) -> str:
    return name.replace("_", " ").capitalize()


def plain(value: Any) -> str:
    """A stored value for people: "" for none, "yes", a list with commas."""
    if value is None or value in ("", [], {}):
        return ""
    match value:
        case bool():
            return "yes" if value else "no"
        case list():
            return ", ".join(map(plain, value))
        case dict():
            return ", ".join(f"{label_of(str(name))}: {plain(part)}" for name, part in value.items())
    return _INSTANT.sub(r"\1 \2 UTC", str(value))
