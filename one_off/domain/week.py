"""A week as a picture: a column a day, a row a quarter of an hour, in the host's zone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from workestra.calendars.domain.period import Period

_DAY: Final = timedelta(days=1)
_QUARTER: Final = 15
_STEP: Final = 2
"""A free space is offered every so many quarters of an hour."""
_HOURS: Final = (8, 18)
"""What is shown at least."""


@dataclass(frozen=True, slots=True)
class Given:
    """An offered time, as it was typed: its row's number from 1, day and start on the host's clock."""

    number: int
    wall: datetime
    period: Period


@dataclass(frozen=True, slots=True)
class Taken:
    """Time that the host has not got, and what for."""

    period: Period
    what: str


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of a day. `at` counts quarters of an hour from midnight. `wall` is the start on the host's clock; of what
    is taken the part of it that lies on this day begins there. `number` is an offered time's, 0 for anything else."""

    at: int
    length: int
    wall: datetime
    what: str = ""
    number: int = 0


@dataclass(frozen=True, slots=True)
class DayColumn:
    """`over` is what of the shown hours has passed, in quarters; `free` are the spaces that can be offered."""

    day: date
    is_today: bool
    over: Block | None
    now_at: int | None
    taken: tuple[Block, ...]
    given: tuple[Block, ...]
    free: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Week:
    """Monday to Friday, and the weekend when something lies on it. `first` and `length` are in quarters of an hour."""

    monday: date
    days: tuple[DayColumn, ...]
    first: int
    length: int

    @property
    def hours(self) -> list[time]:
        return [time(hour) for hour in range(self.first // 4, (self.first + self.length) // 4)]

    @property
    def before(self) -> date:
        return self.monday - 7 * _DAY

    @property
    def after(self) -> date:
        return self.monday + 7 * _DAY

    @property
    def last(self) -> date:
        return self.days[-1].day


def monday_of(day: date) -> date:
    """The Monday of its week; of a Saturday or Sunday the one to come."""
    return day - day.weekday() * _DAY + (7 * _DAY if day.weekday() > 4 else timedelta())


def span_of(monday: date, zone: ZoneInfo) -> Period:
    """The week from Monday's midnight to the next."""
    return Period(_midnight(monday, zone), _midnight(monday + 7 * _DAY, zone))


def picture(
    monday: date, zone: ZoneInfo, given: Sequence[Given], taken: Sequence[Taken], now: datetime
) -> Week:
    """The week from this Monday with what is offered and taken in it."""
    days = [monday + number * _DAY for number in range(7)]
    offered = {day: [_given(each) for each in given if each.wall.date() == day] for day in days}
    busy = {day: [block for each in taken if (block := _on(day, each, zone))] for day in days}
    weekend = [day for day in days[5:] if offered[day] or busy[day]]
    shown = days[: 5 if not weekend else 7]
    blocks = [block for day in shown for block in (*offered[day], *busy[day])]
    first = min([_HOURS[0] * 4, *(block.at // 4 * 4 for block in blocks)])
    last = max([_HOURS[1] * 4, *(-(-(block.at + block.length) // 4) * 4 for block in blocks)])
    last = min(last, 96)
    columns = [_column(day, zone, offered[day], busy[day], first, last, now) for day in shown]
    return Week(monday, tuple(columns), first, last - first)


def _column(
    day: date,
    zone: ZoneInfo,
    given: Sequence[Block],
    taken: Sequence[Block],
    first: int,
    last: int,
    now: datetime,
) -> DayColumn:
    local = now.astimezone(zone)
    passed = last if day < local.date() else 0
    if day == local.date():
        passed = min(max((local.hour * 60 + local.minute) // _QUARTER, first), last)
    over = Block(first, passed - first, _wall(day, first)) if passed > first else None
    in_the_way = [*given, *taken]
    free = [
        Block(at, _STEP, _wall(day, at))
        for at in range(first, last, _STEP)
        if _wall(day, at).replace(tzinfo=zone) > now
        and _exists(_wall(day, at), zone)
        and not any(block.at < at + _STEP and at < block.at + block.length for block in in_the_way)
    ]
    now_at = passed if day == local.date() and first <= passed < last else None
    return DayColumn(day, day == local.date(), over, now_at, tuple(taken), tuple(given), tuple(free))


def _given(each: Given) -> Block:
    at = (each.wall.hour * 60 + each.wall.minute) // _QUARTER
    length = max(round(each.period.duration / timedelta(minutes=_QUARTER)), 1)
    return Block(at, min(length, 96 - at), each.wall, number=each.number)


def _on(day: date, taken: Taken, zone: ZoneInfo) -> Block | None:
    """The part of it that lies on this day; None when there is none."""
    start, end = taken.period.start.astimezone(zone), taken.period.end.astimezone(zone)
    if end.date() < day or start.date() > day or taken.period.is_empty:
        return None
    if start.utcoffset() != end.utcoffset():
        return _on_both_clocks(day, taken, zone)
    first = 0 if start.date() < day else start.hour * 60 + start.minute
    last = 24 * 60 if end.date() > day else end.hour * 60 + end.minute
    if last <= first:
        return None
    at = first // _QUARTER
    return Block(at, -(-last // _QUARTER) - at, _wall(day, at), taken.what)


def _on_both_clocks(day: date, taken: Taken, zone: ZoneInfo) -> Block | None:
    """The same of time during which the clocks change: every quarter of an hour that the wall clock shows meanwhile."""
    step = timedelta(minutes=_QUARTER)
    into = taken.period.start.minute % _QUARTER * timedelta(minutes=1)
    steps = -(-(taken.period.duration + into) // step)
    shown = [(taken.period.start - into + number * step).astimezone(zone) for number in range(steps)]
    quarters = [(each.hour * 60 + each.minute) // _QUARTER for each in shown if each.date() == day]
    if not quarters:
        return None
    at, last = min(quarters), max(quarters) + 1
    return Block(at, last - at, _wall(day, at), taken.what)


def _exists(wall: datetime, zone: ZoneInfo) -> bool:
    """Whether the clock of the zone ever shows this time; in spring it leaves out an hour."""
    return wall.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None) == wall


def _wall(day: date, quarters: int) -> datetime:
    return datetime.combine(day, time()) + quarters * timedelta(minutes=_QUARTER)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone)
