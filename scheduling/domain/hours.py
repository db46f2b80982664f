"""When a host can be met: weekly windows on his wall clock, overridden on single dates."""

import re
import reprlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple, Self

from scheduling.domain.wallclock import DAY, Span, joined, known_zones, steady_spans
from workestra.calendars.domain.period import Period

MINUTES_OF_A_DAY = 24 * 60
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

_IN_SHORT = reprlib.Repr()
_IN_SHORT.maxstring = _IN_SHORT.maxother = 60

_CLOCK = re.compile(r"([01][0-9]|2[0-4]):([0-5][0-9])")


class Problem(NamedTuple):
    """What is wrong with one field, the field as a dotted path ("weekly_hours[1].start")."""

    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"


def shown(value: object) -> str:
    """A value as it was given, quoted, in short and on one line."""
    return _IN_SHORT.repr(value)


def field_path(path: str, name: str) -> str:
    """The path of a field of the object at a path, which is "" at the top; an odd name is quoted."""
    if not re.fullmatch(r"\w{1,40}", name, re.ASCII):
        return f"{path}[{shown(name)}]"
    return f"{path}.{name}" if path else name


class BadAvailability(ValueError):
    """Hours that cannot be read; `problems` names every field with what is wrong."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """Open from `start` to `end`, minutes after local midnight of the day on which it starts.

    An end that is not after the start lies on the next day. Midnight as an end is 1440.
    Raises ValueError when a minute is out of range.
    """

    start: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.start < MINUTES_OF_A_DAY:
            raise ValueError("start: must lie between 00:00 and 23:59")
        if not 1 <= self.end <= MINUTES_OF_A_DAY:
            raise ValueError("end: must lie between 00:01 and 24:00")

    @classmethod
    def parse(cls, start: str, end: str) -> Self:
        """From "HH:MM" and "HH:MM"; an end of "00:00" is read as "24:00". Raises ValueError naming the side."""
        return cls(_minutes("start", start), _minutes("end", end) or MINUTES_OF_A_DAY)

    @property
    def opens(self) -> timedelta:
        """After the midnight of the day on which it starts, on the wall clock."""
        return timedelta(minutes=self.start)

    @property
    def closes(self) -> timedelta:
        """After the midnight of the day on which it starts, on the wall clock: more than a day past midnight."""
        return timedelta(minutes=self.end if self.start < self.end else self.end + MINUTES_OF_A_DAY)

    def __str__(self) -> str:
        return f"{_clock(self.start)}\N{EN DASH}{_clock(self.end)}"


@dataclass(frozen=True, slots=True)
class Availability:
    """Open hours on the wall clock of an IANA zone: seven days from Monday, and dates with windows of their own.

    An override replaces every window that starts on its date; one without windows closes it.
    Raises ValueError for an unknown zone and for anything but seven days.
    """

    timezone: str
    weekly: tuple[tuple[Window, ...], ...]
    overrides: Mapping[date, tuple[Window, ...]] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if self.timezone not in known_zones():
            raise ValueError(f"timezone: {shown(self.timezone)} is not a time zone we know")
        if len(self.weekly) != len(WEEKDAYS):
            raise ValueError("weekly: must hold seven days, Monday first")

    @classmethod
    def from_json(cls, timezone: object, weekly_hours: object, date_overrides: object = ()) -> Self:
        """From stored or typed JSON.

        `weekly_hours` is [{"days": [0, …, 6], "start": "HH:MM", "end": "HH:MM"}], 0 for Monday;
        `date_overrides` is [{"date": "YYYY-MM-DD", "windows": [{"start", "end"}]}].
        Raises BadAvailability naming every field that is wrong.
        """
        problems: list[Problem] = []
        if not isinstance(timezone, str) or timezone not in known_zones():
            problems.append(Problem("timezone", f"{shown(timezone)} is not a time zone we know"))
        weekly = _read_week(weekly_hours, problems)
        overrides = _read_overrides(date_overrides, problems)
        if problems:
            raise BadAvailability(problems)
        return cls(str(timezone), weekly, overrides)

    def windows_on(self, day: date) -> tuple[Window, ...]:
        """Those that start on a local date."""
        windows = self.overrides.get(day)
        return self.weekly[day.weekday()] if windows is None else windows


def open_periods(availability: Availability, within: Period) -> list[Period]:
    """The open time inside a period, in order, touching windows joined; empty when none is open."""
    return [Period(start, end) for start, end in open_spans(availability, within.start, within.end)]


def open_spans(availability: Availability, start: datetime, end: datetime) -> list[Span]:
    """The instants of [start, end) at which the host's wall clock lies in a window, joined and in order.

    Where clocks go forward the skipped wall time has no instant; where they go back a wall time has two.
    """
    weekly = [[(window.opens, window.closes) for window in windows] for windows in availability.weekly]
    overrides = availability.overrides
    spans: list[Span] = []
    for steady in steady_spans(availability.timezone, start, end):
        # A window belongs to the day on which it starts and may run into the next.
        day = (steady.start + steady.offset).date() - DAY
        midnight = datetime(day.year, day.month, day.day, tzinfo=UTC) - steady.offset
        while midnight < steady.end:
            if day in overrides:
                windows = [(window.opens, window.closes) for window in overrides[day]]
            else:
                windows = weekly[day.weekday()]
            for opens, closes in windows:
                opening, closing = midnight + opens, midnight + closes
                if opening < steady.start:
                    opening = steady.start
                if closing > steady.end:
                    closing = steady.end
                if opening < closing:
                    spans.append((opening, closing))
            day += DAY
            midnight += DAY
    return joined(spans)


def _read_week(value: object, problems: list[Problem]) -> tuple[tuple[Window, ...], ...]:
    week: tuple[list[Window], ...] = tuple([] for _ in WEEKDAYS)
    for path, entry in _objects("weekly_hours", value, {"days", "start", "end"}, problems):
        days = entry.get("days")
        if not isinstance(days, list) or not all(type(day) is int and 0 <= day <= 6 for day in days):
            problems.append(
                Problem(f"{path}.days", "must be a list of weekdays, 0 for Monday to 6 for Sunday")
            )
            days = []
        window = _read_window(path, entry, problems)
        for day in set(days):
            if window:
                week[day].append(window)
    return tuple(tuple(sorted(day)) for day in week)


def _read_overrides(value: object, problems: list[Problem]) -> dict[date, tuple[Window, ...]]:
    overrides: dict[date, tuple[Window, ...]] = {}
    for path, entry in _objects("date_overrides", value, {"date", "windows"}, problems):
        windows = [
            _read_window(inner, window, problems)
            for inner, window in _objects(f"{path}.windows", entry.get("windows"), {"start", "end"}, problems)
        ]
        try:
            day = read_date(entry.get("date"))
        except ValueError as error:
            problems.append(Problem(f"{path}.date", str(error)))
            continue
        if day in overrides:
            problems.append(Problem(f"{path}.date", f"{day} has an override already"))
        overrides[day] = tuple(sorted(window for window in windows if window))
    return overrides


def read_date(value: object) -> date:
    """From "YYYY-MM-DD". Raises ValueError with a message for people."""
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value, re.ASCII):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise ValueError(f"{shown(value)} is not a date like 2026-12-24")


def _read_window(path: str, entry: Mapping[str, object], problems: list[Problem]) -> Window | None:
    bounds = []
    for side in ("start", "end"):
        try:
            bounds.append(_minutes(side, entry.get(side)))
        except ValueError as error:
            problems.append(Problem(f"{path}.{side}", str(error).removeprefix(f"{side}: ")))
    if len(bounds) < 2:
        return None
    return Window(bounds[0], bounds[1] or MINUTES_OF_A_DAY)


def _objects(
    path: str, value: object, keys: set[str], problems: list[Problem]
) -> Iterable[tuple[str, Mapping[str, object]]]:
    """The objects of a JSON list with the path of each; other things and unknown keys go to the problems."""
    if not isinstance(value, list | tuple):
        problems.append(Problem(path, "must be a list"))
        return
    for index, entry in enumerate(value):
        where = f"{path}[{index}]"
        if not isinstance(entry, dict):
            problems.append(Problem(where, "must be an object"))
            continue
        problems += [
            Problem(field_path(where, key), "is not a field we know") for key in entry if key not in keys
        ]
        yield where, entry


def _minutes(side: str, value: object) -> int:
    match = _CLOCK.fullmatch(value) if isinstance(value, str) else None
    minutes = int(match[1]) * 60 + int(match[2]) if match else None
    latest = MINUTES_OF_A_DAY if side == "end" else MINUTES_OF_A_DAY - 1
    if minutes is None or minutes > latest:
        raise ValueError(
            f"{side}: {shown(value)} is not a time like {'17:00 or 24:00' if side == 'end' else '09:00'}"
        )
    return minutes


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"
