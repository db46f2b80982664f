"""Why a time is not offered: a code for programs, a sentence for people, and the time that is in the way."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import TypeAlias
from zoneinfo import ZoneInfo

from scheduling.domain.hours import WEEKDAYS
from scheduling.domain.rules import Busy, BusyKind, DateRange, HostCalendar, RollingWindow, Rules
from scheduling.domain.wallclock import DAY, Span, local_date
from workestra.calendars.domain import clock_words as words
from workestra.calendars.domain.period import Period


class ReasonCode(StrEnum):
    OUTSIDE_HOURS = "outside_hours"
    DATE_OVERRIDE = "date_override"
    NOT_ON_GRID = "not_on_grid"
    BUSY = "busy"
    BUFFER = "buffer"
    HOLD = "hold"
    OUT_OF_OFFICE = "out_of_office"
    UNREADABLE = "unreadable"
    PAUSED = "paused"
    NOTICE = "notice"
    BOOKING_WINDOW = "booking_window"
    CAP_DAY = "cap_day"
    CAP_WEEK = "cap_week"
    HOST_CAP = "host_cap"
    CAPACITY = "capacity"


class Told(StrEnum):
    """All that a booker is told of a start that he cannot have: never who is busy, or why."""

    CLOSED = "can no longer be booked"
    TAKEN = "was just taken"
    PAST = "is past"
    TOO_SOON = "is too soon now"
    NOT_OFFERED = "is not offered"


@dataclass(frozen=True, slots=True)
class Reason:
    """One rule that stands in the way of one host; `cause` is the time taken that it speaks of, if any.

    The detail is for people, and speaks of nobody: hosts read it beside a time, and colleagues under a host's name.
    Its times are on the clock of a zone that it names: the host's own, unless another one was asked for. The host's
    hours and dates are always his own.
    """

    code: ReasonCode
    host_id: str
    detail: str
    cause: Period | None = None


@dataclass(frozen=True, slots=True)
class Cap:
    """A limit with no room for one more: what is taken of it on the day, or in the week from Monday, `since`.

    Without `since` the limit is too small for a single meeting.
    """

    code: ReasonCode
    since: date | None
    taken: int
    limit: int
    unit: str


Cause: TypeAlias = Busy | Cap | ReasonCode

HOUR = timedelta(hours=1)
_TAKEN = frozenset(
    {ReasonCode.BUSY, ReasonCode.BUFFER, ReasonCode.HOLD, ReasonCode.CAP_DAY, ReasonCode.CAP_WEEK}
    | {ReasonCode.HOST_CAP, ReasonCode.CAPACITY}
)
"""What may have come between the page a booker saw and the button he pressed."""
_NAMES = {
    BusyKind.BOOKING: "A booking",
    BusyKind.GROUP: "A group session",
    BusyKind.HOLD: "A time that is held",
    BusyKind.EXTERNAL: "An event in the calendar",
    BusyKind.OUT_OF_OFFICE: "Time out of office",
    BusyKind.UNREADABLE: "A calendar that cannot be read",
}


def told_to_booker(reasons: Iterable[Reason], start: datetime, now: datetime, *, is_offered: bool) -> Told:
    """What the reasons against a start come to for the booker; one that is offered he lost to somebody all the same."""
    codes = {reason.code for reason in reasons}
    if ReasonCode.PAUSED in codes:
        return Told.CLOSED
    if start <= now:
        return Told.PAST
    if is_offered or (codes & _TAKEN and ReasonCode.NOT_ON_GRID not in codes):
        return Told.TAKEN
    return Told.TOO_SOON if ReasonCode.NOTICE in codes else Told.NOT_OFFERED


def hours_reason(host: HostCalendar, start: datetime) -> Reason:
    """For a start from which the whole meeting does not lie in the host's open hours."""
    availability = host.availability
    day = local_date(availability.timezone, start)
    is_own = day in availability.overrides
    when = f"{WEEKDAYS[day.weekday()]} {_date(day)}" if is_own else f"{WEEKDAYS[day.weekday()]}s"
    said = f"No hours on {when}"
    if windows := ", ".join(map(str, availability.windows_on(day))):
        said = f"Hours on {when}: {windows} ({_place(start, availability.timezone)})"
    return Reason(ReasonCode.DATE_OVERRIDE if is_own else ReasonCode.OUTSIDE_HOURS, host.host_id, said)


def off_grid_reason(host: HostCalendar, step: Span | None, zone: str) -> Reason:
    """For a start inside a step of the grid; times in `zone`."""
    detail = "No meeting begins then"
    if step:
        detail = f"Meetings begin at {_times(Period(*step), zone, ' and ')}"
    return Reason(ReasonCode.NOT_ON_GRID, host.host_id, detail)


def block_reason(
    cause: Cause, host: HostCalendar, start: datetime, rules: Rules, now: datetime, zone: str
) -> Reason:
    """For a start in a block with this cause; times in `zone`."""
    if isinstance(cause, Busy):
        return _busy_reason(cause, host, start, rules, zone)
    if isinstance(cause, Cap):
        return Reason(cause.code, host.host_id, _cap_detail(cause))
    if cause is ReasonCode.PAUSED:
        return Reason(cause, host.host_id, "The link is paused")
    if cause is ReasonCode.NOTICE:
        return Reason(cause, host.host_id, _notice_detail(start, rules.minimum_notice, now, zone))
    if cause is ReasonCode.BOOKING_WINDOW:
        return Reason(cause, host.host_id, _booking_window_detail(host, rules, now))
    return Reason(cause, host.host_id, f"All {rules.capacity} seats are taken")


def _busy_reason(busy: Busy, host: HostCalendar, start: datetime, rules: Rules, zone: str) -> Reason:
    taken = busy.period
    if busy.kind is BusyKind.UNREADABLE:
        said = "What a connected calendar has is not known, so it does not count as free"
        return Reason(ReasonCode.UNREADABLE, host.host_id, said)
    times = _times(taken, zone)
    name = busy.label or _NAMES[busy.kind]
    if not taken.overlaps(Period(start, start + rules.duration)):
        side, buffers = "after", busy.buffer_after + rules.buffer_before
        if taken.end > start:
            side, buffers = "before", busy.buffer_before + rules.buffer_after
        free = f"{words.length(buffers)} {side} it stay{'s' if buffers == HOUR else ''} free"
        return Reason(ReasonCode.BUFFER, host.host_id, f"{name} {times}, and {free}", taken)
    if busy.kind is BusyKind.HOLD:
        held = f"Held for {busy.label} {times}" if busy.label else f"Held {times}"
        return Reason(ReasonCode.HOLD, host.host_id, held, taken)
    if busy.kind is BusyKind.OUT_OF_OFFICE:
        return Reason(
            ReasonCode.OUT_OF_OFFICE, host.host_id, f"{busy.label or 'Out of office'} {times}", taken
        )
    return Reason(ReasonCode.BUSY, host.host_id, f"{name} {times}", taken)


def _cap_detail(cap: Cap) -> str:
    if cap.since is None:
        return f"The limit of {cap.limit} {cap.unit} leaves no room for a meeting"
    span = "in the week from" if cap.code is ReasonCode.CAP_WEEK else "on"
    return f"{cap.taken} of {cap.limit} {cap.unit} taken {span} {WEEKDAYS[cap.since.weekday()]} {_date(cap.since)}"


def _notice_detail(start: datetime, notice: timedelta, now: datetime, zone: str) -> str:
    if start < now:
        return "Already past"
    earliest = now + notice
    return f"Notice of {words.length(notice)}: not before {_moment(earliest, zone)}"


def _booking_window_detail(host: HostCalendar, rules: Rules, now: datetime) -> str:
    match rules.booking_window:
        case DateRange(first, last):
            return f"Can be booked from {_date(first)} to {_date(last)}"
        case RollingWindow(days):
            today = local_date(host.availability.timezone, now)
            return f"Can be booked {days} days ahead, from {_date(today)}"
    return "Outside the booking window"


def _times(period: Period, zone: str, dash: str = "\N{EN DASH}") -> str:
    """ "10:00–10:30 (CET, Berlin)"; with dates when it does not end on the day on which it begins."""
    start, end = (instant.astimezone(ZoneInfo(zone)) for instant in (period.start, period.end))
    closes = f"{end:%H:%M}"
    if end.date() == start.date() + DAY and closes == "00:00":
        closes = "24:00"
    elif end.date() != start.date():
        return f"{_date(start)} {start:%H:%M}{dash}{_date(end)} {closes} ({_place(period.start, zone)})"
    return f"{start:%H:%M}{dash}{closes} ({_place(period.start, zone)})"


def _moment(instant: datetime, zone: str) -> str:
    local = instant.astimezone(ZoneInfo(zone))
    return f"{_date(local)} {local:%H:%M} ({_place(instant, zone)})"


def _place(instant: datetime, zone: str) -> str:
    return words.zone_in_row(instant, ZoneInfo(zone))


def _date(day: date) -> str:
    return f"{day.day} {day:%b %Y}"
