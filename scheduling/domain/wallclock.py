"""The wall clock of a zone, seen from UTC: where its offset stays the same, and when it shows a given date."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo, available_timezones

DAY = timedelta(days=1)

# The closest two clock changes of the tz database lie four days apart (Freetown, 1939).
_PROBE = timedelta(days=3)

type Span = tuple[datetime, datetime]


class Steady(NamedTuple):
    """A span of instants [start, end) in which the zone's offset from UTC does not change."""

    start: datetime
    end: datetime
    offset: timedelta
