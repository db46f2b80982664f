"""What a booker picks from: the days of a month that have free times, and the times of a day.

Days are the booker's: every function takes the zone in which they are counted. Starts are aware datetimes.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from workestra.calendars.domain import clock_words as words
from workestra.calendars.domain.period import Period

DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Day:
    """A day of the month grid with how many starts it offers."""

    date: date
    count: int
    is_today: bool = False
    is_chosen: bool = False
    is_booked: bool = False

    @property
    def value(self) -> str:
        """The day in an address: "2026-11-12"."""
        return self.date.isoformat()

    @property
    def number(self) -> str:
        """The day of the month, for templates: these take long to print a number in the language of the page."""
        return str(self.date.day)

    @property
    def marks(self) -> str:
        """The classes of its cell."""
        return " ".join([*["held"] * self.is_booked, *["today"] * self.is_today])

    @property
    def label(self) -> str:
        """What a screen reader says: "Thursday 12 November, several times"."""
        booked = ", your booking is on this day" if self.is_booked else ""
        return f"{words.day(self.date, words.DayForm.LONG)}, {self.plenty}{booked}"

    @property
    def level(self) -> int:
        """How full the day's ticks are: 0 nothing free, 1 a few, 2 several, 3 many."""
        return 0 if not self.count else 1 if self.count < 4 else 2 if self.count < 8 else 3

    @property
    def plenty(self) -> str:
        """The ticks in words: "several times"."""
        return ("no times", "a few times", "several times", "many times")[self.level]


@dataclass(frozen=True, slots=True)
class DayPart:
    """Starts of one part of a day, in order."""

    name: str
    icon: str
    starts: tuple[datetime, ...]


# The hour at which each part of a day begins.
_PARTS: Final = (
    (0, "Night", "moon"),
    (5, "Morning", "sun"),
    (12, "Afternoon", "sun"),
    (18, "Evening", "moon"),
)


def first_of(day: date) -> date:
    """The first day of the month."""
    return day.replace(day=1)


def next_month(month: date) -> date:
    """The first day of the month after."""
    return first_of(first_of(month) + 31 * DAY)


def previous_month(month: date) -> date:
    """The first day of the month before."""
    return first_of(first_of(month) - DAY)


def span_of(month: date, zone: ZoneInfo) -> Period:
    """The month from midnight to midnight in the zone: what its days can hold, as UTC instants."""
    return Period(_midnight(first_of(month), zone), _midnight(next_month(month), zone))


def by_day(starts: Iterable[datetime], zone: ZoneInfo) -> dict[date, list[datetime]]:
    """The starts under the dates that the zone's calendar shows for them."""
    days: dict[date, list[datetime]] = defaultdict(list)
    for start in starts:
        days[start.astimezone(zone).date()].append(start)
    return dict(days)


def weeks_of(
    month: date,
    free: Mapping[date, Sequence[datetime]],
    *,
    today: date,
    chosen: date | None = None,
    booked: Collection[date] = (),
) -> list[list[Day | None]]:
    """The month's weeks from Monday to Sunday; None for the days of the months around it."""
    cells: list[Day | None] = [None] * first_of(month).weekday()
    day, end = first_of(month), next_month(month)
    while day < end:
        cells.append(Day(day, len(free.get(day, ())), day == today, day == chosen, day in booked))
        day += DAY
    cells += [None] * (-len(cells) % 7)
    return [cells[at : at + 7] for at in range(0, len(cells), 7)]


def parts_of(starts: Sequence[datetime], zone: ZoneInfo) -> list[DayPart]:
    """The starts of a day under night, morning, afternoon and evening; parts without one are left out."""
    found: dict[str, list[datetime]] = defaultdict(list)
    for start in starts:
        found[part_of_day(start, zone)].append(start)
    return [DayPart(name, icon, tuple(found[name])) for _, name, icon in _PARTS if name in found]


def part_of_day(instant: datetime, zone: ZoneInfo) -> str:
    """ "Night", "Morning", "Afternoon" or "Evening" on the zone's clock."""
    hour = instant.astimezone(zone).hour
    return next(name for begins, name, _ in reversed(_PARTS) if hour >= begins)


def comes_twice(instant: datetime, zone: ZoneInfo) -> bool:
    """Whether the zone's clock shows this wall time twice that day, so that it must be printed with its zone."""
    local = instant.astimezone(zone)
    return local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()


def around(wanted: datetime, starts: Sequence[datetime], zone: ZoneInfo, count: int) -> list[datetime]:
    """At most `count` starts to offer in place of a lost one, the most likely first.

    Half of them are the closest of the same day, the rest the same hour on other days, one a day; where those run
    out, the closest ones fill up. Empty when `starts` is.
    """
    by_distance = sorted(starts, key=lambda start: (abs(start - wanted), start < wanted))
    lost = wanted.astimezone(zone)
    same_day = [start for start in by_distance if start.astimezone(zone).date() == lost.date()]
    same_hour = [
        start
        for start in by_distance
        if start.astimezone(zone).date() != lost.date() and start.astimezone(zone).time() == lost.time()
    ]
    chosen = same_day[: (count + 1) // 2]
    chosen += same_hour[: count - len(chosen)]
    chosen += [start for start in by_distance if start not in chosen][: count - len(chosen)]
    return chosen


def how_far(start: datetime, wanted: datetime, zone: ZoneInfo) -> str:
    """Where a start lies, seen from another: "30 min later", "Next day", "3 days before"."""
    days = (start.astimezone(zone).date() - wanted.astimezone(zone).date()).days
    if not days:
        minutes = int(abs(start - wanted) / timedelta(minutes=1))
        return f"{minutes} min {'later' if start > wanted else 'earlier'}"
    if abs(days) == 1:
        return "Next day" if days > 0 else "Day before"
    return f"{abs(days)} days {'later' if days > 0 else 'before'}"


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
