"""Why a link offers what it does on a day: the page for its owner and for those who see his calendar."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from scheduling import access, explanations
from scheduling.domain.hours import read_date
from scheduling.domain.reasons import Reason, ReasonCode, told_to_booker
from scheduling.domain.slots import Gap, Verdict
from scheduling.domain.wallclock import known_zones
from scheduling.explanations import ExplainedDay
from scheduling.models import BookingLink, LinkHost
from workestra.accounts.http import MemberRequest
from workestra.calendars.domain.period import Period

QUARTER: Final = timedelta(minutes=15)
HOUR: Final = timedelta(hours=1)
LEAST_HOURS: Final = 10
OFFICE: Final = (time(8), time(18))
YEARS: Final = range(2000, 2200)
NEAREST: Final = 4
MOST_LISTED: Final = 12


@dataclass(frozen=True, slots=True)
class Look:
    """How a reason is drawn; of several, the first of these counts."""

    label: str
    css: str
    icon: str = ""


LOOKS: Final = {
    ReasonCode.PAUSED: Look("Paused", "off", "pause"),
    ReasonCode.OUT_OF_OFFICE: Look("Out of office", "off", "map-pin"),
    ReasonCode.OUTSIDE_HOURS: Look("Outside hours", "off", "moon"),
    ReasonCode.DATE_OVERRIDE: Look("Other hours that day", "off", "calendar-cog"),
    ReasonCode.BOOKING_WINDOW: Look("Outside the booking window", "off", "calendar-x"),
    ReasonCode.NOTICE: Look("Notice", "notice", "hourglass"),
    ReasonCode.BUSY: Look("Busy", "busy"),
    ReasonCode.HOLD: Look("Held", "hold", "lock"),
    ReasonCode.UNREADABLE: Look("Calendar not readable", "busy", "cloud-off"),
    ReasonCode.CAPACITY: Look("No seat left", "booked", "users"),
    ReasonCode.HOST_CAP: Look("Host’s limit for the day", "booked", "gauge"),
    ReasonCode.CAP_DAY: Look("Limit for the day", "booked", "gauge"),
    ReasonCode.CAP_WEEK: Look("Limit for the week", "booked", "gauge"),
    ReasonCode.BUFFER: Look("Buffer", "buf"),
    ReasonCode.NOT_ON_GRID: Look("Between two starts", "off"),
}


class BadQuestion(Exception):
    """A part of the address that cannot be answered; the message says which, for people."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A stretch of a lane: from quarter hour `at` of the axis, `length` quarter hours long."""

    at: int
    length: int
    look: Look
    title: str


@dataclass(frozen=True, slots=True)
class Lane:
    name: str
    zone: str
    bars: list[Bar]


@dataclass(frozen=True, slots=True)
class Chip:
    """A start of the grid in the first lane; `at` is None where the grid is too fine to draw."""

    start: datetime
    at: int
    offered: bool
    asked: bool
    url: str


@dataclass(frozen=True, slots=True)
class Told:
    """What one host's reasons say."""

    name: str
    reasons: list[tuple[Look, Reason]]


@dataclass(frozen=True, slots=True)
class Axis:
    """The hours that the lanes show: whole ones, from the first to the last in which anything can begin."""

    start: datetime
    hours: int

    @property
    def quarters(self) -> int:
        return self.hours * 4

    @property
    def marks(self) -> list[tuple[int, datetime]]:
        return [(hour * 4, self.start + hour * HOUR) for hour in range(self.hours)]

    def bar(self, period: Period, look: Look, title: str) -> Bar | None:
        """None for what lies outside the axis, or is too short to draw."""
        begin = max(0, (period.start - self.start) // QUARTER)
        end = min(self.quarters, -((self.start - period.end) // QUARTER))
        return Bar(begin, end - begin, look, title) if begin < end else None


@require_GET
@vary_on_headers("HX-Request", "Accept")
def explain(request: MemberRequest, link_id: UUID) -> HttpResponse:
    """A day of the link: `date`, `tz`, `at` (a start, as HH:MM) and `host` are in the address; `format=json` for JSON.

    What cannot be read is said on the page, or in JSON under "error", with 400.
    """
    now = timezone.now()
    link, reach = access.explained_link(request.member, link_id)
    wants_json = (
        request.GET.get("format") == "json"
        or request.get_preferred_type(["text/html", "application/json"]) == "application/json"
    )
    zone = ZoneInfo(request.member.user.timezone)
    day = now.astimezone(zone).date()
    problem, at, host = "", None, ""
    try:
        zone = _zone(request.GET.get("tz"), zone)
        day = _day(request.GET.get("date"), now.astimezone(zone).date())
        explained = _explained(link, day, zone, now, reach)
        host = _host(request.GET.get("host"), explained.hosts)
        at = _start(request.GET.get("at"), explained)
    except BadQuestion as refused:
        problem = str(refused)
        day = now.astimezone(zone).date()
        explained = explanations.explained_day(link, day, zone, now, reach=reach)
    status = 400 if problem else 200
    if wants_json:
        answer = {"error": problem} if problem else explanations.as_json(explained, host)
        return JsonResponse(answer, status=status)
    context = _context(request, explained, host, at) | {"problem": problem}
    page = "scheduling/explain.html#why" if request.htmx else "scheduling/explain.html"
    return render(request, page, context, status=status)


def _context(
    request: MemberRequest, explained: ExplainedDay, host: str, at: datetime | None
) -> dict[str, Any]:
    link, zone = explained.link, explained.zone
    axis = _axis(explained, at)
    shown = [each for each in explained.hosts if host in {"", str(each.user_id)}]
    judged = explained.verdict_on(at) if at else None
    kept = {"date": explained.date.isoformat(), "tz": zone.key, "host": host}
    path = reverse("scheduling:explain", args=[link.pk])
    here = _address(path, **kept, at=_clock(at, zone) if at else "")
    return {
        "link": link,
        "explained": explained,
        "day": explained.date,
        "zone": zone,
        "now": explained.now,
        "path": path,
        "here_url": settings.SITE_URL + here,
        "json_url": _address(here, format="json"),
        "is_own": link.owner_id == request.member.user_id,
        "zones": _zones(request, explained),
        "host": host,
        "at": at,
        "at_value": _clock(at, zone) if at else "",
        "axis": axis,
        "chips": _chips(explained, axis, at, lambda start: _address(path, **kept, at=_clock(start, zone))),
        "lanes": [_lane(explained, each, axis) for each in shown],
        "ask": axis.bar(Period.lasting(at, explained.rules.slot_interval), Look("", ""), "") if at else None,
        "verdict": judged,
        "meeting": Period.lasting(at, explained.rules.duration) if at else None,
        "booker_told": told_to_booker(judged.reasons, at, explained.now, is_offered=False)
        if at and judged and not judged.offered
        else "",
        "told": _told(explained, judged, host) if judged else [],
        "free": [explained.names[host_id] for host_id in judged.host_ids] if judged else [],
        "near": explained.nearest(at, NEAREST) if at else [],
        "gaps": _gaps(explained, shown) if len(shown) <= MOST_LISTED else [],
        "is_long": len(shown) > MOST_LISTED,
        "previous": _address(path, **kept | {"date": (explained.date - timedelta(days=1)).isoformat()}),
        "next": _address(path, **kept | {"date": (explained.date + timedelta(days=1)).isoformat()}),
        "is_over": explained.period.end <= explained.now,
        "looks": _key(),
    }


def _zone(asked: str | None, default: ZoneInfo) -> ZoneInfo:
    if not asked:
        return default
    if asked not in known_zones():
        raise BadQuestion("There is no time zone of that name. The day is shown in yours.")
    return ZoneInfo(asked)


def _day(asked: str | None, default: date) -> date:
    try:
        day = read_date(asked) if asked else default
    except ValueError:
        raise BadQuestion("The date cannot be read. Today is shown.") from None
    if day.year not in YEARS:
        raise BadQuestion("The date is too far away. Today is shown.")
    return day


def _explained(
    link: BookingLink, day: date, zone: ZoneInfo, now: datetime, reach: set[UUID] | None
) -> ExplainedDay:
    try:
        return explanations.explained_day(link, day, zone, now, reach=reach)
    except explanations.NoSuchDay:
        raise BadQuestion(f"{day} does not exist in {zone.key}: clocks skipped it. Today is shown.") from None


def _host(asked: str | None, hosts: Sequence[LinkHost]) -> str:
    """The id of one of the hosts; empty for all of them."""
    if not asked:
        return ""
    if asked not in {str(host.user_id) for host in hosts}:
        raise BadQuestion("This is no host of the link. All of them are shown.")
    return asked


def _start(asked: str | None, explained: ExplainedDay) -> datetime | None:
    """The instant at which the day's clock shows a time, the first of two."""
    if not asked:
        return None
    try:
        clock = time.fromisoformat(asked)
    except ValueError:
        raise BadQuestion("The start cannot be read. It is a time like 14:30.") from None
    wall = datetime.combine(explained.date, clock.replace(second=0, microsecond=0, tzinfo=None))
    start = Period.lasting(wall.replace(tzinfo=explained.zone), timedelta(0)).start
    if start.astimezone(explained.zone).replace(tzinfo=None) != wall:
        raise BadQuestion(f"Clocks skip {asked} on that day.")
    return start


def _axis(explained: ExplainedDay, at: datetime | None) -> Axis:
    """From an hour before the first start of the grid to an hour after the last meeting; office hours without any."""
    day, zone = explained.period, explained.zone
    starts = [
        *(slot.start for slot in explained.whole.slots),
        *explained.whole.refused,
        *([at] if at else []),
    ]
    opens, closes = (datetime.combine(explained.date, clock, tzinfo=zone) for clock in OFFICE)
    span = Period(opens, closes)
    first, last = span.start, span.end
    if starts:
        first, last = min(starts), max(starts) + explained.rules.duration
    whole = -(-day.duration // HOUR)
    begin = max(0, (first - day.start) // HOUR)
    end = min(whole, max(-((day.start - last) // HOUR), begin + LEAST_HOURS))
    begin = max(0, min(begin, end - LEAST_HOURS))
    return Axis(day.start + begin * HOUR, end - begin)


def _chips(explained: ExplainedDay, axis: Axis, at: datetime | None, address: Any) -> list[Chip]:
    """The starts of the grid, none where they lie closer than half an hour: too close to draw."""
    offered = {slot.start for slot in explained.whole.slots}
    if explained.rules.slot_interval < 2 * QUARTER:
        return []
    every = offered.union(explained.whole.refused)
    return [
        Chip(start, (start - axis.start) // QUARTER, start in offered, start == at, address(start))
        for start in sorted(every)
        if 0 <= (start - axis.start) // QUARTER <= axis.quarters - 2
    ]


def _lane(explained: ExplainedDay, host: LinkHost, axis: Axis) -> Lane:
    """What keeps a meeting with this host from beginning, along the axis, and where nothing does."""
    host_id = str(host.user_id)
    bars: list[Bar] = []
    shown = Period(axis.start, axis.start + axis.hours * HOUR)
    done = shown.start
    for gap in explained.gaps_of(host_id):
        look, title = _look(gap), ". ".join(reason.detail for reason in gap.reasons)
        if done < gap.period.start:
            bars += _drawn(axis.bar(Period(done, gap.period.start), Look("Free", "free"), "Free"))
        bars += _drawn(axis.bar(gap.period, look, title))
        done = max(done, gap.period.end)
    if done < shown.end:
        bars += _drawn(axis.bar(Period(done, shown.end), Look("Free", "free"), "Free"))
    return Lane(host.user.name, explained.zones[host_id], bars)


def _drawn(bar: Bar | None) -> Iterator[Bar]:
    if bar:
        yield bar


def _look(gap: Gap) -> Look:
    codes = {reason.code for reason in gap.reasons}
    return next(look for code, look in LOOKS.items() if code in codes)


def _told(explained: ExplainedDay, judged: Verdict, host: str) -> list[Told]:
    """Every host's reasons against the asked start."""
    return [
        Told(name, reasons)
        for host_id, name in explained.names.items()
        if host in {"", host_id}
        and (
            reasons := [
                (LOOKS[reason.code], reason) for reason in judged.reasons if reason.host_id == host_id
            ]
        )
    ]


def _gaps(
    explained: ExplainedDay, shown: Sequence[LinkHost]
) -> list[tuple[str, list[tuple[Gap, list[Any]]]]]:
    """Under each host's name his gaps of the day, each with its reasons."""
    return [
        (
            host.user.name,
            [
                (gap, [(LOOKS[reason.code], reason) for reason in gap.reasons])
                for gap in explained.gaps_of(str(host.user_id))
            ],
        )
        for host in shown
    ]


def _zones(request: MemberRequest, explained: ExplainedDay) -> list[str]:
    """Zones to choose from: the one shown, the link's, the reader's, the hosts'."""
    keys = [explained.zone.key, explained.link.zone, request.member.user.timezone, *explained.zones.values()]
    return [*dict.fromkeys(keys)]


def _key() -> list[Look]:
    codes = (ReasonCode.BUSY, ReasonCode.BUFFER, ReasonCode.HOLD, ReasonCode.NOTICE, ReasonCode.OUTSIDE_HOURS)
    return [Look("Free", "free"), *(LOOKS[code] for code in codes), Look("Limit or no seat", "booked")]


def _clock(instant: datetime, zone: ZoneInfo) -> str:
    return f"{instant.astimezone(zone):%H:%M}"


def _address(path: str, **query: str) -> str:
    kept = urlencode({name: value for name, value in query.items() if value})
    return f"{path}{'&' if '?' in path else '?'}{kept}" if kept else path
