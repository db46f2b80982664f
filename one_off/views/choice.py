"""The month and the times in which an invitee ticks what he proposes: a form that is sent for every look, so that
nothing typed is lost, and that changes nothing until it is sent for good."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from django.http import QueryDict

from bookings.domain import month as months
from bookings.domain.month import Day
from bookings.views.picker import (
    BadAddress,
    Host,
    Meeting,
    Part,
    Time,
    day_of,
    month_of,
    start_of,
    start_value,
)
from one_off.models import MOST_PROPOSED

PICKED: Final = "propose"
"""What the ticked times are called in the form, each an instant such as "2030-01-14T15:00Z"."""
LOOKS: Final = frozenset({"zone", "date", "month", "remove", "look"})
"""The buttons, and what a tick sends by itself, that only show the form again."""
_MOST_READ: Final = 20


def is_look(sent: Mapping[str, str]) -> bool:
    return not LOOKS.isdisjoint(sent)


def picked_in(sent: QueryDict) -> list[datetime]:
    """The ticked times, each once and in order; what cannot be read, or is to be taken out, is left out."""
    removed = sent.get("remove", "")
    found = set()
    for value in sent.getlist(PICKED)[:_MOST_READ]:
        with suppress(BadAddress):
            if value != removed:
                found.add(start_of(value))
    return sorted(found)


@dataclass(frozen=True, slots=True)
class Cell:
    """A day of the month, and whether a ticked time is on it."""

    day: Day
    is_mine: bool

    @property
    def label(self) -> str:
        return f"{self.day.label}, you proposed a time" if self.is_mine else self.day.label

    @property
    def marks(self) -> str:
        return " ".join([*["mine"] * self.is_mine, *["today"] * self.day.is_today])


@dataclass(frozen=True, slots=True)
class Choice:
    """`picks` are the ticked times, `elsewhere` the values of those that are not among the day's times.

    `day` is None in a month without times, `empty` has the numbers of the places that are left.
    """

    month: date
    previous: date | None
    next: date | None
    weeks: list[list[Cell | None]]
    day: date | None
    parts: list[Part]
    picks: list[Meeting]
    elsewhere: list[str]

    @property
    def empty(self) -> range:
        return range(len(self.picks) + 1, MOST_PROPOSED + 1)


def choice_of(
    free: Sequence[datetime],
    sent: Mapping[str, str],
    picked: Sequence[datetime],
    *,
    zone: ZoneInfo,
    host: Host,
    length: timedelta,
    now: datetime,
) -> Choice:
    """What of these free starts the form shows: the month or the day that is asked for, else the first day.

    Raises: BadAddress.
    """
    by_day = months.by_day(free, zone)
    today = now.astimezone(zone).date()
    first, last = min(by_day, default=today), max(by_day, default=today)
    asked = sent.get("date") or ("" if sent.get("month") else sent.get("day", ""))
    day = day_of(asked) if asked else None
    month = month_of(sent["month"]) if sent.get("month") else months.first_of(day or first)
    month = min(max(month, months.first_of(today)), months.first_of(last))
    if day is None or months.first_of(day) != month or day not in by_day:
        day = min((each for each in by_day if months.first_of(each) == month), default=None)
    mine = {start.astimezone(zone).date() for start in picked}
    shown = by_day.get(day, []) if day else []
    weeks = months.weeks_of(month, by_day, today=today, chosen=day)
    return Choice(
        month=month,
        previous=months.previous_month(month) if month > months.first_of(today) else None,
        next=months.next_month(month) if month < months.first_of(last) else None,
        weeks=[[Cell(each, each.date in mine) if each else None for each in week] for week in weeks],
        day=day,
        parts=[
            Part(
                part.name,
                part.icon,
                [Time(start, start + length, zone, host, is_chosen=start in picked) for start in part.starts],
            )
            for part in months.parts_of(shown, zone)
        ],
        picks=[Meeting(start, start + length, zone, host) for start in picked],
        elsewhere=[start_value(start) for start in picked if start not in shown],
    )
