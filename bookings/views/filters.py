"""What the list's address asks for: tab, filters and page, and the addresses of lists like it."""

from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from django.urls import reverse
from django.utils.dateparse import parse_date
from django.utils.http import urlencode

from bookings.domain.console import Query, Tab
from bookings.models import Booking
from scheduling.models import BookingLink
from workestra.accounts.http import MemberRequest

FILTERS: Final = (
    "scope",
    "q",
    "link",
    "template",
    "host",
    "further",
    "strategy",
    "attendance",
    "from",
    "to",
    "todo",
)
KEPT: Final = ("tab", *FILTERS, "after")
ONLY_PAST: Final = frozenset({"todo", "attendance"})


def asked_tab(request: MemberRequest) -> Tab | None:
    """The tab that the address names; None when it names none."""
    asked = request.GET.get("tab")
    return Tab(asked) if asked in set(Tab) else None


def is_own(request: MemberRequest) -> bool:
    """Whether only the member's own bookings are asked for."""
    return request.GET.get("scope") == "own"


def query_of(request: MemberRequest, tab: Tab, reach: Collection[UUID] | None) -> Query:
    """What the address asks for, of what the member may see: `reach` are whose bookings, None is everybody's.

    What it says that makes no sense is left out. Days are those of the member's own clock.
    """
    hosts = None if reach is None else frozenset(reach)
    host = _key(request, "host")
    if is_own(request):
        hosts = frozenset({request.member.user_id})
    elif host is not None:
        hosts = frozenset({host}) if hosts is None else hosts & {host}
    first, last = _day(request, "from"), _day(request, "to")
    zone = ZoneInfo(request.member.user.timezone)
    strategy, attendance = request.GET.get("strategy", ""), request.GET.get("attendance", "")
    return Query(
        tab=tab,
        host_ids=hosts,
        with_further="further" in request.GET,
        words=request.GET.get("q", "").replace("\x00", "")[:100],
        link_id=_key(request, "link"),
        template_id=_key(request, "template"),
        strategy=strategy if strategy in BookingLink.Strategy.values else "",
        since=_midnight(first, zone) if first else None,
        until=_midnight(last + timedelta(days=1), zone) if last else None,
        attendance=attendance if attendance in Booking.Attendance.values else "",
        only_to_mark="todo" in request.GET,
    )


def kept_of(request: MemberRequest) -> dict[str, str]:
    """The part of the address that says which list it is."""
    return {name: request.GET[name] for name in KEPT if request.GET.get(name)}


def is_filtered(request: MemberRequest) -> bool:
    """Whether the address narrows the list, other than to the member's own bookings."""
    return any(request.GET.get(name) for name in FILTERS if name not in {"scope", "further", "todo"})


def list_url(request: MemberRequest, **changed: str) -> str:
    """The list's own address with some parts changed; an empty part is left out."""
    return reverse("bookings:console") + query_string(request, **changed)


def query_string(request: MemberRequest, **changed: str) -> str:
    """What stands behind the path in `list_url`."""
    parts = {name: value for name, value in (kept_of(request) | changed).items() if value}
    if parts.get("tab") != Tab.PAST:
        parts = {name: value for name, value in parts.items() if name not in ONLY_PAST}
    return f"?{urlencode(parts)}" if parts else ""


def _key(request: MemberRequest, name: str) -> UUID | None:
    try:
        return UUID(request.GET.get(name, ""))
    except ValueError:
        return None


def _day(request: MemberRequest, name: str) -> date | None:
    try:
        day = parse_date(request.GET.get(name, ""))
    except ValueError:
        return None
    # The first and last days of the calendar have no midnight in every zone.
    return day if day and date(1970, 1, 1) < day < date(9999, 1, 1) else None


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)
