"""Meetings to come of people who have left: somebody has to hold them, move them or cancel them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from zoneinfo import ZoneInfo

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from bookings.models import Booking
from managed_events import access, selectors
from workestra.accounts.http import MemberRequest
from workestra.accounts.models import User

PAGE = 100


@dataclass(frozen=True, slots=True)
class Leaver:
    """Somebody who has left, with meetings of his to come, in order."""

    user: User
    meetings: Sequence[Booking]


@require_GET
def hand_over(request: MemberRequest) -> HttpResponse:
    """By person, what is to be handed over: for a group's admin only what people of his groups have left behind."""
    now = timezone.now()
    meetings = access.meetings_left_to(request.member, now)
    page = Paginator(meetings, PAGE).get_page(request.GET.get("page"))
    by_host = groupby(selectors.with_bookers(page.object_list), key=lambda meeting: meeting.host)
    context = {
        "page": page,
        "leavers": [Leaver(host, list(found)) for host, found in by_host],
        "zone": ZoneInfo(request.member.user.timezone),
    }
    return render(request, "managed_events/hand_over.html", context)
