"""The booker's page of other times that his host offers, below his manage page. A GET changes nothing."""

from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods
from django.views.decorators.vary import vary_on_headers

from bookings import selectors
from bookings.domain.lifecycle import BookingClosed
from bookings.forms.public import AnswerForm
from bookings.models import Alternatives, Attendee
from bookings.services import alternatives as service
from bookings.views.manage import own_page
from bookings.views.offered import OfferedTime, OfferedTimes, is_next_year
from bookings.views.picker import BookerRequest, Host, Meeting, zone_for
from scheduling.services.busy_time import SlotTaken, TryAgain
from workestra.calendars.domain.clock_words import Clock
from workestra.limits import services as limits
from workestra.limits.http import visitor, with_wait
from workestra.limits.services import LimitReached
from workestra.look.preferences import clock_of


@require_http_methods(["GET", "HEAD", "POST"])
@vary_on_headers("HX-Request")
@own_page
def alternatives(request: BookerRequest, attendee: Attendee, token: str) -> HttpResponse:
    """Pick one of the offered times, keep the one there is, or say that none suits. `slot` and `tz` may be in the
    address."""
    now = timezone.now()
    offered = selectors.last_offer(attendee.booking)
    if offered is None or not attendee.is_upcoming(now):
        return redirect(_address("manage", attendee, token))
    typed = request.POST if request.method == "POST" else request.GET
    zone = zone_for(request, typed, attendee.timezone) if typed.get("tz") else ZoneInfo(attendee.timezone)
    page = _page(request, offered, zone, now, typed.get("slot", ""))
    if offered.state_at(now) != Alternatives.State.OPEN or page.is_over:
        return _closed(request, attendee, token, page, offered.state_at(now))
    if request.method != "POST":
        limits.spend("times", visitor(request))
        context = _context(request, attendee, token, page, offered)
        if request.htmx and not request.htmx.history_restore_request:
            name = "chosen" if request.htmx.target == "bar" else "zone"
            context["target"] = request.htmx.target or "id_slot"
            return render(request, f"bookings/alternatives.html#{name}-fragments", context)
        return _ask(request, context, AnswerForm())
    context = _context(request, attendee, token, page, offered)
    if "zone" in request.POST:
        kept = {"note": request.POST.get("note", ""), "slot": request.POST.get("slot", "")}
        return _ask(request, context, AnswerForm(initial=kept))
    return _answer(request, attendee, token, page, context)


def _answer(
    request: BookerRequest, attendee: Attendee, token: str, page: OfferedTimes, context: dict[str, Any]
) -> HttpResponse:
    form = AnswerForm(request.POST)
    if not form.is_valid():
        return _ask(request, context, form, status=422)
    answer = form.cleaned_data["slot"]
    try:
        limits.spend("bookings", visitor(request))
        if not isinstance(answer, UUID):
            service.decline(
                attendee=attendee,
                answer=form.cleaned_data["note"] if answer == "none" else "",
                is_content=answer == "keep",
                now=page.now,
            )
            return HttpResponseRedirect(_address("alternatives", attendee, token), status=303)
        moved = service.pick(attendee=attendee, time_id=answer, timezone=page.zone.key, now=page.now)
    except LimitReached as reached:
        return with_wait(_ask(request, context | {"wait": reached}, form, status=429), reached)
    except service.NotOffered:
        form.add_error("slot", "Pick one of the times")
        return _ask(request, context, form, status=422)
    except SlotTaken:
        form.add_error("slot", "That time has passed. Pick another one, or keep the one you have")
        return _ask(request, context, form, status=409)
    except service.NotOpen as closed:
        return _closed(request, attendee, token, page, closed.state)
    except BookingClosed:
        return HttpResponseRedirect(_address("manage", attendee, token), status=303)
    except TryAgain:
        response = _ask(request, context | {"busy": True}, form, status=503)
        response["Retry-After"] = "2"
        return response
    new_token = selectors.manage_token(moved)
    assert new_token is not None, "a token issued just now has the current key"
    return HttpResponseRedirect(_address("confirmed", moved, new_token), status=303)


def _page(
    request: BookerRequest, offered: Alternatives, zone: ZoneInfo, now: datetime, chosen: str
) -> OfferedTimes:
    host = Host.of_booking(offered.booking)
    times = [
        OfferedTime(
            time.starts_at,
            time.ends_at,
            zone,
            host,
            is_chosen=str(time.pk) == chosen,
            slot_id=time.pk,
            is_next_year=is_next_year(time.starts_at, zone, now),
        )
        for time in offered.times.all()
        if time.starts_at > now
    ]
    return OfferedTimes(host, zone, now, times, Clock(clock_of(request)))


def _context(
    request: BookerRequest, attendee: Attendee, token: str, page: OfferedTimes, offered: Alternatives
) -> dict[str, Any]:
    booking = attendee.booking
    typed = request.POST if request.method == "POST" else request.GET
    current = OfferedTime(
        booking.starts_at,
        booking.ends_at,
        page.zone,
        page.host,
        slot_id=booking.pk,
        is_next_year=is_next_year(booking.starts_at, page.zone, page.now),
    )
    return {
        "page": page,
        "offered": offered,
        "booking": booking,
        "attendee": attendee,
        "token": token,
        "org": booking.workspace,
        "host": page.host,
        "zone": page.zone,
        "chosen": page.chosen,
        "answer": typed.get("slot", ""),
        "current": current,
        "meeting": Meeting(booking.starts_at, booking.ends_at, page.zone, page.host),
        "path": _address("alternatives", attendee, token),
        "target": "",
    }


def _ask(
    request: BookerRequest, context: dict[str, Any], form: AnswerForm, *, status: int = 200
) -> HttpResponse:
    context = context | {"form": form, "status": status}
    return render(request, "bookings/alternatives.html", context, status=status)


def _closed(
    request: BookerRequest, attendee: Attendee, token: str, page: OfferedTimes, state: Alternatives.State
) -> HttpResponse:
    """What became of the offer, and that the meeting stands. After an answer that is no failure."""
    is_answered = state in {Alternatives.State.KEPT, Alternatives.State.DECLINED}
    context = {
        "booking": attendee.booking,
        "org": attendee.booking.workspace,
        "host": page.host,
        "meeting": Meeting(attendee.booking.starts_at, attendee.booking.ends_at, page.zone, page.host),
        "state": state.value,
        "manage_url": _address("manage", attendee, token),
    }
    status = 200 if is_answered and request.method != "POST" else 410
    return render(request, "bookings/alternatives_over.html", context, status=status)


def _address(name: str, attendee: Attendee, token: str) -> str:
    return reverse(f"bookings:{name}", args=[attendee.booking.page_slug, token])
