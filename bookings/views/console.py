"""The bookings console: the list with its tabs, the drawer of a row, cancelling, attendance and manage links."""

from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBadRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_GET, require_POST
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import trigger_client_event

from bookings import access
from bookings.domain.console import Tab
from bookings.forms.console import AttendanceForm
from bookings.models import Booking
from bookings.selectors import console as selectors
from bookings.services import attendance as attendance_service
from bookings.services import booking as booking_service
from bookings.views.closed import why_closed
from bookings.views.export import CSV_HEAD, cells_of
from bookings.views.filters import asked_tab, kept_of, list_url, query_of
from bookings.views.listing import (
    DRAWER,
    PAGE,
    answer_with_drawer,
    drawer_response,
    found,
    gone,
    list_context,
    on_booking,
    place_of,
    to_list,
)
from bookings.views.rows import Permissions
from bookings.views.tools import FORMS, cancel_form
from scheduling.services.busy_time import TryAgain
from workestra.accounts.access import require
from workestra.accounts.domain.permissions import Permission
from workestra.accounts.http import MemberRequest
from workestra.limits import services as limits
from workestra.limits.http import too_often
from workestra.limits.services import LimitReached
from workestra.look.csv_file import csv_response

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
    context = list_context(request, now, form=_opened_form(request))
    target = request.htmx.target if request.htmx and not request.htmx.history_restore_request else None
    if target not in {"list", "bookings"}:
        return render(request, PAGE, context)
    response = render(request, f"{PAGE}#{'found' if target == 'list' else 'switched'}", context)
    if target == "list":
        response["HX-Replace-Url"] = context["list_url"]
    return response


@require_GET
def export(request: MemberRequest) -> HttpResponseBase:
    """Every booking that the list has with these filters, on all of its pages, as a CSV file."""
    now = timezone.now()
    query = query_of(request, asked_tab(request) or Tab.UPCOMING, require(request.member, Permission.VIEW))
    try:
        limits.spend("exports", str(request.member.pk))
    except LimitReached as reached:
        return too_often(request, reached)
    query = selectors.narrowed(request.member.workspace, query)
    bookings = selectors.listed(request.member.workspace, query, now).iterator(chunk_size=500)
    return csv_response(f"bookings-{query.tab}-{now:%Y-%m-%d}.csv", CSV_HEAD, map(cells_of, bookings))


@require_GET
@vary_on_headers("HX-Request")
def drawer(request: MemberRequest, booking_id: UUID) -> HttpResponse:
    """A row's drawer, fetched when it is opened for the first time; without htmx the page with the row open."""
    try:
        booking = access.booking_for(request.member, booking_id)
    except Http404:
        return gone(request)
    if not request.htmx:
        return redirect(list_url(request, open=str(booking_id)))
    return drawer_response(request, booking, timezone.now())


@on_booking(Permission.DELETE)
def cancel(request: MemberRequest, booking: Booking, now: datetime) -> HttpResponse:
    """Cancel, with a reason for the booker. The row leaves the list; the focus goes to the next one."""
    form = cancel_form(booking, request.POST)
    if not form.is_valid():
        return answer_with_drawer(request, booking, now, status=422, cancel_form=form, form="cancel")
    try:
        booking_service.cancel_by_host(
            booking=booking, reason=form.cleaned_data["reason"], actor=request.member.user, now=now
        )
    except booking_service.BookingClosed:
        fresh = access.booking_for(request.member, booking.pk)
        return answer_with_drawer(request, fresh, now, status=409, problem=why_closed(fresh, now))
    except TryAgain:
        form.add_error(None, "That did not save. Your text is still here. Try again.")
        return answer_with_drawer(request, booking, now, status=503, cancel_form=form, form="cancel")
    told = booking.company
    who = f"{told[0].name} is" if len(told) == 1 else f"All {len(told)} attendees are"
    said = f"Cancelled. {who} being told by mail."
    messages.success(request, said)
    if not request.htmx:
        return redirect(list_url(request))
    context = list_context(request, now)
    behind = (row.booking.pk for row in context["rows"] if place_of(row.booking) > place_of(booking))
    return found(request, context | {"said": said, "has_focus": True, "focus": next(behind, None)})


@require_POST
def cancel_attendee(request: MemberRequest, attendee_id: UUID) -> HttpResponse:
    """Cancel one attendee of a group session. The drawer stays open as long as others come to it."""
    now = timezone.now()
    try:
        attendee = access.attendee_for(request.member, attendee_id, Permission.DELETE)
    except Http404:
        return gone(request)
    booking = attendee.booking
    form = cancel_form(attendee, request.POST)
    if not form.is_valid():
        return answer_with_drawer(request, booking, now, status=422, seat_form=form)
    try:
        booking_service.cancel_attendee(
            attendee=attendee, reason=form.cleaned_data["reason"], actor=request.member.user, now=now
        )
    except booking_service.BookingClosed:
        fresh = access.booking_for(request.member, booking.pk)
        return answer_with_drawer(request, fresh, now, status=409, problem=why_closed(fresh, now))
    except TryAgain:
        form.add_error(None, "That did not save. Your text is still here. Try again.")
        return answer_with_drawer(request, booking, now, status=503, seat_form=form)
    said = f"Cancelled. {attendee.name} is being told by mail."
    messages.success(request, said)
    fresh = access.booking_for(request.member, booking.pk)
    stands = fresh.is_upcoming(now)
    if not request.htmx:
        return redirect(list_url(request, open=str(booking.pk) if stands else ""))
    return found(request, list_context(request, now, opened=fresh if stands else None) | {"said": said})


@require_POST
def attendance(request: MemberRequest, attendee_id: UUID) -> HttpResponse:
    """Mark who came, or unmark it; htmx gets the row's buttons and a toast with the way back."""
    now = timezone.now()
    try:
        attendee = access.attendee_for(request.member, attendee_id, Permission.EDIT)
    except Http404:
        return gone(request, f"#mark-{attendee_id}")
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
        return to_list(request, attendee.booking)
    said = MARKED[Booking.Attendance(marked.no_show_status)].format(marked.name)
    if not request.htmx:
        messages.success(request, said)
        return to_list(request, attendee.booking)
    query = query_of(request, Tab.PAST, require(request.member, Permission.VIEW))
    context = {
        "row": Permissions(request).row(marked.booking, now),
        "attendee": marked,
        "before": before,
        "said": said,
        "marks": selectors.marks(request.member.workspace, query, now),
        "query": query,
        "list_query": urlencode(kept_of(request)),
    }
    return render(request, f"{PAGE}#marked", context)


@require_POST
def manage_link(request: MemberRequest, attendee_id: UUID) -> HttpResponse:
    """Make a new manage link and show it, once: only its hash is kept. The page's script copies it."""
    now = timezone.now()
    try:
        attendee = access.attendee_for(request.member, attendee_id, Permission.EDIT)
    except Http404:
        return gone(request)
    try:
        token = booking_service.renew_manage_token(attendee=attendee, actor=request.member.user, now=now)
    except booking_service.BookingClosed:
        if request.htmx:
            context = {"d": {"link_closed": True}, "attendee": attendee}
            return render(request, f"{DRAWER}#new_link", context, status=409)
        messages.error(request, "Only an upcoming booking has a manage link.")
        return to_list(request, attendee.booking)
    address = settings.SITE_URL + reverse("bookings:manage", args=[attendee.booking.page_slug, token])
    if request.htmx:
        context = {"d": {"new_manage_link": address}, "attendee": attendee}
        response = render(request, f"{DRAWER}#new_link", context)
        trigger_client_event(response, "manage-link", {"address": address})
    else:
        response = answer_with_drawer(
            request, attendee.booking, now, new_manage_link=address, attendee=attendee
        )
    response["Cache-Control"] = "no-store"
    return response


def _opened_form(request: MemberRequest) -> str:
    """The form of the open row that the page is to begin with; "" for none."""
    asked = request.GET.get("form", "")
    return asked if asked in FORMS else ""
