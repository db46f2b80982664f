"""The time that events of an iCalendar object take (RFC 5545), recurring ones as they occur."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import Any, Final
from zoneinfo import ZoneInfo

import recurring_ical_events
from icalendar import Calendar

from workestra.calendars.domain.period import Period

MOST_A_DAY: Final = 100
"""A series that repeats more often is refused: working it out would keep a worker busy for hours."""
MOST: Final = 50_000

_A_DAY: Final = {"SECONDLY": 86_400, "MINUTELY": 1_440, "HOURLY": 24}


class UnreadableCalendar(ValueError):
    """It is no iCalendar object, or one that nobody means."""


def busy_by_event(
    text: str | bytes, window: Period, zone: ZoneInfo, addresses: Collection[str] = ()
) -> Mapping[str, Sequence[tuple[Period, bool, bool]]]:
    """Each event's pieces within `window` by its UID, as (period, whether it is busy, whether it is all-day).

    Whole days and times without a zone are in `zone`. Transparent and cancelled events are not busy, nor are those that
    one of `addresses` (in lower case) has declined. Pieces of no length are left out.

    Raises: UnreadableCalendar.
    """
    found: dict[str, list[tuple[Period, bool, bool]]] = defaultdict(list)
    for event in _occurrences(text, window):
        try:
            start, end, all_day = _span(event, zone)
        except (ValueError, OverflowError, TypeError) as error:
            raise UnreadableCalendar(f"an event has no times that can be read: {error}") from error
        if end < start:
            end = start
        piece = Period(start, end).clipped(window)
        if piece is not None:
            found[str(event.get("UID", ""))].append((piece, _is_busy(event, addresses), all_day))
    return found


def _occurrences(text: str | bytes, window: Period) -> Iterator[Any]:
    try:
        calendars = Calendar.from_ical(text, multiple=True)
    except (ValueError, IndexError, KeyError, TypeError) as error:
        raise UnreadableCalendar("this is no iCalendar object") from error
    if not calendars or any(calendar.name != "VCALENDAR" for calendar in calendars):
        raise UnreadableCalendar("this is no iCalendar object")
    left = MOST
    # A day to either side: whole days and floating times lie elsewhere in other zones.
    start, end = window.start - timedelta(days=1), window.end + timedelta(days=1)
    for calendar in calendars:
        for event in calendar.walk("VEVENT"):
            _refuse_floods(event)
        try:
            events = list(islice(recurring_ical_events.of(calendar).between(start, end), left + 1))
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
            raise UnreadableCalendar(f"an event cannot be read: {type(error).__name__}") from error
        left -= len(events)
        if left < 0:
            raise UnreadableCalendar(f"it has more than {MOST} events")
        yield from events


def _refuse_floods(event: Any) -> None:
    rules = event.get("RRULE", [])
    for rule in rules if isinstance(rules, list) else [rules]:
        a_day = _A_DAY.get(str((rule.get("FREQ") or ["DAILY"])[0]).upper(), 1)
        interval = int((rule.get("INTERVAL") or [1])[0] or 1)
        times = a_day / max(interval, 1)
        for part, units in (("BYHOUR", 24), ("BYMINUTE", 60), ("BYSECOND", 60)):
            values = rule.get(part)
            if values and units * 60 > a_day:
                times *= len(values) if isinstance(values, list) else 1
        if times > MOST_A_DAY:
            raise UnreadableCalendar("an event repeats more than every quarter of an hour")


def _span(event: Any, zone: ZoneInfo) -> tuple[datetime, datetime, bool]:
    start = event["DTSTART"].dt
    if "DTEND" in event:
        end = event["DTEND"].dt
    elif "DURATION" in event:
        end = start + event["DURATION"].dt
    else:  # RFC 5545 3.6.1: a date lasts that day, a time lasts no time.
        end = start if isinstance(start, datetime) else start + timedelta(days=1)
    return _instant(start, zone), _instant(end, zone), not isinstance(start, datetime)


def _instant(at: date | datetime, zone: ZoneInfo) -> datetime:
    if not isinstance(at, datetime):
        at = datetime.combine(at, time())
    return (at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(UTC)


def _is_busy(event: Any, addresses: Collection[str]) -> bool:
    if (
        str(event.get("TRANSP", "")).upper() == "TRANSPARENT"
        or str(event.get("STATUS", "")).upper() == "CANCELLED"
    ):
        return False
    attendees = event.get("ATTENDEE", [])
    for attendee in attendees if isinstance(attendees, list) else [attendees]:
        address = str(attendee).lower().removeprefix("mailto:")
        if address in addresses and str(attendee.params.get("PARTSTAT", "")).upper() == "DECLINED":
            return False
    return True
