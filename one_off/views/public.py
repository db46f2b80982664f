"""The invitee's page `/one-off/<token>`: pick one of the offered times. A GET changes nothing."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import Any, Final
from uuid import uuid4
from zoneinfo import ZoneInfo

from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods
from django.views.decorators.vary import vary_on_headers

from bookings.domain.locations import location_before
from bookings.models import Attendee
from bookings.selectors import manage_token
from bookings.selectors.texts import texts_of
from bookings.services import allowance
from bookings.views.offered import OfferedTime, OfferedTimes
from bookings.views.picker import BadAddress, BookerRequest, zone_for
from one_off import selectors, services
from one_off.domain.offers import SlotState
from one_off.forms import PickForm, prefilled
from one_off.models import OneOff
from one_off.views.shown import host_of, shown
from scheduling.services.busy_time import SlotTaken, TryAgain
from workestra.calendars.domain.clock_words import Clock
from workestra.limits import services as limits
from workestra.limits.http import too_often, visitor, with_wait
from workestra.limits.services import LimitReached
from workestra.look.preferences import clock_of

_UNSEEN: Final = {SlotState.PASSED, SlotState.WITHDRAWN}


@dataclass(frozen=True, slots=True)
class Page(OfferedTimes):
    """What the page prints, whatever is wrong with the form."""

    one_off: OneOff

    @property
    def chosen(self) -> OfferedTime | None:
        """The ticked time, unless it has gone; where there is only one to pick, that one."""
        free = [time for time in self.times if time.can_be_picked]
        return next((time for time in free if time.is_chosen), free[0] if len(free) == 1 else None)


def offer_page(
    view: Callable[[BookerRequest, OneOff], HttpResponse],
) -> Callable[[BookerRequest, str], HttpResponse]:
    """A page behind a one-off's token: the view gets the one-off. An unknown token is a plain 404, and who has
    tried many opens none any more (429).

    Nothing of it may be kept in caches or found by search engines. A setting keeps its address from other sites.
    """

    @login_not_required
    @wraps(view)
    def page(request: BookerRequest, token: str) -> HttpResponse:
        try:
            limits.ensure_left("wrong_links", visitor(request))
        except LimitReached as reached:
            return _private(too_often(request, reached))
        one_off = selectors.one_off_by_token(token)
        if one_off is None:
            with suppress(LimitReached):
                limits.spend("wrong_links", visitor(request))
            response = render(request, "404.html", status=404)
        else:
            try:
                response = view(request, one_off)
            except BadAddress as error:
                context = {"reason": str(error), "path": request.path}
                response = render(request, "bookings/bad_address.html", context, status=400)
            except LimitReached as reached:
                response = too_often(request, reached)
        return _private(response)

    return page


def _private(response: HttpResponse) -> HttpResponse:
    response["Cache-Control"] = "no-store, private"
    response["X-Robots-Tag"] = "noindex, nofollow"
    return response


@require_http_methods(["GET", "HEAD", "POST"])
@vary_on_headers("HX-Request")
@offer_page
def pick(request: BookerRequest, one_off: OneOff) -> HttpResponse:
    """The times to pick from, and the picking. `name`, `email`, `slot` and `tz` may be in the address."""
    now = timezone.now()
    if request.method != "POST":
        limits.spend("times", visitor(request))
    typed = request.POST if request.method == "POST" else request.GET
    page = _page(request, one_off, zone_for(request, typed, one_off.timezone), now, typed.get("slot", ""))
    if request.method == "POST" and "zone" not in request.POST:
        return _pick(request, page)
    if one_off.state_at(now) != OneOff.State.OPEN or page.is_over:
        return _closed(request, page)
    if request.method == "POST":
        return _in_another_zone(request, page)
    if request.htmx and not request.htmx.history_restore_request:
        return _fragments(request, page)
    form = PickForm(initial=prefilled(request.GET) | {"nonce": uuid4()}, **_asked(page))
    return _offer(request, page, form)


def _pick(request: BookerRequest, page: Page) -> HttpResponse:
    form = PickForm(request.POST, **_asked(page))
    if page.one_off.state_at(page.now) != OneOff.State.OPEN and not form.is_valid():
        return _closed(request, page)
    try:
        limits.spend("bookings", visitor(request))
        if not form.is_valid():
            return _offer(request, page, form, status=422)
        attendee = _pick_once(page, form)
    except services.OneOffClosed as closed:
        return _closed(request, page, closed.state)
    except services.NotOffered:
        form.add_error("slot", "Pick one of the times")
        return _offer(request, page, form, status=422)
    except SlotTaken as lost:
        return _lost(request, page, form, lost)
    except LimitReached as reached:
        if reached.limit == "bookings":
            return with_wait(_offer(request, page, form, wait=reached, status=429), reached)
        form.add_error("email", reached.sentence)
        return with_wait(_offer(request, page, form, status=429), reached)
    except TryAgain:
        response = _offer(request, page, form, status=503, busy=True)
        response["Retry-After"] = "2"
        return response
    token = manage_token(attendee)
    if token is None:
        # A form of long ago, sent once more after the installation's key was replaced.
        return _closed(request, page)
    return HttpResponseRedirect(
        reverse("bookings:confirmed", args=[attendee.booking.page_slug, token]), status=303
    )


def _pick_once(page: Page, form: PickForm) -> Attendee:
    """Raises what picking raises, and LimitReached."""
    booker, nonce = form.booker(page.zone.key), form.cleaned_data["nonce"]
    made = services.picked_before(one_off=page.one_off, booker=booker, nonce=nonce)
    if made is not None:
        return made
    with allowance.counted([booker.email]):
        return services.pick(
            one_off=page.one_off,
            slot_id=form.cleaned_data["slot"],
            booker=booker,
            nonce=nonce,
            now=page.now,
        )


def _page(request: BookerRequest, one_off: OneOff, zone: ZoneInfo, now: datetime, chosen: str) -> Page:
    host = host_of(one_off)
    offered = selectors.times_of([one_off], now)[one_off.pk]
    times = [shown(time, zone, host, now, chosen) for time in offered if time.state not in _UNSEEN]
    return Page(host, zone, now, times, Clock(clock_of(request)), one_off)


def _read_again(request: BookerRequest, page: Page) -> Page:
    """The page after somebody else was faster."""
    one_off = OneOff.objects.select_related("host", "workspace", "booking").get(pk=page.one_off.pk)
    return _page(request, one_off, page.zone, timezone.now(), request.POST.get("slot", ""))


def _in_another_zone(request: BookerRequest, page: Page) -> HttpResponse:
    """The same page in the zone that was chosen, with everything typed in it and no judgment yet."""
    typed = {name: request.POST.get(name, "") for name in PickForm.base_fields}
    return _offer(request, page, PickForm(initial=typed, **_asked(page)))


def _fragments(request: BookerRequest, page: Page) -> HttpResponse:
    """What changes with the ticked time or the zone. The fields stay: somebody may be typing in them."""
    name = "chosen" if request.htmx.target == "bar" else "zone"
    context = _context(page) | {"path": _path(request), "target": request.htmx.target or "id_slot"}
    return render(request, f"one_off/pick.html#{name}-fragments", context)


def _lost(request: BookerRequest, page: Page, form: PickForm, why: SlotTaken) -> HttpResponse:
    """The times that are left, with the form as it was filled in."""
    lost = next((time for time in page.times if time.is_chosen), None)
    left = _read_again(request, page)
    if left.is_over:
        return _closed(request, left)
    said = {
        "has_passed": isinstance(why, services.SlotPassed),
        "was_taken_out": isinstance(why, services.SlotTakenOut),
    }
    return _offer(request, left, form, status=409, lost=lost, **said)


def _offer(
    request: BookerRequest, page: Page, form: PickForm, *, status: int = 200, **more: Any
) -> HttpResponse:
    context = _context(page) | _form_context(request, form) | {"status": status} | more
    return render(request, "one_off/pick.html", context, status=status)


def closed_page(request: BookerRequest, one_off: OneOff, now: datetime) -> HttpResponse:
    """What stands behind the address of a one-off that is over."""
    return _closed(request, _page(request, one_off, zone_for(request, {}, one_off.timezone), now, ""))


def _closed(request: BookerRequest, page: Page, state: OneOff.State | None = None) -> HttpResponse:
    """The page of a link that leads nowhere any more (410), or of one whose times are all taken.

    `state` is what the service found, when it knows better than the page.
    """
    state = state or page.one_off.state_at(page.now)
    kind = state.value if state != OneOff.State.OPEN else "taken" if page.times else "passed"
    status = 410 if kind != "taken" else 409 if request.method == "POST" else 200
    return render(request, "one_off/inert.html", _context(page) | {"kind": kind}, status=status)


def _context(page: Page) -> dict[str, Any]:
    one_off = page.one_off
    return {
        "page": page,
        "one_off": one_off,
        "org": one_off.workspace,
        "host": page.host,
        "zone": page.zone,
        "chosen": page.chosen,
        "location": location_before(one_off.location_type, one_off.location_detail, page.host.first),
    }


def _form_context(request: BookerRequest, form: PickForm) -> dict[str, Any]:
    # Only what the address filled in is shown as text: what somebody has typed stays in its fields.
    is_known = prefilled(request.GET).keys() >= {"name", "email"} and form.is_known
    return {"form": form, "is_known": is_known, "path": _path(request)}


def _path(request: BookerRequest) -> str:
    """This page's address with what fills in the form, without zone and time."""
    kept = {name: request.GET[name] for name in ("name", "email") if request.GET.get(name)}
    return f"{request.path}?{urlencode(kept)}" if kept else request.path


def _asked(page: Page) -> dict[str, Any]:
    return {
        "location_type": page.one_off.location_type,
        "reader": page.host.first,
        "now": page.now,
        "texts": texts_of(page.one_off.workspace, page.one_off.timezone),
    }
