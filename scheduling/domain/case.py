"""A slot case: everything the engine is asked with, as JSON, and its answer.

The fields are those of `docs/slots.md`, section "A case as JSON". Lengths are minutes, instants ISO 8601 with a zone.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from scheduling.domain.hours import Availability, BadAvailability, Problem, field_path, read_date, shown
from scheduling.domain.rules import (
    Busy,
    BusyKind,
    DateRange,
    HostCalendar,
    RollingWindow,
    Rules,
    Strategy,
)
from scheduling.domain.slots import explain, open_starts
from scheduling.domain.wallclock import known_zones
from workestra.calendars.domain.period import Period

T = TypeVar("T")
D = TypeVar("D")

SAME_LINK = "booking_same_link"
BUSY_KINDS = {kind.value: kind for kind in BusyKind} | {SAME_LINK: BusyKind.BOOKING}

# Far beyond any booking link, and near enough for every date to stay within what datetime can hold.
YEARS = range(1900, 2200)
MOST_MINUTES = 7 * 24 * 60
MOST_NOTICE = 10 * 366 * 24 * 60
MOST_DAYS_AHEAD = 36_500
MOST_DAYS_ASKED = 1_100
MOST_COUNTED = 1_000_000

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NO_TIME = Period(EPOCH, EPOCH)
NEVER = Availability("UTC", ((),) * 7)


class BadCase(ValueError):
    """A case that cannot be read; `problems` names every field with what is wrong."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class SlotCase:
    """What the engine takes."""

    hosts: tuple[HostCalendar, ...]
    rules: Rules
    window: Period
    now: datetime


def answer(data: object, *, explained: bool = False) -> object:
    """The answer to one case, or to each of an array of cases, ready for JSON.

    Raises BadCase with the problems of all of them when any is malformed.
    """
    if not isinstance(data, list):
        return _answer_to(read_case(data), explained)
    cases: list[SlotCase] = []
    problems: list[Problem] = []
    for index, entry in enumerate(data):
        try:
            cases.append(read_case(entry, f"[{index}]"))
        except BadCase as error:
            problems += error.problems
    if problems:
        raise BadCase(problems)
    return [_answer_to(case, explained) for case in cases]


def read_case(data: object, path: str = "") -> SlotCase:
    """A case from parsed JSON; `path` comes before the name of every field. Raises BadCase."""
    if not isinstance(data, dict):
        raise BadCase([Problem(path or "case", "must be an object")])
    problems: list[Problem] = []
    top = _Fields(path, data, problems)
    top.optional("name", _text, "")
    top.optional("invitee_timezone", _zone, "")
    strategy = top.required("strategy", _strategy, Strategy.ROUND_ROBIN)
    duration = top.required("duration", _whole(1, MOST_MINUTES), 1)
    limits = top.child("limits")
    bookings, minutes = limits.child("bookings"), limits.child("minutes")
    count = _whole(0, MOST_COUNTED)
    case = SlotCase(
        now=top.required("now", _instant, EPOCH),
        window=_read_range(top),
        rules=Rules(
            strategy=strategy,
            duration=_minutes(duration),
            slot_interval=_minutes(top.optional("slot_interval", _whole(1, MOST_MINUTES), duration)),
            buffer_before=_minutes(top.optional("buffer_before", _whole(0, MOST_MINUTES), 0)),
            buffer_after=_minutes(top.optional("buffer_after", _whole(0, MOST_MINUTES), 0)),
            minimum_notice=_minutes(top.optional("min_notice_minutes", _whole(0, MOST_NOTICE), 0)),
            booking_window=_read_booking_window(top),
            max_per_day=bookings.optional("PER_DAY", count, None),
            max_per_week=bookings.optional("PER_WEEK", count, None),
            max_minutes_per_day=minutes.optional("PER_DAY", count, None),
            max_minutes_per_week=minutes.optional("PER_WEEK", count, None),
            capacity=top.optional("capacity", _whole(1, MOST_COUNTED), 1),
            seats_taken=_read_seats(top),
        ),
        hosts=_read_hosts(top, strategy),
    )
    for fields in (top, limits, bookings, minutes):
        fields.nothing_else()
    if problems:
        raise BadCase(problems)
    return case


class _Fields:
    """One JSON object, read field by field; what is wrong goes to the problems under the field's path.

    A field that is wrong reads as its stand-in, so that one pass finds every problem. Null counts as absent.
    """

    def __init__(self, path: str, data: Mapping[str, object], problems: list[Problem]) -> None:
        self.path, self.problems = path, problems
        self._data, self._known = data, set[str]()

    def path_of(self, name: str) -> str:
        return field_path(self.path, name)

    def complain(self, name: str, message: str) -> None:
        self.problems.append(Problem(self.path_of(name), message))

    def complain_within(self, path: str, message: str) -> None:
        """About a field deeper down, by its path from here."""
        self.problems.append(Problem(f"{self.path}.{path}" if self.path else path, message))

    def has(self, name: str) -> bool:
        self._known.add(name)
        return self._data.get(name) is not None

    def optional(self, name: str, read: Callable[[object], T], default: D) -> T | D:
        """`read` raises ValueError with the message."""
        if not self.has(name):
            return default
        try:
            return read(self._data[name])
        except ValueError as error:
            self.complain(name, str(error))
            return default

    def required(self, name: str, read: Callable[[object], T], stand_in: T) -> T:
        if not self.has(name):
            self.complain(name, "is missing")
        return self.optional(name, read, stand_in)

    def raw(self, name: str, default: object) -> object:
        """What somebody else reads."""
        return self._data[name] if self.has(name) else default

    def child(self, name: str) -> "_Fields":
        """The object in a field, empty when it is absent."""
        return _Fields(self.path_of(name), self.optional(name, _object, {}), self.problems)

    def children(self, name: str) -> "list[_Fields]":
        """The objects of the list in a field, none when it is absent."""
        found: list[_Fields] = []
        for index, entry in enumerate(self.optional(name, _list, [])):
            path = f"{self.path_of(name)}[{index}]"
            if isinstance(entry, dict):
                found.append(_Fields(path, entry, self.problems))
            else:
                self.problems.append(Problem(path, "must be an object"))
        return found

    def nothing_else(self) -> None:
        for name in self._data:
            if name not in self._known:
                self.complain(name, "is not a field of a slot case")


def _read_range(top: _Fields) -> Period:
    if not top.has("range"):
        top.complain("range", "is missing")
        return NO_TIME
    fields = top.child("range")
    period = _read_period(fields)
    fields.nothing_else()
    if period.duration > timedelta(days=MOST_DAYS_ASKED):
        top.complain("range", f"must not be longer than {MOST_DAYS_ASKED} days")
        return NO_TIME
    return period


def _read_period(fields: _Fields) -> Period:
    start = fields.required("start", _instant, EPOCH)
    end = fields.required("end", _instant, start)
    if end < start:
        fields.complain("end", "is before the start")
        return NO_TIME
    return Period(start, end)


def _read_hosts(top: _Fields, strategy: Strategy) -> tuple[HostCalendar, ...]:
    if top.has("host") == top.has("hosts"):
        top.complain("hosts", "give either host or hosts")
        return ()
    if top.has("host"):
        hosts = [_read_host(top.child("host"), "host")]
    else:
        hosts = [_read_host(fields, fields.path) for fields in top.children("hosts")]
        if not hosts:
            top.complain("hosts", "must name at least one host")
    if len(hosts) > 1 and strategy in (Strategy.INDIVIDUAL, Strategy.GROUP):
        top.complain("hosts", f"the strategy {strategy} takes one host")
    if len({host.host_id for host in hosts}) < len(hosts):
        top.complain("hosts", "two have the same id")
    busy = _read_busy(top)
    if busy and len(hosts) > 1:
        top.complain("busy", "belongs into its host when there is more than one")
    if len(hosts) == 1:
        hosts = [replace(hosts[0], busy=hosts[0].busy + busy)]
    return tuple(hosts)


def _read_host(fields: _Fields, name: str) -> HostCalendar:
    host = HostCalendar(
        host_id=fields.optional("id", _text, name),
        availability=_read_availability(fields),
        busy=_read_busy(fields),
        out_of_office=_read_out_of_office(fields),
        fixed=fields.optional("fixed", _flag, False),
        max_per_day=fields.optional("max_per_day", _whole(0, MOST_COUNTED), None),
    )
    fields.nothing_else()
    return host


def _read_availability(fields: _Fields) -> Availability:
    for name in ("timezone", "weekly_hours"):
        if not fields.has(name):
            fields.complain(name, "is missing")
    try:
        return Availability.from_json(
            fields.raw("timezone", NEVER.timezone),
            fields.raw("weekly_hours", []),
            fields.raw("overrides", []),
        )
    except BadAvailability as error:
        for path, message in error.problems:
            fields.complain_within(path.replace("date_overrides", "overrides", 1), message)
        return NEVER


def _read_busy(fields: _Fields) -> tuple[Busy, ...]:
    found: list[Busy] = []
    for entry in fields.children("busy"):
        kind = entry.optional("kind", _busy_kind, BusyKind.EXTERNAL.value)
        busy = Busy(
            period=_read_period(entry),
            buffer_before=_minutes(entry.optional("buffer_before", _whole(0, MOST_MINUTES), 0)),
            buffer_after=_minutes(entry.optional("buffer_after", _whole(0, MOST_MINUTES), 0)),
            kind=BUSY_KINDS[kind],
            label=entry.optional("label", _text, ""),
            same_link=kind == SAME_LINK,
        )
        entry.nothing_else()
        found.append(busy)
    return tuple(found)


def _read_out_of_office(fields: _Fields) -> tuple[Period, ...]:
    found: list[Period] = []
    for entry in fields.children("out_of_office"):
        found.append(_read_period(entry))
        entry.nothing_else()
    return tuple(found)


def _read_booking_window(top: _Fields) -> RollingWindow | DateRange | None:
    if not top.has("booking_window"):
        return None
    fields = top.child("booking_window")
    window: RollingWindow | DateRange | None = None
    match fields.required("type", _window_type, ""):
        case "rolling":
            window = RollingWindow(fields.required("days", _whole(0, MOST_DAYS_AHEAD), 0))
        case "range":
            start = fields.required("start", read_date, EPOCH.date())
            end = fields.required("end", read_date, start)
            if end < start:
                fields.complain("end", "is before the start")
            else:
                window = DateRange(start, end)
        case _:
            return None
    fields.nothing_else()
    return window


def _read_seats(top: _Fields) -> dict[datetime, int]:
    seats: dict[datetime, int] = {}
    for entry in top.children("seats_taken"):
        start = entry.required("start", _instant, EPOCH)
        if start in seats:
            entry.complain("start", "is there already")
        seats[start] = entry.required("taken", _whole(0, MOST_COUNTED), 0)
        entry.nothing_else()
    return seats


def _object(value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise ValueError("must be an object")
    return value


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise ValueError("must be a list")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("must be text")
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def _whole(least: int, most: int) -> Callable[[object], int]:
    def read(value: object) -> int:
        if type(value) is not int or not least <= value <= most:
            raise ValueError(f"must be a whole number from {least} to {most}")
        return value

    return read


def _one_of(value: object, known: Sequence[str]) -> str:
    if not isinstance(value, str) or value not in known:
        raise ValueError(f"must be one of {', '.join(known)}")
    return value


def _strategy(value: object) -> Strategy:
    return Strategy(_one_of(value, [*Strategy]))


def _busy_kind(value: object) -> str:
    return _one_of(value, [*BUSY_KINDS])


def _window_type(value: object) -> str:
    return _one_of(value, ["rolling", "range"])


def _zone(value: object) -> str:
    if not isinstance(value, str) or value not in known_zones():
        raise ValueError(f"{shown(value)} is not a time zone we know")
    return value


def _instant(value: object) -> datetime:
    """ISO 8601 with a zone, brought to UTC."""
    try:
        instant = datetime.fromisoformat(value) if isinstance(value, str) and "T" in value else None
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise ValueError(f"{shown(value)} is not an instant like 2026-11-23T08:30:00Z")
    if instant.year not in YEARS:
        raise ValueError(f"must lie in the years {YEARS[0]} to {YEARS[-1]}")
    return instant.astimezone(UTC)


def _minutes(number: int) -> timedelta:
    return timedelta(minutes=number)


def _answer_to(case: SlotCase, explained: bool) -> dict[str, object]:
    if not explained:
        starts = open_starts(hosts=case.hosts, rules=case.rules, window=case.window, now=case.now)
        return {"starts": [_zulu(start) for start in starts]}
    explanation = explain(hosts=case.hosts, rules=case.rules, window=case.window, now=case.now)
    gaps = [
        {
            "from": _zulu(gap.period.start),
            "to": _zulu(gap.period.end),
            "reasons": [
                {"code": reason.code.value, "host": reason.host_id, "detail": reason.detail}
                for reason in gap.reasons
            ],
        }
        for gap in explanation.gaps
    ]
    return {"starts": [_zulu(slot.start) for slot in explanation.slots], "gaps": gaps}


def _zulu(instant: datetime) -> str:
    return instant.isoformat().replace("+00:00", "Z")
