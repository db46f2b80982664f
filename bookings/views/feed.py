"""A member's bookings as a feed for other calendar programs (RFC 5545, METHOD:PUBLISH), behind a secret address."""

from contextlib import suppress
from datetime import timedelta
from typing import Final

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from bookings import selectors
from bookings.invites import invite_for_host
from workestra.calendars import selectors as calendars
from workestra.calendars.domain.invites import Method, to_feed
from workestra.limits import services as limits
from workestra.limits.http import too_often, visitor
from workestra.limits.services import LimitReached

BACK: Final = timedelta(days=30)
MOST: Final = 1000


@login_not_required
@require_safe
def feed(request: HttpRequest, token: str) -> HttpResponse:
    """What stands, from a month ago on; nothing of it may be kept in caches or found by search engines."""
    response = _answer(request, token)
    response["Cache-Control"] = "no-store, private"
    response["X-Robots-Tag"] = "noindex, nofollow"
    return response


def _answer(request: HttpRequest, token: str) -> HttpResponse:
    try:
        limits.ensure_left("wrong_links", visitor(request))
    except LimitReached as reached:
        return too_often(request, reached)
    found = calendars.feed_by_token(token)
    if found is None:
        with suppress(LimitReached):
            limits.spend("wrong_links", visitor(request))
        return render(request, "404.html", status=404)
    now = timezone.now()
    hosted = selectors.hosted_since(found.workspace_id, found.user_id, now - BACK)[:MOST]
    invites = [invite_for_host(booking.company[0], Method.REQUEST, now=now) for booking in hosted]
    body = to_feed(invites, f"{found.user.name}, {found.workspace.name}")
    return HttpResponse(body, content_type="text/calendar; charset=utf-8")
