"""Settings that contradict each other so that a link could never offer a time: refused when they are saved."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import Any, Final

from scheduling.domain.grid import intersection
from scheduling.domain.hours import Availability, BadAvailability, open_periods, open_spans
from scheduling.domain.rules import Strategy
from workestra.calendars.domain import clock_words as words
from workestra.calendars.domain.period import Period

FEWEST_OF_COLLECTIVE: Final = 2

# Two whole weeks on a clock that never changes: every weekday, with what joins it on both sides.
_MONDAY = datetime(2001, 1, 1, tzinfo=UTC)
_WEEK = timedelta(days=7)
# A whole year of clock changes, for hours in several zones.
_YEAR = Period(datetime(2028, 1, 1, tzinfo=UTC), datetime(2029, 1, 15, tzinfo=UTC))


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Fields that together leave no time, the one to change first in front, and the reason in a sentence."""

    fields: tuple[str, ...]
    reason: str


def contradictions(values: Mapping[str, Any], schedule: Availability | None = None) -> list[Contradiction]:
    """What in these settings can never give a slot, whatever day it is; empty when nothing does.

    `values` are a link's `section_values()`, `schedule` the hours of the schedule that they refer to. Hours that
    cannot be read are no matter of this function.
    """
    found: list[Contradiction] = []
    notice, window = values["minimum_notice_hours"], values["booking_window_days"]
    # The window is today and so many whole days after it: it never ends later than this.
    if notice >= (window + 1) * 24:
        found.append(
            Contradiction(
                ("minimum_notice_hours", "booking_window_days"),
                f"{notice} hours’ notice leaves nothing of a booking window of {_days(window)}: "
                "no time could be booked.",
            )
        )
    fields: tuple[str, ...] = ("schedule_id",)
    if schedule is not None:
        longest = longest_open(schedule)
        closed = "No day of this schedule has hours. Choose another one, or own hours."
    else:
        try:
            own = Availability.from_json("UTC", values["weekly_hours"], values["date_overrides"])
        except BadAvailability:
            return found
        longest, fields = longest_open(own), ("weekly_hours", "date_overrides")
        closed = "No day has hours. Tick a day, or add a date with hours."
    length = timedelta(minutes=values["duration_minutes"])
    if not longest:
        found.append(Contradiction(fields, closed))
    elif length > longest:
        found.append(
            Contradiction(
                ("duration_minutes", *fields),
                f"A meeting of {words.length(length)} does not fit: the longest open time is {words.length(longest)}.",
            )
        )
    return found


def pool_problem(strategy: Strategy, duration: timedelta, hosts: Sequence[tuple[str, Availability]]) -> str:
    """Why meetings of this length can never be given to these hosts, in a sentence; empty when they can.

    `hosts` are names, each with the hours that count for it. A round robin needs every one of its hosts to have a turn
    sometime, a collective a time that all of them share.
    """
    for name, hours in hosts:
        longest = longest_open(hours)
        if longest < duration:
            return (
                f"{name}: the longest open time is {words.length(longest)}, a meeting takes {words.length(duration)}."
                if longest
                else f"{name}: no day has hours. Choose other hours."
            )
    if strategy is not Strategy.COLLECTIVE or len({hours for _, hours in hosts}) < 2:
        return ""
    shared = _longest_shared([hours for _, hours in hosts], duration)
    if shared >= duration:
        return ""
    *rest, last = [name for name, _ in hosts]
    who = f"{', '.join(rest)} and {last}"
    if not shared:
        return f"{who} are never open at the same time, so there would be nothing to book."
    return f"{who} share {words.length(shared)} at most, a meeting takes {words.length(duration)}."


def _longest_shared(hours: Sequence[Availability], enough: timedelta) -> timedelta:
    """The longest time in which everybody is open, on any day of a year or around any override; stops at `enough`."""
    longest = _longest_of(hours, _YEAR)
    days = sorted({day for each in hours for day, windows in each.overrides.items() if windows})
    for day in days:
        if longest >= enough:
            break
        noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
        longest = max(longest, _longest_of(hours, Period(noon - _WEEK, noon + _WEEK)))
    return longest


def _longest_of(hours: Iterable[Availability], within: Period) -> timedelta:
    spans = reduce(intersection, (open_spans(each, within.start, within.end) for each in hours))
    return max((end - start for start, end in spans), default=timedelta(0))


def longest_open(availability: Availability) -> timedelta:
    """The longest joined stretch of the week or around any override; nothing when no day is open."""
    week = Availability("UTC", availability.weekly)
    spans = open_periods(week, Period(_MONDAY, _MONDAY + 2 * _WEEK))
    for day, windows in availability.overrides.items():
        if windows:
            noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
            spans += open_periods(availability, Period(noon - _WEEK, noon + _WEEK))
    return max((span.end - span.start for span in spans), default=timedelta(0))


def _days(count: int) -> str:
    return "1 day" if count == 1 else f"{count} days"
