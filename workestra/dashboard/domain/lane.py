"""One local day as a lane of quarter hours: where things lie on it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from scheduling.domain.wallclock import joined
from workestra.calendars.domain.period import Period

QUARTERS: Final = 96
OFFICE: Final = (32, 72)
"""08:00 to 18:00: what a lane shows of a day that has nothing outside of it."""


@dataclass(frozen=True, slots=True)
class Place:
    """Quarter hours of the wall clock: from `at` on, `length` of them, at least one, all within the day."""

    at: int
    length: int


def place_of(start: datetime, end: datetime, day: date, zone: ZoneInfo) -> Place | None:
    """Where a meeting lies on that day of this zone; None when no minute of it does.

    The wall clock counts: on the day it is set back, an hour that comes twice is one.
    """
    first, last = start.astimezone(zone), (end - timedelta(microseconds=1)).astimezone(zone)
    if end <= start or last.date() < day or first.date() > day:
        return None
    at = _quarter(first) if first.date() == day else 0
    until = _quarter(last) + 1 if last.date() == day else QUARTERS
    return Place(at, max(1, until - at))


def quarter_of(instant: datetime, zone: ZoneInfo) -> int:
    """The quarter hour of its day that the wall clock shows, from 0."""
    return _quarter(instant.astimezone(zone))


def fits_office(places: Iterable[Place]) -> bool:
    """Whether all of them lie between 08:00 and 18:00."""
    first, last = OFFICE
    return all(first <= place.at and place.at + place.length <= last for place in places)


def shown_of(place: Place, within_office: bool) -> Place | None:
    """The part of it that a lane shows; None when it shows nothing of it."""
    first, last = OFFICE if within_office else (0, QUARTERS)
    at, until = max(place.at, first), min(place.at + place.length, last)
    return Place(at, until - at) if at < until else None


def meets(place: Place, others: Iterable[Place]) -> bool:
    """Whether it lies in the way of one of the others."""
    return any(place.at < other.at + other.length and other.at < place.at + place.length for other in others)


@dataclass(frozen=True, slots=True)
class Taken:
    """Time that is taken without a gap, and the names of the calendars that say so."""

    period: Period
    names: tuple[str, ...]


def taken_of(events: Iterable[tuple[Period, str]]) -> list[Taken]:
    """Events, each with the name of its calendar, with those that touch or overlap made one, by start."""
    known = list(events)
    spans = joined((period.start, period.end) for period, _ in known)
    return [
        Taken(
            Period(*span),
            tuple(dict.fromkeys(name for period, name in known if period.overlaps(Period(*span)))),
        )
        for span in spans
    ]


def hours(within_office: bool) -> Sequence[int]:
    """The full hours a lane has lines for."""
    return range(OFFICE[0] // 4, OFFICE[1] // 4) if within_office else range(24)


def _quarter(local: datetime) -> int:
    return local.hour * 4 + local.minute // 15
