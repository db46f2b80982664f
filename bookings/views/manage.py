"""The booker's own page `/b/<slug>/manage/<token>`: see, move or cancel a booking. A GET changes nothing."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe
from django.views.decorators.vary import vary_on_headers

from bookings import moving, selectors
from bookings.domain.add_to_calendar import CalendarLinks, calendar_links
from bookings.forms.public import CancelForm, MoveForm
from bookings.invites import invite_to_keep, location_of
from bookings.models import Attendee, Booking
from bookings.services import booking as service
from bookings.services import reconfirmation
from bookings.services.sessions import hosts_to_move_to
from bookings.views.picker import (
    BadAddress,
    BookerRequest,
    Host,
    Meeting,
    Picker,
    picker_for,
    start_of,
    without_start,
    zone_for,
    zone_list,
)
from scheduling import live
from scheduling.services.busy_time import SlotTaken, TryAgain
from workestra.calendars.domain.invites import to_ics
from workestra.limits import services as limits
from workestra.limits.http import too_often, visitor, with_wait
from workestra.limits.services import LimitReached

CELLS: Final = 24


@dataclass(frozen=True, slots=True)
class Until:
    """Until when the booker may do something himself: up to `at`, `hours` before the start (0: up to the start)."""

    at: datetime
    hours: int
    is_over: bool


@dataclass(frozen=True, slots=True)
class CutOff:
    """Both cut-offs of a booking. `cells` draw the time from booking to start: "was", "on" (can act) or ""."""

    move: Until
    cancel: Until
    cells: list[str]

    @property
    def is_one(self) -> bool:
        return self.move.at == self.cancel.at

    @property
    def is_over(self) -> bool:
        return self.move.is_over and self.cancel.is_over


def own_page(
    view: Callable[[BookerRequest, Attendee, str], HttpResponse],
) -> Callable[[BookerRequest, str, str], HttpResponse]:
    """A page behind a manage token: the view gets the attendee, with his booking, and the token.

    An unknown token is a plain 404, and who has tried many opens none any more (429); one that was replaced says so
    (410) and nothing about the booking. Nothing of it may be kept in caches or found by search engines.
    """

    @login_not_required
    @wraps(view)
    def page(request: BookerRequest, slug: str, token: str) -> HttpResponse:
        try:
            limits.ensure_left("wrong_links", visitor(request))
        except LimitReached as reached:
            return _private(too_often(request, reached))
        attendee = selectors.attendee_by_token(slug, token)
        if attendee is not None and attendee.status != Booking.Status.RESCHEDULED:
            try:
                response = view(request, attendee, token)
            except BadAddress as error:
                context = {"reason": str(error), "path": _address("manage", attendee, token)}
                response = render(request, "bookings/bad_address.html", context, status=400)
            except LimitReached as reached:
                response = too_often(request, reached)
        elif attendee is not None or selectors.is_retired(slug, token):
            response = render(request, "bookings/replaced.html", status=410)
        else:
            with suppress(LimitReached):
                limits.spend("wrong_links", visitor(request))
            response = render(request, "404.html", status=404)
        return _private(response)

    return page


def _private(response: HttpResponse) -> HttpResponse:
    response["Cache-Control"] = "no-store, private"
    response["X-Robots-Tag"] = "noindex, nofollow"
    return response


@require_safe
@vary_on_headers("HX-Request")
@own_page
def manage(request: BookerRequest, attendee: Attendee, token: str) -> HttpResponse:
    """The booking, and what can be done with it. `open` says which form is open; `date` and the rest pick a time."""
    now = timezone.now()
    if request.htmx and not request.htmx.history_restore_request and _can_move(attendee, now):
        return _fragments(request, attendee, token, now)
    return _page(request, attendee, token, now, opened=request.GET.get("open", ""))


@require_http_methods(["GET", "HEAD", "POST"])
@own_page
def reschedule(request: BookerRequest, attendee: Attendee, token: str) -> HttpResponse:
    """Move the booking to another offered time."""
    if request.method != "POST":
        return redirect(f"{_address('manage', attendee, token)}?open=reschedule")
    now = timezone.now()
    form = MoveForm(request.POST, host=attendee.booking.host_first_names)
    if not request.POST.get("start"):
        return _page(request, attendee, token, now, opened="reschedule", problem="none", status=422)
    start = start_of(request.POST["start"])
    zone = zone_for(request, request.POST, attendee.timezone)
    if start == attendee.booking.starts_at:
        return _page(request, attendee, token, now, opened="reschedule", problem="same", status=422)
    if not form.is_valid():
        return _page(request, attendee, token, now, opened="reschedule", status=422)
    message = form.cleaned_data["message"]
    try:
        limits.spend("bookings", visitor(request))
        _look_again(attendee.booking, start, now)
        moved = service.reschedule(
            attendee=attendee, start=start, timezone=zone.key, message=message, now=now
        )
    except SlotTaken:
        return _page(request, attendee, token, now, opened="reschedule", problem="taken", status=409)
    except TryAgain:
        return _page(request, attendee, token, now, opened="reschedule", problem="busy", status=503)
    except LimitReached as reached:
        return with_wait(_page(request, attendee, token, now, opened="reschedule", wait=reached), reached)
    except service.TooLate:
        return _page(request, attendee, token, now, status=403)
    except service.BookingClosed:
        return _closed_meanwhile(request, attendee, token, now)
    new_token = selectors.manage_token(moved)
    assert new_token is not None, "a token issued just now has the current key"
    return HttpResponseRedirect(_address("confirmed", moved, new_token), status=303)


@require_http_methods(["GET", "HEAD", "POST"])
@own_page
def cancel(request: BookerRequest, attendee: Attendee, token: str) -> HttpResponse:
    """Cancel the booking, with a reason if there is one."""
    if request.method != "POST":
        return redirect(f"{_address('manage', attendee, token)}?open=cancel")
    now = timezone.now()
    form = CancelForm(request.POST)
    if not form.is_valid():
        return _page(request, attendee, token, now, opened="cancel", cancel_form=form, status=422)
    try:
        service.cancel_by_booker(attendee=attendee, reason=form.cleaned_data["reason"], now=now)
    except TryAgain:
        return _page(
            request, attendee, token, now, opened="cancel", cancel_form=form, problem="busy", status=503
        )
    except service.TooLate:
        return _page(request, attendee, token, now, status=403)
    except service.BookingClosed:
        return _closed_meanwhile(request, attendee, token, now)
    return HttpResponseRedirect(_address("manage", attendee, token), status=303)


@require_http_methods(["GET", "HEAD", "POST"])
@own_page
def reconfirm(request: BookerRequest, attendee: Attendee, token: str) -> HttpResponse:
    """Is he still coming? He says yes here, or goes on to move or cancel. What is over leads to his own page."""
    now = timezone.now()
    if request.method == "POST":
        try:
            reconfirmation.say_yes(attendee=attendee, now=now)
        except service.BookingClosed:
            return _closed_meanwhile(request, attendee, token, now)
        return HttpResponseRedirect(_address("reconfirm", attendee, token), status=303)
    if not attendee.is_upcoming(now):
        return redirect(_address("manage", attendee, token))
    return render(request, "bookings/reconfirm.html", _context(request, attendee, token, now))


@require_safe
@own_page
def confirmed(request: BookerRequest, attendee: Attendee, token: str) -> HttpResponse:
    """What was booked, right after booking or moving it."""
    now = timezone.now()
    if not attendee.is_upcoming(now):
        return redirect(_address("manage", attendee, token))
    context = _context(request, attendee, token, now)
    context |= {"reminder": selectors.reminder_due(attendee), "has_moved": attendee.ics_sequence > 0}
    return render(request, "bookings/confirmed.html", context)


@require_safe
@own_page
def invite(request: BookerRequest, attendee: Attendee, token: str) -> HttpResponse:
    """The meeting as a file for any calendar (RFC 5545, METHOD:PUBLISH)."""
    if attendee.status != Booking.Status.CONFIRMED:
        return render(request, "404.html", status=404)
    now = timezone.now()
    manage_url = f"{settings.SITE_URL}{_address('manage', attendee, token)}"
    body = to_ics(invite_to_keep(attendee, manage_url=manage_url, now=now))
    response = HttpResponse(body, content_type="text/calendar; charset=utf-8; method=PUBLISH")
    response["Content-Disposition"] = 'attachment; filename="invite.ics"'
    return response


def _look_again(booking: Booking, start: datetime, now: datetime) -> None:
    """Ask the calendars of those whom it may move with whether they are still free; before any lock."""
    if booking.link is not None:
        hosts = hosts_to_move_to(booking, booking.link)
        live.look_again(booking.link, start, now, hosts=hosts, without=selectors.freed_by_moving(booking))


def _page(
    request: BookerRequest,
    attendee: Attendee,
    token: str,
    now: datetime,
    *,
    opened: str = "",
    problem: str = "",
    cancel_form: CancelForm | None = None,
    wait: LimitReached | None = None,
    status: int = 200,
) -> HttpResponse:
    """The page for the state the booking is in. `problem` is what the form named by `opened` has to say."""
    context = _context(request, attendee, token, now)
    booking = attendee.booking
    cutoff: CutOff = context["cutoff"]
    if attendee.status == Booking.Status.CANCELLED:
        return render(request, "bookings/manage_state.html", context | {"state": "cancelled"}, status=status)
    if booking.is_past(now):
        state = "over" if booking.ends_at <= now else "started"
        return render(request, "bookings/manage_state.html", context | {"state": state}, status=status)
    if cutoff.is_over:
        return render(request, "bookings/manage_state.html", context | {"state": "too_late"}, status=status)
    picker = _picker(request, attendee, token, now) if _can_move(attendee, now) else None
    host = booking.host_first_names
    context |= {
        "elsewhere": moving.url_of(booking.page_slug, token) if booking.link is None else "",
        "picker": without_start(picker) if picker and problem == "taken" else picker,
        "chosen": picker.chosen if picker and problem != "taken" else None,
        "opened": opened,
        "problem": problem,
        "wait": wait,
        "is_offered": selectors.has_open_offer(booking, now),
        "lost": request.POST.get("start")
        and _meeting(booking, start_of(request.POST["start"]), context["zone"]),
        "move_form": MoveForm(request.POST if opened == "reschedule" and request.POST else None, host=host),
        "cancel_form": cancel_form or CancelForm(),
    }
    return render(request, "bookings/manage.html", context, status=status)


def _fragments(request: BookerRequest, attendee: Attendee, token: str, now: datetime) -> HttpResponse:
    context = _context(request, attendee, token, now)
    if request.htmx.target == "bar":
        chosen = _meeting(attendee.booking, start_of(request.GET.get("start", "")), context["zone"])
        return render(request, "bookings/manage.html#bar", context | {"chosen": chosen})
    limits.spend("times", visitor(request))
    picker = _picker(request, attendee, token, now)
    if zones := zone_list(request, picker):
        return zones
    told = {"target": request.htmx.target, "trigger": request.htmx.trigger_name}
    context |= told | {"picker": picker, "chosen": picker.chosen}
    return render(request, "bookings/manage.html#fragments", context)


def _closed_meanwhile(request: BookerRequest, attendee: Attendee, token: str, now: datetime) -> HttpResponse:
    """Somebody else ended the booking while this page was open: show how it stands now."""
    attendee.refresh_from_db()
    if attendee.status == Booking.Status.RESCHEDULED:
        return render(request, "bookings/replaced.html", status=410)
    return _page(request, attendee, token, now, status=409)


def _context(request: BookerRequest, attendee: Attendee, token: str, now: datetime) -> dict[str, Any]:
    booking = attendee.booking
    query = request.POST if request.method == "POST" else request.GET
    asked = query.get("tz")
    zone = zone_for(request, query, attendee.timezone) if asked else ZoneInfo(attendee.timezone)
    host = Host.of_booking(booking)
    return {
        "booking": booking,
        "attendee": attendee,
        "token": token,
        "org": booking.workspace,
        "host": host,
        "zone": zone,
        "now": now,
        "meeting": Meeting(booking.starts_at, booking.ends_at, zone, host),
        "location": location_of(attendee),
        "calendars": _calendars(attendee),
        "cutoff": _cutoff(attendee, now),
    }


def _picker(request: BookerRequest, attendee: Attendee, token: str, now: datetime) -> Picker:
    booking = attendee.booking
    assert booking.link is not None, "only a booking of a page can be moved on it"
    # Back on the page after a refused POST, the form's own fields say which day was shown.
    query = request.POST if request.method == "POST" else request.GET
    zone = zone_for(request, query, attendee.timezone) if query.get("tz") else ZoneInfo(attendee.timezone)
    carried = [("open", "reschedule")]
    if query.get("tz"):
        carried.append(("tz", zone.key))
    return picker_for(
        request,
        link=booking.link,
        host=Host.of_booking(booking),
        zone=zone,
        carried=carried,
        now=now,
        path=_address("manage", attendee, token),
        query=query,
        moving=booking,
    )


def _meeting(booking: Booking, start: datetime, zone: ZoneInfo) -> Meeting:
    """The booking at another start, as long as its page's meetings are now."""
    minutes = booking.link.duration_minutes if booking.link else booking.duration_minutes
    return Meeting(start, start + timedelta(minutes=minutes), zone, Host.of_booking(booking))


def _calendars(attendee: Attendee) -> CalendarLinks:
    booking = attendee.booking
    location = location_of(attendee)
    return calendar_links(
        title=f"{booking.title} with {booking.host_names}",
        period=booking.period,
        location=location.url or location.text,
        details="To move or cancel it, use the link in your confirmation email.",
    )


def _can_move(attendee: Attendee, now: datetime) -> bool:
    has_page = attendee.booking.link is not None
    return has_page and attendee.is_upcoming(now) and not _cutoff(attendee, now).move.is_over


def _cutoff(attendee: Attendee, now: datetime) -> CutOff:
    booking = attendee.booking
    link = booking.link
    move = _until(booking, link.reschedule_cutoff_hours if link else 0, now)
    cancel = _until(booking, link.cancel_cutoff_hours if link else 0, now)
    since = min(attendee.created_at, now)
    cell = (booking.starts_at - since) / CELLS
    ends = [since + cell * (number + 1) for number in range(CELLS)]
    last = max(move.at, cancel.at)
    cells = ["was" if end <= now else "on" if end <= last else "" for end in ends]
    return CutOff(move, cancel, cells)


def _until(booking: Booking, hours: int, now: datetime) -> Until:
    at = booking.starts_at - timedelta(hours=hours)
    return Until(at, hours, is_over=bool(hours) and now > at)


def _address(name: str, attendee: Attendee, token: str) -> str:
    return reverse(f"bookings:{name}", args=[attendee.booking.page_slug, token])
