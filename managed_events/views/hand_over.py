"""Meetings to come of people who have left: somebody has to hold them, move them or cancel them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.core.paginator import Page, Paginator
from django.forms import BoundField
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from bookings.access import reaches
from bookings.domain.lifecycle import BookingClosed
from bookings.models import Booking
from bookings.selectors.hosting import Bench
from bookings.services.hosting import NotToBeHandedOver, reassign
from managed_events import access, selectors
from managed_events.forms import HandOverForm
from scheduling.services.busy_time import SlotTaken, TryAgain
from workestra.accounts import selectors as accounts
from workestra.accounts.domain.permissions import Permission
from workestra.accounts.http import MemberRequest
from workestra.accounts.models import User

PAGE = 50


@dataclass(frozen=True, slots=True)
class Row:
    """A meeting that its host has left behind; `field` asks who is to host it, where the member may say so."""

    meeting: Booking
    field: BoundField | None


@dataclass(frozen=True, slots=True)
class Leaver:
    """Somebody who has left, with meetings of his to come, in order."""

    user: User
    rows: Sequence[Row]


@require_http_methods(["GET", "POST"])
def hand_over(request: MemberRequest) -> HttpResponse:
    """By person, what is to be handed over: for a group's admin only what people of his groups have left behind.

    Who may change the bookings of both can give a meeting to somebody else. Each is given for itself: one that cannot
    be is told beside it, and keeps no other back.
    """
    page, meetings, form = _listed(request)
    if request.method == "GET":
        return _answer(request, page, meetings, form)
    if not form.is_valid():
        return _answer(request, page, meetings, form, status=422)
    given, refused = 0, {}
    for meeting, host in form.chosen():
        try:
            reassign(booking=meeting, host=host, actor=request.member.user, now=timezone.now())
            given += 1
        except SlotTaken:
            refused[meeting] = f"{host.name} was booked just now. Choose somebody else."
        except TryAgain:
            refused[meeting] = "Too much is going on at this time. Try again."
        except (BookingClosed, NotToBeHandedOver):
            refused[meeting] = "This meeting has changed meanwhile. Open it."
    if given:
        messages.success(
            request, f"{given} meeting{'' if given == 1 else 's'} handed over. Everybody is told by mail."
        )
    if strays := form.strays:
        messages.error(
            request,
            f"{strays} choice{' was' if strays == 1 else 's were'} not used: the list has changed meanwhile.",
        )
    if not refused:
        return redirect("managed_events:hand_over")
    page, meetings, form = _listed(request, refused=refused)
    return _answer(request, page, meetings, form, status=409)


def _listed(
    request: MemberRequest, *, refused: dict[Booking, str] | None = None
) -> tuple[Page[Booking], list[Booking], HandOverForm]:
    """A page of the list as it is now, with its form: what was typed or, with `refused`, what came of it."""
    now = timezone.now()
    found = access.meetings_left_to(request.member, now)
    page = Paginator(found, PAGE).get_page(request.GET.get("page"))
    meetings = selectors.with_bookers(page.object_list)
    reach = accounts.reachable_user_ids(request.member, Permission.EDIT)
    mine = [meeting for meeting in meetings if len(meeting.hosts) == 1 and reaches(reach, meeting)]
    bench = Bench(mine, reach, now)
    form = HandOverForm(
        request.POST if request.method == "POST" and refused is None else None,
        substitutes={meeting: bench.of(meeting) for meeting in mine},
    )
    for meeting, why in (refused or {}).items():
        form.refuse(meeting, why)
    return page, meetings, form


def _answer(
    request: MemberRequest,
    page: Page[Booking],
    meetings: Sequence[Booking],
    form: HandOverForm,
    *,
    status: int = 200,
) -> HttpResponse:
    by_host = groupby(meetings, key=lambda meeting: meeting.host)
    context = {
        "page": page,
        "form": form,
        "leavers": [
            Leaver(host, [Row(meeting, form.field_of(meeting)) for meeting in found])
            for host, found in by_host
        ],
        "zone": ZoneInfo(request.member.user.timezone),
    }
    return render(request, "managed_events/hand_over.html", context, status=status)
