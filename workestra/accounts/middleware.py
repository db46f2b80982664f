"""Sets `request.member`, the workspace membership every signed-in page works in."""

from collections.abc import Callable
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse

from workestra.accounts import selectors


class MemberMiddleware:
    """Gives each signed-in request its member, and refuses (403) people who belong to no workspace.

    Views marked `login_not_required` are left alone: what an invitee sees never depends on who is signed in.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: list[Any], kwargs: dict[str, Any]
    ) -> HttpResponse | None:
        if getattr(view, "login_required", True) and request.user.is_authenticated:
            member = selectors.current_member(request.user)
            if member is None:
                raise PermissionDenied("You are not a member of any workspace. Ask an admin to add you.")
            request.member = member  # type: ignore[attr-defined]
        return None
