"""The grid of starts: steps of elapsed time from the beginning of each joined window of open hours."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from scheduling.domain.wallclock import DAY, WEEK, Span, midnights
from workestra.calendars.domain.period import Period

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
INSTANT = datetime.resolution

# Enough open time before an instant to know the beginning of its window, or that it has none within a week
# before the instant's local midnight.
LOOK_BACK = WEEK + 2 * DAY


class Settled:
    """Starts that need not be asked about again, those that are whole steps of the interval apart together."""

    def __init__(self, interval: timedelta) -> None:
        self._interval = interval
        self._by_remainder: dict[timedelta, list[datetime]] = {}
        self._number = 0

    def __len__(self) -> int:
        return self._number

    def add(self, starts: Sequence[datetime]) -> None:
        grown: dict[timedelta, list[datetime]] = defaultdict(list)
        for start in starts:
            grown[(start - EPOCH) % self._interval].append(start)
        for remainder, added in grown.items():
            self._by_remainder[remainder] = sorted(self._by_remainder.get(remainder, []) + added)
        self._number += len(starts)

    def steps(self, first: datetime, last: datetime) -> list[datetime]:
        """Those at whole steps after the first, from it to the last, both included, in order."""
        known = self._by_remainder.get((first - EPOCH) % self._interval, [])
        return known[bisect_left(known, first) : bisect_right(known, last)]


def grid_starts(
    hours: Sequence[Span],
    zone: str,
    duration: timedelta,
    interval: timedelta,
    asked: Period,
    settled: Settled,
) -> list[datetime]:
    """The asked starts, in order, at which a whole meeting lies in the hours; without those that are settled.

    The hours are joined spans that reach from `LOOK_BACK` before the asked period to a meeting after it.
    """
    starts: list[datetime] = []
    is_any_settled = bool(settled)
    for opens, closes in hours:
        if closes > asked.start:
            for start, last in _runs(opens, closes - duration, zone):
                known = settled.steps(start, last) if is_any_settled else None
                # Counting shows which windows are settled as a whole: of a large pool, most of them.
                if known and len(known) > (last - start) // interval:
                    continue
                begun = len(starts)
                while start <= last:
                    starts.append(start)
                    start += interval
                if known:
                    starts[begun:] = sorted(set(starts[begun:]).difference(known))
    return starts[bisect_left(starts, asked.start) : bisect_left(starts, asked.end)]


def grid_steps(starts: Sequence[datetime], hours: Sequence[Span], interval: timedelta) -> list[Span]:
    """Each start with the end of its step: the next start, or the end of the hours, whichever comes first."""
    closings = [closes for _, closes in hours]
    following = [*starts[1:], datetime.max.replace(tzinfo=starts[0].tzinfo)] if starts else []
    return [
        (start, min(start + interval, later, closings[bisect_right(closings, start)]))
        for start, later in zip(starts, following, strict=True)
    ]


def intersection(left: Sequence[Span], right: Sequence[Span]) -> list[Span]:
    """What lies in both of two lists of joined spans, in order."""
    common: list[Span] = []
    i = j = 0
    while i < len(left) and j < len(right):
        start, end = max(left[i][0], right[j][0]), min(left[i][1], right[j][1])
        if start < end:
            common.append((start, end))
        if left[i][1] < right[j][1]:
            i += 1
        else:
            j += 1
    return common


def complement(spans: Sequence[Span], start: datetime, end: datetime) -> list[Span]:
    """What of [start, end) lies in none of the joined spans, in order."""
    edges = [start, *(min(max(edge, start), end) for span in spans for edge in span), end]
    return [(since, until) for since, until in zip(edges[::2], edges[1::2], strict=True) if since < until]


def _runs(opens: datetime, last: datetime, zone: str) -> list[Span]:
    """Where the grid of a window is counted from, with the last instant at which a start may lie.

    That is the beginning of the window, and once this is more than a week ago every local midnight.
    """
    if last - opens <= WEEK:
        return [(opens, last)]
    anchors = [opens, *midnights(zone, opens + WEEK, last + INSTANT)]
    lasts = [*(anchor - INSTANT for anchor in anchors[1:]), last]
    return list(zip(anchors, lasts, strict=True))
