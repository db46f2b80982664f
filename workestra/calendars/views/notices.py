"""Providers tell that a calendar has changed. What they say is only a doorbell: the calendar is read by us.

Nobody signs in here and no form is sent: a notice is proven by the secret that the provider was given with the channel,
which is why these two addresses need no CSRF token.
"""

import json
from typing import Any, Final

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from workestra.calendars import services

MOST_NOTICES: Final = 100
LONGEST_TOKEN: Final = 1000


@csrf_exempt  # See the top of the file.
@login_not_required
@require_POST
def google(request: HttpRequest) -> HttpResponse:
    """https://developers.google.com/workspace/calendar/api/guides/push"""
    channel_id = request.headers.get("X-Goog-Channel-ID", "")
    known = services.noticed(channel_id, request.headers.get("X-Goog-Channel-Token", ""))
    return HttpResponse(status=204 if known else 404)


@csrf_exempt  # See the top of the file.
@login_not_required
@require_POST
def microsoft(request: HttpRequest) -> HttpResponse:
    """https://learn.microsoft.com/graph/change-notifications-delivery-webhooks"""
    token = request.GET.get("validationToken")
    if token is not None:
        # Graph asks once whether we are there, and wants its token back as plain text.
        return HttpResponse(token[:LONGEST_TOKEN], content_type="text/plain; charset=utf-8")
    known = False
    for notice in _notices(request)[:MOST_NOTICES]:
        lifecycle = notice.get("lifecycleEvent")
        known |= services.noticed(
            str(notice.get("subscriptionId", "")),
            str(notice.get("clientState", "")),
            renew=lifecycle in {"reauthorizationRequired", "subscriptionRemoved"},
            reread=lifecycle == "missed",
        )
    return HttpResponse(status=202 if known else 404)


def _notices(request: HttpRequest) -> list[dict[str, Any]]:
    try:
        found = json.loads(request.body)["value"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return []
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []
