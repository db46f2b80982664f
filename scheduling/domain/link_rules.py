"""Settings that contradict each other so that a link could never offer a time: refused when they are saved."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from scheduling.domain.hours import Availability, BadAvailability, open_periods
from workestra.calendars.domain.period import Period

# Two whole weeks on a clock that never changes: every weekday, with what joins it on both sides.
_MONDAY = datetime(2001, 1, 1, tzinfo=UTC)
_WEEK = timedelta(days=7)


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
    if schedule is not None:
        longest, fields = longest_open(schedule), ("schedule_id",)
        closed = "No day of this schedule has hours. Choose another one, or own hours."
    else:
        try:
            own = Availability.from_json("UTC", values["weekly_hours"], values["date_overrides"])
        except BadAvailability:
            return found
        longest, fields = longest_open(own), ("weekly_hours", "date_overrides")
        closed = "No day has hours. Tick a day, or add a date with hours."
    minutes = values["duration_minutes"]
    if not longest:
        found.append(Contradiction(fields, closed))
    elif timedelta(minutes=minutes) > longest:
        found.append(
            Contradiction(
                ("duration_minutes", *fields),
                f"A meeting of {minutes} minutes does not fit: the longest open time is {_minutes(longest)}.",
            )
        )
    return found


def longest_open(availability: Availability) -> timedelta:
    """The longest joined stretch of the week or around any override; nothing when no day is open."""
    week = Availability("UTC", availability.weekly)
    spans = open_periods(week, Period(_MONDAY, _MONDAY + 2 * _WEEK))
    for day, windows in availability.overrides.items():
        if windows:
            noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
            spans += open_periods(availability, Period(noon - _WEEK, noon + _WEEK))
    return max((span.end - span.start for span in spans), default=timedelta(0))


def _minutes(length: timedelta) -> str:
    return f"{length // timedelta(minutes=1)} minutes"


def _days(count: int) -> str:
    return "1 day" if count == 1 else f"{count} days"
