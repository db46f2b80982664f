"""How templates, and the links made from them, stand: what the overview for admins says of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from workestra.calendars.domain import clock_words
from workestra.calendars.domain.clock_words import DayForm

DAYS: Final = 14
SCARCE: Final = 5
"""A link with no more times than these is nearly full."""
MOST_CELLS: Final = 40
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Standing:
    """How many of a template's links match it, do not, or wait for the run that is on its way (`to_go`)."""

    links: int
    out_of_step: int = 0
    to_go: int = 0

    @property
    def in_step(self) -> int:
        return self.links - self.out_of_step - self.to_go

    @property
    def cells(self) -> Sequence[str]:
        """One cell a link, as its CSS class; none where there are too many to look at."""
        if self.links > MOST_CELLS:
            return ()
        return ("on",) * self.in_step + ("bad",) * self.out_of_step + ("",) * self.to_go

    @property
    def words(self) -> str:
        """ "11 in step, 1 out of step"."""
        said = [f"{self.in_step} in step"] if self.in_step or not self.links else []
        if self.out_of_step:
            said.append(f"{self.out_of_step} out of step")
        if self.to_go:
            said.append(f"{self.to_go} to go")
        return ", ".join(said)


@dataclass(frozen=True, slots=True)
class Scarcity:
    """How few times a link offers in the next fourteen days: `by_day` counts them from now on, day by day."""

    by_day: Sequence[int]
    words: str

    @property
    def left(self) -> int:
        return sum(self.by_day)

    @property
    def picture(self) -> str:
        """What the days look like, for those who do not see them."""
        if not self.left:
            return f"0 free times in each of the next {DAYS} days"
        days = [str(number) for number, count in enumerate(self.by_day, 1) if count]
        return f"{self.left} free time{'' if self.left == 1 else 's'}, on day {', '.join(days)} of {DAYS}"


def scarcity(starts: Sequence[datetime], zone: ZoneInfo, now: datetime) -> Scarcity | None:
    """What there is to say of a link that offers these starts, all of the next fourteen days, in order.

    None for one with enough of them. Days in words are those of `zone`.
    """
    if len(starts) > SCARCE:
        return None
    by_day = [0] * DAYS
    for start in starts:
        by_day[min((start - now) // _DAY, DAYS - 1)] += 1
    if not starts:
        return Scarcity(by_day, f"No free time in the next {DAYS} days")
    days = sorted({start.astimezone(zone).date() for start in starts})
    first = clock_words.day(days[0], DayForm.LONG)
    if len(starts) == 1:
        return Scarcity(by_day, f"1 left, on {first}")
    return Scarcity(by_day, f"{len(starts)} left, {'all' if len(days) == 1 else 'the first'} on {first}")
