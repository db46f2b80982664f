"""Whether this installation works, for load balancers and the start-up script."""

from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache

from workestra.notifications.selectors import longest_overdue


@never_cache
@login_not_required
def healthz(request: HttpRequest) -> JsonResponse:
    """200 when the database answers: `{"database": "ok", "overdue_mail_seconds": 0}`; 503 when it does not.

    The mail that waits longest past its time tells whether workers are at work: the number grows while none is. It
    changes no status, as pages and bookings work without workers and without the broker, which is not asked.
    """
    try:
        overdue = longest_overdue()
    except DatabaseError:
        return JsonResponse({"database": "unreachable"}, status=503)
    return JsonResponse({"database": "ok", "overdue_mail_seconds": int(overdue.total_seconds())})
