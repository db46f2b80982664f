"""The month and the times of a day, as the booking page and the manage page print them."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Final
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django_htmx.http import replace_url, reswap, retarget
from django_htmx.middleware import HtmxDetails

from bookings import selectors
from bookings.domain import month as months
from bookings.domain.month import Day
from bookings.domain.names import in_one
from bookings.domain.ruler import Ruler, ruler
from bookings.domain.zones import ZoneChoice, zone_choice, zone_choices
from bookings.models import Booking
from scheduling.domain.wallclock import known_zones
from scheduling.models import BookingLink
from scheduling.selectors.times import hosts_in_order
from workestra.calendars.domain import clock_words as words
from workestra.calendars.domain.clock_words import Clock, DayForm
from workestra.look.preferences import clock_of

MORE_ZONES: Final = "more"
"""The choice, in place of a zone, that asks for the list of all: it is long, and most people need none of it."""
ZONE_COOKIE: Final = "tz"
"""The zone that static/js/zone.js found out."""
_MONTH: Final = re.compile(r"(\d{4})-(\d{2})")
_YEARS: Final = range(2000, 2200)


class BookerRequest(HttpRequest):
    """A request of somebody who does not sign in."""

    htmx: HtmxDetails


class BadAddress(Exception):
    """A part of the address or a hidden field cannot be read; the message says which, for people."""


@dataclass(frozen=True, slots=True)
class Host:
    """Whom the booker meets, in the words of the page: of a round robin it is not known yet who it will be.

    `first` goes with a verb for one; of a booking with several hosts it has all of their names.
    """

    name: str
    first: str
    about: str
    zone: ZoneInfo

    @classmethod
    def of_link(cls, link: BookingLink) -> "Host":
        org, zone = link.workspace.name, ZoneInfo(link.zone)
        if link.strategy == BookingLink.Strategy.ROUND_ROBIN:
            return cls(f"The {org} team", "the team", "Whoever is free takes your booking", zone)
        if link.strategy == BookingLink.Strategy.COLLECTIVE:
            names = [host.user.name for host in hosts_in_order(link)]
            return cls(in_one(sorted(names)) if names else link.owner.name, "the team", org, zone)
        return cls(link.owner.name, link.owner.first_name, org, zone)

    @classmethod
    def of_booking(cls, booking: Booking) -> "Host":
        return cls(
            booking.host_names,
            booking.host_first_names,
            booking.workspace.name,
            ZoneInfo(booking.timezone),
        )


@dataclass(frozen=True, slots=True)
class Meeting:
    """A time to print large: in the booker's zone, with the host's where it differs."""

    start: datetime
    end: datetime
    zone: ZoneInfo
    host: Host

    @property
    def value(self) -> str:
        return start_value(self.start)

    @property
    def ruler(self) -> Ruler | None:
        return ruler(self.start, self.end, self.zone, self.host.zone)

    @property
    def part_of_day(self) -> str:
        return months.part_of_day(self.start, self.zone).lower()

    @property
    def part_of_host_day(self) -> str:
        return months.part_of_day(self.start, self.host.zone).lower()


@dataclass(frozen=True, slots=True)
class Time(Meeting):
    """A start to choose. `seats` says how many are left of a group session; "" for other meetings."""

    is_chosen: bool = False
    seats: str = ""

    @property
    def is_twice(self) -> bool:
        return months.comes_twice(self.start, self.zone)

    @property
    def differs(self) -> bool:
        zones = {self.zone, self.host.zone}
        return len({self.start.astimezone(zone).utcoffset() for zone in zones}) > 1


@dataclass(frozen=True, slots=True)
class Part:
    name: str
    icon: str
    times: list[Time]


@dataclass(frozen=True, slots=True)
class Picker:
    """One month with its free days, and the times of one of them.

    `keep` is what every address of the page carries along, with its final "&"; `carried` the same for forms.
    `previous` and `next` are None where nothing can be booked. `day` is None in a month without times.
    `lead` and `next_day` say what there is to know when times are missing.
    """

    path: str
    carried: list[tuple[str, str]]
    zone: ZoneInfo
    host: Host
    now: datetime
    clock: Clock
    month: date
    previous: date | None
    next: date | None
    weeks: list[list[Day | None]]
    free_days: int
    day: date | None
    parts: list[Part]
    chosen: Meeting | None
    lead: str
    next_day: date | None
    is_nested: bool = False
    has_all_zones: bool = False

    @property
    def keep(self) -> str:
        return f"{query}&" if (query := urlencode(self.carried)) else ""

    @property
    def to_date(self) -> str:
        """The address of a day, up to the day itself."""
        return f"{self.path}?{self.keep}date="

    @property
    def noon(self) -> datetime:
        """An instant of the day that is shown, to name the zone by."""
        day = self.day or self.month
        return datetime(day.year, day.month, day.day, 12, tzinfo=self.zone)

    @property
    def count(self) -> int:
        return sum(len(part.times) for part in self.parts)

    @property
    def suggested_zones(self) -> list[ZoneChoice]:
        """The zone that is shown, then the host's."""
        keys = dict.fromkeys([self.zone.key, self.host.zone.key])
        return [zone_choice(key, self.now, self.clock) for key in keys]

    @property
    def zones(self) -> tuple[tuple[str, tuple[ZoneChoice, ...]], ...]:
        """All zones, by part of the world; none as long as nobody asked for them."""
        if not self.has_all_zones:
            return ()
        return zone_choices(self.now.replace(second=0, microsecond=0), self.clock)


def picker_for(
    request: BookerRequest,
    *,
    link: BookingLink,
    host: Host,
    zone: ZoneInfo,
    carried: list[tuple[str, str]],
    now: datetime,
    path: str,
    query: Mapping[str, str],
    moving: Booking | None = None,
) -> Picker:
    """The picker that `month`, `date` and `start` of the query ask for; without them, the first day with times.

    `moving` is the booking that looks for another time: its own time does not stand in its way.

    Raises BadAddress.
    """
    today = now.astimezone(zone).date()
    wanted = start_of(query["start"]) if query.get("start") else None
    asked = day_of(query["date"]) if query.get("date") else None
    if asked is None and wanted is not None:
        asked = wanted.astimezone(zone).date()
    month = month_of(query["month"]) if query.get("month") else months.first_of(asked or today)
    month = max(month, months.first_of(today))
    last = months.first_of(selectors.last_bookable(link, now).astimezone(zone).date())
    span = months.span_of(month, zone)
    offer = selectors.offer_of(link, span, now, moving=moving)
    free = months.by_day(offer.starts, zone)
    day = asked if asked is not None and months.first_of(asked) == month else min(free, default=None)
    length = timedelta(minutes=link.duration_minutes)
    parts = [
        Part(
            part.name,
            part.icon,
            [
                Time(
                    start,
                    start + length,
                    zone,
                    host,
                    is_chosen=start == wanted,
                    seats=seats_left(link, offer.seats_taken.get(start, 0)),
                )
                for start in part.starts
            ],
        )
        for part in months.parts_of(free.get(day, []) if day else [], zone)
    ]
    booked = {moving.starts_at.astimezone(zone).date()} if moving else set()
    offered = wanted is not None and wanted in offer.starts
    lead, next_day = _lead(link, host, offer, free, day, month, zone, now)
    return Picker(
        path=path,
        carried=carried,
        zone=zone,
        host=host,
        now=now,
        clock=Clock(clock_of(request)),
        month=month,
        previous=months.previous_month(month) if month > months.first_of(today) else None,
        next=months.next_month(month) if month < last else None,
        weeks=months.weeks_of(month, free, today=today, chosen=day, booked=booked),
        free_days=len(free),
        day=day,
        parts=parts,
        chosen=Meeting(wanted, wanted + length, zone, host) if offered and wanted else None,
        lead=lead,
        next_day=next_day,
        is_nested=moving is not None,
        has_all_zones=query.get("tz") == MORE_ZONES,
    )


def zone_list(request: BookerRequest, picker: Picker) -> HttpResponse | None:
    """The fragment with all zones, when that is what was asked for; None otherwise."""
    if not picker.has_all_zones:
        return None
    response = render(request, "bookings/_zone.html#zones", {"picker": picker, "is_fragment": True})
    return reswap(retarget(replace_url(response, False), "#tz"), "innerHTML")


def without_start(picker: Picker) -> Picker:
    """The same picker with nothing chosen."""
    parts = [
        replace(part, times=[replace(time, is_chosen=False) for time in part.times]) for part in picker.parts
    ]
    return replace(picker, parts=parts, chosen=None)


def zone_for(request: HttpRequest, query: Mapping[str, str], default: str) -> ZoneInfo:
    """The zone that the page is shown in: the one asked for, else the browser's, else `default`.

    Who asks for more zones goes on seeing the one he was shown. Raises BadAddress for one that does not exist.
    """
    asked = query.get("tz")
    if asked == MORE_ZONES:
        asked = query.get("shown")
    if asked:
        if asked not in known_zones():
            raise BadAddress("The address names a time zone that does not exist.")
        return ZoneInfo(asked)
    detected = request.COOKIES.get(ZONE_COOKIE, "")
    return ZoneInfo(detected if detected in known_zones() else default)


def start_of(text: str) -> datetime:
    """The instant of a `start` parameter, in UTC. Raises BadAddress."""
    try:
        start = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadAddress("The time in the address cannot be read.") from error
    if start.tzinfo is None or start.year not in _YEARS:
        raise BadAddress("The time in the address cannot be read.")
    return start.astimezone(UTC)


def start_value(start: datetime) -> str:
    """A `start` parameter: "2026-11-12T15:30Z"."""
    return f"{start.astimezone(UTC):%Y-%m-%dT%H:%MZ}"


def day_of(text: str) -> date:
    """Raises BadAddress."""
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise BadAddress("The date in the address cannot be read.") from error
    if day.year not in _YEARS:
        raise BadAddress("The date in the address cannot be read.")
    return day


def month_of(text: str) -> date:
    """The first day of a `month` parameter such as "2026-11". Raises BadAddress."""
    found = _MONTH.fullmatch(text)
    if found is None:
        raise BadAddress("The month in the address cannot be read.")
    return day_of(f"{found[1]}-{found[2]}-01")


def nonce_of(text: str) -> UUID:
    """The form's own number. Raises BadAddress."""
    try:
        return UUID(text)
    except ValueError as error:
        raise BadAddress("The form is damaged.") from error


def seats_left(link: BookingLink, taken: int) -> str:
    """ "3 of 8 seats left", "8 seats" of a session that nobody has booked yet; "" when the link has no sessions."""
    if link.strategy != BookingLink.Strategy.GROUP:
        return ""
    left = f"{link.capacity - taken} of " if taken else ""
    return f"{left}{link.capacity} seat{'' if link.capacity == 1 else 's'}{' left' if taken else ''}"


def _lead(
    link: BookingLink,
    host: Host,
    offer: selectors.Offer,
    free: Collection[date],
    day: date | None,
    month: date,
    zone: ZoneInfo,
    now: datetime,
) -> tuple[str, date | None]:
    """What to say about missing times, and the day to go to instead."""
    if not free:
        name = words.month(month).split()[0]
        if offer.next_start is None:
            return f"No free times in the next {link.booking_window_days} days.", None
        following = offer.next_start.astimezone(zone).date()
        if following < month:
            return f"Nothing can be booked in {name} yet.", following
        return f"No times left in {name}.", following
    if day not in free:
        later = [date_ for date_ in free if day is not None and date_ > day]
        return "Nothing is free that day.", min(later or free)
    first = min(free)
    if offer.notice_matters and day == first:
        named = _near_day(first, now.astimezone(zone).date())
        hours = link.minimum_notice_hours
        notice = f"{hours} hour{'' if hours == 1 else 's'}’ notice"
        return f"The earliest is {named}: {host.first} asks for {notice}.", None
    return "", None


def _near_day(day: date, today: date) -> str:
    return {0: "today", 1: "tomorrow"}.get((day - today).days) or words.day(day, DayForm.LONG)
