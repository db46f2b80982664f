"""What a change of hours does, in sentences."""

from collections.abc import Sequence
from datetime import date
from zoneinfo import ZoneInfo

from scheduling.domain.hours import WEEKDAYS, Availability, Window
from workestra.calendars.domain.clock_words import DayForm, city, day


def changes_words(before: Availability, after: Availability) -> list[str]:
    """One sentence for the zone, each weekday and each date that changes, in this order; empty when nothing does."""
    sentences = []
    if before.timezone != after.timezone:
        sentences.append(f"On {_place(after.timezone)} time, no longer {_place(before.timezone)}.")
    for name, old, new in zip(WEEKDAYS, before.weekly, after.weekly, strict=True):
        if set(old) != set(new):
            sentences.append(_windows_words(name, old, new))
    for when in sorted(before.overrides.keys() | after.overrides.keys()):
        sentences += _date_words(when, before.overrides.get(when), after.overrides.get(when))
    return sentences


def _windows_words(name: str, old: Sequence[Window], new: Sequence[Window]) -> str:
    if not new:
        return f"{name} closes."
    if not old:
        return f"{name} opens, {_listed(new)}."
    added, removed = sorted(set(new) - set(old)), sorted(set(old) - set(new))
    if not removed:
        return f"{name} also opens {_listed(added)}."
    if not added:
        return f"{name} no longer opens {_listed(removed)}."
    return f"{name}: {_listed(added)} in place of {_listed(removed)}."


def _date_words(when: date, old: Sequence[Window] | None, new: Sequence[Window] | None) -> list[str]:
    if old == new or (old and new and set(old) == set(new)):
        return []
    name = day(when, DayForm.FULL)
    if new is None:
        return [f"{name} is as in every week again."]
    return [f"{name}: {_listed(new)}." if new else f"{name} is closed."]


def _listed(windows: Sequence[Window]) -> str:
    return ", ".join(map(str, sorted(set(windows))))


def _place(zone: str) -> str:
    return city(ZoneInfo(zone)) or zone
