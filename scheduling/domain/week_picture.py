"""A week of hours as seven bars to look at."""

from collections.abc import Iterable
from dataclasses import dataclass

from scheduling.domain.hours import MINUTES_OF_A_DAY, WEEKDAYS, Availability


@dataclass(frozen=True, slots=True)
class Bar:
    """A weekday: its open minutes after midnight, those that the day before runs into it, and how long it is open.

    The length counts a window that runs past midnight whole, on the day on which it starts.
    """

    day: str
    spans: tuple[tuple[int, int], ...]
    carried: tuple[tuple[int, int], ...]
    minutes: int

    @property
    def length(self) -> str:
        return length_text(self.minutes) if self.minutes else ""


def week_bars(availability: Availability) -> list[Bar]:
    """Monday to Sunday, without the single dates."""
    days = [
        _joined(
            (window.start, window.end if window.start < window.end else window.end + MINUTES_OF_A_DAY)
            for window in windows
        )
        for windows in availability.weekly
    ]
    return [
        Bar(
            name[:3],
            tuple((start, min(end, MINUTES_OF_A_DAY)) for start, end in spans),
            tuple((0, end - MINUTES_OF_A_DAY) for _, end in days[number - 1] if end > MINUTES_OF_A_DAY),
            sum(end - start for start, end in spans),
        )
        for number, (name, spans) in enumerate(zip(WEEKDAYS, days, strict=True))
    ]


def length_text(minutes: int) -> str:
    """ "7 h", "8 h 30", "45 min"."""
    hours, rest = divmod(minutes, 60)
    if not hours:
        return f"{rest} min"
    return f"{hours} h {rest:02}" if rest else f"{hours} h"


def _joined(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    result: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        else:
            result.append((start, end))
    return result
