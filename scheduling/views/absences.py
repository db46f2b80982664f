"""Days out of office: one's own, and of those whose calendars one may change."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from scheduling import access, selectors
from scheduling.domain.wallclock import local_date
from scheduling.forms import AbsenceForm
from scheduling.models import OutOfOffice
from scheduling.selectors import Meeting
from scheduling.services import absences as service
from scheduling.views.schedules import tabs
from workestra.accounts import selectors as accounts
from workestra.accounts.access import require
from workestra.accounts.domain.permissions import Permission
from workestra.accounts.http import MemberRequest
from workestra.accounts.models import Membership
from workestra.calendars.domain.clock_words import day


@dataclass(frozen=True, slots=True)
class Row:
    """Days out of office with the meetings that were booked into them before."""

    absence: OutOfOffice
    words: str
    meetings: list[Meeting]
    zone: ZoneInfo


@require_http_methods(["GET", "POST"])
def out_of_office(request: MemberRequest) -> HttpResponse:
    """The days that are not over, and a form for more."""
    now = timezone.now()
    member = request.member
    if request.method == "GET":
        return _page(request, _form(member, now), now)
    require(member, Permission.EDIT)
    form = _form(member, now, request.POST)
    if not form.is_valid():
        return _page(request, form, now, status=422)
    absence = service.add_absence(
        user=form.people[form.cleaned_data["user"]].user,
        first_day=form.cleaned_data["first_day"],
        last_day=form.cleaned_data["last_day"],
        note=form.cleaned_data["note"],
        by=member,
        now=now,
    )
    return _told(request, absence, now)


@require_http_methods(["GET", "POST"])
def out_of_office_edit(request: MemberRequest, absence_id: UUID) -> HttpResponse:
    """The same page, with these days in its form."""
    now = timezone.now()
    absence = access.absence(request.member, absence_id)
    if request.method == "GET":
        return _page(request, _form(request.member, now, absence=absence), now)
    form = _form(request.member, now, request.POST, absence=absence)
    if not form.is_valid():
        return _page(request, form, now, status=422)
    changed = service.change_absence(
        absence_id=absence.pk,
        first_day=form.cleaned_data["first_day"],
        last_day=form.cleaned_data["last_day"],
        note=form.cleaned_data["note"],
        by=request.member,
        now=now,
    )
    if changed is None:
        raise Http404("These days were removed a moment ago.")
    return _told(request, changed, now)


@require_POST
def out_of_office_remove(request: MemberRequest, absence_id: UUID) -> HttpResponse:
    """Open these days again."""
    now = timezone.now()
    absence = access.absence(request.member, absence_id)
    removed = service.remove_absence(absence_id=absence.pk, by=request.member, now=now)
    if removed is not None:
        messages.success(request, f"{_days(removed)} can be booked again.")
    return redirect("scheduling:out_of_office")


def _told(request: MemberRequest, absence: OutOfOffice, now: datetime) -> HttpResponse:
    inside = len(selectors.meetings_in([absence], now)[absence.pk])
    warning = (
        f" {inside} booking{'' if inside == 1 else 's'} inside stay{'s' if inside == 1 else ''}."
        if inside
        else ""
    )
    messages.success(request, f"{_whose(absence, request.member)}out of office {_days(absence)}.{warning}")
    return redirect("scheduling:out_of_office")


def _page(request: MemberRequest, form: AbsenceForm, now: datetime, *, status: int = 200) -> HttpResponse:
    member = request.member
    absences = selectors.absences_of(set(form.people), member, now)
    meetings = selectors.meetings_in(absences, now)
    rows = [
        Row(absence, _days(absence), meetings[absence.pk], ZoneInfo(absence.user.timezone))
        for absence in absences
    ]
    context = tabs(member, selectors.schedules_listed(member), "away") | {
        "form": form,
        "rows": rows,
        "me": member.user_id,
        "zone": ZoneInfo(member.user.timezone),
        "now": now,
    }
    return render(request, "scheduling/out_of_office.html", context, status=status)


def _form(
    member: Membership, now: datetime, data: QueryDict | None = None, *, absence: OutOfOffice | None = None
) -> AbsenceForm:
    """The form, for the member and everybody whose calendar he may change, himself in front."""
    reach = accounts.reachable_user_ids(member, Permission.EDIT)
    others = accounts.active_members(member.workspace).exclude(user=member.user_id)
    if reach is not None:
        others = others.filter(user__in=reach)
    return AbsenceForm(
        data,
        people=[member, *others],
        me=member,
        today=local_date(member.user.timezone, now),
        absence=absence,
    )


def _days(absence: OutOfOffice) -> str:
    """ "Mon 21 Dec to Fri 1 Jan", or one day."""
    first, last = day(absence.first_day), day(absence.last_day)
    return first if first == last else f"{first} to {last}"


def _whose(absence: OutOfOffice, member: Membership) -> str:
    return "You are " if absence.user_id == member.user_id else f"{absence.user.name} is "
