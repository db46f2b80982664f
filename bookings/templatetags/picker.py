"""What the month is made of."""

from functools import lru_cache

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from bookings.domain.month import Day

register = template.Library()


@register.simple_tag
def day_cell(day: Day | None, to_date: str) -> SafeString | str:
    """{% day_cell day picker.to_date %}: a link to a day with free times, the bare number of another one, or nothing.

    A tag, because a page has thirty of them: as a template they took a tenth of the time that the page takes.
    """
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
