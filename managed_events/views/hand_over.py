"""What people who have left leave behind: meetings to come, and their booking links. Somebody has to have them."""

from collections.abc import Mapping, Sequence
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
from managed_events import access
from managed_events.forms import HandOverForm
from managed_events.selectors import turnover
from managed_events.services.hand_over import give
from scheduling.models import BookingLink
from scheduling.services.busy_time import SlotTaken, TryAgain
from scheduling.services.owners import NotToBeGiven
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


@dataclass(frozen=True, slots=True)
class Listed:
    """What is to be handed over, as far as the page shows it; `more_links` are behind its links."""

    page: Page[Booking]
    meetings: Sequence[Booking]
    links: Sequence[BookingLink]
    more_links: int
    form: HandOverForm


@require_http_methods(["GET", "POST"])
def hand_over(request: MemberRequest) -> HttpResponse:
    """By person, what is to be handed over: for a group's admin only what people of his groups have left behind.

    Who may change the bookings of both can give a meeting to somebody else. A link goes to anybody who is here; a
    group's admin gives it to somebody of his groups. Each is given for itself: one that cannot be is told beside it,
    and keeps no other back.
    """
    listed = _listed(request)
    form = listed.form
    if request.method == "GET":
        return _answer(request, listed)
    if not form.is_valid():
        return _answer(request, listed, status=422)
    given = 0
    refused: dict[Booking | BookingLink, str] = {}
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
    owned = _give_links(request, form, refused)
    if owned:
        what = "1 link has a new owner, who is" if owned == 1 else f"{owned} links have new owners, who are"
        messages.success(request, f"{what} told.")
    if strays := form.strays:
        messages.error(
            request,
            f"{strays} choice{' was' if strays == 1 else 's were'} not used: the list has changed meanwhile.",
        )
    if not refused:
        return redirect("managed_events:hand_over")
    return _answer(request, _listed(request, refused=refused), status=409)


def _give_links(request: MemberRequest, form: HandOverForm, refused: dict[Booking | BookingLink, str]) -> int:
    """Give each link that somebody was chosen for; how many. Those that cannot be go into `refused`."""
    owned = 0
    for link, member in form.chosen_owners():
        try:
            give(link_id=link.pk, to=member, actor=request.member.user, now=timezone.now())
            owned += 1
        except NotToBeGiven:
            refused[link] = "This link or its new owner has changed meanwhile. Look again."
    return owned


def _listed(request: MemberRequest, *, refused: Mapping[Booking | BookingLink, str] | None = None) -> Listed:
    """A page of the list as it is now, with its form: what was typed or, with `refused`, what came of it."""
    now = timezone.now()
    found = access.meetings_left_to(request.member, now)
    page = Paginator(found, PAGE).get_page(request.GET.get("page"))
    meetings = turnover.with_bookers(page.object_list)
    reach = accounts.reachable_user_ids(request.member, Permission.EDIT)
    mine = [meeting for meeting in meetings if len(meeting.hosts) == 1 and reaches(reach, meeting)]
    bench = Bench(mine, reach, now)
    left = access.links_left_to(request.member)
    links = list(left[:PAGE])
    form = HandOverForm(
        request.POST if request.method == "POST" and refused is None else None,
        substitutes={meeting: bench.of(meeting) for meeting in mine},
        links=links,
        people=list(access.takers_for(request.member)) if links else (),
    )
    for thing, why in (refused or {}).items():
        form.refuse(thing, why)
    return Listed(page, meetings, links, left.count() - len(links), form)


def _answer(request: MemberRequest, listed: Listed, *, status: int = 200) -> HttpResponse:
    form = listed.form
    by_host = groupby(listed.meetings, key=lambda meeting: meeting.host)
    context = {
        "page": listed.page,
        "form": form,
        "leavers": [
            Leaver(host, [Row(meeting, form.field_of(meeting)) for meeting in found])
            for host, found in by_host
        ],
        "links": [(link, form.field_of(link)) for link in listed.links],
        "more_links": listed.more_links,
        "workflows": access.workflows_left_to(request.member),
        "zone": ZoneInfo(request.member.user.timezone),
    }
    return render(request, "managed_events/hand_over.html", context, status=status)
