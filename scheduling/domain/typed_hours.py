"""Hours as people type them into a form, and the one stored form that means the same.

The stored shapes are those of `scheduling.domain.hours.Availability.from_json`.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from scheduling.domain.hours import MINUTES_OF_A_DAY, WEEKDAYS, Availability, read_date

MAX_WINDOWS: Final = 10
MAX_OVERRIDES: Final = 60
YEARS: Final = range(2000, 2200)

_CLOCK = re.compile(r"(\d{1,2})(?:[:.h ]?(\d\d))?\s*(am|pm|a\.m\.|p\.m\.)?", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class TypedWindow:
    """From and to as typed. `faulty` marks a window that could not be read."""

    start: str = ""
    end: str = ""
    faulty: bool = False

    @property
    def is_blank(self) -> bool:
        return not self.start.strip() and not self.end.strip()

    @property
    def past_midnight(self) -> bool:
        """Whether the end lies on the next day."""
        start, end = clock_minutes(self.start), clock_minutes(self.end)
        return start is not None and end is not None and 0 < end < start


@dataclass(frozen=True, slots=True)
class TypedDay:
    """A weekday, 0 for Monday: whether it is ticked, and its windows, blank ones among them."""

    weekday: int
    is_open: bool
    windows: tuple[TypedWindow, ...] = ()

    @property
    def name(self) -> str:
        return WEEKDAYS[self.weekday]


@dataclass(frozen=True, slots=True)
class TypedDate:
    """A date with hours of its own, or closed."""

    date: str = ""
    is_closed: bool = False
    windows: tuple[TypedWindow, ...] = ()
    faulty: bool = False

    @property
    def is_blank(self) -> bool:
        return (
            not self.date.strip() and not self.is_closed and all(window.is_blank for window in self.windows)
        )


def clock_minutes(text: str) -> int | None:
    """Minutes after midnight of a typed time: "9", "09:00", "0930", "9.30", "5:30 pm", "24:00"; None for others."""
    match = _CLOCK.fullmatch(text.strip())
    if match is None:
        return None
    hour, minute, half = int(match[1]), int(match[2] or 0), (match[3] or "")[:1].lower()
    if half:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half == "p" else 0)
    minutes = hour * 60 + minute
    return minutes if minute < 60 and minutes <= MINUTES_OF_A_DAY else None


def clock_text(minutes: int) -> str:
    """ "09:30" for 570; midnight as an end is "24:00"."""
    return f"{minutes // 60:02}:{minutes % 60:02}"


def read_week(typed: Sequence[TypedDay]) -> tuple[list[dict[str, Any]], list[str], list[TypedDay]]:
    """The stored week, what is wrong with it in sentences, and the days again with the faulty windows marked.

    Windows of a day that is not ticked do not count. One window on several days is one entry; entries are sorted
    by start, end. Empty for a week without open days.
    """
    days_of: dict[tuple[int, int], set[int]] = defaultdict(set)
    problems: list[str] = []
    marked: list[TypedDay] = []
    for day in typed:
        if not day.is_open:
            marked.append(day)
            continue
        windows, wrong = _read_windows(day.windows)
        problems += [f"{day.name}: {problem}" for problem in wrong]
        if not windows and not wrong:
            problems.append(f"{day.name}: add the hours, such as 09:00 to 17:00, or untick the day.")
        marked.append(TypedDay(day.weekday, day.is_open, _marked(day.windows, missing=not windows)))
        for window in windows:
            days_of[window].add(day.weekday)
    week = [
        {"days": sorted(days), "start": clock_text(start), "end": clock_text(end)}
        for (start, end), days in sorted(days_of.items())
    ]
    return week, problems, marked


def read_dates(typed: Sequence[TypedDate]) -> tuple[list[dict[str, Any]], list[str], list[TypedDate]]:
    """The stored overrides by date, what is wrong in sentences, and the rows again with the faulty ones marked.

    Blank rows do not count.
    """
    found: dict[str, list[dict[str, str]]] = {}
    problems: list[str] = []
    marked: list[TypedDate] = []
    for row in typed:
        if row.is_blank:
            continue
        name = row.date.strip() or "A date"
        faulty = False
        if not _is_date(row.date.strip()):
            problems.append(f"{name[:20]}: choose the day, such as 2026-12-24.")
            faulty = True
        elif row.date.strip() in found:
            problems.append(f"{name} is there twice. Put its hours into one row.")
            faulty = True
        windows, wrong = ([], []) if row.is_closed else _read_windows(row.windows)
        problems += [f"{name}: {problem}" for problem in wrong]
        if not row.is_closed and not windows and not wrong:
            problems.append(f"{name}: add the hours, or tick Closed.")
        shown = row.windows if row.is_closed else _marked(row.windows, missing=not windows)
        marked.append(TypedDate(row.date, row.is_closed, shown, faulty))
        if not faulty:
            found[row.date.strip()] = [
                {"start": clock_text(start), "end": clock_text(end)} for start, end in sorted(set(windows))
            ]
    if len(found) > MAX_OVERRIDES:
        problems.append(f"{len(found)} dates are too many. {MAX_OVERRIDES} fit.")
    return [{"date": day, "windows": found[day]} for day in sorted(found)], problems, marked


def typed_week(stored: object) -> list[TypedDay]:
    """A stored week as the form shows it: seven days, Monday first, each with its windows by start.

    Raises: BadAvailability.
    """
    weekly = Availability.from_json("UTC", stored).weekly
    return [
        TypedDay(
            weekday,
            bool(windows),
            tuple(
                TypedWindow(clock_text(window.start), clock_text(window.end)) for window in _unique(windows)
            ),
        )
        for weekday, windows in enumerate(weekly)
    ]


def typed_dates(stored: object) -> list[TypedDate]:
    """Stored overrides as the form shows them, by date.

    Raises: BadAvailability.
    """
    overrides = Availability.from_json("UTC", [], stored).overrides
    return [
        TypedDate(
            day.isoformat(),
            not windows,
            tuple(
                TypedWindow(clock_text(window.start), clock_text(window.end)) for window in _unique(windows)
            ),
        )
        for day, windows in sorted(overrides.items())
    ]


def _is_date(text: str) -> bool:
    try:
        return read_date(text).year in YEARS
    except ValueError:
        return False


def _unique(windows: Iterable[Any]) -> list[Any]:
    return sorted(set(windows))


def _read_windows(typed: Iterable[TypedWindow]) -> tuple[list[tuple[int, int]], list[str]]:
    windows: list[tuple[int, int]] = []
    problems: list[str] = []
    for window in typed:
        if window.is_blank:
            continue
        problem = _problem(window)
        if problem:
            problems.append(problem)
            continue
        start, end = clock_minutes(window.start), clock_minutes(window.end)
        assert start is not None
        assert end is not None
        windows.append((start, end or MINUTES_OF_A_DAY))
    if len(windows) > MAX_WINDOWS:
        problems.append(f"{len(windows)} windows on one day are too many. {MAX_WINDOWS} fit.")
    return windows, problems


def _problem(window: TypedWindow) -> str:
    start, end = clock_minutes(window.start), clock_minutes(window.end)
    if start is None or start == MINUTES_OF_A_DAY:
        return f"“{window.start.strip()[:20]}” is not a time to start, such as 09:00."
    if end is None:
        return f"“{window.end.strip()[:20]}” is not a time to end, such as 17:00."
    if start == end and start:
        return f"{clock_text(start)} to {clock_text(end)} is no time at all. The whole day is 00:00 to 24:00."
    return ""


def _marked(windows: Sequence[TypedWindow], *, missing: bool) -> tuple[TypedWindow, ...]:
    return tuple(
        TypedWindow(
            window.start,
            window.end,
            bool(_problem(window)) if not window.is_blank else missing and index == 0,
        )
        for index, window in enumerate(windows)
    )
