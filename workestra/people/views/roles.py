"""What each role may do, and how far it reaches."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from django.contrib import messages
from django.forms import BoundField
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods
from django.views.decorators.vary import vary_on_headers

from workestra.accounts import access
from workestra.accounts import selectors as accounts
from workestra.accounts.domain.permissions import EDITABLE_ROLES, Grants, Permission, Role
from workestra.accounts.http import MemberRequest
from workestra.accounts.services import roles
from workestra.people.forms import SCOPES, RolesForm, cell_name
from workestra.people.views import tabs

WORDS: Final = {
    Permission.VIEW: ("View", "See bookings with answers and notes, and why a link offers no more times"),
    Permission.EDIT: (
        "Edit",
        "Mark attendance, renew manage links, enter days away; make and change links, schedules, one-offs",
    ),
    Permission.DELETE: ("Delete", "Cancel bookings; delete own links and schedules"),
}
VERBS: Final = {Permission.VIEW: "see", Permission.EDIT: "change", Permission.DELETE: "delete and cancel"}
REACH: Final = {
    None: "nothing",
    "own": "what is theirs",
    "team": "what is their groups’",
    "all": "everybody’s",
}


@dataclass(frozen=True, slots=True)
class Cell:
    """One role's scope of one permission. `was` is what it was on the page, when that is something else."""

    role: Role
    field: BoundField
    was: str


@dataclass(frozen=True, slots=True)
class Row:
    permission: Permission
    label: str
    hint: str
    cells: Sequence[Cell]


@dataclass(frozen=True, slots=True)
class Difference:
    """What saving changes for the people of one role."""

    role: Role
    people: int
    verb: str
    reach: str


@require_http_methods(["GET", "POST"])
@vary_on_headers("HX-Request")
def edit(request: MemberRequest) -> HttpResponse:
    """The table of roles. `preview` says what saving it would change, without saving."""
    access.require_admin(request.member)
    workspace = request.member.workspace
    current = accounts.grants_of(workspace)
    if request.method == "GET":
        return _page(request, RolesForm(None, grants=current))
    form = RolesForm(request.POST, grants=current)
    if not form.is_valid():
        return _page(request, form, status=422)
    if "preview" in request.POST:
        return _page(request, form)
    try:
        changed = roles.save(
            workspace=workspace,
            grants=form.grants(),
            was=form.grants("was-"),
            actor=request.member.user,
            now=timezone.now(),
        )
    except roles.Unusable as unusable:
        for role, permission in unusable.cells:
            form.add_error(
                cell_name(role, permission), f"{role.title()}: cannot reach further than View does."
            )
        return _page(request, form, status=422)
    except roles.Changed:
        messages.error(request, "Somebody else has changed the roles meanwhile. This is how they are now.")
        return _page(request, RolesForm(None, grants=current), status=409)
    if changed:
        messages.success(request, "Roles saved. They hold from everybody’s next page on")
    return redirect("people:roles")


def _page(request: MemberRequest, form: RolesForm, *, status: int = 200) -> HttpResponse:
    people = accounts.counts_by_role(request.member.workspace)
    differences = _differences(form, people) if form.is_bound and form.is_valid() else []
    context = {
        "form": form,
        "rows": [_row(form, permission) for permission in Permission],
        "roles": people.items(),
        "differences": differences,
        "touched": sum(people[role] for role in {difference.role for difference in differences}),
    }
    if request.htmx and "preview" in request.POST:
        return render(request, "people/roles.html#summary", context, status=status)
    return render(request, "people/roles.html", tabs(request.member, "roles") | context, status=status)


def _row(form: RolesForm, permission: Permission) -> Row:
    label, hint = WORDS[permission]
    cells = []
    for role in EDITABLE_ROLES:
        field, before = form[cell_name(role, permission)], form[f"was-{cell_name(role, permission)}"].value()
        cells.append(Cell(role, field, dict(SCOPES).get(before, "") if before != field.value() else ""))
    return Row(permission, label, hint, cells)


def _differences(form: RolesForm, people: Mapping[Role, int]) -> list[Difference]:
    wanted: Mapping[Role, Grants] = form.grants()
    before = form.grants("was-")
    return [
        Difference(role, people[role], VERBS[permission], REACH[wanted[role][permission]])
        for role in EDITABLE_ROLES
        for permission in Permission
        if wanted[role][permission] != before[role][permission]
    ]
