"""What the month and the times of a day are made of.

Tags, because a page has thirty days and twenty times: as templates each took a tenth of the time that the page takes.
"""

from functools import lru_cache

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from bookings.domain.month import Day
from bookings.views.picker import Time
from workestra.calendars.templatetags.times import zoned

register = template.Library()


@register.simple_tag
def day_cell(day: Day | None, to_date: str) -> SafeString | str:
    """{% day_cell day picker.to_date %}: a link to a day with free times, the number of another one, or nothing."""
    return format_html(_cell(day), to=to_date) if day else ""


# The next page has the same days. What its address carries along, somebody's name perhaps, is not kept here.
@lru_cache(maxsize=4096)
def _cell(day: Day) -> SafeString:
    """The cell as a format that lacks the address `to`."""
    if not day.count:
        today = ' class="today" aria-current="date"' if day.is_today else ""
        return format_html(f"<span{today}>{{}}</span>", day.number)
    marks = ' class="{marks}"' if day.marks else ""
    chosen = ' aria-current="true"' if day.is_chosen else ""
    return format_html(
        f'<a id="day-{{value}}"{marks} href="{{to}}{{value}}" hx-get="{{to}}{{value}}"{chosen} aria-label="{{label}}">'
        '{number}<i class="n{level}" aria-hidden="true"></i></a>',
        value=day.value,
        marks=day.marks,
        to="{to}",
        label=day.label,
        number=day.number,
        level=day.level,
    )


@register.simple_tag
def slot(time: Time) -> SafeString:
    """{% slot time %}: a start to choose, with the seats that are left, and the host's clock where it differs."""
    seats = format_html("<span>{}</span>", time.seats) if time.seats else ""
    theirs = ""
    if time.differs:
        theirs = format_html("<span>{} for {}</span>", zoned(time.start, time.host.zone), time.host.first)
    return format_html(
        '<label class="slot"><input type="radio" name="start" value="{}" required{}><b>{}</b>{}</label>',
        time.value,
        " checked" if time.is_chosen else "",
        zoned(time.start, time.zone, abbr=time.is_twice),
        format_html("<small>{}{}</small>", seats, theirs) if seats or theirs else "",
    )
