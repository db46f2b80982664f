"""What the charts show, worked out of counts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

PAST_WEEKS: Final = 8
"""Full weeks before this one."""
WEEKS: Final = PAST_WEEKS + 2
FULL: Final = 980
"""Of a bar's 1000: behind the longest there is room for a mark."""


@dataclass(frozen=True, slots=True)
class Week:
    """A week by its Monday. `height` is of 100, for the week with most meetings."""

    monday: date
    meetings: int
    height: int
    is_over: bool
    is_current: bool

    @property
    def top(self) -> int:
        """Where its bar begins, from above."""
        return 100 - self.height


@dataclass(frozen=True, slots=True)
class Showing:
    """Who came, of people whose meetings are over. `unmarked` are those nobody has said it of."""

    attended: int
    no_show: int
    unmarked: int

    @property
    def total(self) -> int:
        return self.attended + self.no_show + self.unmarked

    @property
    def rate(self) -> int | None:
        """How many of a hundred came, of those somebody has marked; None when nobody is."""
        marked = self.attended + self.no_show
        return round(100 * self.attended / marked) if marked else None

    @property
    def shares(self) -> tuple[int, int, int]:
        """Attended, no-show and unmarked of 1000, together 1000; three zeros when there is nobody."""
        if not self.total:
            return (0, 0, 0)
        came, stayed_away = 1000 * self.attended // self.total, 1000 * self.no_show // self.total
        rest = 1000 - came - stayed_away
        return (came, stayed_away, rest) if self.unmarked else (came, 1000 - came, 0)

    @property
    def starts(self) -> tuple[int, int]:
        """Where the second and third share begin, of 1000."""
        came, stayed_away, _rest = self.shares
        return (came, came + stayed_away)


@dataclass(frozen=True, slots=True)
class Turn:
    """A host of round robins: how many meetings he has, and how many an even share would be.

    `length` and `mark` are the two on the scale of the longest in the chart, which is `FULL`.
    """

    name: str
    actual: int
    expected: float
    length: int
    mark: int


def monday_of(day: date) -> date:
    return day - timedelta(days=day.weekday())


def weeks(counts: Mapping[date, int], today: date) -> list[Week]:
    """Eight weeks that are over, this one and the next, in order. `counts` are meetings by Monday."""
    this = monday_of(today)
    mondays = [this + timedelta(weeks=n) for n in range(-PAST_WEEKS, WEEKS - PAST_WEEKS)]
    most = max((counts.get(monday, 0) for monday in mondays), default=0)
    return [
        Week(
            monday,
            (count := counts.get(monday, 0)),
            -(-100 * count // most) if most else 0,
            is_over=monday < this,
            is_current=monday == this,
        )
        for monday in mondays
    ]


def turns(rows: Sequence[tuple[str, int, float]]) -> list[Turn]:
    """The hosts by name, from (name, actual, expected)."""
    longest = max((max(actual, expected) for _name, actual, expected in rows), default=0)
    return [
        Turn(
            name,
            actual,
            expected,
            round(FULL * actual / longest) if longest else 0,
            round(FULL * expected / longest) if longest else 0,
        )
        for name, actual, expected in sorted(rows, key=lambda row: row[0].casefold())
    ]
