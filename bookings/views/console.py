"""The bookings console: the list with its tabs, the drawer of a row, and what a host does there.

Every address below the list's carries the list's own query, so that its answer fits the list it is swapped into, and
a page without JavaScript returns to it.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_GET, require_POST
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import reswap, retarget, trigger_client_event

from bookings import access, selectors
from bookings.domain.console import Place, Query, Tab, count_words
from bookings.forms.console import AttendanceForm
from bookings.models import Booking
from bookings.services import attendance as attendance_service
from bookings.services import booking as booking_service
from bookings.views.rows import Permissions, cancel_form, days_of, drawer_of
from scheduling.services.busy_time import TryAgain
from workestra.accounts.access import require
from workestra.accounts.domain.permissions import Permission, Scope
from workestra.accounts.http import MemberRequest

PAGE = "bookings/console.html"
DRAWER = "bookings/_drawer.html"
CLOSED = "It can no longer be cancelled: it has begun, has moved, or was cancelled already."
MARKED = {
    Booking.Attendance.ATTENDED: "{} marked attended",
    Booking.Attendance.NO_SHOW: "{} marked no-show",
    Booking.Attendance.UNMARKED: "{} is to mark again",
}


@require_GET
@vary_on_headers("HX-Request", "HX-Target")
def console(request: MemberRequest) -> HttpResponse:
    """The list; `tab`, `scope`, `q`, `todo`, `after`, `open` and `form` are in the address.

    `open` alone finds the tab its booking is in, wherever that is now. htmx gets the list, or with the tabs around it.
    """
    now = timezone.now()
    context = _list(request, now, is_form_open=request.GET.get("form") == "cancel")
    target = request.htmx.target if request.htmx and not request.htmx.history_restore_request else None
    if target not in {"list", "bookings"}:
        return render(request, PAGE, context)
    response = render(request, f"{PAGE}#{'found' if target == 'list' else 'switched'}", context)
    if target == "list":
        response["HX-Replace-Url"] = context["list_url"]
    return response


@require_GET
@vary_on_headers("HX-Request")
def drawer(request: MemberRequest, booking_id: UUID) -> HttpResponse:
    """A row's drawer, fetched when it is opened for the first time; without htmx the page with the row open."""
    try:
        booking = access.booking_for(request.member, booking_id)
    except Http404:
        return _gone(request)
    if not request.htmx:
        return redirect(_list_url(request, open=str(booking_id)))
    return _drawer(request, booking, timezone.now())


@require_POST
def cancel(request: MemberRequest, booking_id: UUID) -> HttpResponse:
    """Cancel, with a reason for the booker. The row leaves the list; the focus goes to the next one."""
    now = timezone.now()
    try:
        booking = access.booking_for(request.member, booking_id, Permission.DELETE)
    except Http404:
        return _gone(request)
    form = cancel_form(booking, request.POST)
    if not form.is_valid():
        return _answer_with_drawer(request, booking, now, status=422, cancel_form=form, is_form_open=True)
    try:
        booking_service.cancel_by_host(
            booking=booking, reason=form.cleaned_data["reason"], actor=request.member.user, now=now
        )
    except booking_service.BookingClosed:
        fresh = access.booking_for(request.member, booking_id)
        return _answer_with_drawer(request, fresh, now, status=409, problem=CLOSED)
    except TryAgain:
        form.add_error(None, "That did not save. Your text is still here. Try again.")
        return _answer_with_drawer(request, booking, now, status=503, cancel_form=form, is_form_open=True)
    told = booking.company
    who = f"{told[0].name} is" if len(told) == 1 else f"All {len(told)} attendees are"
    said = f"Cancelled. {who} being told by mail."
    messages.success(request, said)
    if not request.htmx:
        return redirect(_list_url(request))
    context = _list(request, now)
    behind = (row.booking.pk for row in context["rows"] if _key(row.booking) > _key(booking))
    return _found(request, context | {"said": said, "has_focus": True, "focus": next(behind, None)})


@require_POST
def cancel_attendee(request: MemberRequest, attendee_id: UUID) -> HttpResponse:
    """Cancel one attendee of a group session. The drawer stays open as long as others come to it."""
    now = timezone.now()
    try:
        attendee = access.attendee_for(request.member, attendee_id, Permission.DELETE)
    except Http404:
        return _gone(request)
    booking = attendee.booking
    form = cancel_form(attendee, request.POST)
    if not form.is_valid():
        return _answer_with_drawer(request, booking, now, status=422, seat_form=form)
    try:
        booking_service.cancel_attendee(
            attendee=attendee, reason=form.cleaned_data["reason"], actor=request.member.user, now=now
        )
    except booking_service.BookingClosed:
        fresh = access.booking_for(request.member, booking.pk)
        return _answer_with_drawer(request, fresh, now, status=409, problem=CLOSED)
    except TryAgain:
        form.add_error(None, "That did not save. Your text is still here. Try again.")
        return _answer_with_drawer(request, booking, now, status=503, seat_form=form)
    said = f"Cancelled. {attendee.name} is being told by mail."
    messages.success(request, said)
    fresh = access.booking_for(request.member, booking.pk)
    stands = fresh.is_upcoming(now)
    if not request.htmx:
        return redirect(_list_url(request, open=str(booking.pk) if stands else ""))
    return _found(request, _list(request, now, opened=fresh if stands else None) | {"said": said})


@require_POST
def attendance(request: MemberRequest, attendee_id: UUID) -> HttpResponse:
    """Mark who came, or unmark it; htmx gets the row's buttons and a toast with the way back."""
    now = timezone.now()
    try:
        attendee = access.attendee_for(request.member, attendee_id, Permission.EDIT)
    except Http404:
        return _gone(request, f"#mark-{attendee_id}")
    before = attendee.no_show_status
    form = AttendanceForm(request.POST)
    if not form.is_valid():
        return HttpResponseBadRequest()
    try:
        marked = attendance_service.mark(
            attendee=attendee, attendance=form.cleaned_data["attendance"], actor=request.member.user, now=now
        )
    except booking_service.BookingClosed:
        messages.error(request, "Attendance can be marked once a confirmed meeting has begun.")
        return _to_list(request, attendee.booking)
    said = MARKED[Booking.Attendance(marked.no_show_status)].format(marked.name)
    if not request.htmx:
        messages.success(request, said)
        return _to_list(request, attendee.booking)
    query = _query(request, Tab.PAST, require(request.member, Permission.VIEW))
    context = {
        "row": Permissions(request).row(marked.booking, now),
        "attendee": marked,
        "before": before,
        "said": said,
        "marks": selectors.marks(request.member.workspace, query, now),
        "query": query,
        "list_query": urlencode(_kept(request)),
    }
    return render(request, f"{PAGE}#marked", context)


@require_POST
def manage_link(request: MemberRequest, attendee_id: UUID) -> HttpResponse:
    """Make a new manage link and show it, once: only its hash is kept. The page's script copies it."""
    now = timezone.now()
    try:
        attendee = access.attendee_for(request.member, attendee_id, Permission.EDIT)
    except Http404:
        return _gone(request)
    try:
        token = booking_service.renew_manage_token(attendee=attendee, actor=request.member.user, now=now)
    except booking_service.BookingClosed:
        if request.htmx:
            context = {"d": {"link_closed": True}, "attendee": attendee}
            return render(request, f"{DRAWER}#new_link", context, status=409)
        messages.error(request, "Only an upcoming booking has a manage link.")
        return _to_list(request, attendee.booking)
    address = settings.SITE_URL + reverse("bookings:manage", args=[attendee.booking.page_slug, token])
    if request.htmx:
        context = {"d": {"new_manage_link": address}, "attendee": attendee}
        response = render(request, f"{DRAWER}#new_link", context)
        trigger_client_event(response, "manage-link", {"address": address})
    else:
        response = _answer_with_drawer(
            request, attendee.booking, now, new_manage_link=address, attendee=attendee
        )
    response["Cache-Control"] = "no-store"
    return response


def _list(
    request: MemberRequest, now: datetime, *, opened: Booking | None = None, **drawer_extra: Any
) -> dict[str, Any]:
    """Context of the page. `opened` is the booking whose drawer is to be shown; without it the address says which."""
    reach = require(request.member, Permission.VIEW)
    lost = False
    wanted = opened
    if wanted is None and "open" in request.GET:
        wanted = _named(request, request.GET["open"])
        lost = wanted is None
    home = selectors.tab_of(wanted, now) if wanted else Tab.UPCOMING
    tab = _asked_tab(request) or home
    query = _query(request, tab, reach)
    workspace = request.member.workspace
    place = Place.parse(request.GET.get("after", ""))
    bookings, after = selectors.page_of(selectors.listed(workspace, query, now), tab, place)
    is_elsewhere = opened is None and wanted is not None and home is not tab
    if wanted is not None and not is_elsewhere and wanted not in bookings:
        bookings = [wanted, *bookings]
    latest = selectors.latest_of(workspace, bookings) if tab is Tab.RESCHEDULED else {}
    may = Permissions(request)
    rows = [may.row(booking, now, latest.get(booking.series_id)) for booking in bookings]
    counts = selectors.counts(workspace, query, now)
    sees_others = reach is None or set(reach) != {request.member.user_id}
    only_mine = _is_own(request)
    kept = _kept(request) | {"tab": tab.value}
    is_shown = wanted is not None and not is_elsewhere
    return {
        "now": now,
        "tab": tab,
        "tabs": [(each, counts[each], _list_url(request, tab=each.value, after="")) for each in counts],
        "count": counts[tab],
        "said": count_words(counts[tab], "booking"),
        "query": query,
        "only_mine": only_mine,
        "sees_others": sees_others,
        "others": "Everyone" if reach is None else "Team",
        "whose": _whose(request, sees_others and not only_mine),
        "marks": selectors.marks(workspace, query, now) if tab is Tab.PAST else None,
        "rows": rows,
        "days": [] if tab.is_over else days_of(rows, tab, now, is_first_page=place is None),
        "kept": kept,
        "list_query": urlencode(kept),
        "list_url": _list_url(request, tab=tab.value),
        "next_url": _list_url(request, tab=tab.value, after=str(after)) if after else None,
        "clear_url": f"{reverse('bookings:console')}?{urlencode({'tab': tab.value})}",
        "opened": wanted if is_shown else None,
        "drawer": drawer_of(request, wanted, now, **drawer_extra) if wanted and is_shown else None,
        "is_lost": lost,
        "elsewhere": (wanted, home, _list_url(request, tab=home.value, after="", open=str(wanted.pk)))
        if wanted and is_elsewhere
        else None,
    }


def _asked_tab(request: MemberRequest) -> Tab | None:
    asked = request.GET.get("tab")
    return Tab(asked) if asked in set(Tab) else None


def _is_own(request: MemberRequest) -> bool:
    return request.GET.get("scope") == "own"


def _query(request: MemberRequest, tab: Tab, reach: set[UUID] | None) -> Query:
    """What the address asks for, of what the member may see."""
    if _is_own(request):
        reach = {request.member.user_id}
    return Query(
        tab=tab,
        host_ids=frozenset(reach) if reach is not None else None,
        words=request.GET.get("q", "").replace("\x00", "")[:100],
        only_to_mark="todo" in request.GET,
    )


def _named(request: MemberRequest, text: str) -> Booking | None:
    """The booking an address names, if there is one that the member may see."""
    try:
        return access.booking_for(request.member, UUID(text))
    except (ValueError, Http404):
        return None


def _key(booking: Booking) -> tuple[datetime, UUID]:
    """What upcoming bookings are ordered by."""
    return booking.starts_at, booking.pk


def _whose(request: MemberRequest, others: bool) -> str:
    """Whose bookings the list shows: "Yours", "Sales EMEA and Americas", "Everyone in Larkhill"."""
    if not others:
        return "Yours"
    if request.member.scope_of(Permission.VIEW) is Scope.ALL:
        return f"Everyone in {request.member.workspace.name}"
    *most, last = selectors.group_names(request.member)
    return f"{', '.join(most)} and {last}" if most else last


def _drawer(
    request: MemberRequest, booking: Booking, now: datetime, status: int = 200, **extra: Any
) -> HttpResponse:
    kept = _kept(request)
    context = {
        "d": drawer_of(request, booking, now, **extra),
        "kept": kept,
        "list_query": urlencode(kept),
    }
    return render(request, DRAWER, context, status=status)


def _found(request: MemberRequest, context: dict[str, Any]) -> HttpResponse:
    """The list in place of the one that htmx acted from."""
    response = render(request, f"{PAGE}#found", context)
    response["HX-Replace-Url"] = context["list_url"]
    return reswap(retarget(response, "#list"), "outerHTML")


def _answer_with_drawer(
    request: MemberRequest, booking: Booking, now: datetime, status: int = 200, **extra: Any
) -> HttpResponse:
    if request.htmx:
        return _drawer(request, booking, now, status, **extra)
    context = _list(request, now, opened=booking, **extra)
    return render(request, PAGE, context, status=status)


def _gone(request: MemberRequest, target: str = "closest .drawer") -> HttpResponse:
    """The answer about a booking that is no longer there, or no longer the member's to see.

    It takes the place of the row's drawer or of the buttons that mark an attendee. Raises: Http404 without htmx.
    """
    if not request.htmx:
        raise Http404("No such booking.")
    what = "mark" if target.startswith("#mark") else "drawer"
    response = render(request, "bookings/_gone.html", {"what": what}, status=404)
    return reswap(retarget(response, target), "outerHTML")


def _kept(request: MemberRequest) -> dict[str, str]:
    """The part of the address that says which list it is."""
    return {
        name: request.GET[name] for name in ("tab", "scope", "q", "todo", "after") if request.GET.get(name)
    }


def _list_url(request: MemberRequest, **changed: str) -> str:
    parts = {name: value for name, value in (_kept(request) | changed).items() if value}
    if parts.get("tab") != Tab.PAST:
        parts.pop("todo", None)
    return reverse("bookings:console") + (f"?{urlencode(parts)}" if parts else "")


def _to_list(request: MemberRequest, booking: Booking) -> HttpResponse:
    address = f"{_list_url(request)}#b-{booking.pk}"
    if request.htmx:
        return HttpResponse(headers={"HX-Redirect": address})
    return redirect(address)
