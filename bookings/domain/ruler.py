"""Two people's days on one axis, so that a booker sees at a glance whether a time suits both.

The axis is the viewer's day in minutes. Each bar stands for hours in which somebody is asleep, awake or at work.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

DAY_MINUTES: Final = 24 * 60
# From, to (minutes of the person's own day), what he does then.
_HABITS: Final = (
    (0, 420, "night"),
    (420, 540, "wake"),
    (540, 1020, "work"),
    (1020, 1320, "wake"),
    (1320, 1440, "night"),
)
_THICKNESS: Final = {"night": 4, "wake": 10, "work": 17}
# The viewer's bars stand on this line, the other person's hang from the one below.
_UPPER_LINE: Final = 21
_LOWER_LINE: Final = 25


@dataclass(frozen=True, slots=True)
class Bar:
    """A stretch of one person's day, ready to draw: `path` is SVG path data, `thickness` its stroke width."""

    habit: str
    path: str
    thickness: int


@dataclass(frozen=True, slots=True)
class Ruler:
    """Bars of both people in a drawing of 1440 by 46; the meeting begins at `at` and is `length` minutes wide."""

    bars: tuple[Bar, ...]
    at: int
    length: int
    both_work: bool


def ruler(start: datetime, end: datetime, viewer: ZoneInfo, other: ZoneInfo) -> Ruler | None:
    """The drawing for a meeting; None when both clocks show the same time then."""
    ahead = _minutes(_offset(start, other) - _offset(start, viewer))
    if not ahead:
        return None
    at = _minute_of_day(start, viewer)
    bars = [_bar(since, until, habit, upper=True) for since, until, habit in _HABITS]
    for since, until, habit in _HABITS:
        shifted = (since - ahead) % DAY_MINUTES
        beyond = shifted + until - since - DAY_MINUTES
        if beyond > 0:
            bars.append(_bar(0, beyond, habit, upper=False))
        bars.append(_bar(shifted, min(shifted + until - since, DAY_MINUTES), habit, upper=False))
    return Ruler(
        bars=tuple(bars),
        at=at,
        length=max(8, min(_minutes(end - start), DAY_MINUTES - at)),
        both_work=all(_works_through(start, end, zone) for zone in (viewer, other)),
    )


def _bar(since: int, until: int, habit: str, *, upper: bool) -> Bar:
    thickness = _THICKNESS[habit]
    y = _UPPER_LINE - thickness / 2 if upper else _LOWER_LINE + thickness / 2
    return Bar(habit, f"M{since} {y:g}H{until}", thickness)


def _works_through(start: datetime, end: datetime, zone: ZoneInfo) -> bool:
    since, until, _ = _HABITS[2]
    begins = _minute_of_day(start, zone)
    return since <= begins and begins + _minutes(end - start) <= until


def _minute_of_day(instant: datetime, zone: ZoneInfo) -> int:
    local = instant.astimezone(zone)
    return local.hour * 60 + local.minute


def _offset(instant: datetime, zone: ZoneInfo) -> timedelta:
    return instant.astimezone(zone).utcoffset() or timedelta(0)


def _minutes(span: timedelta) -> int:
    return span // timedelta(minutes=1)
