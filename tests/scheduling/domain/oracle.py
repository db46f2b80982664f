"""The slot rules a second time, by another road: no intervals, only one question asked of one minute after another.

It reads a slot case as JSON on its own and knows nothing of the engine. A minute is its number since 1970, UTC.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
WEEK = 7 * 24 * 60


def offered_starts(case: dict[str, Any]) -> list[str]:
    """The starts of a case, as `list_slots` prints them."""
    hosts = [_Host(host, case) for host in case.get("hosts") or [case["host"]]]
    if case["strategy"] == "round_robin":
        fixed = [host for host in hosts if host.fixed]
        teams = [_Team([host, *fixed], case) for host in hosts if not host.fixed] or [_Team(hosts, case)]
    else:
        teams = [_Team(hosts, case)]
    return [
        f"{EPOCH + timedelta(minutes=start):%Y-%m-%dT%H:%M:%SZ}"
        for start in _minutes(case["range"])
        if any(team.can_meet(start) for team in teams)
    ]


def _minute(text: str) -> int:
    return (datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC) - EPOCH) // timedelta(minutes=1)


def _minutes(entry: dict[str, Any]) -> range:
    return range(_minute(entry["start"]), _minute(entry["end"]))


class _Team:
    """Hosts who all take part."""

    def __init__(self, hosts: "list[_Host]", case: dict[str, Any]) -> None:
        self.hosts, self.case = hosts, case
        self.earliest = _minute(case["now"]) + case["min_notice_minutes"]
        self.is_open = cache(lambda minute: all(host.is_open(minute) for host in hosts))
        self.began: dict[int, int] = {}
        self.midnights: dict[int, int] = {}

    def can_meet(self, start: int) -> bool:
        return (
            start >= self.earliest
            and all(map(self.is_open, range(start, start + self.case["duration"])))
            and (start - self._counted_from(start)) % self.case["slot_interval"] == 0
            and all(host.is_free(start) for host in self.hosts)
        )

    def _counted_from(self, start: int) -> int:
        """The first minute of the joined window, or local midnight when the window began a week before that."""
        date_of = self.hosts[0].date_of
        began = _walk_back(start, self.began, lambda minute: self.is_open(minute - 1), WEEK + 3000)
        if start - began < WEEK:
            return began
        midnight = _walk_back(
            start, self.midnights, lambda minute: date_of(minute - 1) >= date_of(minute), 3000
        )
        return midnight if midnight - began > WEEK else began


def _walk_back(start: int, known: dict[int, int], goes_on: Callable[[int], bool], most: int) -> int:
    """From minute to minute while it goes on; `known` remembers where earlier walks ended."""
    minute = start
    while minute not in known and start - minute < most and goes_on(minute):
        minute -= 1
    known[start] = known.get(minute, minute)
    return known[start]


class _Host:
    def __init__(self, host: dict[str, Any], case: dict[str, Any]) -> None:
        self.case, self.host = case, host
        self.zone = ZoneInfo(host["timezone"])
        self.fixed = host.get("fixed", False)
        self.busy = [*host.get("busy", []), *case.get("busy", [])]
        self.is_open = cache(self._is_open)
        self.windows = cache(self._windows)
        self.wall = cache(lambda minute: (EPOCH + timedelta(minutes=minute)).astimezone(self.zone))
        self.taken = set(self._taken(self.busy))
        self.seats = {}
        if case["strategy"] == "group":
            self.seats = {_minute(entry["start"]): entry["taken"] for entry in case["seats_taken"]}

    def date_of(self, minute: int) -> date:
        return self.wall(minute).date()

    def _windows(self, day: date) -> list[dict[str, Any]]:
        for override in self.host["overrides"]:
            if override["date"] == day.isoformat():
                return list(override["windows"])
        return [window for window in self.host["weekly_hours"] if day.weekday() in window["days"]]

    def _is_open(self, minute: int) -> bool:
        """By what the wall clock shows: a window of today, or one of yesterday that runs past midnight."""
        wall = self.wall(minute)
        shown = wall.isoformat()[11:16]
        for window in self.windows(wall.date()):
            if window["start"] <= shown and (shown < window["end"] or window["end"] <= window["start"]):
                return True
        yesterday = self.windows(wall.date() - timedelta(days=1))
        return any(shown < window["end"] <= window["start"] for window in yesterday)

    def is_free(self, start: int) -> bool:
        taken = self.taken
        seats = self.seats.get(start, 0)
        session: list[dict[str, Any]] = []
        if seats and seats >= self.case["capacity"]:
            return False
        if seats:
            session = [busy for busy in self.busy if _counts(busy) and _minute(busy["start"]) == start]
            taken = set(self._taken([busy for busy in self.busy if busy not in session]))
        mine = range(
            start - self.case["buffer_before"], start + self.case["duration"] + self.case["buffer_after"]
        )
        return (
            self._in_booking_window(start)
            and taken.isdisjoint(mine)
            and (bool(session) or self._has_room(start))
        )

    def _taken(self, busy: list[dict[str, Any]]) -> Iterator[int]:
        for entry in [*busy, *self.host.get("out_of_office", [])]:
            minutes = _minutes(entry)
            if minutes:
                yield from range(
                    minutes.start - entry.get("buffer_before", 0), minutes.stop + entry.get("buffer_after", 0)
                )

    def _in_booking_window(self, start: int) -> bool:
        window = self.case.get("booking_window")
        if window is None:
            return True
        day = self.date_of(start)
        if window["type"] == "rolling":
            ahead = (day - self.date_of(_minute(self.case["now"]))).days
            return bool(0 <= ahead <= window["days"])
        return bool(window["start"] <= day.isoformat() <= window["end"])

    def _has_room(self, start: int) -> bool:
        limits = self.case.get("limits", {})
        for unit, size in (("bookings", 1), ("minutes", self.case["duration"])):
            for span, limit in limits.get(unit, {}).items():
                lengths = [
                    len(_minutes(busy))
                    for busy in self.busy
                    if _counts(busy) and self._span(span, _minute(busy["start"])) == self._span(span, start)
                ]
                if (len(lengths) if unit == "bookings" else sum(lengths)) + size > limit:
                    return False
        return True

    def _span(self, span: str, minute: int) -> tuple[int, ...]:
        return tuple(self.date_of(minute).isocalendar())[: 3 if span == "PER_DAY" else 2]


def _counts(busy: dict[str, Any]) -> bool:
    return busy.get("kind") == "booking_same_link" and bool(_minutes(busy))
