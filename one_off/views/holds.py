"""The times that are held for answers to a host's offers, and how each stands in his own calendar."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from bookings.selectors import times_offered_by
from one_off import selectors
from workestra.accounts.access import require
from workestra.accounts.domain.permissions import Permission
from workestra.accounts.http import MemberRequest
from workestra.calendars import selectors as calendars
from workestra.calendars import services as calendar_services
from workestra.calendars.placeholders import HeldTime


@require_safe
def index(request: MemberRequest) -> HttpResponse:
    """What is held besides bookings, until when, and what of it is stuck."""
    member, now = request.member, timezone.now()
    require(member, Permission.VIEW)
    slots, offered = selectors.held_times(member, now), times_offered_by(member, now)
    stuck = [time for time in (*slots, *offered) if time.is_stuck]
    held = [
        ("One-off slots", "Picking one releases the others at once", _held(slots)),
        ("Offered in place of a booking", "The booking stays until its booker answers", _held(offered)),
    ]
    context = {
        "stuck": sorted(stuck, key=lambda time: time.period),
        "held": held,
        "count": sum(len(times) for _, _, times in held),
        "sources": calendars.checked_calendars([member.user_id]).count(),
        "zone": ZoneInfo(member.user.timezone),
        "now": now,
    }
    return render(request, "one_off/holds.html", context)


def _held(times: Sequence[HeldTime]) -> list[HeldTime]:
    return [time for time in times if time.is_held]


@require_POST
def retry(request: MemberRequest) -> HttpResponse:
    """Try once more to bring the member's calendars in line."""
    require(request.member, Permission.VIEW)
    calendar_services.write_again(request.member)
    messages.success(request, "Being tried again")
    return redirect("one_off:holds")
