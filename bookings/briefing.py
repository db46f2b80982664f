"""What a host is told before a meeting: what the team knows of those he will meet."""

from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from bookings.domain.console import count_words
from bookings.models import Booking
from workestra.calendars.domain import clock_words as words
from workestra.crm import selectors as crm
from workestra.crm.models import Opportunity
from workestra.crm.selectors import Context

MOST: Final = 10
"""Of how many attendees of a group session the briefing tells."""

Rows = list[tuple[str, str]]


def briefing_of(booking: Booking, zone: ZoneInfo, now: datetime) -> Rows:
    """Labels with what stands beside them; of a group session a row for each attendee. Days are dates in `zone`.

    Empty when nobody who comes is known.
    """
    company = booking.company[:MOST]
    known = crm.contexts_of([attendee.person_id for attendee in company if attendee.person_id])
    met = [(attendee, known[attendee.person_id]) for attendee in company if attendee.person_id in known]
    if not booking.is_group:
        return [row for _attendee, context in met for row in _rows(context, zone, now)]
    rows = [
        (attendee.name, ". ".join(f"{label}: {text}" for label, text in _rows(context, zone, now)))
        for attendee, context in met
    ]
    more = booking.attendee_count - len(company)
    return [*rows, ("And", count_words(more, "other"))] if more > 0 else rows


def _rows(context: Context, zone: ZoneInfo, now: datetime) -> Rows:
    person = context.person
    rows = [("Company", person.company)] if person.company else []
    rows.append(("Stage", person.get_lifecycle_stage_display()))
    if context.opportunities:
        label = "Open deal" if len(context.opportunities) == 1 else "Open deals"
        rows.append(
            (label, "; ".join(_deal(deal, now.astimezone(zone).date()) for deal in context.opportunities))
        )
    if context.activities:
        lately = (f"{each.text} ({_when(each.at, zone, now)})" for each in context.activities)
        rows.append(("Lately", "\n".join(lately)))
    if person.no_show_count:
        rows.append(("No-shows", str(person.no_show_count)))
    return rows


def _deal(deal: Opportunity, today: date) -> str:
    closes = f"closes {words.day_of_year(deal.closes_on, today)}" if deal.closes_on else ""
    return ", ".join(filter(None, (deal.title, deal.money, deal.get_stage_display().lower(), closes)))


def _when(at: datetime, zone: ZoneInfo, now: datetime) -> str:
    return words.near_day(at.astimezone(zone).date(), now.astimezone(zone).date(), words.DayForm.SHORT)
