"""The invitee's pages for when no offered time suits, and for moving what he picked. A GET changes nothing."""

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from bookings.domain.lifecycle import BookingClosed
from bookings.domain.locations import location_before
from bookings.domain.zones import zone_choice, zone_choices
from bookings.models import Attendee
from bookings.selectors import manage_token
from bookings.selectors.taken import seen_busy
from bookings.services import allowance
from bookings.services.booking import Booker
from bookings.views.manage import own_page
from bookings.views.picker import BookerRequest, Host, zone_for
from one_off import selectors, services
from one_off.forms import prefilled
from one_off.forms.proposing import ProposeForm, TimesForm
from one_off.free_times import free_starts
from one_off.models import MOST_PROPOSED, OneOff, Proposal
from one_off.services import proposals
from one_off.views.choice import choice_of, is_look, picked_in
from one_off.views.public import closed_page, offer_page
from one_off.views.shown import Shown, host_of, shown
from scheduling.services.busy_time import SlotTaken, TryAgain
from workestra.calendars.domain.clock_words import Clock
from workestra.calendars.domain.period import Period
from workestra.limits import services as limits
from workestra.limits.http import visitor, with_wait
from workestra.limits.services import LimitReached
from workestra.look.preferences import clock_of

HALF_AN_HOUR: Final = timedelta(minutes=30)


@require_http_methods(["GET", "HEAD", "POST"])
@offer_page
def propose(request: BookerRequest, one_off: OneOff) -> HttpResponse:
    """None of these works: up to three other times, and who proposes them."""
    now = timezone.now()
    if one_off.state_at(now) != OneOff.State.OPEN:
        return closed_page(request, one_off, now)
    if sent := _sent(request, one_off):
        return _page(request, one_off, now, None, sent=sent)
    zone, asked = _asked(request, host_of(one_off), one_off.timezone, now)
    asked |= {"location_type": one_off.location_type, "reader": asked["host"], "now": now}
    if request.method != "POST" or is_look(request.POST):
        limits.spend("times", visitor(request))
        first: dict[str, Any] = prefilled(request.GET) | {"nonce": uuid4()}
        if request.method == "POST":
            names = [*ProposeForm.base_fields, *_time_names()]
            first = {name: request.POST.get(name, "") for name in names}
        return _page(request, one_off, now, ProposeForm(initial=first, **asked))
    form = ProposeForm(request.POST, **asked)
    return _send(request, one_off, now, form, zone)


@require_http_methods(["GET", "HEAD", "POST"])
@own_page
def propose_move(request: BookerRequest, attendee: Attendee, token: str) -> HttpResponse:
    """The same of somebody who has picked a time and would like to move it."""
    now = timezone.now()
    one_off = selectors.one_off_of_booking(attendee.booking)
    if one_off is None:
        return render(request, "404.html", status=404)
    if not attendee.is_upcoming(now):
        return HttpResponseRedirect(reverse("bookings:manage", args=[selectors.PICK, token]), status=303)
    if sent := _sent(request, one_off):
        return _page(request, one_off, now, None, sent=sent, attendee=attendee, token=token)
    zone, asked = _asked(request, Host.of_booking(attendee.booking), attendee.timezone, now)
    if request.method != "POST" or is_look(request.POST):
        limits.spend("times", visitor(request))
        first: dict[str, Any] = {"nonce": uuid4()}
        if request.method == "POST":
            first = {name: request.POST.get(name, "") for name in ("nonce", "message", *_time_names())}
        return _page(request, one_off, now, TimesForm(initial=first, **asked), attendee=attendee, token=token)
    return _send(request, one_off, now, TimesForm(request.POST, **asked), zone, attendee, token)


@require_http_methods(["GET", "HEAD", "POST"])
@own_page
def move(request: BookerRequest, attendee: Attendee, token: str) -> HttpResponse:
    """The offered times that are left, to move to. Without any, times to propose."""
    now = timezone.now()
    one_off = selectors.one_off_of_booking(attendee.booking)
    if one_off is None:
        return render(request, "404.html", status=404)
    if not attendee.is_upcoming(now):
        return HttpResponseRedirect(reverse("bookings:manage", args=[selectors.PICK, token]), status=303)
    if request.method != "POST" or "zone" in request.POST:
        limits.spend("times", visitor(request))
        return _moving(request, one_off, attendee, token, now)
    try:
        limits.spend("bookings", visitor(request))
        slot_id = UUID(request.POST.get("slot", ""))
        zone = _zone(request, attendee.timezone)
        moved = proposals.move(
            one_off=one_off, attendee=attendee, slot_id=slot_id, timezone=zone.key, now=now
        )
    except (ValueError, services.NotOffered):
        return _moving(request, one_off, attendee, token, now, status=422, problem="Pick one of the times.")
    except SlotTaken:
        problem = "That time is not free any more. Your booking stands as it was."
        return _moving(request, one_off, attendee, token, now, status=409, problem=problem)
    except TryAgain:
        problem = "That did not go through. Your booking stands as it was. Try again."
        return _moving(request, one_off, attendee, token, now, status=503, problem=problem)
    except BookingClosed:
        return HttpResponseRedirect(reverse("bookings:manage", args=[selectors.PICK, token]), status=303)
    new_token = manage_token(moved)
    assert new_token is not None, "a token issued just now has the current key"
    return HttpResponseRedirect(reverse("bookings:confirmed", args=[selectors.PICK, new_token]), status=303)


def _send(
    request: BookerRequest,
    one_off: OneOff,
    now: datetime,
    form: TimesForm,
    zone: ZoneInfo,
    attendee: Attendee | None = None,
    token: str = "",
) -> HttpResponse:
    """Take the proposal and say so on a page of its own, or give the form back."""
    if not form.is_valid():
        return _page(request, one_off, now, form, attendee=attendee, token=token, status=422)
    length = _length(one_off, attendee)
    starts = form.cleaned_data["starts"]
    own = {one_off.pk, attendee.booking_id if attendee else None}
    host_id = attendee.booking.host_id if attendee else one_off.host_id
    busy = seen_busy(host_id, [Period.lasting(start, length) for start in starts], now)
    taken = [
        any(
            clash.owner_key not in own and clash.period.overlaps(Period.lasting(start, length))
            for clash in busy
        )
        for start in starts
    ]
    if any(taken):
        form.refuse(taken)
        return _page(request, one_off, now, form, attendee=attendee, token=token, status=409)
    if isinstance(form, ProposeForm):
        booker = form.booker(zone.key)
    else:
        assert attendee is not None, "only who has a booking need not say who he is"
        booker = Booker(attendee.name, attendee.email, zone.key, attendee.phone)
    try:
        limits.spend("bookings", visitor(request))
        with allowance.counted([booker.email]):
            proposal = proposals.propose(
                one_off=one_off,
                booker=booker,
                starts=starts,
                length=length,
                message=form.cleaned_data["message"],
                nonce=form.cleaned_data["nonce"],
                now=now,
                attendee=attendee,
            )
    except LimitReached as reached:
        form.add_error(None, reached.sentence)
        return with_wait(
            _page(request, one_off, now, form, attendee=attendee, token=token, status=429), reached
        )
    except services.OneOffClosed:
        return closed_page(
            request, OneOff.objects.select_related("host", "workspace").get(pk=one_off.pk), now
        )
    except BookingClosed:
        return HttpResponseRedirect(reverse("bookings:manage", args=[selectors.PICK, token]), status=303)
    return HttpResponseRedirect(f"{request.path}?sent={proposal.pk}", status=303)


def _asked(
    request: BookerRequest, host: Host, default: str, now: datetime
) -> tuple[ZoneInfo, dict[str, Any]]:
    zone = _zone(request, default)
    picked = picked_in(request.POST) if request.method == "POST" else []
    return zone, {"zone": zone, "at": now, "host": host.first, "picked": picked}


def _zone(request: BookerRequest, default: str) -> ZoneInfo:
    return zone_for(request, request.POST if request.method == "POST" else request.GET, default)


def _time_names() -> list[str]:
    return [f"{name}{number}" for number in (1, 2, 3) for name in ("day", "start")]


def _length(one_off: OneOff, attendee: Attendee | None) -> timedelta:
    """How long a proposed meeting is: as the booking, or as the first time that is offered."""
    if attendee is not None:
        return attendee.booking.period.duration
    slot = one_off.slots.filter(withdrawn_at=None).first()
    return slot.period.duration if slot else HALF_AN_HOUR


def _sent(request: BookerRequest, one_off: OneOff) -> Proposal | None:
    with suppress(ValueError):
        return one_off.proposals.filter(pk=UUID(request.GET.get("sent", ""))).first()
    return None


def _page(
    request: BookerRequest,
    one_off: OneOff,
    now: datetime,
    form: TimesForm | None,
    *,
    sent: Proposal | None = None,
    attendee: Attendee | None = None,
    token: str = "",
    status: int = 200,
) -> HttpResponse:
    attendee_zone = sent.timezone if sent else one_off.timezone
    zone = form.zone if form else ZoneInfo(attendee_zone)
    host = Host.of_booking(attendee.booking) if attendee else host_of(one_off)
    own = reverse("bookings:manage", args=[selectors.PICK, token]) if token else ""
    offered = selectors.times_of([one_off], now)[one_off.pk]
    length = timedelta(minutes=sent.minutes) if sent else _length(one_off, attendee)
    choice = None
    if form is not None:
        free = free_starts(
            host_id=attendee.booking.host_id if attendee else one_off.host_id,
            workspace_id=one_off.workspace_id,
            zone=host.zone,
            length=length,
            now=now,
        )
        choice = choice_of(free, request.POST, form.picked, zone=zone, host=host, length=length, now=now)
    context = _context(request, one_off, host, zone, now) | {
        "form": form,
        "sent": sent,
        "back": own or request.path.removesuffix("/propose"),
        "is_move": bool(token),
        "length": length,
        "choice": choice,
        "most": MOST_PROPOSED,
        "offered": [shown(time, zone, host, now) for time in offered if time.state.can_be_picked],
    }
    return render(request, "one_off/propose.html", context, status=status)


def _moving(
    request: BookerRequest,
    one_off: OneOff,
    attendee: Attendee,
    token: str,
    now: datetime,
    *,
    problem: str = "",
    status: int = 200,
) -> HttpResponse:
    zone, host = _zone(request, attendee.timezone), Host.of_booking(attendee.booking)
    chosen = request.POST.get("slot", "")
    times: list[Shown] = [
        shown(time, zone, host, now, chosen) for time in selectors.left_of(one_off, attendee.booking, now)
    ]
    context = _context(request, one_off, host, zone, now) | {
        "booking": attendee.booking,
        "times": times,
        "problem": problem,
        "back": reverse("bookings:manage", args=[selectors.PICK, token]),
        "propose_url": reverse("one_off:propose_move", args=[token]),
    }
    return render(request, "one_off/move.html", context, status=status)


def _context(
    request: BookerRequest, one_off: OneOff, host: Host, zone: ZoneInfo, now: datetime
) -> dict[str, Any]:
    clock = Clock(clock_of(request))
    keys = dict.fromkeys([zone.key, host.zone.key])
    return {
        "one_off": one_off,
        "org": one_off.workspace,
        "host": host,
        "zone": zone,
        "now": now,
        "path": request.path,
        "location": location_before(one_off.location_type, one_off.location_detail, host.first),
        "suggested_zones": [zone_choice(key, now, clock) for key in keys],
        "zones": zone_choices(now.replace(second=0, microsecond=0), clock),
    }
