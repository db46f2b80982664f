"""`/embed/<slug>`: the booking page inside somebody else's page, from the first look to "booked".

No cookies: a frame of another site gets none back, so nothing may depend on them. Which sites may show it is the link's
own list, and browsers keep to it (`frame-ancestors`). What the frame tells the page around it: docs/embedding.md.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, Final

from csp.constants import SELF
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.base import SessionBase
from django.core import signing
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.utils.module_loading import import_string
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_http_methods, require_safe
from django.views.decorators.vary import vary_on_headers

from bookings.views.picker import BadAddress, BookerRequest, start_of
from bookings.views.public import DONE, Moved, Page, choose, give_details, link_of, page_of
from workestra.limits.http import with_wait
from workestra.limits.services import LimitReached

SHOWN_AS_DONE: Final = timedelta(days=1)


def frame_page(
    view: Callable[[BookerRequest, Page], HttpResponse],
) -> Callable[[BookerRequest, str], HttpResponse]:
    """A view that is shown in a frame: no sign-in, no cookies read or written, framed by the link's origins alone.

    Refusals (400, 403, 404, 429) are pages without forms.
    """

    @login_not_required
    @xframe_options_exempt
    @gzip_page
    @wraps(view)
    def page(request: BookerRequest, slug: str) -> HttpResponse:
        _forget_cookies(request)
        framed_by = [SELF]
        try:
            link = link_of(request, slug)
            framed_by += link.embed_origins
            typed = request.POST if request.method == "POST" else request.GET
            found = page_of(request, link, typed, is_framed=True)
            if request.method == "POST" and not _is_own_form(request):
                response = _refusal(request, "403_csrf.html", 403)
            else:
                response = view(request, found)
        except BadAddress as error:
            context = {"reason": str(error), "path": request.path}
            response = _refusal(request, "bookings/bad_address.html", 400, **context)
        except LimitReached as reached:
            response = with_wait(_refusal(request, "429.html", 429, wait=reached), reached)
        except Moved as moved:
            response = redirect(f"bookings:{_view_name(request)}", moved.slug)
            response["Location"] += f"?{query}" if (query := request.META.get("QUERY_STRING", "")) else ""
        except Http404:
            response = _refusal(request, "404.html", 404)
        # As django-csp's own decorators do it; they take no list that depends on the request.
        response._csp_replace = {"frame-ancestors": framed_by}  # type: ignore[attr-defined]
        patch_cache_control(response, private=True, no_cache=True)
        return response

    return page


@require_safe
@vary_on_headers("HX-Request")
@frame_page
def book(request: BookerRequest, page: Page) -> HttpResponse:
    """Choose a time."""
    return choose(request, page, timezone.now())


# Exempt from the token against forged forms: it needs a cookie. There is nothing to forge either, for no cookie says
# who asks. A form has to come from this frame itself (`_is_own_form`), and its number makes it book once.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@frame_page
def details(request: BookerRequest, page: Page) -> HttpResponse:
    """The booker's details, and the booking itself."""
    return give_details(request, page, timezone.now())


@require_safe
@frame_page
def done(request: BookerRequest, page: Page) -> HttpResponse:
    """What was booked just now. Nothing here opens the booking: that is in the booker's mail."""
    told = _told(request.GET.get("booked", ""))
    if told is None:
        return redirect(page.address("book"))
    start, host_name = told
    context = page.context() | {"meeting": page.meeting(start), "with": host_name}
    return render(request, "bookings/embed_done.html", context)


def _told(signed: str) -> tuple[datetime, str] | None:
    try:
        start, host_name = signing.loads(signed, salt=DONE, max_age=SHOWN_AS_DONE)
        return start_of(start), host_name
    except signing.BadSignature:
        return None


def _is_own_form(request: BookerRequest) -> bool:
    """Whether this site's own page sent it. Browsers say so in Origin and Sec-Fetch-Site; no page can change that."""
    fetched_from = request.headers.get("Sec-Fetch-Site", "same-origin")
    own = f"{request.scheme}://{request.get_host()}"
    return request.headers.get("Origin") == own and fetched_from == "same-origin"


def _forget_cookies(request: BookerRequest) -> None:
    """Whoever is signed in here as well: in the frame he is nobody, and nothing of him changes."""
    session: type[SessionBase] = import_string(f"{settings.SESSION_ENGINE}.SessionStore")
    request.COOKIES = {}
    request.session = session()
    request.user = AnonymousUser()
    request.META.pop("CSRF_COOKIE", None)


def _view_name(request: BookerRequest) -> str:
    assert request.resolver_match is not None
    return str(request.resolver_match.url_name)


def _refusal(request: BookerRequest, template: str, status: int, **context: Any) -> HttpResponse:
    # Without `here` there is no button for the theme: its form would need a cookie.
    return render(request, template, context | {"here": "", "frame": True}, status=status)
