"""The host's pages: the list of his one-offs, a new one, and what became of each."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from bookings.domain.console import Tab
from bookings.models import Booking
from one_off import access, selectors, services
from one_off.domain.offers import SlotState
from one_off.forms import PLACES, BaseSlots, OfferForm, SlotForm, SlotSet, typed_rows
from one_off.models import OneOff
from one_off.selectors import Clash, OfferedTime
from one_off.views.shown import host_of, shown
from scheduling.services.busy_time import TryAgain
from workestra.accounts.access import require
from workestra.accounts.domain.permissions import Permission
from workestra.accounts.http import MemberRequest
from workestra.calendars.domain.period import Period

ROWS_AT_FIRST: Final = 3
SHOWN: Final = 20
"""How many one-offs of a state the list shows; the rest is on pages of their own."""
PER_PAGE: Final = 50


@dataclass(frozen=True, slots=True)
class Row:
    """A one-off as its host's pages show it. `address` is None when it cannot be printed again."""

    one_off: OneOff
    state: OneOff.State
    times: Sequence[OfferedTime]
    address: str | None
    booking_url: str

    @property
    def left(self) -> int:
        """How many times can still be picked."""
        return sum(time.state.can_be_picked for time in self.times)

    @property
    def is_holding(self) -> bool:
        return any(time.state is SlotState.HELD for time in self.times)


@dataclass(frozen=True, slots=True)
class Section:
    """The one-offs of one state; `more_url` leads to those that are not shown, if any."""

    state: OneOff.State
    count: int
    rows: Sequence[Row]
    more_url: str = ""


@require_safe
def index(request: MemberRequest) -> HttpResponse:
    """Every state with its newest one-offs; with `state` in the address, all of that state, page by page."""
    member, now = request.member, timezone.now()
    require(member, Permission.VIEW)
    counts = selectors.count_by_state(member, now)
    context: dict[str, Any] = {
        "counts": [(state, count) for state, count in counts.items() if count],
        "open": counts[OneOff.State.OPEN],
        "held": selectors.held_slots(member, now),
        "can_edit": _may_edit(request),
        "zone": member.user.timezone,
        "now": now,
    }
    asked = request.GET.get("state")
    if asked in OneOff.State.values:
        state = OneOff.State(asked)
        page = Paginator(_in_state(request, state, now), PER_PAGE).get_page(request.GET.get("page"))
        sections = [Section(state, counts[state], _rows(page.object_list, now))]
        context |= {"only": state, "page": page}
    else:
        sections = [_newest(request, state, count, now) for state, count in counts.items() if count]
    return render(request, "one_off/list.html", context | {"sections": sections})


@require_http_methods(["GET", "HEAD", "POST"])
@vary_on_headers("HX-Request")
def new(request: MemberRequest) -> HttpResponse:
    """The form. Adding, removing and checking rows are posts too, so they need no JavaScript; they save nothing."""
    require(request.member, Permission.EDIT)
    now, zone = timezone.now(), ZoneInfo(request.member.user.timezone)
    if request.method != "POST":
        blank = OfferForm(initial={"nonce": uuid4()}, zone=zone, now=now)
        return _form(request, blank, _slots([{}] * ROWS_AT_FIRST, zone, now), now)
    if {"add", "remove", "check"} & request.POST.keys():
        return _edited(request, zone, now)
    form = OfferForm(request.POST, zone=zone, now=now)
    slots = _typed_slots(request, zone, now)
    # Both are judged before either is refused: everything that is wrong is said at once.
    if not all([form.is_valid(), slots.is_valid()]):
        return _form(request, form, slots, now, status=422)
    try:
        one_off = services.create(
            member=request.member,
            offer=form.offer(slots.periods),
            nonce=form.cleaned_data["nonce"],
            now=now,
        )
    except services.SlotsTaken as taken:
        _mark_taken(slots, taken.clashes)
        return _form(request, form, slots, now, status=409)
    except TryAgain:
        form.add_error(None, "That did not save. Your text is still here. Try again.")
        return _form(request, form, slots, now, status=503)
    messages.success(request, "Saved. Copy the link and send it.")
    return _see_other(reverse("one_off:detail", args=[one_off.pk]))


@require_safe
def detail(request: MemberRequest, one_off_id: UUID) -> HttpResponse:
    """The address to copy, what became of each time, and the way to take it back."""
    now = timezone.now()
    return _detail(request, access.one_off_for(request.member, one_off_id), now)


@require_POST
def withdraw(request: MemberRequest, one_off_id: UUID) -> HttpResponse:
    now = timezone.now()
    one_off = access.one_off_for(request.member, one_off_id, Permission.EDIT)
    try:
        services.withdraw(one_off=one_off, actor=request.member.user, now=now)
    except services.AlreadyBooked:
        note = "Somebody has just booked it, so there is nothing to withdraw. You can cancel the booking."
    except services.OneOffExpired:
        note = "It has expired already: its link has stopped working and its times are free."
    except TryAgain:
        return _detail(request, one_off, now, status=503, note="It is not withdrawn yet. Try again.")
    else:
        messages.success(request, f"{one_off.title} is withdrawn. Its link has stopped working.")
        return _see_other(reverse("one_off:list"))
    return _detail(request, access.one_off_for(request.member, one_off_id), now, status=409, note=note)


def _newest(request: MemberRequest, state: OneOff.State, count: int, now: datetime) -> Section:
    rows = _rows(_in_state(request, state, now)[:SHOWN], now)
    more_url = f"{reverse('one_off:list')}?{urlencode({'state': state.value})}" if count > SHOWN else ""
    return Section(state, count, rows, more_url)


def _in_state(request: MemberRequest, state: OneOff.State, now: datetime) -> Any:
    return selectors.one_offs_of(request.member).filter(selectors.in_state(state, now))


def _rows(one_offs: Iterable[OneOff], now: datetime) -> list[Row]:
    found = list(one_offs)
    times = selectors.times_of(found, now)
    return [
        Row(
            one_off,
            one_off.state_at(now),
            times[one_off.pk],
            _address(one_off),
            _booking_url(one_off.booking, now) if one_off.booking else "",
        )
        for one_off in found
    ]


def _address(one_off: OneOff) -> str | None:
    """Where its invitee picks a time, with what the host knows of him filled in."""
    token = selectors.token_of(one_off)
    if token is None:
        return None
    known = {"name": one_off.invitee_name, "email": one_off.invitee_email}
    query = urlencode({name: value for name, value in known.items() if value})
    return f"{settings.SITE_URL}{reverse('one_off:pick', args=[token])}{'?' if query else ''}{query}"


def _booking_url(booking: Booking, now: datetime) -> str:
    match booking.status:
        case Booking.Status.CANCELLED:
            tab = Tab.CANCELLED
        case Booking.Status.RESCHEDULED:
            tab = Tab.RESCHEDULED
        case _:
            tab = Tab.PAST if booking.is_past(now) else Tab.UPCOMING
    return f"{reverse('bookings:console')}?{urlencode({'tab': tab.value, 'open': str(booking.pk)})}"


def _detail(
    request: MemberRequest, one_off: OneOff, now: datetime, *, status: int = 200, note: str = ""
) -> HttpResponse:
    (row,) = _rows([one_off], now)
    host = host_of(one_off)
    context = {
        "row": row,
        "one_off": one_off,
        "times": [shown(time, host.zone, host, now) for time in row.times],
        "place": dict(PLACES).get(one_off.location_type, one_off.location_type),
        "can_edit": _may_edit(request),
        "note": note,
        "now": now,
    }
    response = render(request, "one_off/detail.html", context, status=status)
    response["Cache-Control"] = "no-store"  # It prints the secret address.
    return response


def _slots(rows: Sequence[dict[str, str]], zone: ZoneInfo, now: datetime) -> BaseSlots:
    return SlotSet(initial=list(rows), prefix="slots", form_kwargs={"zone": zone, "now": now})


def _typed_slots(request: MemberRequest, zone: ZoneInfo, now: datetime) -> BaseSlots:
    return SlotSet(request.POST, prefix="slots", form_kwargs={"zone": zone, "now": now})


def _edited(request: MemberRequest, zone: ZoneInfo, now: datetime) -> HttpResponse:
    """The form again with a row more, a row less, or the same rows looked at; nothing typed is judged yet."""
    rows = typed_rows(request.POST)
    focus, said = None, ""
    if "add" in request.POST and len(rows) < SlotSet.max_num:
        rows.append({"minutes": rows[-1]["minutes"]} if rows else {})
        focus, said = len(rows) - 1, f"Slot {len(rows)} added, {len(rows)} of {SlotSet.max_num}"
    elif (gone := _number(request.POST.get("remove", ""))) < len(rows):
        del rows[gone]
        focus, said = max(gone - 1, 0), f"Slot {gone + 1} removed, {len(rows)} of {SlotSet.max_num}"
    slots = _slots(rows, zone, now)
    if focus is not None and slots.forms:
        slots.forms[focus].take_focus()
    form = OfferForm.again(request.POST, zone=zone, now=now)
    return _form(request, form, slots, now, said=said)


def _number(text: str) -> int:
    """The number of a row; one that no row has for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 10_000


def _form(
    request: MemberRequest,
    form: OfferForm,
    slots: BaseSlots,
    now: datetime,
    *,
    status: int = 200,
    said: str = "",
) -> HttpResponse:
    _find_clashes(request, slots, now)
    context = {
        "form": form,
        "slots": slots,
        "reserve": bool(form["reserve"].value()),
        "taken": status == 409,
        "zone": form.zone,
        "now": now,
        "said": said,
    }
    template = "one_off/new.html"
    if request.htmx and {"add", "remove", "check"} & request.POST.keys():
        template += "#slots" if {"add", "remove"} & request.POST.keys() else "#checked"
    return render(request, template, context, status=status)


def _mark_taken(slots: BaseSlots, clashes: Sequence[Sequence[Clash]]) -> None:
    filled = [form for form in slots.forms if form.period is not None]
    for form, met in zip(filled, clashes, strict=True):
        if met:
            form.add_error("start", f"{met[0].words}. Pick another start or remove it.")


def _find_clashes(request: MemberRequest, slots: BaseSlots, now: datetime) -> None:
    """Tell each row what else the host has then, as far as the row makes sense."""
    looked_at = [_judged(form).period for form in slots.forms]
    asked: list[Period] = [period for period in looked_at if period is not None]
    found = dict(zip(asked, selectors.clashes(request.member.user_id, asked, now), strict=True))
    for form, period in zip(slots.forms, looked_at, strict=True):
        form.clashes = found[period] if period is not None else ()


def _judged(form: SlotForm) -> SlotForm:
    """The row as if it had been sent to be saved."""
    if form.is_bound:
        return form
    return SlotForm({name: form[name].value() for name in form.fields}, zone=form.zone, now=form.now)


def _may_edit(request: MemberRequest) -> bool:
    return request.member.scope_of(Permission.EDIT) is not None


def _see_other(url: str) -> HttpResponse:
    return HttpResponseRedirect(url, status=303)
