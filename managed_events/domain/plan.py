"""What a change will do to assigned links, worked out before anything is written.

A save, a roll back, a reset and an adoption are all planned by the functions here, shown as a `Plan`, and applied only
if the plan worked out again under the locks is the one that was shown.
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from uuid import UUID

from managed_events.domain.sync import Edit, TemplateState, in_order
from scheduling.domain.sections import SECTION_OF_FIELD, fields_of


@dataclass(frozen=True, slots=True)
class LinkState:
    """A link as it stands: its owner's name and zone, and at least those values that the plan may write."""

    id: UUID
    owner: str
    owner_timezone: str
    slug: str
    locks: frozenset[str]
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class LinkChange:
    """What a link gets. `writes` maps fields to new values where they differ; `locks` are those it has afterwards.

    `lost` names the sections in which values of the owner's own are written over.
    """

    link: LinkState
    writes: Mapping[str, Any]
    locks: frozenset[str]
    lost: tuple[str, ...] = ()

    @property
    def sections(self) -> tuple[str, ...]:
        """Sections of which a value changes, in the order of the section list."""
        return in_order({SECTION_OF_FIELD[field] for field in self.writes})

    @property
    def before(self) -> dict[str, Any]:
        """What the link has now in the fields written."""
        return {field: self.link.values[field] for field in self.writes}


@dataclass(frozen=True)
class Plan:
    """What will be written, and what it means.

    `wanted` is what somebody asked for, `version` the template's at which it was worked out. `changes` has every link
    with a value or lock to write, `link_count` counts those that were looked at. The rest is the outlook: the links
    among the first `times_checked` changed ones that would offer no time in the next 14 days, and how many meetings to
    come stay as they are; it moves with the clock and is no part of what is compared.
    """

    wanted: Mapping[str, Any]
    version: int
    link_ids: tuple[UUID, ...]
    changes: tuple[LinkChange, ...]
    edit: Edit | None = None
    without_times: tuple[LinkState, ...] = ()
    times_checked: int | None = None
    bookings: int = 0

    @property
    def link_count(self) -> int:
        return len(self.link_ids)

    @cached_property
    def valued(self) -> tuple[LinkChange, ...]:
        """Changes of values; the other links only learn about locks."""
        return tuple(change for change in self.changes if change.writes)

    @cached_property
    def replaced(self) -> tuple[LinkChange, ...]:
        """Changes by which somebody loses values of his own."""
        return tuple(change for change in self.valued if change.lost)

    @property
    def changing(self) -> tuple[LinkChange, ...]:
        """Changes by which nobody loses anything of his own."""
        return tuple(change for change in self.valued if not change.lost)

    @property
    def matching(self) -> int:
        """Links that have the values already."""
        return self.link_count - len(self.valued)

    @property
    def losses(self) -> str:
        """A digest of what people lose: whose own values are written over in which sections, and who is left without a
        time. "" when nobody loses anything.
        """
        lost = sorted([str(change.link.id), *change.lost] for change in self.replaced)
        without = sorted(str(link.id) for link in self.without_times)
        return hashlib.sha256(_bytes([lost, without])).hexdigest()[:24] if lost or without else ""

    @property
    def writes_links(self) -> bool:
        return bool(self.changes)

    @cached_property
    def token(self) -> str:
        """What a page sends back to say which plan it showed: a digest of what is wanted, and one of what it meets.

        The second one changes with the template's version, with the set of links, and with all that is written over.
        What is written follows from the wish, the version and each owner's zone.
        """
        meets = hashlib.sha256(str(self.version).encode())
        # As bytes: comparing keys by their own order takes longer than all the rest.
        meets.update(b"".join(sorted(link_id.bytes for link_id in self.link_ids)))
        for change in sorted(self.changes, key=lambda change: change.link.id.bytes):
            meets.update(
                change.link.id.bytes + _bytes([change.before, change.writes, sorted(change.link.locks)])
            )
        return f"{hashlib.sha256(_bytes(self.wanted)).hexdigest()[:24]}.{meets.hexdigest()[:24]}"

    def is_shown_by(self, token: str) -> bool:
        """Whether the page that sends `token` showed exactly this plan."""
        return token == self.token

    def was_asked_by(self, token: str) -> bool:
        """Whether the page that sends `token` showed some plan for the same wish."""
        return token.partition(".")[0] == self.token.partition(".")[0]


def plan_save(
    edit: Edit, links: Iterable[LinkState], *, version: int, settings: Mapping[str, Any] | None = None
) -> Plan:
    """What making a template `edit.after` does to its links; nothing when no lock and nothing locked changes."""
    found = list(links)
    changes: list[LinkChange] = []
    if edit.reaches_links:
        target, locks = edit.after.locked_values, edit.after.locks
        for link in found:
            writes = {field: value for field, value in target.items() if link.values[field] != value}
            if writes or link.locks != locks:
                changes.append(LinkChange(link, writes, locks, _lost(link, writes, edit.before)))
    wanted = {
        "save": dict(edit.after.values),
        "locks": in_order(edit.after.locks),
        "settings": settings or {},
    }
    return Plan(wanted, version, tuple(link.id for link in found), tuple(changes), edit)


def plan_reset(
    state: TemplateState, links: Iterable[LinkState], *, sections: Collection[str], version: int
) -> Plan:
    """What giving these links the template's values in these sections does, whether they are locked or open."""
    found = list(links)
    keys = in_order(sections)
    changes = []
    for link in found:
        expected = state.starting_values(link.owner_timezone)
        writes = {
            field: expected[field] for field in fields_of(keys) if link.values[field] != expected[field]
        }
        locks = (link.locks - set(keys)) | (state.locks & set(keys))
        if writes or locks != link.locks:
            changes.append(LinkChange(link, writes, frozenset(locks), _lost(link, writes, state)))
    wanted = {"reset": keys, "links": sorted(str(link.id) for link in found)}
    return Plan(wanted, version, tuple(link.id for link in found), tuple(changes))


def plan_adoption(state: TemplateState, link: LinkState, *, take: Collection[str], version: int) -> Plan:
    """What making a link one of the template's does: locked sections follow it, of the open ones those of `take`."""
    expected = state.starting_values(link.owner_timezone)
    sections = {*state.locks, *take}
    writes = {
        field: expected[field] for field in fields_of(sections) if link.values[field] != expected[field]
    }
    lost = in_order({SECTION_OF_FIELD[field] for field in writes})
    wanted = {"adopt": str(link.id), "take": in_order(set(take) - state.locks)}
    return Plan(wanted, version, (link.id,), (LinkChange(link, writes, state.locks, lost),))


def _lost(link: LinkState, writes: Mapping[str, Any], before: TemplateState) -> tuple[str, ...]:
    """Sections that are written over although they are the owner's, and he has made something of them."""
    theirs = {SECTION_OF_FIELD[field] for field in writes} - link.locks
    if not theirs:
        return ()
    began = before.starting_values(link.owner_timezone)
    return in_order(
        {
            SECTION_OF_FIELD[field]
            for field in writes
            if SECTION_OF_FIELD[field] in theirs and link.values[field] != began[field]
        }
    )


def _bytes(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, default=str, ensure_ascii=False).encode("utf-8", "surrogatepass")
