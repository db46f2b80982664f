"""A plan as pages show it: cells, counts, values before and after, and who is touched."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from managed_events.domain.plan import LinkChange, Plan
from managed_events.domain.sync import TemplateState
from managed_events.domain.words import Difference, differences, listed, plan_counts, section_label
from managed_events.plans import SHAPE_TIMES
from scheduling.domain.section_words import Names
from scheduling.domain.sections import BY_KEY, SECTIONS
from scheduling.selectors import names_behind

CELLS: Final = 40
NAMES: Final = 40
DETAILS: Final = 12


@dataclass(frozen=True, slots=True)
class Replaced:
    """A link of which values of the owner's own are written over, with these differences."""

    owner: str
    slug: str
    differences: Sequence[Difference]


@dataclass(frozen=True, slots=True)
class Effect:
    """What a plan does, in words. Lists are cut; their `_more` says how many are left out."""

    plan: Plan
    cells: Sequence[str]
    counts: str
    differences: Sequence[Difference]
    replaced: Sequence[Replaced]
    replaced_more: int
    changing: str
    changing_more: int
    new_defaults: str
    opened: str
    closed: str
    without_times: str
    without_times_more: int

    @property
    def unchecked(self) -> int:
        """Links whose times may change and were too many to ask."""
        touched = [change for change in self.plan.valued if _shapes_times(change)]
        return len(touched) - self.plan.times_checked if self.plan.times_checked is not None else 0


def effect_of(plan: Plan) -> Effect:
    """The plan for a page."""
    edit = plan.edit
    total, replaced = plan.link_count, plan.replaced
    lost = plan.without_times
    names = names_behind(
        *(
            values
            for change in replaced[:DETAILS]
            for values in (change.before, change.writes)
            if "schedule_id" in values
        )
    )
    return Effect(
        plan=plan,
        cells=(
            ["on"] * len(plan.changing) + [""] * plan.matching + ["swap"] * len(replaced)
            if total <= CELLS
            else ()
        ),
        counts=plan_counts(total, len(plan.changing), plan.matching, len(replaced)),
        differences=edit_differences(edit.before, edit.after, edit.pushed) if edit else (),
        replaced=[_replaced(change, names) for change in replaced[:DETAILS]],
        replaced_more=max(0, len(replaced) - DETAILS),
        changing=listed([change.link.owner for change in plan.changing[:NAMES]]),
        changing_more=max(0, len(plan.changing) - NAMES),
        new_defaults=_labels(edit.new_defaults) if edit else "",
        opened=_labels(edit.opened) if edit else "",
        closed=_labels(edit.closed) if edit else "",
        without_times=listed([link.owner for link in lost[:DETAILS]]),
        without_times_more=max(0, len(lost) - DETAILS),
    )


def edit_differences(
    before: TemplateState, after: TemplateState, sections: Collection[str] = tuple(BY_KEY)
) -> list[Difference]:
    """The values of these sections that differ, and every lock that does, in the order of the section list."""
    found = []
    names = names_behind(before.values, after.values)
    for section in SECTIONS:
        if section.key in sections:
            found += differences(before.values, after.values, [section.key], names)
        was, is_now = section.key in before.locks, section.key in after.locks
        if was != is_now:
            words = {True: "Locked", False: "Open"}
            found.append(Difference(f"{section.short}, lock", words[was], words[is_now]))
    return found


def _replaced(change: LinkChange, names: Names) -> Replaced:
    after = {**change.link.values, **change.writes}
    return Replaced(change.link.owner, change.link.slug, differences(change.link.values, after, change.lost))


def _shapes_times(change: LinkChange) -> bool:
    return bool(SHAPE_TIMES.intersection(change.sections))


def _labels(keys: Sequence[str]) -> str:
    return listed([section_label(key) for key in keys if key in BY_KEY])
