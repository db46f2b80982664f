"""The wall clock of a zone, seen from UTC: while its offset holds, when it shows a given date, and a given time."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache
from importlib import resources
from typing import Final, NamedTuple, TypeAlias
from zoneinfo import ZoneInfo, available_timezones

DAY = timedelta(days=1)
WEEK = 7 * DAY
SECOND = timedelta(seconds=1)

FURTHEST: Final = timedelta(days=730)
"""How far ahead somebody may pick a time by hand."""

# Clock changes of one zone lie at least four days apart in the whole tz database (Freetown, 1939).
PROBE = timedelta(days=3)

Span: TypeAlias = tuple[datetime, datetime]
"""[start, end) in UTC: a Period without its checks, for the inner loops."""


class Steady(NamedTuple):
    """The instants [start, end), in UTC, in which a zone keeps one offset from UTC."""

    start: datetime
    end: datetime
    offset: timedelta


class SkippedTime(ValueError):
    """The wall clock of the zone never shows this time: it goes forward over it."""


@cache
def known_zones() -> frozenset[str]:
    """The names of the tz database, without those that name no place or depend on this machine."""
    return frozenset(available_timezones() - {"Factory", "localtime"})


@cache
def zones_in_use() -> tuple[str, ...]:
    """The zones of the tz database's zone.tab, which names no outdated spellings, by name; "UTC" last."""
    table = resources.files("tzdata.zoneinfo").joinpath("zone.tab").read_text(encoding="utf-8")
    rows = [line.split("\t") for line in table.splitlines() if line and not line.startswith("#")]
    return (*sorted(row[2] for row in rows), "UTC")


def offset_at(zone: str, instant: datetime) -> timedelta:
    offset = instant.astimezone(ZoneInfo(zone)).utcoffset()
    assert offset is not None
    return offset


def local_date(zone: str, instant: datetime) -> date:
    return instant.astimezone(ZoneInfo(zone)).date()


def instant_of(wall: datetime, zone: ZoneInfo) -> datetime:
    """The instant, in UTC, at which a clock in `zone` shows this naive time.

    Of a time that comes twice, where the clocks go back, it is the first.

    Raises SkippedTime where the clocks go forward over it.
    """
    instant = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None, fold=0) != wall:
        raise SkippedTime(wall)
    return instant


def steady_spans(zone: str, start: datetime, end: datetime) -> list[Steady]:
    """[start, end) cut at the clock changes of the zone, in order; none when it is empty."""
    changes: list[tuple[datetime, timedelta]] = []
    for year in range(start.year, end.year + 1):
        for instant, offset in _changes(zone, year):
            if not changes or changes[-1][1] != offset:
                changes.append((instant, offset))
    ends = [*(instant for instant, _ in changes[1:]), end]
    return [
        Steady(max(start, since), min(end, until), offset)
        for (since, offset), until in zip(changes, ends, strict=True)
        if since < end and start < until
    ]


def instants_of_dates(zone: str, first: date, until: date, start: datetime, end: datetime) -> list[Span]:
    """When, in [start, end), the wall clock shows a date of [first, until).

    Mostly one span; none for a day that the zone skipped, and more where clocks went back over a midnight.
    """
    opens, closes = _as_utc(first), _as_utc(until)
    spans = [
        (max(steady.start, opens - steady.offset), min(steady.end, closes - steady.offset))
        for steady in steady_spans(zone, start, end)
    ]
    return joined((since, to) for since, to in spans if since < to)


def midnights(zone: str, start: datetime, end: datetime) -> list[datetime]:
    """The instants after `start` and before `end` at which a local date begins, in order.

    Where midnight itself is skipped, the day begins with the first instant after the change.
    """
    found: list[datetime] = []
    day = local_date(zone, start)
    for steady in steady_spans(zone, start, end):
        if (steady.start + steady.offset).date() > day:
            found.append(steady.start)
        day = (steady.start + steady.offset).date()
        midnight = _as_utc(day) + DAY - steady.offset
        while midnight < steady.end:
            found.append(midnight)
            day += DAY
            midnight += DAY
    return found


def joined(spans: Iterable[Span]) -> list[Span]:
    """Sorted, with touching and overlapping ones made one."""
    result: list[Span] = []
    for start, end in sorted(spans):
        if result and start <= result[-1][1]:
            if end > result[-1][1]:
                result[-1] = (result[-1][0], end)
        else:
            result.append((start, end))
    return result


@lru_cache(maxsize=4096)
def _changes(zone: str, year: int) -> tuple[tuple[datetime, timedelta], ...]:
    """The offset with which a UTC year begins and every later one in it, each with its first instant."""
    at, end = datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)
    offset = offset_at(zone, at)
    found = [(at, offset)]
    while at < end:
        probe = min(at + PROBE, end - SECOND)
        if offset_at(zone, probe) != offset:
            probe = _first_change(zone, at, probe)
            offset = offset_at(zone, probe)
            found.append((probe, offset))
        at = probe if probe < end - SECOND else end
    return tuple(found)


def _first_change(zone: str, before: datetime, after: datetime) -> datetime:
    """The second between the two at which the offset changes, by halving."""
    offset = offset_at(zone, before)
    while after - before > SECOND:
        middle = before + (after - before) // SECOND // 2 * SECOND
        if offset_at(zone, middle) == offset:
            before = middle
        else:
            after = middle
    return after


def _as_utc(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
