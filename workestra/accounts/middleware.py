"""Asks visitors to sign in, and sets `request.member`, the workspace membership every signed-in page works in."""

from collections.abc import Callable
from typing import Any

from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from workestra.accounts import selectors


class SignInMiddleware(LoginRequiredMiddleware):
    """Sends visitors to sign in. htmx goes there with its whole page, and comes back to that page: a redirect would
    put the sign-in page where a fragment belongs."""

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: Any
    ) -> HttpResponseBase | None:
        answer = super().process_view(request, view, args, kwargs)
        htmx = request.htmx  # type: ignore[attr-defined]
        if answer is None or not htmx:
            return answer
        sign_in = redirect_to_login(htmx.current_url_abs_path or "/", self.get_login_url(view))
        return HttpResponse(status=401, headers={"HX-Redirect": sign_in.url})


class MemberMiddleware:
    """Gives each signed-in request its member, and refuses (403) people who belong to no workspace.

    Views marked `login_not_required` are left alone: what an invitee sees never depends on who is signed in. What only
    members see is not kept by caches, unless the view says otherwise.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if hasattr(request, "member") and "Cache-Control" not in response:
            response["Cache-Control"] = "no-store, private"
        return response

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: list[Any], kwargs: dict[str, Any]
    ) -> HttpResponse | None:
        if getattr(view, "login_required", True) and request.user.is_authenticated:
            member = selectors.current_member(request.user)
            if member is None:
                raise PermissionDenied("You are not a member of any workspace. Ask an admin to add you.")
            request.member = member  # type: ignore[attr-defined]
        return None
