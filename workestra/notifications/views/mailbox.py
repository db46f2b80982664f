"""The local mailbox: what would have been sent, on an installation without a mail server. Nobody signs in to it."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar, cast
from urllib.parse import urlencode
from uuid import UUID

from csp.constants import SELF
from csp.decorators import csp_update
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from workestra.accounts.http import MemberRequest
from workestra.accounts.selectors import current_member
from workestra.notifications import selectors, services
from workestra.notifications.domain.mails import invite_rows, read_invite, read_mail
from workestra.notifications.models import CaughtMail

SHOWN = 100
PARTS = (("mail", "Mail"), ("text", "Text"), ("source", "Source"))
# A mail has its styles inline or none at all. It is shown in a sandbox, without scripts and without an origin.
MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox"
)

_P = ParamSpec("_P")
_R = TypeVar("_R", bound=HttpResponseBase)


def local_only(
    view: Callable[Concatenate[HttpRequest, _P], _R],
) -> Callable[Concatenate[HttpRequest, _P], _R]:
    """The page is there only on an installation that catches its mails."""

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: _P.args, **kwargs: _P.kwargs) -> _R:
        if not settings.MAILBOX_ENABLED:
            raise Http404
        return view(request, *args, **kwargs)

    return guarded


@login_not_required
@local_only
@require_safe
@csp_update({"frame-src": [SELF]})
@vary_on_headers("HX-Request")
def mailbox(request: HttpRequest, mail_id: UUID | None = None) -> HttpResponse:
    """The newest mails, and beside them the one that is open: the chosen one, or else the newest."""
    search = request.GET.get("q", "").replace("\x00", "").strip()[:100]
    invites_only = request.GET.get("only") == "invites"
    mails = list(selectors.caught_mails(search, invites_only=invites_only)[: SHOWN + 1])
    member = current_member(request.user) if request.user.is_authenticated else None
    if member:
        cast(MemberRequest, request).member = member  # For the sidebar.
    chosen = mail_id or (mails[0].pk if mails else None)
    context = {
        "mails": mails[:SHOWN],
        "more": len(mails) > SHOWN,
        "search": search,
        "invites_only": invites_only,
        "filters": urlencode({"q": search, "only": "invites" * invites_only}),
        "tz": member.user.timezone if member else "UTC",
        "chosen_by_hand": mail_id,
        "parts": PARTS,
        "part": request.GET.get("part", "mail"),
    } | (_open(get_object_or_404(CaughtMail, pk=chosen)) if chosen else {})
    template = "notifications/mailbox.html"
    fragment = "#box" if request.headers.get("HX-Target") == "box" else ""
    return render(request, f"{template}{fragment}", context)


def _open(mail: CaughtMail) -> dict[str, object]:
    content = read_mail(bytes(mail.raw))
    invite = read_invite(content.ics)
    history = selectors.invites_of_event(mail)
    earlier = [other for other in history if other.received_at < mail.received_at]
    before = read_invite(read_mail(bytes(earlier[-1].raw)).ics) if earlier else None
    return {
        "mail": mail,
        "content": content,
        "source": bytes(mail.raw).decode(errors="replace"),
        "invite": invite,
        "before": before,
        "rows": invite_rows(invite, before) if invite else [],
        "history": history,
        "ics": content.ics.decode(errors="replace"),
        "ics_lines": content.ics.count(b"\r\n"),
    }


@login_not_required
@local_only
@require_POST
def empty(request: HttpRequest) -> HttpResponse:
    services.empty_mailbox()
    return redirect("notifications:mailbox")


@login_not_required
@local_only
@require_safe
@xframe_options_sameorigin
def mail_html(request: HttpRequest, mail_id: UUID) -> HttpResponse:
    """The HTML part alone, for the frame of the mailbox. Its links open in a new tab."""
    content = read_mail(bytes(get_object_or_404(CaughtMail, pk=mail_id).raw))
    return HttpResponse(
        content.html.replace("<head>", '<head><base target="_blank">', 1),
        headers={"Content-Security-Policy": MAIL_POLICY},
    )


@login_not_required
@local_only
@require_safe
def mail_invite(request: HttpRequest, mail_id: UUID) -> HttpResponse:
    """The iCalendar object, exactly as it was sent."""
    ics = read_mail(bytes(get_object_or_404(CaughtMail, pk=mail_id).raw)).ics
    if not ics:
        raise Http404
    return _download(ics, "text/calendar; charset=utf-8", "invite.ics")


@login_not_required
@local_only
@require_safe
def mail_source(request: HttpRequest, mail_id: UUID) -> HttpResponse:
    """The whole mail, exactly as it was sent."""
    return _download(bytes(get_object_or_404(CaughtMail, pk=mail_id).raw), "message/rfc822", "mail.eml")


def _download(content: bytes, content_type: str, filename: str) -> HttpResponse:
    return HttpResponse(
        content,
        content_type=content_type,
        headers={"Content-Disposition": f'attachment; filename="{filename}"'},
    )
