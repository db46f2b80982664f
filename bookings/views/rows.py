"""What the console's templates print of a booking: a row of the list, and the drawer under it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date as date_type
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from bookings import selectors
from bookings.access import reaches
from bookings.briefing import briefing_of
from bookings.domain.console import (
    Tab,
    ahead_words,
    day_note,
    minutes_until,
    moved_words,
    strategy_words,
)
from bookings.domain.locations import Location, location_in_row, shown_url
from bookings.domain.mail_kinds import BOOKING
from bookings.domain.names import in_one
from bookings.domain.offers import offered_words, withdrawn_words
from bookings.forms.console import CancelForm
from bookings.models import Alternatives, Attendee, Booking
from bookings.views.timeline import timeline_of
from bookings.views.tools import cancel_form, take_focus, tools_of
from scheduling.models import BookingLink
from workestra.accounts import selectors as accounts
from workestra.accounts.domain.permissions import Permission
from workestra.accounts.http import MemberRequest
from workestra.calendars import selectors as calendars
from workestra.calendars.domain.invites import web_url

SOON: Final = 60
"""From how many minutes before its start a row counts them."""


@dataclass(frozen=True, slots=True)
class Row:
    """A booking as the list shows it. `can_edit` and `can_delete` say what to offer; `moves` is how often its series
    has moved; `latest` is where that stands now, for the rows of meetings that have moved on. `offered` is how many
    other times its booker can pick from."""

    booking: Booking
    now: datetime
    can_edit: bool
    can_delete: bool
    latest: Booking | None = None
    moves: int = 0
    offered: int = 0

    @property
    def place(self) -> Location:
        return location_in_row(self.booking.location_type, self.booking.location_detail)

    @property
    def strategy(self) -> str:
        return strategy_words(self.booking.strategy, len(self.booking.company), len(self.booking.hosts))

    @property
    def lead(self) -> Attendee:
        """Who booked it; of a group session, who was the first of those who come."""
        return self.booking.company[0]

    @property
    def who(self) -> str:
        """Those who booked it, by the names that the team knows them by."""
        return in_one(
            [each.person.name if each.person else each.name for each in self.booking.company], most=2
        )

    @property
    def seats(self) -> str:
        """How many seats of a group session are taken; "" when it has ended, and for other meetings."""
        booking = self.booking
        if not booking.is_group or not booking.attendee_count:
            return ""
        return f"{booking.attendee_count} of {booking.capacity} seats"

    @property
    def left_to_mark(self) -> int:
        """How many of those who came to a past meeting are to be marked."""
        return sum(not attendee.no_show_status for attendee in self.booking.company)

    @property
    def ended_by(self) -> str:
        """Who cancelled or moved it."""
        if self.lead.ended_by == Attendee.Party.HOST:
            return "the host"
        if self.booking.status == Booking.Status.CANCELLED != self.lead.status:
            return f"{self.booker}, who moved to another session"
        return f"{self.booker}, from the manage link"

    @property
    def is_upcoming(self) -> bool:
        return self.booking.is_upcoming(self.now)

    @property
    def is_past(self) -> bool:
        return self.booking.status == Booking.Status.CONFIRMED and self.booking.is_past(self.now)

    @property
    def is_to_mark(self) -> bool:
        return self.is_past and self.can_edit and not self.booking.no_show_status

    @property
    def minutes(self) -> int | None:
        """Minutes until it begins, when that is within the hour."""
        left = minutes_until(self.booking.starts_at, self.now)
        return left if self.is_upcoming and left <= SOON else None

    @property
    def moved(self) -> str:
        return moved_words(self.moves) if self.is_upcoming else ""

    @property
    def offered_words(self) -> str:
        return offered_words(self.offered)

    @property
    def withdrawn_words(self) -> str:
        """What becomes of the other times when a host changes the meeting; "" when none are offered."""
        return withdrawn_words(self.offered, self.booker)

    @property
    def latest_moved(self) -> str:
        return moved_words(self.moves) if self.moves > 1 else ""

    @property
    def booker(self) -> str:
        return self.lead.first_name

    @property
    def zone(self) -> str:
        return self.booking.timezone


@dataclass(frozen=True, slots=True)
class Day:
    """Rows that print the same date. `note` is what stands beside it; `form` writes the year when it is another."""

    rows: list[Row]
    note: str
    form: str


class Permissions:
    """What the member may do, asked once for the whole list."""

    def __init__(self, request: MemberRequest) -> None:
        self._edit = accounts.reachable_user_ids(request.member, Permission.EDIT)
        self._delete = accounts.reachable_user_ids(request.member, Permission.DELETE)

    def row(
        self, booking: Booking, now: datetime, latest: Booking | None = None, moves: int = 0, offered: int = 0
    ) -> Row:
        return Row(
            booking,
            now,
            can_edit=reaches(self._edit, booking),
            can_delete=reaches(self._delete, booking),
            latest=latest,
            moves=moves,
            offered=offered,
        )


def days_of(rows: Sequence[Row], tab: Tab, now: datetime, *, is_first_page: bool) -> list[Day]:
    """The rows by day, each dated in its own page's zone, within a day in the order given.

    Where clocks of one day differ, the note says what the order is.
    """
    found: list[Day] = []
    by_date: dict[date_type, list[Row]] = {}
    for row in rows:
        by_date.setdefault(_local(row).date(), []).append(row)
    for date in sorted(by_date, reverse=tab.newest_first):
        group = by_date[date]
        first = group[0]
        today = now.astimezone(ZoneInfo(first.zone)).date()
        if tab is Tab.PAST:
            note = past_note(group)
        else:
            is_next = is_first_page and not found and (date == today or first.minutes is not None)
            note = day_note(len(group), minutes_until(first.booking.starts_at, now) if is_next else None)
        if len({_local(row).utcoffset() for row in group}) > 1:
            note += ", latest first" if tab.newest_first else ", in the order they begin"
        found.append(Day(group, note, "long" if date.year == today.year else "full"))
    return found


def _local(row: Row) -> datetime:
    return row.booking.starts_at.astimezone(ZoneInfo(row.zone))


def past_note(rows: Sequence[Row]) -> str:
    """ "2 to mark", "All marked"; "3 meetings" for a reader who may not mark them."""
    to_mark = sum(row.is_to_mark for row in rows)
    if to_mark:
        return f"{to_mark} to mark"
    return "All marked" if any(row.can_edit for row in rows) else day_note(len(rows))


@dataclass(frozen=True, slots=True)
class Seat:
    """An attendee of a group session in its drawer. `form` cancels him alone; None when that cannot be done."""

    attendee: Attendee
    form: CancelForm | None
    is_open: bool

    @property
    def is_taken(self) -> bool:
        return self.attendee in self.attendee.booking.company


def drawer_of(request: MemberRequest, booking: Booking, now: datetime, **extra: Any) -> dict[str, Any]:
    """Context of `bookings/_drawer.html`. `extra` replaces parts of it: a refused `cancel_form`, a
    `problem`, the `form` that is open."""
    offered = selectors.last_offer(booking)
    offer_state = offered and offered.state_at(now)
    open_ones = offered.times.all() if offered and offer_state == Alternatives.State.OPEN else ()
    row = Permissions(request).row(booking, now, offered=len(open_ones))
    series = selectors.series_of(booking)
    lead = row.lead
    viewer_zone = request.member.user.timezone
    receipt = booking.assignment_receipt
    url = web_url(booking.location_detail.strip())
    return {
        "now": now,
        "row": row,
        "booking": booking,
        "viewer_zone": viewer_zone,
        "for_you": _form_beside(booking, viewer_zone),
        "for_booker": _form_beside(booking, lead.timezone)
        if not booking.is_group and lead.timezone not in {booking.timezone, viewer_zone}
        else None,
        "seats": _seats(row, extra.get("seat_form")) if booking.is_group else [],
        "attendee": lead,
        "join_url": url,
        "join_text": shown_url(url),
        "series": series,
        "briefing": briefing_of(booking, ZoneInfo(viewer_zone), now) if row.is_upcoming else [],
        "latest": series[-1],
        "offered": offered,
        "offer_state": offer_state,
        "astray": calendars.astray(BOOKING, booking.series_id, booking.period) if row.is_upcoming else [],
        "moved": moved_words(len(series) - 1),
        "ahead": ahead_words(booking.starts_at, booking.ended_at) if booking.ended_at else "",
        "chosen": _chosen_of(receipt) if receipt else "",
        "pool": f"{len(receipt['candidates'])} in the pool, "
        f"{sum(each['free'] for each in receipt['candidates'])} free"
        if receipt and booking.strategy == BookingLink.Strategy.ROUND_ROBIN
        else "",
        **timeline_of(booking),
        **_tools(request, row, extra.get("form", "")),
    } | extra


def _tools(request: MemberRequest, row: Row, opened: str) -> dict[str, Any]:
    tools = tools_of(
        request,
        row.booking,
        row.now,
        can_edit=row.can_edit,
        can_delete=row.can_delete,
        is_offering=bool(row.offered),
    )
    if opened:
        take_focus(tools, opened)
    return tools


def _seats(row: Row, sent: CancelForm | None) -> list[Seat]:
    """Those who come, then those who left. `sent` is a refused form of one of them."""
    attendees = sorted(row.booking.attendees.all(), key=lambda attendee: attendee not in row.booking.company)
    seats = []
    for attendee in attendees:
        form = None
        if row.can_delete and attendee.is_upcoming(row.now):
            form = cancel_form(attendee)
        is_open = sent is not None and form is not None and sent.auto_id == form.auto_id
        seats.append(Seat(attendee, sent if is_open else form, is_open))
    return seats


def _chosen_of(receipt: Mapping[str, Any]) -> str:
    """The first name of the host whose turn it was."""
    chosen = (each["name"] for each in receipt["candidates"] if each["host_id"] == receipt["chosen"])
    return next(chosen, "").split(" ")[0]


def _form_beside(booking: Booking, zone: str) -> str | None:
    """How to print the meeting in another zone beside its own: with the day if it is another; None when they agree."""
    mine, theirs = (booking.starts_at.astimezone(ZoneInfo(each)) for each in (booking.timezone, zone))
    if mine.utcoffset() == theirs.utcoffset():
        return None
    return "" if mine.date() == theirs.date() else "short"
