"""Templates, their changes and their history in words."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from scheduling.domain.section_words import FIELD_LABELS, NO_NAMES, Names, field_words
from scheduling.domain.sections import BY_KEY, SECTIONS, fields_of


@dataclass(frozen=True, slots=True)
class Difference:
    """One value before and after, in words; of a logo also the keys of the two pictures, "" where there is none."""

    label: str
    before: str
    after: str
    pictures: tuple[str, str] | None = None


def differences(
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    sections: Collection[str],
    schedules: Names = NO_NAMES,
) -> list[Difference]:
    """The fields of these sections whose values differ, in the list's order. Both map every sectioned field.

    `schedules` has the names of the schedules that they refer to. Two values that read the same, such as two lists of
    three dates, are told apart by a word.
    """
    found = []
    for field in fields_of(sections):
        if before[field] != after[field]:
            old, new = (field_words(field, values, schedules) for values in (before, after))
            pictures = (before[field] or "", after[field] or "") if field == "logo_id" else None
            found.append(
                Difference(FIELD_LABELS[field], old, f"{new}, changed" if old == new else new, pictures)
            )
    return found


def short_names(sections: Collection[str]) -> str:
    """ "Title, Buffers and Form": these sections in the list's order; "" for none."""
    return listed([section.short for section in SECTIONS if section.key in sections])


def listed(names: Collection[str]) -> str:
    """ "Alice, Bruno and Emi"; "" for none."""
    *rest, last = list(names) or [""]
    return f"{', '.join(rest)} and {last}" if rest else last


def links(count: int) -> str:
    return "1 link" if count == 1 else f"{count} links"


def span_words(span: timedelta) -> str:
    """How long something was so, in its biggest unit: "6 days", "1 hour", "3 minutes"; under a minute "a moment"."""
    for unit, noun in (
        (timedelta(days=1), "day"),
        (timedelta(hours=1), "hour"),
        (timedelta(minutes=1), "minute"),
    ):
        if span >= unit:
            count = span // unit
            return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
    return "a moment"


def plan_counts(total: int, changing: int, matching: int, replaced: int) -> str:
    """ "8 change, 3 already match, 1 override replaced": the parts that there are; they add up to `total`."""
    if total and matching == total:
        return "all already match" if total > 1 else "already matches"
    parts = [
        f"{changing} change{'s' if changing == 1 else ''}" if changing else "",
        f"{matching} already match{'es' if matching == 1 else ''}" if matching else "",
        f"{replaced} override{'s' if replaced != 1 else ''} replaced" if replaced else "",
    ]
    return ", ".join(filter(None, parts))


# --- History -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Line:
    """An event of a template's history: what happened, more about it, and the icon and tone of its node."""

    headline: str
    detail: str = ""
    icon: str = "history"
    tone: str = ""


_FEW: Final = 3


def line_of(action: str, detail: Mapping[str, Any]) -> Line:
    """The line for an audit event of a template, from its action and detail."""
    match action:
        case "template.created":
            return Line("Template created", icon="plus")
        case "template.saved":
            return _saved(detail)
        case "template.rolled_back":
            reach = f"For {links(detail['links'])}." if detail.get("links") else "No assigned link changes."
            return Line(f"Rolled back to version {detail.get('rolled_back_to')}", reach, icon="undo-2")
        case "template.reset":
            what = (
                "Everything" if len(detail["sections"]) == len(SECTIONS) else short_names(detail["sections"])
            )
            who = listed([link["name"] for link in detail["links"][:_FEW]])
            more = len(detail["links"]) - _FEW
            where = f"{who} and {links(more)} more" if more > 0 else who
            return Line(f"{what} reset", f"To the template’s: {where}.", icon="undo-2", tone="brass")
        case "template.propagated":
            return Line(
                f"{links(detail['updated'])} updated" if detail["updated"] else "No change needed",
                counts(detail["links"], detail["updated"]),
                icon="refresh-cw",
                tone="acc",
            )
        case "template.propagation_overtaken":
            text = f"{links(detail['updated'])} had been updated."
            return Line("Sync overtaken by the next one", text, icon="refresh-cw")
        case "template.assigned":
            return _assigned(detail)
        case "template.newcomers_set":
            return Line("Who joins later changed", icon="users")
        case "template.detached":
            what = "link deleted" if detail["deleted"] else "link kept"
            return Line(f"{detail['name']} detached, {what}", f"/book/{detail['slug']}", icon="unlink")
    return Line(action.removeprefix("template.").replace("_", " ").capitalize())


def counts(total: int, updated: int) -> str:
    """ "12 links: 9 changed, 3 already matched." """
    if not updated:
        return f"{links(total)}: all already matched."
    matched = total - updated
    tail = f", {matched} already matched" if matched else ""
    return f"{links(total)}: {updated} changed{tail}."


def save_words(changed: Collection[str], locked: Collection[str], opened: Collection[str]) -> str:
    """ "Title and Form changed, Buffers locked": what a save did to these sections; "Settings changed" to none."""
    values, closed, open_now = set(changed), set(locked), set(opened)
    parts = [
        f"{short_names(keys)} {verb}"
        for keys, verb in (
            (values - closed - open_now, "changed"),
            (values & closed, "changed and locked"),
            (values & open_now, "changed and opened"),
            (closed - values, "locked"),
            (open_now - values, "opened"),
        )
        if keys
    ]
    return ", ".join(parts) or "Settings changed"


def _saved(detail: Mapping[str, Any]) -> Line:
    text = save_words(detail["changed"], detail["locked"], detail["opened"])
    reach = f"For {links(detail['links'])}." if detail["links"] else "No assigned link changes."
    only_locks = bool(detail["locked"]) and not detail["changed"]
    return Line(text, reach, icon="lock" if only_locks else "pencil", tone="brass" if only_locks else "")


def _assigned(detail: Mapping[str, Any]) -> Line:
    made = [person["name"] for person in detail["people"] if person["result"] == "created"]
    adopted = [person for person in detail["people"] if person["result"] == "adopted"]
    skipped = f"{detail['skipped']} skipped." if detail["skipped"] else ""
    if adopted:
        who = listed([person["name"] for person in adopted])
        return Line(f"{who}’s own link adopted", f"/book/{adopted[0]['slug']}", icon="link")
    if not made:
        return Line("Nobody assigned", skipped, icon="user-plus")
    who = listed(made) if len(made) <= _FEW else f"{len(made)} people"
    return Line(f"{who} assigned", skipped, icon="user-plus")


def section_label(key: str) -> str:
    return BY_KEY[key].label
