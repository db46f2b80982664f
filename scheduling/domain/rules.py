"""What the slot engine is asked with: the hosts' calendars and the rules of a booking link."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from scheduling.domain.hours import Availability
from workestra.calendars.domain.period import Period

NONE = timedelta(0)


class Strategy(StrEnum):
    INDIVIDUAL = "individual"
    ROUND_ROBIN = "round_robin"
    COLLECTIVE = "collective"
    GROUP = "group"


class BusyKind(StrEnum):
    BOOKING = "booking"
    GROUP = "group"
    HOLD = "hold"
    EXTERNAL = "external"
    OUT_OF_OFFICE = "out_of_office"
    UNREADABLE = "unreadable"


class Busy(NamedTuple):
    """Time of a host that is taken.

    The buffers are those the meeting was booked with. `label` names it in explanations ("Discovery Call").
    `same_link` marks a meeting of the link that is asked about: it counts for the caps.
    """

    period: Period
    buffer_before: timedelta = NONE
    buffer_after: timedelta = NONE
    kind: BusyKind = BusyKind.EXTERNAL
    label: str = ""
    same_link: bool = False


@dataclass(frozen=True, slots=True)
class HostCalendar:
    """One host: his hours, what is taken, and whether a round robin always needs him (`fixed`).

    `max_per_day` is his own cap: meetings of the link on one of his local days.
    """

    host_id: str
    availability: Availability
    busy: tuple[Busy, ...] = ()
    out_of_office: tuple[Period, ...] = ()
    fixed: bool = False
    max_per_day: int | None = None


@dataclass(frozen=True, slots=True)
class RollingWindow:
    """Today and the given number of calendar days after it, in the host's zone."""

    days: int

    def __post_init__(self) -> None:
        if self.days < 0:
            raise ValueError("days: must not be negative")


@dataclass(frozen=True, slots=True)
class DateRange:
    """From one local date of the host to another, both included."""

    start: date
    end: date

    def __post_init__(self) -> None:
        if self.end < self.start:
            raise ValueError("end: is before the start")


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of a booking link that decide where a meeting may start.

    The caps count meetings of this link on a host's calendar, by his local day and his week from Monday: their
    number (`max_per_day`, `max_per_week`) and their minutes with the new one (`max_minutes_per_day`, …).
    `capacity` and `seats_taken` (by start) belong to the group strategy. A `paused` link offers nothing.

    Raises ValueError, its text beginning with the field's name, for a rule that makes no sense.
    """

    strategy: Strategy
    duration: timedelta
    slot_interval: timedelta
    buffer_before: timedelta = NONE
    buffer_after: timedelta = NONE
    minimum_notice: timedelta = NONE
    booking_window: RollingWindow | DateRange | None = None
    max_per_day: int | None = None
    max_per_week: int | None = None
    max_minutes_per_day: int | None = None
    max_minutes_per_week: int | None = None
    capacity: int = 1
    seats_taken: Mapping[datetime, int] = field(default_factory=dict)
    paused: bool = False

    def __post_init__(self) -> None:
        for name in ("duration", "slot_interval"):
            if getattr(self, name) <= NONE:
                raise ValueError(f"{name}: must be longer than nothing")
        for name in ("buffer_before", "buffer_after", "minimum_notice"):
            if getattr(self, name) < NONE:
                raise ValueError(f"{name}: must not be negative")
        for name in ("max_per_day", "max_per_week", "max_minutes_per_day", "max_minutes_per_week"):
            limit = getattr(self, name)
            if limit is not None and limit < 0:
                raise ValueError(f"{name}: must not be negative")
        if self.capacity < 1:
            raise ValueError("capacity: must be at least 1")
