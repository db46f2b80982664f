"""Times in a named zone. Both clocks are printed; CSS shows the one the visitor chose."""

from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from workestra.calendars.domain import clock_words as words
from workestra.calendars.domain.clock_words import Clock, DayForm

register = template.Library()


def _zone(zone: ZoneInfo | str) -> ZoneInfo:
    return zone if isinstance(zone, ZoneInfo) else ZoneInfo(zone)


def _date(of: datetime | date, tz: ZoneInfo | str | None) -> date:
    if not isinstance(of, datetime):
        return of
    if tz is None:
        raise template.TemplateSyntaxError("A point in time has no day without a zone.")
    return of.astimezone(_zone(tz)).date()


def _both(h24: str, h12: str) -> SafeString:
    return format_html('<span class="t24">{}</span><span class="t12">{}</span>', h24, h12)


def _time(start: datetime, zone: ZoneInfo, clocks: SafeString, form: str, abbr: bool) -> SafeString:
    lead = f"{words.day(start.astimezone(zone).date(), DayForm(form))}, " if form else ""
    tail = f" {words.abbreviation(start, zone)}" if abbr else ""
    return format_html('<time datetime="{}">{}{}{}</time>', words.stamp(start, zone), lead, clocks, tail)


@register.simple_tag
def zoned(start: datetime, tz: ZoneInfo | str, form: str = "", abbr: bool = False) -> SafeString:
    """{% zoned start tz %} "16:30"; {% zoned start tz "short" abbr=True %} "Thu 12 Nov, 16:30 CET".

    `form` is "" (time only), "short", "long" or "full": see DayForm.
    """
    return _zoned(start, _zone(tz), form, abbr)


# A page has dozens of them, and the next one the same: the times of a day are much alike everywhere.
@lru_cache(maxsize=4096)
def _zoned(start: datetime, zone: ZoneInfo, form: str, abbr: bool) -> SafeString:
    clocks = _both(words.clock(start, zone, Clock.H24), words.clock(start, zone, Clock.H12))
    return _time(start, zone, clocks, form, abbr)


@register.simple_tag
def zoned_range(
    start: datetime, end: datetime, tz: ZoneInfo | str, form: str = "", abbr: bool = False
) -> SafeString:
    """{% zoned_range start end tz %} "16:30 – 17:00"; with "short": "Thu 12 Nov, 16:30 – 17:00"."""
    zone = _zone(tz)
    h24, h12 = (words.clock_range(start, end, zone, form) for form in (Clock.H24, Clock.H12))
    return _time(start, zone, _both(h24, h12), form, abbr)


@register.simple_tag
def zoned_day(
    of: datetime | date,
    tz: ZoneInfo | str | None = None,
    form: str = "long",
    now: datetime | None = None,
    year_beside: datetime | None = None,
) -> SafeString:
    """{% zoned_day start tz %} "Thursday 12 November"; `form` "short" "long" "full".

    With `now`, today and tomorrow say so: "Today, Tuesday 10 November". A plain date needs no zone.
    With `year_beside` its year is written when that is another one than then.
    """
    date_ = _date(of, tz)
    text = words.near_day(date_, _date(now, tz), DayForm(form)) if now else words.day(date_, DayForm(form))
    if year_beside:
        text = words.day_of_year(date_, _date(year_beside, tz), DayForm(form))
    return format_html('<time datetime="{}">{}</time>', date_.isoformat(), text)


@register.simple_tag
def time_words(
    start: datetime,
    tz: ZoneInfo | str,
    end: datetime | None = None,
    form: str = "",
    clock: str = "24",
    abbr: bool = False,
) -> str:
    """The same as plain text, for mails, titles, labels: {% time_words start tz end=end form="short" %}."""
    zone = _zone(tz)
    which = Clock(clock)
    text = words.clock_range(start, end, zone, which) if end else words.clock(start, zone, which)
    lead = f"{words.day(start.astimezone(zone).date(), DayForm(form))}, " if form else ""
    return f"{lead}{text}{f' {words.abbreviation(start, zone)}' if abbr else ''}"


@register.simple_tag
def day_words(of: datetime | date, tz: ZoneInfo | str | None = None, form: str = "long") -> str:
    """A day as plain text: {% day_words start tz "full" %} "Thursday 12 November 2026"."""
    return words.day(_date(of, tz), DayForm(form))


@register.filter
def zone_row(tz: ZoneInfo | str, instant: datetime) -> str:
    """{{ tz|zone_row:start }} "EST, New York"."""
    return words.zone_in_row(instant, _zone(tz))


@register.filter
def zone_public(tz: ZoneInfo | str, instant: datetime) -> str:
    """{{ tz|zone_public:start }} "Berlin time (CET)"."""
    return words.zone_in_public(instant, _zone(tz))


@register.filter
def zone_city(tz: ZoneInfo | str) -> str:
    """{{ tz|zone_city }} "New York"."""
    return words.city(_zone(tz))


@register.filter
def month_words(of: date) -> str:
    """{{ day|month_words }} "November 2026"."""
    return words.month(of)


@register.filter
def length_words(of: timedelta | int) -> str:
    """{{ duration|length_words }} "30 minutes". A number is minutes."""
    return words.length(of if isinstance(of, timedelta) else timedelta(minutes=of))
