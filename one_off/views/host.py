"""The host's pages: the list of his one-offs, and what became of each."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_POST, require_safe

from bookings.domain.console import Tab
from bookings.domain.zones import zone_choices
from bookings.models import Booking
from one_off import access, selectors, services
from one_off.domain.mailable import Mailable, mailable
from one_off.domain.offers import SlotState
from one_off.forms import PLACES
from one_off.models import OneOff
from one_off.selectors import OfferedTime
from one_off.views.shown import host_of, shown
from scheduling.domain.wallclock import known_zones
from scheduling.meeting_accounts import missing_accounts
from scheduling.services.busy_time import TryAgain
from workestra.accounts.access import require
from workestra.accounts.domain.permissions import Permission
from workestra.accounts.http import MemberRequest
from workestra.calendars.domain.clock_words import Clock
from workestra.calendars.domain.kinds import MEETING_KINDS
from workestra.look.preferences import clock_of

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
    return show_list(request, timezone.now())


def show_list(request: MemberRequest, now: datetime, *, status: int = 200, note: str = "") -> HttpResponse:
    """The list, with a note on top when something was refused."""
    member = request.member
    require(member, Permission.VIEW)
    counts = selectors.count_by_state(member, now)
    context: dict[str, Any] = {
        "counts": [(state, count) for state, count in counts.items() if count],
        "open": counts[OneOff.State.OPEN],
        "held": selectors.held_slots(member, now),
        "proposals": selectors.waiting_proposals(member, now),
        "can_edit": may_edit(request),
        "zone": member.user.timezone,
        "now": now,
        "note": note,
    }
    asked = request.GET.get("state")
    if asked in OneOff.State.values:
        state = OneOff.State(asked)
        page = Paginator(_in_state(request, state, now), PER_PAGE).get_page(request.GET.get("page"))
        sections = [Section(state, counts[state], _rows(page.object_list, now))]
        context |= {"only": state, "page": page}
    else:
        sections = [_newest(request, state, count, now) for state, count in counts.items() if count]
    return render(request, "one_off/list.html", context | {"sections": sections}, status=status)


@require_safe
def detail(request: MemberRequest, one_off_id: UUID) -> HttpResponse:
    """What waits for an answer, the address to copy, what became of each time, and the way to take it back."""
    now = timezone.now()
    return show(request, access.one_off_for(request.member, one_off_id), now)


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
        return show(request, one_off, now, status=503, note="It is not withdrawn yet. Try again.")
    else:
        messages.success(request, f"{one_off.title} is withdrawn. Its link has stopped working.")
        return see_other(reverse("one_off:list"))
    return show(request, access.one_off_for(request.member, one_off_id), now, status=409, note=note)


@require_POST
def write_in(request: MemberRequest, one_off_id: UUID) -> HttpResponse:
    """Choose the zone of the words to send."""
    one_off = access.one_off_for(request.member, one_off_id, Permission.EDIT)
    asked = request.POST.get("tz", "")
    if asked not in known_zones():
        return show(request, one_off, timezone.now(), status=422, note="Choose a time zone from the list.")
    services.write_in(one_off=one_off, zone=ZoneInfo(asked), actor=request.member.user, now=timezone.now())
    return see_other(f"{reverse('one_off:detail', args=[one_off.pk])}#text")


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


def show(
    request: MemberRequest, one_off: OneOff, now: datetime, *, status: int = 200, note: str = ""
) -> HttpResponse:
    (row,) = _rows([one_off], now)
    host = host_of(one_off)
    context = {
        "row": row,
        "one_off": one_off,
        "times": [shown(time, host.zone, host, now) for time in row.times],
        "is_linked": one_off.location_type in MEETING_KINDS,
        "lacks": missing_accounts(one_off.workspace_id, {one_off.host_id: one_off.host.name}).get(
            one_off.location_type
        ),
        "proposals": [
            each
            for each in selectors.waiting_proposals(request.member, now)
            if each.proposal.one_off_id == one_off.pk
        ],
        "place": dict(PLACES).get(one_off.location_type, one_off.location_type),
        "can_edit": may_edit(request),
        "mail": _mailable(request, row, now),
        "readers_zone": _readers_zone(request, one_off),
        "zones": zone_choices(now.replace(second=0, microsecond=0), Clock(clock_of(request))),
        "note": note,
        "now": now,
    }
    response = render(request, "one_off/detail.html", context, status=status)
    response["Cache-Control"] = "no-store"  # It prints the secret address.
    return response


def _mailable(request: MemberRequest, row: Row, now: datetime) -> Mailable | None:
    """The words to send; None when there is nothing to pick, or its address cannot be printed."""
    left = [time.slot for time in row.times if time.state.can_be_picked]
    if row.address is None or not left:
        return None
    zone = _readers_zone(request, row.one_off)
    glue = "&" if "?" in row.address else "?"
    times = [
        (slot.period, f"{row.address}{glue}{urlencode({'tz': zone.key, 'slot': str(slot.pk)})}")
        for slot in left
    ]
    return mailable(row.one_off.title, times, zone, f"{row.address}{glue}{urlencode({'tz': zone.key})}")


def _readers_zone(request: MemberRequest, one_off: OneOff) -> ZoneInfo:
    """The zone asked for; else the chosen one; else that in which the invitee has booked with this host before; else
    the host's."""
    for asked in (request.GET.get("tz", ""), one_off.invitee_timezone):
        if asked in known_zones():
            return ZoneInfo(asked)
    return ZoneInfo(selectors.zone_of_invitee(one_off) or one_off.timezone)


def may_edit(request: MemberRequest) -> bool:
    return request.member.scope_of(Permission.EDIT) is not None


def see_other(url: str) -> HttpResponse:
    return HttpResponseRedirect(url, status=303)
