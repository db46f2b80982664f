"""What the console's templates print of a booking: a row of the list, and the drawer under it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from bookings import selectors
from bookings.domain.console import (
    Tab,
    ahead_words,
    day_note,
    minutes_until,
    moved_words,
    runs,
    strategy_words,
)
from bookings.domain.locations import Location, location_in_row, shown_url
from bookings.domain.mail_kinds import CANCELLED_BOOKER, CANCELLED_HOST, LABELS
from bookings.forms.console import CancelForm
from bookings.models import Booking
from workestra.accounts import selectors as accounts
from workestra.accounts.domain.permissions import Permission
from workestra.accounts.http import MemberRequest
from workestra.calendars.domain.invites import web_url
from workestra.notifications import selectors as outbox
from workestra.notifications.models import OutboxMessage

SOON: Final = 60
"""From how many minutes before its start a row counts them."""


@dataclass(frozen=True, slots=True)
class Row:
    """A booking as the list shows it. `can_edit` and `can_delete` say what to offer; `latest` is where its series
    stands now, for the rows of meetings that have moved on."""

    booking: Booking
    now: datetime
    can_edit: bool
    can_delete: bool
    latest: Booking | None = None

    @property
    def place(self) -> Location:
        return location_in_row(self.booking.location_type, self.booking.location_detail)

    @property
    def strategy(self) -> str:
        return strategy_words(self.booking.strategy, self.booking.attendee_count)

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
        """How often it was moved to get here; a confirmed booking's sequence counts nothing else."""
        return moved_words(self.booking.ics_sequence) if self.is_upcoming else ""

    @property
    def latest_moved(self) -> str:
        return moved_words(self.latest.ics_sequence) if self.latest and self.latest.ics_sequence > 1 else ""

    @property
    def booker(self) -> str:
        """The booker's first name."""
        return self.booking.booker.first_name

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

    def row(self, booking: Booking, now: datetime, latest: Booking | None = None) -> Row:
        return Row(
            booking,
            now,
            can_edit=self._edit is None or booking.host_id in self._edit,
            can_delete=self._delete is None or booking.host_id in self._delete,
            latest=latest,
        )


def days_of(rows: Sequence[Row], tab: Tab, now: datetime, *, is_first_page: bool) -> list[Day]:
    """The rows cut into days, each row dated in its own page's zone."""
    found: list[Day] = []
    for date, group in runs(rows, lambda row: row.booking.starts_at.astimezone(ZoneInfo(row.zone)).date()):
        first = group[0]
        today = now.astimezone(ZoneInfo(first.zone)).date()
        if tab is Tab.PAST:
            note = past_note(group)
        else:
            is_next = is_first_page and not found and (date == today or first.minutes is not None)
            note = day_note(len(group), minutes_until(first.booking.starts_at, now) if is_next else None)
        found.append(Day(group, note, "long" if date.year == today.year else "full"))
    return found


def past_note(rows: Sequence[Row]) -> str:
    """ "2 to mark", "All marked"; "3 meetings" for a reader who may not mark them."""
    to_mark = sum(row.is_to_mark for row in rows)
    if to_mark:
        return f"{to_mark} to mark"
    return "All marked" if any(row.can_edit for row in rows) else day_note(len(rows))


@dataclass(frozen=True, slots=True)
class Delivery:
    """A mail about the booking. `tries` are classes of cells: one failed try "f", the one that went through "k"."""

    message: OutboxMessage
    label: str
    to: str
    tries: list[str]

    @property
    def tries_words(self) -> str:
        return f"{len(self.tries)} {'try' if len(self.tries) == 1 else 'tries'}"


def drawer_of(request: MemberRequest, booking: Booking, now: datetime, **extra: Any) -> dict[str, Any]:
    """Context of `bookings/_drawer.html`. `extra` replaces parts of it: a refused `cancel_form`, a `problem`."""
    row = Permissions(request).row(booking, now)
    series = selectors.series_of(booking)
    booker = booking.booker
    deliveries = [_delivery(message, booking) for message in outbox.messages_about(booking.pk, booker.pk)]
    viewer_zone = request.member.user.timezone
    receipt = booking.assignment_receipt
    url = web_url(booking.location_detail.strip())
    return {
        "now": now,
        "row": row,
        "booking": booking,
        "viewer_zone": viewer_zone,
        "for_you": _form_beside(booking, viewer_zone),
        "for_booker": _form_beside(booking, booker.timezone)
        if booker.timezone not in {booking.timezone, viewer_zone}
        else None,
        "join_url": url,
        "join_text": shown_url(url),
        "series": series,
        "latest": series[-1],
        "moved": moved_words(len(series) - 1),
        "ahead": ahead_words(booking.starts_at, booking.ended_at) if booking.ended_at else "",
        "deliveries": deliveries,
        "failed": sum(each.message.dead_at is not None for each in deliveries),
        "cancellations": [
            each for each in deliveries if each.message.kind in {CANCELLED_BOOKER, CANCELLED_HOST}
        ],
        "pool": f"{len(receipt['candidates'])} in the pool, "
        f"{sum(each['free'] for each in receipt['candidates'])} free"
        if receipt
        else "",
        "cancel_form": cancel_form(booking, has_focus=bool(extra.get("is_form_open"))),
    } | extra


def cancel_form(booking: Booking, data: Any = None, *, has_focus: bool = False) -> CancelForm:
    """The form with ids of its own: several drawers of a page may hold one."""
    form = CancelForm(data, auto_id=f"cx-{booking.pk}-%s")
    if has_focus:
        form.fields["reason"].widget.attrs["autofocus"] = True
    return form


def _form_beside(booking: Booking, zone: str) -> str | None:
    """How to print the meeting in another zone beside its own: with the day if it is another; None when they agree."""
    mine, theirs = (booking.starts_at.astimezone(ZoneInfo(each)) for each in (booking.timezone, zone))
    if mine.utcoffset() == theirs.utcoffset():
        return None
    return "" if mine.date() == theirs.date() else "short"


def _delivery(message: OutboxMessage, booking: Booking) -> Delivery:
    to_host = message.recipient == booking.host.email
    first = booking.host.first_name if to_host else booking.booker.first_name
    is_sent = message.sent_at is not None
    # A try that is under way has not failed.
    failed = message.attempts - is_sent if is_sent or message.last_error else 0
    return Delivery(
        message,
        LABELS.get(message.kind, message.kind),
        first,
        ["f"] * min(failed, 12) + ["k"] * is_sent,
    )
