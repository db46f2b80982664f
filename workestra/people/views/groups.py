"""Groups of the workspace: the list, making and changing one, deleting one."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from workestra.accounts import access
from workestra.accounts import selectors as accounts
from workestra.accounts.http import MemberRequest
from workestra.accounts.models import Group
from workestra.accounts.services import groups
from workestra.accounts.services.groups import GroupGone, NameTaken
from workestra.people import selectors, services
from workestra.people.forms import GroupForm
from workestra.people.views import tabs

GONE = "The group was deleted in the meantime."


@require_GET
def listing(request: MemberRequest) -> HttpResponse:
    """The groups by name."""
    access.require_admin(request.member)
    context = tabs(request.member, "groups") | {"groups": selectors.groups_of(request.member.workspace)}
    return render(request, "people/groups.html", context)


@require_http_methods(["GET", "POST"])
def new(request: MemberRequest) -> HttpResponse:
    access.require_admin(request.member)
    return _edit(request, None)


@require_http_methods(["GET", "POST"])
def edit(request: MemberRequest, group_id: UUID) -> HttpResponse:
    """Its name, who is in it, who administers it."""
    return _edit(request, access.group_for(request.member, group_id))


@require_http_methods(["GET", "POST"])
def delete(request: MemberRequest, group_id: UUID) -> HttpResponse:
    """What ends with the group, what stays, and the button that does it."""
    group = access.group_for(request.member, group_id)
    if request.method == "POST":
        try:
            services.delete_group(group=group, actor=request.member.user, now=timezone.now())
            messages.success(request, f"The group {group.name} is deleted")
        except GroupGone:
            messages.error(request, GONE)
        return redirect("people:groups")
    context = {
        "group": group,
        "standing": selectors.templates_standing_for(group),
        "templates": selectors.templates_of(group),
    }
    return render(request, "people/group_delete.html", context)


def _edit(request: MemberRequest, group: Group | None) -> HttpResponse:
    workspace, actor, now = request.member.workspace, request.member.user, timezone.now()
    form = GroupForm(request.POST or None, people=accounts.active_members(workspace), group=group)
    context = {"form": form, "group": group}
    page = "people/group_edit.html"
    if request.method == "GET":
        return render(request, page, context)
    if not form.is_valid():
        return render(request, page, context, status=422)
    wanted = {key: form.cleaned_data[key] for key in ("name", "members", "admins")}
    try:
        if group is None:
            groups.create(workspace=workspace, actor=actor, now=now, **wanted)
        else:
            groups.save(group=group, actor=actor, now=now, **wanted)
    except NameTaken:
        form.add_error("name", "Another group has this name.")
        return render(request, page, context, status=422)
    except GroupGone:
        messages.error(request, GONE)
        return redirect("people:groups")
    messages.success(request, f"The group {wanted['name']} is saved")
    return redirect("people:groups")
