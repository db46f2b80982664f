"""What a save of a template means for the links made from it, and how a link stands to its template.

The table of the managed events documentation, "How sync works": a locked section follows the template; an open one
only gives new links their start. Locking a section pushes its values at that save; opening one leaves them.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from scheduling.domain.sections import SECTIONS, changed_sections, fields_of


@dataclass(frozen=True, slots=True)
class TemplateState:
    """A template at one version: a value for each sectioned field, and the keys of the locked sections."""

    values: Mapping[str, Any]
    locks: frozenset[str]

    @property
    def locked_values(self) -> dict[str, Any]:
        """The values that every assigned link must have."""
        return {field: self.values[field] for field in fields_of(self.locks)}

    def starting_values(self, owner_timezone: str) -> dict[str, Any]:
        """What a new link of this owner begins with: the template's values, locked or open.

        Open hours are read on the owner's own clock.
        """
        values = dict(self.values)
        if "availability" not in self.locks:
            values["timezone"] = owner_timezone
        return values


@dataclass(frozen=True, slots=True)
class Edit:
    """A template before and after a save. Sections are given by key, in the order of the section list."""

    before: TemplateState
    after: TemplateState

    @property
    def changed(self) -> tuple[str, ...]:
        """Sections whose values change."""
        return changed_sections(self.before.values, self.after.values)

    @property
    def closed(self) -> tuple[str, ...]:
        """Sections that become locked."""
        return in_order(self.after.locks - self.before.locks)

    @property
    def opened(self) -> tuple[str, ...]:
        """Sections that are no longer locked."""
        return in_order(self.before.locks - self.after.locks)

    @property
    def pushed(self) -> tuple[str, ...]:
        """Sections whose values go to every assigned link: locked, and changed or only now locked."""
        return in_order(self.after.locks & {*self.changed, *self.closed})

    @property
    def new_defaults(self) -> tuple[str, ...]:
        """Changed sections that are open: only links made from now on begin with them."""
        return tuple(key for key in self.changed if key not in self.after.locks)

    @property
    def reaches_links(self) -> bool:
        """Whether assigned links have to be written at all."""
        return bool(self.pushed or self.opened)

    @property
    def is_empty(self) -> bool:
        return not (self.changed or self.closed or self.opened)


@dataclass(frozen=True, slots=True)
class Merge:
    """Two edits of one version put together, section by section, values and locks each on their own.

    What only one of them changed is taken from it; where both did, mine stands. `mine` names the sections that I
    changed, `both` those of them in which the other edit says something else.
    """

    state: TemplateState
    mine: tuple[str, ...]
    both: tuple[str, ...]


def merge(base: TemplateState, mine: TemplateState, theirs: TemplateState) -> Merge:
    """What a person wants who changed `base` into `mine` while somebody else made it `theirs`."""
    my_edit, their_edit, between = Edit(base, mine), Edit(base, theirs), Edit(mine, theirs)
    my_values, my_locks = {*my_edit.changed}, {*my_edit.closed, *my_edit.opened}
    values = {**theirs.values, **{field: mine.values[field] for field in fields_of(my_values)}}
    both_values = my_values & {*their_edit.changed} & {*between.changed}
    return Merge(
        TemplateState(values, frozenset((theirs.locks - my_locks) | (mine.locks & my_locks))),
        mine=in_order(my_values | my_locks),
        both=in_order(both_values),
    )


def values_from_json(defaults: Mapping[str, Any], stored: Mapping[str, Any]) -> dict[str, Any]:
    """Values as they were stored with a version, with keys as keys again and `defaults` for fields added since."""
    values = {**defaults, **stored}
    if values["schedule_id"] is not None:
        values["schedule_id"] = UUID(str(values["schedule_id"]))
    return values


class Cell(StrEnum):
    """How one section of an assigned link stands to its template."""

    LOCKED = "locked"
    """Locked, with the template's values."""
    OUT_OF_STEP = "out of step"
    """Locked, with other values, or not locked on the link: what the next run mends."""
    DEFAULT = "default"
    """Open, with the template's values."""
    OWN = "own"
    """Open, with values of the owner's own."""


def standing(
    state: TemplateState, values: Mapping[str, Any], locks: Collection[str], owner_timezone: str
) -> dict[str, Cell]:
    """The cell of each section of a link with these values and locks, in the order of the section list."""
    expected = state.starting_values(owner_timezone)
    differs = set(changed_sections(expected, values))
    cells = {}
    for section in SECTIONS:
        if section.key in state.locks:
            in_step = section.key not in differs and section.key in locks
            cells[section.key] = Cell.LOCKED if in_step else Cell.OUT_OF_STEP
        elif section.key in locks:
            cells[section.key] = Cell.OUT_OF_STEP
        else:
            cells[section.key] = Cell.OWN if section.key in differs else Cell.DEFAULT
    return cells


def in_order(keys: Collection[str]) -> tuple[str, ...]:
    """These section keys in the order of the section list; keys that do not exist are left out."""
    return tuple(section.key for section in SECTIONS if section.key in keys)
