"""People of the workspace: the list, inviting, one person's page, leaving and coming back."""

from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django.views.decorators.vary import vary_on_headers

from scheduling.services.busy_time import TryAgain
from workestra.accounts import access
from workestra.accounts import selectors as accounts
from workestra.accounts.domain.permissions import Role
from workestra.accounts.http import MemberRequest
from workestra.accounts.models import Membership
from workestra.accounts.services import members
from workestra.accounts.services.members import AlreadyHere, LastOwner, NotWaiting, OwnersOnly, Yourself
from workestra.limits import services as limits
from workestra.limits.http import with_wait
from workestra.limits.services import LimitReached
from workestra.people import selectors, services
from workestra.people.forms import InviteForm, MemberForm
from workestra.people.views import tabs

PAGE = 50
LAST_OWNER = "A workspace needs an owner. Make somebody else an owner first."


@require_GET
@vary_on_headers("HX-Request")
def listing(request: MemberRequest) -> HttpResponse:
    """Everybody, by name; the filters `q`, `role` and `state` ("left" for who has left) are in the address."""
    access.require_admin(request.member)
    workspace = request.member.workspace
    typed = {name: _plain(request.GET.get(name, "")) for name in ("q", "role", "state")}
    accepted = accounts.people_of(workspace).filter(invited_at=None)
    active, left = accepted.filter(is_active=True), accepted.filter(is_active=False)
    found = accounts.found_among(left if typed["state"] == "left" else active, typed["q"], typed["role"])
    page = Paginator(found, PAGE).get_page(request.GET.get("page"))
    context: dict[str, Any] = {
        "typed": typed,
        "page": page,
        "filtered": bool(typed["q"] or typed["role"]),
        "roles": Role,
        "zone": ZoneInfo(request.member.user.timezone),
        "now": timezone.now(),
    }
    if request.htmx:
        return render(request, "people/members.html#found", context)
    context |= tabs(request.member, "people") | {
        "left_count": left.count(),
        "waiting": selectors.invitations_waiting(workspace),
        "groups": selectors.groups_of(workspace),
    }
    return render(request, "people/members.html", context)


@require_http_methods(["GET", "POST"])
def invite(request: MemberRequest) -> HttpResponse:
    """Invite people by mail."""
    now = timezone.now()
    by = request.member
    access.require_admin(by)
    form = InviteForm(request.POST or None, by=by)
    context = {"form": form, "days": settings.PASSWORD_RESET_TIMEOUT // 86_400}
    page = "people/invite.html"
    if request.method == "GET":
        return render(request, page, context)
    if not form.is_valid():
        return render(request, page, context, status=422)
    people = form.cleaned_data["people"]
    try:
        for _mail in people:
            limits.spend("invitations", str(by.workspace_id))
        services.invite(people=people, role=Role(form.cleaned_data["role"]), by=by, now=now)
    except LimitReached as reached:
        form.add_error("people", reached.sentence)
        return with_wait(render(request, page, context), reached)
    except AlreadyHere as here:
        known = ", ".join(here.emails)
        form.add_error("people", f"Already signing in here, or invited: {known}. Leave {_them(here)} out.")
        return render(request, page, context, status=422)
    messages.success(request, f"{len(people)} invitation{'' if len(people) == 1 else 's'} sent")
    return redirect("people:members")


@require_POST
def invite_again(request: MemberRequest, member_id: UUID) -> HttpResponse:
    """Send the invitation once more."""
    member = access.person_for(request.member, member_id)
    try:
        limits.spend("invitations", str(member.workspace_id))
        services.invite_again(member=member, by=request.member, now=timezone.now())
        messages.success(request, f"Invitation sent to {member.user.email} again")
    except LimitReached as reached:
        messages.error(request, reached.sentence)
    except NotWaiting:
        messages.error(request, f"{member.user.name} has accepted already.")
    except OwnersOnly as refused:
        raise PermissionDenied("Only owners invite owners.") from refused
    return redirect("people:members")


@require_POST
def withdraw(request: MemberRequest, member_id: UUID) -> HttpResponse:
    """Take an invitation back."""
    member = access.person_for(request.member, member_id)
    try:
        services.withdraw_invite(member=member, by=request.member, now=timezone.now())
        messages.success(request, f"The invitation to {member.user.email} is withdrawn")
    except NotWaiting:
        messages.error(request, f"{member.user.name} has accepted already.")
    except OwnersOnly as refused:
        raise PermissionDenied("Only owners withdraw invitations of owners.") from refused
    return redirect("people:members")


@require_http_methods(["GET", "POST"])
def person(request: MemberRequest, member_id: UUID) -> HttpResponse:
    """One member: name, role, groups, and what is his."""
    now = timezone.now()
    by, member = request.member, _accepted(request.member, member_id)
    form = MemberForm(request.POST or None, of=member, by=by)
    if request.method == "GET":
        return _person_page(request, member, form)
    if member.role == Role.OWNER and by.role != Role.OWNER:
        raise PermissionDenied("Only owners change owners.")
    if form.is_valid():
        try:
            changed = members.change(
                member=member,
                name=form.cleaned_data["name"],
                role=Role(form.cleaned_data["role"]),
                by=by,
                now=now,
            )
        except LastOwner:
            form.add_error("role", LAST_OWNER)
        except OwnersOnly as refused:
            raise PermissionDenied("Only owners change owners.") from refused
        else:
            if changed:
                messages.success(request, f"{form.cleaned_data['name']} saved")
            return redirect("people:members")
    return _person_page(request, member, form, status=422)


@require_http_methods(["GET", "POST"])
def deactivate(request: MemberRequest, member_id: UUID) -> HttpResponse:
    """What becomes of what is his, and the button that does it."""
    now = timezone.now()
    by, member = request.member, _accepted(request.member, member_id)
    if member.role == Role.OWNER and by.role != Role.OWNER:
        raise PermissionDenied("Only owners deactivate owners.")
    refusal = ""
    if request.method == "POST":
        try:
            services.deactivate(member=member, by=by, now=now)
        except LastOwner:
            refusal = LAST_OWNER
        except Yourself:
            refusal = "You cannot deactivate yourself. Another admin can."
        except TryAgain:
            refusal = (
                f"Too much was happening in {member.user.name}’s calendar. Nothing has changed: try again."
            )
        except OwnersOnly as refused:
            raise PermissionDenied("Only owners deactivate owners.") from refused
        else:
            messages.success(request, f"{member.user.name} is deactivated and signed out everywhere")
            return redirect("people:person", member.pk)
    context = {"person": member, "has": selectors.belongings(member, now), "refusal": refusal}
    return render(request, "people/deactivate.html", context, status=409 if refusal else 200)


@require_POST
def reactivate(request: MemberRequest, member_id: UUID) -> HttpResponse:
    """Let him come back."""
    member = _accepted(request.member, member_id)
    try:
        if members.reactivate(member=member, by=request.member, now=timezone.now()):
            messages.success(request, f"{member.user.name} is a member again, as {member.role}")
    except OwnersOnly as refused:
        raise PermissionDenied("Only owners reactivate owners.") from refused
    return redirect("people:person", member.pk)


def _person_page(
    request: MemberRequest, member: Membership, form: MemberForm, *, status: int = 200
) -> HttpResponse:
    now = timezone.now()
    context = {
        "person": member,
        "form": form,
        "has": selectors.belongings(member, now),
        "may_change": member.role != Role.OWNER or request.member.role == Role.OWNER,
        "is_self": member.pk == request.member.pk,
        "zone": ZoneInfo(request.member.user.timezone),
        "now": now,
    }
    return render(request, "people/person.html", context, status=status)


def _accepted(by: Membership, member_id: UUID) -> Membership:
    """Somebody who is or was a member: an invitation has no page of its own."""
    member = access.person_for(by, member_id)
    if member.invited_at is not None:
        raise Http404("Nobody of this workspace has this address.")
    return member


def _plain(text: str) -> str:
    return text.replace("\x00", "").strip()[:100]


def _them(here: AlreadyHere) -> str:
    return "it" if len(here.emails) == 1 else "them"
