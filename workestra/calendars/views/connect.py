"""Connecting an account: by the provider's consent (OAuth 2.0 with PKCE), or by what the member types.

What belongs to a consent under way is kept in the visitor's session under its `state`: an answer is taken once, from
the browser that asked, for the member who asked, within ten minutes, and at the address of the provider that was asked.
"""

import secrets
from contextlib import closing, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from workestra.accounts.http import MemberRequest
from workestra.accounts.models import Membership
from workestra.calendars import access, meetings, selectors, services
from workestra.calendars.connections import (
    BY_OAUTH,
    GrantedTokens,
    meetings_with,
    missing_settings,
    oauth_of,
    opened_with,
)
from workestra.calendars.domain.kinds import ProviderKind
from workestra.calendars.fields import BrokenSecret
from workestra.calendars.forms import CalDAVForm, FeedForm
from workestra.calendars.models import CalendarAccount
from workestra.calendars.providers.provider import AccessRevoked, Grant, ProviderFailure
from workestra.limits import services as limits
from workestra.limits.http import with_wait

KEPT: Final = "calendar_consents"
MOST_KEPT: Final = 3
VALID: Final = timedelta(minutes=10)
PATIENCE: Final = 10.0
"""So many seconds a server whose address was typed has while the member waits for the page."""


@require_http_methods(["GET", "POST"])
def connect(request: MemberRequest, kind: str) -> HttpResponse:
    """To the provider's consent, or a form; without its credentials, what the administrator has to set."""
    provider = _kind(kind)
    missing = missing_settings(provider)
    if missing:
        guide = f"connect-{provider.value}.md" if provider in BY_OAUTH else ""
        context = {
            "kind": provider,
            "missing": missing,
            "guide": guide,
            "callback": _redirect_uri(provider),
        }
        return render(request, "calendars/not_set_up.html", context)
    if provider in BY_OAUTH:
        return _to_consent(request, provider)
    return _typed(request, provider)


@require_safe
def callback(request: MemberRequest, kind: str) -> HttpResponse:
    """The visitor comes back from the provider."""
    provider, now = _kind(kind), timezone.now()
    consents: dict[str, Any] = request.session.get(KEPT, {})
    consent = consents.pop(request.GET.get("state", ""), None)
    request.session[KEPT] = consents
    if (
        consent is None
        or consent["kind"] != provider.value
        or consent["member"] != str(request.member.pk)
        or datetime.fromisoformat(consent["at"]) + VALID < now
    ):
        messages.error(request, "That took too long, or began in another window. Connect again.")
        return redirect("calendars:accounts")
    try:
        answer = {name: str(value) for name, value in request.GET.items()}
        grant = oauth_of(provider).finish(_redirect_uri(provider), consent["kept"], answer, now)
        account = _keep(request.member, provider, grant, now)
    except AccessRevoked:
        messages.error(request, f"{provider.label} was not connected: the access was declined.")
    except ProviderFailure as error:
        messages.error(request, f"{provider.label} was not connected. {error}")
    else:
        _welcome(request, account)
    return redirect("calendars:accounts")


def _to_consent(request: MemberRequest, provider: ProviderKind) -> HttpResponse:
    state = secrets.token_urlsafe(32)
    try:
        address, kept = oauth_of(provider).begin(_redirect_uri(provider), state)
    except ProviderFailure as error:
        messages.error(request, f"{provider.label} cannot be connected now. {error}")
        return redirect("calendars:accounts")
    consents: dict[str, Any] = request.session.get(KEPT, {})
    consents[state] = {
        "kind": provider.value,
        "member": str(request.member.pk),
        "at": timezone.now().isoformat(),
        "kept": kept,
    }
    request.session[KEPT] = dict(list(consents.items())[-MOST_KEPT:])
    return HttpResponseRedirect(address)


def _typed(request: MemberRequest, provider: ProviderKind) -> HttpResponse:
    form_of = CalDAVForm if provider is ProviderKind.CALDAV else FeedForm
    form = form_of(request.POST if request.method == "POST" else None, initial=_known(request, provider))
    reached = None
    if request.method == "POST" and form.is_valid():
        typed = form.cleaned_data
        try:
            limits.spend("connecting", str(request.member.user_id))
            account = _keep(request.member, provider, _typed_grant(provider, typed), timezone.now())
        except limits.LimitReached as error:
            reached = error
            form.add_error(None, error.sentence)
        except AccessRevoked as error:
            form.add_error("password" if "password" in form.fields else "url", str(error))
        except ProviderFailure as error:
            form.add_error("url", str(error))
        else:
            _welcome(request, account)
            return redirect("calendars:accounts")
    status = 422 if form.errors else 200
    page = render(request, "calendars/connect.html", {"kind": provider, "form": form}, status=status)
    return with_wait(page, reached) if reached else page


def _known(request: MemberRequest, provider: ProviderKind) -> dict[str, str]:
    """What is already in the form of somebody who connects an account of his again: nothing that is secret."""
    try:
        account = access.own_account(request.member, UUID(request.GET.get("again", "")))
    except ValueError:
        return {}
    if account.kind is not provider:
        return {}
    if provider is ProviderKind.ICS:
        return {"name": account.name}
    with suppress(BrokenSecret):
        kept = account.credentials.open()
        return {name: kept[name] for name in ("url", "username")}
    return {}


def _typed_grant(provider: ProviderKind, typed: dict[str, str]) -> Grant:
    """What was typed; a feed without a name gets one when it was read."""
    host = urlsplit(typed["url"]).hostname or ""
    if provider is ProviderKind.CALDAV:
        kept = {name: typed[name] for name in ("url", "username", "password")}
        return Grant(name=f"{host}, as {typed['username']}", scopes=(), secrets=kept)
    return Grant(name=typed["name"], scopes=(), secrets={"url": typed["url"]})


def _keep(member: Membership, provider: ProviderKind, grant: Grant, now: datetime) -> CalendarAccount:
    """Only an account that shows its calendars, or whose it is, is kept. Raises: ProviderFailure."""
    if provider.makes_meetings:
        with closing(meetings_with(provider, GrantedTokens(grant.secrets))) as room:
            owner = room.owner()
        grant = replace(grant, name=grant.name or owner)
        return meetings.connect(member, provider, grant, now)
    opened = opened_with(provider, grant.secrets, ZoneInfo(member.user.timezone), within=PATIENCE)
    try:
        calendars = opened.calendars()
    finally:
        opened.close()
    if not grant.name:
        grant = replace(grant, name=selectors.unused_name(member, provider, calendars[0].name))
    return services.connect(member, provider, grant, calendars, now)


def _welcome(request: MemberRequest, account: CalendarAccount) -> None:
    what = "It makes the links" if account.kind.makes_meetings else "Its calendars are being read"
    messages.success(request, f"{account.kind.label} is connected. {what}.")


def _kind(text: str) -> ProviderKind:
    if text not in set(ProviderKind) or text == ProviderKind.NONE:
        raise Http404("No such kind of account.")
    return ProviderKind(text)


def _redirect_uri(provider: ProviderKind) -> str:
    return settings.SITE_URL + reverse("calendars:callback", args=[provider.value])
