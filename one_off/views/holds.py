"""The times that are held for a host's one-offs, and how each stands in his own calendar."""

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


@require_safe
def index(request: MemberRequest) -> HttpResponse:
    """What is held besides bookings, until when, and what of it is stuck."""
    member, now = request.member, timezone.now()
    require(member, Permission.VIEW)
    times = selectors.held_times(member, now)
    held, offered = [time for time in times if time.is_held], times_offered_by(member, now)
    context = {
        "held": held,
        "stuck": [time for time in times if time.is_stuck],
        "offered": offered,
        "count": len(held) + len(offered),
        "sources": calendars.checked_calendars([member.user_id]).count(),
        "zone": ZoneInfo(member.user.timezone),
        "now": now,
    }
    return render(request, "one_off/holds.html", context)


@require_POST
def retry(request: MemberRequest) -> HttpResponse:
    """Try once more to bring the member's calendars in line."""
    require(request.member, Permission.VIEW)
    calendar_services.write_again(request.member)
    messages.success(request, "Being tried again")
    return redirect("one_off:holds")
