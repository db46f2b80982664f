"""The bookings console: the list with its tabs, the drawer of a row, and what a host does there."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_GET, require_POST
from django.views.decorators.vary import vary_on_headers

from bookings import access, selectors
from bookings.domain.console import Place, Query, Tab, by_day, safe_href
from bookings.forms.console import AttendanceForm, CancelForm
from bookings.models import Booking
from bookings.services import attendance as attendance_service
from bookings.services import booking as booking_service
from scheduling.services.busy_time import TryAgain
from workestra.accounts import selectors as accounts
from workestra.accounts.access import require
from workestra.accounts.domain.permissions import Permission
from workestra.accounts.http import MemberRequest
from workestra.notifications import selectors as outbox


@dataclass(frozen=True, slots=True)
class Row:
    """A booking as the list shows it. `day` is in its page's zone; `can_cancel` and the rest say what to offer."""

    booking: Booking
    is_past: bool
    is_upcoming: bool
    can_edit: bool
    can_delete: bool


@require_GET
@vary_on_headers("HX-Request")
def console(request: MemberRequest) -> HttpResponse:
    """The list; `tab`, `scope`, `q`, `after` and `open` are in the address."""
    return _console(request, timezone.now())


@require_GET
def drawer(request: MemberRequest, booking_id: UUID) -> HttpResponse:
    """A row's drawer, fetched when it is opened for the first time."""
    booking = access.booking_for(request.member, booking_id)
    return render(request, "bookings/_drawer.html", _drawer(request, booking, timezone.now()))


@require_POST
def cancel(request: MemberRequest, booking_id: UUID) -> HttpResponse:
    now = timezone.now()
    booking = access.booking_for(request.member, booking_id, Permission.DELETE)
    form = CancelForm(request.POST)
    if not form.is_valid():
        return _answer_with_drawer(request, booking, now, status=422, cancel_form=form)
    try:
        booking_service.cancel(
            booking=booking,
            by=Booking.Party.HOST,
            reason=form.cleaned_data["reason"],
            now=now,
            actor=request.member.user,
        )
    except booking_service.BookingClosed:
        form.add_error(
            None, "This booking can no longer be cancelled: it has begun, moved or was cancelled already."
        )
        return _answer_with_drawer(request, booking, now, status=409, cancel_form=form)
    except TryAgain:
        form.add_error(None, "That did not save. Your text is still here. Try again.")
        return _answer_with_drawer(request, booking, now, status=503, cancel_form=form)
    messages.success(request, f"Cancelled. {booking.booker_name} is being told by mail.")
    return _to_list(request, Tab.UPCOMING)


@require_POST
def attendance(request: MemberRequest, booking_id: UUID) -> HttpResponse:
    now = timezone.now()
    booking = access.booking_for(request.member, booking_id, Permission.EDIT)
    form = AttendanceForm(request.POST)
    if not form.is_valid():
        return _answer_with_drawer(request, booking, now, status=422)
    try:
        marked = attendance_service.mark(
            booking=booking, attendance=form.cleaned_data["attendance"], actor=request.member.user, now=now
        )
    except attendance_service.NotOver:
        messages.error(request, "Attendance can be marked once a confirmed meeting has begun.")
        return _to_list(request, Tab.UPCOMING, booking)
    if request.htmx:
        return render(request, "bookings/console.html#attendance", {"row": _row(request, marked, now)})
    return _to_list(request, Tab.PAST, booking)


@require_POST
def manage_link(request: MemberRequest, booking_id: UUID) -> HttpResponse:
    """Make a new manage link and show it, once: only its hash is kept."""
    now = timezone.now()
    booking = access.booking_for(request.member, booking_id, Permission.EDIT)
    try:
        token = booking_service.renew_manage_token(booking=booking, actor=request.member.user, now=now)
    except booking_service.BookingClosed:
        messages.error(request, "Only an upcoming booking has a manage link.")
        return _to_list(request, Tab.UPCOMING)
    address = settings.SITE_URL + reverse("bookings:manage", args=[booking.page_slug, token])
    response = _answer_with_drawer(request, booking, now, new_manage_link=address)
    response["Cache-Control"] = "no-store"
    return response


def _console(request: MemberRequest, now: datetime, status: int = 200, **drawer_extra: Any) -> HttpResponse:
    reach = require(request.member, Permission.VIEW)
    tab = Tab(request.GET["tab"]) if request.GET.get("tab") in set(Tab) else Tab.UPCOMING
    only_mine = request.GET.get("scope") == "own"
    own = frozenset({request.member.user_id})
    query = Query(
        tab=tab,
        host_ids=own if only_mine else frozenset(reach) if reach is not None else None,
        words=request.GET.get("q", "").replace("\x00", "")[:100],
    )
    workspace = request.member.workspace
    bookings, after = selectors.page_of(
        selectors.listed(workspace, query, now), tab, Place.parse(request.GET.get("after", ""))
    )
    open_id = drawer_extra.pop("open_id", request.GET.get("open"))
    opened = next((booking for booking in bookings if str(booking.pk) == str(open_id)), None)
    if opened is None and drawer_extra:
        opened = access.booking_for(request.member, open_id)
        bookings = [opened, *bookings]
    may = _Permissions(request)
    rows = [may.row(booking, now) for booking in bookings]
    context = {
        "now": now,
        "tab": tab,
        "tabs": [
            {"tab": each, "count": count, "url": _list_url(request, tab=each.value)}
            for each, count in selectors.counts(workspace, query, now).items()
        ],
        "query": query,
        "only_mine": only_mine,
        "sees_others": reach is None or set(reach) != {request.member.user_id},
        "days": by_day(
            rows, lambda row: row.booking.starts_at.astimezone(ZoneInfo(row.booking.timezone)).date()
        ),
        "next_url": _list_url(request, tab=tab.value, after=str(after)) if after else None,
        "clear_url": f"{reverse('bookings:console')}?{urlencode({'tab': tab.value})}",
        "opened": opened,
        "drawer": _drawer(request, opened, now, **drawer_extra) if opened else None,
    }
    template = "bookings/console.html"
    if request.htmx and not request.htmx.history_restore_request and request.htmx.target == "list":
        template += "#list"
    return render(request, template, context, status=status)


class _Permissions:
    """What the member may do, asked once for the whole list."""

    def __init__(self, request: MemberRequest) -> None:
        self._edit = accounts.reachable_user_ids(request.member, Permission.EDIT)
        self._delete = accounts.reachable_user_ids(request.member, Permission.DELETE)

    def row(self, booking: Booking, now: datetime) -> Row:
        return Row(
            booking,
            is_past=booking.status == Booking.Status.CONFIRMED and booking.is_past(now),
            is_upcoming=booking.is_upcoming(now),
            can_edit=self._edit is None or booking.host_id in self._edit,
            can_delete=self._delete is None or booking.host_id in self._delete,
        )


def _row(request: MemberRequest, booking: Booking, now: datetime) -> Row:
    return _Permissions(request).row(booking, now)


def _drawer(request: MemberRequest, booking: Booking, now: datetime, **extra: Any) -> dict[str, Any]:
    return {
        "now": now,
        "row": _row(request, booking, now),
        "booking": booking,
        "viewer_zone": request.member.user.timezone,
        "join_href": safe_href(booking.location_detail),
        "series": selectors.series_of(booking),
        "deliveries": outbox.messages_about(booking.pk),
        "cancel_form": CancelForm(),
    } | extra


def _answer_with_drawer(
    request: MemberRequest, booking: Booking, now: datetime, status: int = 200, **extra: Any
) -> HttpResponse:
    if request.htmx:
        return render(
            request, "bookings/_drawer.html", _drawer(request, booking, now, **extra), status=status
        )
    return _console(request, now, status=status, open_id=booking.pk, **extra)


def _list_url(request: MemberRequest, **changed: str) -> str:
    kept = {key: request.GET[key] for key in ("scope", "q") if request.GET.get(key)}
    return f"{reverse('bookings:console')}?{urlencode(kept | changed)}"


def _to_list(request: MemberRequest, tab: Tab, booking: Booking | None = None) -> HttpResponse:
    wanted = {"tab": tab.value} | ({"open": str(booking.pk)} if booking else {})
    address = f"{reverse('bookings:console')}?{urlencode(wanted)}"
    if request.htmx:
        return HttpResponse(headers={"HX-Redirect": address})
    return redirect(address)
