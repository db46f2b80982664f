"""Which starts the rules other than the hours rule out for one host, and what each of them goes back to."""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import TypeAlias

from scheduling.domain.grid import INSTANT, complement
from scheduling.domain.reasons import Cap, Cause, ReasonCode
from scheduling.domain.rules import Busy, BusyKind, DateRange, HostCalendar, RollingWindow, Rules, Strategy
from scheduling.domain.wallclock import DAY, WEEK, instants_of_dates, local_date
from workestra.calendars.domain.period import Period

MINUTE = timedelta(minutes=1)

# Midnight of these can be taken to UTC from any zone.
FIRST_DATE, LAST_DATE = date.min + DAY, date.max - DAY

Block: TypeAlias = tuple[datetime, datetime, Cause]
"""No meeting may start at the instants [first, until) because of the cause."""


def link_blocks(zone: str, rules: Rules, asked: Period, now: datetime) -> list[Block]:
    """What blocks every host of a zone alike: a pause, the notice, the booking window, sessions without a seat left.

    Complete for the asked starts.
    """
    found: list[Block] = [(asked.start, now + rules.minimum_notice, ReasonCode.NOTICE)]
    found += _outside_booking_window(zone, rules, asked, now)
    if rules.paused:
        found.append((asked.start, asked.end, ReasonCode.PAUSED))
    if rules.strategy is Strategy.GROUP:
        found += _full_sessions(rules)
    return found


def host_blocks(host: HostCalendar, rules: Rules, asked: Period) -> list[Block]:
    """What blocks one host: his busy times, his days out of office, his caps; complete for the asked starts."""
    found = _around_busy(host.busy, rules)
    if host.out_of_office:
        found += _around_busy([Busy(away, kind=BusyKind.OUT_OF_OFFICE) for away in host.out_of_office], rules)
    found += _caps_reached(host, rules, asked)
    if rules.strategy is Strategy.GROUP:
        sessions = _joinable(host, rules)
        found = [piece for block in found for piece in _leaving_sessions(block, sessions)]
    return found


def _around_busy(entries: Iterable[Busy], rules: Rules) -> list[Block]:
    """The starts at which the meeting, widened by its buffers, would meet a busy time widened by its own.

    Both are half-open: a meeting may begin at the very instant at which the other one, buffers included, ends.
    """
    before = rules.buffer_before
    reach = rules.duration + rules.buffer_after - INSTANT
    return [
        (period.start - busy.buffer_before - reach, period.end + busy.buffer_after + before, busy)
        for busy in entries
        if (period := busy.period).start < period.end
    ]


def _outside_booking_window(zone: str, rules: Rules, asked: Period, now: datetime) -> list[Block]:
    match rules.booking_window:
        case None:
            return []
        case DateRange(first, last):
            first, last = max(first, FIRST_DATE), min(last, LAST_DATE)
        case RollingWindow(days):
            first = local_date(zone, now)
            last = first + min(days * DAY, LAST_DATE - first)
    inside = instants_of_dates(zone, first, last + DAY, asked.start, asked.end)
    outside = complement(inside, asked.start, asked.end)
    return [(since, until, ReasonCode.BOOKING_WINDOW) for since, until in outside]


def _caps_reached(host: HostCalendar, rules: Rules, asked: Period) -> list[Block]:
    """The host's local days and weeks that have no room for one more meeting under a cap."""
    limits = (
        (ReasonCode.CAP_DAY, DAY, rules.max_per_day, "meetings"),
        (ReasonCode.CAP_DAY, DAY, rules.max_minutes_per_day, "minutes"),
        (ReasonCode.CAP_WEEK, WEEK, rules.max_per_week, "meetings"),
        (ReasonCode.CAP_WEEK, WEEK, rules.max_minutes_per_week, "minutes"),
        (ReasonCode.HOST_CAP, DAY, host.max_per_day, "meetings"),
    )
    zone = host.availability.timezone
    counted: list[tuple[date, Period]] = []
    if any(limit is not None for _, _, limit, _ in limits):
        meetings = (busy.period for busy in host.busy if busy.same_link and not busy.period.is_empty)
        counted = [(local_date(zone, meeting.start), meeting) for meeting in meetings]
    found: list[Block] = []
    for code, length, limit, unit in limits:
        if limit is None:
            continue
        one_more = 1 if unit == "meetings" else rules.duration // MINUTE
        if one_more > limit:
            found.append((asked.start, asked.end, Cap(code, None, 0, limit, unit)))
        taken: Counter[date] = Counter()
        for day, meeting in counted:
            since = day if length == DAY else day - day.weekday() * DAY
            taken[since] += 1 if unit == "meetings" else meeting.duration // MINUTE
        for since, amount in taken.items():
            if amount + one_more > limit:
                cap = Cap(code, since, amount, limit, unit)
                spans = instants_of_dates(zone, since, since + length, asked.start, asked.end)
                found += [(opens, closes, cap) for opens, closes in spans]
    return found


def _full_sessions(rules: Rules) -> list[Block]:
    return [
        (start, start + INSTANT, ReasonCode.CAPACITY)
        for start, taken in rules.seats_taken.items()
        if taken >= rules.capacity
    ]


def _joinable(host: HostCalendar, rules: Rules) -> list[datetime]:
    """The starts of the link's own sessions with seats left: a booker who joins takes no time of the host."""
    return sorted(
        busy.period.start
        for busy in host.busy
        if busy.same_link
        and not busy.period.is_empty
        and 0 < rules.seats_taken.get(busy.period.start, 0) < rules.capacity
    )


def _leaving_sessions(block: Block, sessions: Iterable[datetime]) -> Iterator[Block]:
    """The block without the starts of the sessions that do not suffer from it: a session's time, and full caps."""
    first, until, cause = block
    for start in sessions:
        own = isinstance(cause, Busy) and cause.same_link and cause.period.start == start
        if first <= start < until and (own or isinstance(cause, Cap)):
            yield first, start, cause
            first = start + INSTANT
    yield first, until, cause
