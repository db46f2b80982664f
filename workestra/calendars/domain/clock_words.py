"""How dates, times and zones are written. Pure: instants are aware datetimes, zones are IANA zones.

Times come in two forms, 24-hour ("09:05") and 12-hour ("9:05 am"): the reader chooses which one to see.
Names are English and do not depend on the process's locale.
"""

from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


class DayForm(StrEnum):
    """How much of a date to write."""

    SHORT = "short"
    """Thu 12 Nov"""
    LONG = "long"
    """Thursday 12 November"""
    FULL = "full"
    """Thursday 12 November 2026"""


class Clock(StrEnum):
    H24 = "24"
    H12 = "12"


def day(of: date, form: DayForm = DayForm.SHORT) -> str:
    """A date in words. For an aware datetime pass its date in the zone that is meant."""
    name, month = _DAYS[of.weekday()], _MONTHS[of.month - 1]
    if form is DayForm.SHORT:
        return f"{name[:3]} {of.day} {month[:3]}"
    if form is DayForm.LONG:
        return f"{name} {of.day} {month}"
    return f"{name} {of.day} {month} {of.year}"


def day_of_year(of: date, today: date, form: DayForm = DayForm.SHORT) -> str:
    """A date in words, with its year when that is not today's: "Thu 12 Nov", "Fri 1 Jan 2027"."""
    return day(of, form) if of.year == today.year or form is DayForm.FULL else f"{day(of, form)} {of.year}"


def month(of: date) -> str:
    """ "November 2026"."""
    return f"{_MONTHS[of.month - 1]} {of.year}"


def near_day(of: date, today: date, form: DayForm = DayForm.LONG) -> str:
    """A date in words, led by "Yesterday, ", "Today, " or "Tomorrow, " when it is: "Today, Tuesday 10 November"."""
    lead = {-1: "Yesterday, ", 0: "Today, ", 1: "Tomorrow, "}.get((of - today).days, "")
    return lead + day(of, form)


def clock(instant: datetime, zone: ZoneInfo, clock: Clock = Clock.H24) -> str:
    """The wall time in `zone`: "16:30" or "4:30 pm". Midnight is "00:00" and "12:00 am"."""
    local = instant.astimezone(zone)
    if clock is Clock.H24:
        return f"{local:%H:%M}"
    return f"{local.hour % 12 or 12}:{local:%M} {'am' if local.hour < 12 else 'pm'}"


def clock_range(start: datetime, end: datetime, zone: ZoneInfo, form: Clock = Clock.H24) -> str:
    """ "16:30 – 17:00".

    Where the two ends could be misread, they say more: the zone's abbreviations when the clocks change in
    between ("02:45 CEST – 02:15 CET"), the end's day when it is another one ("23:30 – Fri 13 Nov, 00:30").
    """
    first, last = clock(start, zone, form), clock(end, zone, form)
    if start.astimezone(zone).utcoffset() != end.astimezone(zone).utcoffset():
        first = f"{first} {abbreviation(start, zone)}"
        last = f"{last} {abbreviation(end, zone)}"
    end_date = end.astimezone(zone).date()
    if end_date != start.astimezone(zone).date():
        last = f"{day(end_date)}, {last}"
    return f"{first} – {last}"


def abbreviation(instant: datetime, zone: ZoneInfo) -> str:
    """The zone's name at that instant: "CET", "CEST"; "UTC+5:45" where it has none (Asia/Kathmandu)."""
    local = instant.astimezone(zone)
    name = local.tzname() or ""
    if name.isalpha():
        return name
    return _offset(local.utcoffset() or timedelta(0))


def _offset(offset: timedelta) -> str:
    minutes = round(offset / timedelta(minutes=1))
    if minutes == 0:
        return "UTC"
    sign = "+" if minutes > 0 else "−"
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{sign}{hours}:{rest:02}" if rest else f"UTC{sign}{hours}"


def moment(instant: datetime, zone: ZoneInfo) -> str:
    """ "Thu 12 Nov, 16:30 CET"."""
    return f"{day(instant.astimezone(zone).date())}, {clock(instant, zone)} {abbreviation(instant, zone)}"


def city(zone: ZoneInfo) -> str:
    """ "Buenos Aires" for America/Argentina/Buenos_Aires; "" for zones that are no place (UTC, Etc/GMT+5)."""
    area, _, rest = zone.key.partition("/")
    if area in {"Etc", "SystemV"} or (not rest and area.isupper()) or any(c.isdigit() for c in zone.key):
        return ""
    return (rest or area).rpartition("/")[2].replace("_", " ")


def zone_in_row(instant: datetime, zone: ZoneInfo) -> str:
    """For rows at work: "EST, New York"; "UTC" for a zone that is no place."""
    return ", ".join(filter(None, (abbreviation(instant, zone), city(zone))))


def zone_in_public(instant: datetime, zone: ZoneInfo) -> str:
    """For public pages and mails: "Berlin time (CET)"; "UTC" for a zone that is no place."""
    place, short = city(zone), abbreviation(instant, zone)
    return f"{place} time ({short})" if place else short


def length(of: timedelta) -> str:
    """A duration in words: "30 minutes", "1 hour", "1 hour 30 minutes"; "none" for zero.

    Raises ValueError for a negative duration or one that is not whole minutes.
    """
    minutes, rest = divmod(of, timedelta(minutes=1))
    if rest or minutes < 0:
        raise ValueError(f"not a whole number of minutes: {of!r}")
    hours, minutes = divmod(minutes, 60)
    words = [_count(hours, "hour")] if hours else []
    words += [_count(minutes, "minute")] if minutes else []
    return " ".join(words) or "none"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def stamp(instant: datetime, zone: ZoneInfo) -> str:
    """The value of a `datetime` attribute: "2026-11-12T16:30+01:00"."""
    return instant.astimezone(UTC).astimezone(zone).isoformat(timespec="minutes")
