"""Schedules: the list, the form, the delete page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from scheduling import access, selectors
from scheduling.domain.hours import Availability
from scheduling.domain.hours_words import changes_words
from scheduling.domain.section_words import hours_words
from scheduling.domain.week_picture import Bar, length_text, week_bars
from scheduling.forms import ScheduleForm
from scheduling.models import Schedule
from scheduling.selectors import Use
from scheduling.services import schedules as service
from workestra.accounts.access import require
from workestra.accounts.domain.permissions import Permission
from workestra.accounts.http import MemberRequest
from workestra.accounts.models import Membership


@dataclass(frozen=True, slots=True)
class Row:
    """A schedule as the list shows it."""

    schedule: Schedule
    links: int
    words: str


@dataclass(frozen=True, slots=True)
class Week:
    """The picture of a week, with its length and the zone in short."""

    bars: Sequence[Bar]
    length: str
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class Effect:
    """What saving would do: the changes in sentences, or that something is to be fixed first."""

    changes: Sequence[str]
    to_fix: int = 0


@require_GET
def schedules(request: MemberRequest) -> HttpResponse:
    """The member's schedules."""
    listed = selectors.schedules_listed(request.member)
    rows = [
        Row(schedule, links, hours_words(schedule.timezone, schedule.weekly_hours))
        for schedule, links in listed
    ]
    context = tabs(request.member, listed, "list") | {
        "rows": rows,
        "may_delete": access.may(request.member, Permission.DELETE),
    }
    return render(request, "scheduling/schedules.html", context)


@require_http_methods(["GET", "POST"])
def schedule_new(request: MemberRequest) -> HttpResponse:
    """A new schedule of the member."""
    now = timezone.now()
    require(request.member, Permission.EDIT)
    form = ScheduleForm(request.POST if request.method == "POST" else None, zone=request.member.user.timezone)
    if form.is_bound and "check" in request.GET:
        return _effect(request, form, None, [], now)
    if form.is_bound and form.is_valid():
        try:
            schedule = service.create_schedule(by=request.member, values=form.values, now=now)
        except service.NameTaken:
            _explain(form)
        else:
            messages.success(request, f"{schedule.name} is made. Choose it in the hours of a link.")
            return redirect("scheduling:schedule_edit", schedule.pk)
    return _page(request, form, None, [], now)


@require_http_methods(["GET", "POST"])
def schedule_edit(request: MemberRequest, schedule_id: UUID) -> HttpResponse:
    """A schedule of the member, and what it reaches. A POST with `check` in the address writes nothing."""
    now = timezone.now()
    schedule = access.own_schedule(request.member, schedule_id)
    uses = selectors.uses_of(schedule, now)
    form = ScheduleForm(
        request.POST if request.method == "POST" else None,
        instance=schedule,
        check=lambda hours: selectors.closed_by(schedule, hours, uses),
    )
    if form.is_bound and "check" in request.GET:
        return _effect(request, form, schedule, uses, now)
    if form.is_bound and form.is_valid():
        try:
            service.update_schedule(schedule_id=schedule.pk, by=request.member, values=form.values, now=now)
        except service.NameTaken:
            _explain(form)
        except Schedule.DoesNotExist as gone:
            raise Http404("This schedule was deleted a moment ago.") from gone
        else:
            reach = f" {_links(len(uses))} follow{'s' if len(uses) == 1 else ''}." if uses else ""
            messages.success(request, f"{form.values['name']} is saved.{reach}")
            return redirect("scheduling:schedule_edit", schedule.pk)
    return _page(request, form, schedule, uses, now)


@require_POST
def schedule_duplicate(request: MemberRequest, schedule_id: UUID) -> HttpResponse:
    """Another schedule with the same hours; nothing refers to it."""
    now = timezone.now()
    schedule = access.own_schedule(request.member, schedule_id)
    try:
        copy = service.duplicate_schedule(schedule_id=schedule.pk, by=request.member, now=now)
    except service.NameTaken:
        messages.error(request, "A copy was made at the same moment. Look at the list.")
        return redirect("scheduling:schedules")
    except Schedule.DoesNotExist as gone:
        raise Http404("This schedule was deleted a moment ago.") from gone
    messages.success(request, f"{copy.name} is made. No link uses it yet.")
    return redirect("scheduling:schedule_edit", copy.pk)


@require_http_methods(["GET", "POST"])
def schedule_delete(request: MemberRequest, schedule_id: UUID) -> HttpResponse:
    """Ask, saying what keeps the hours; then delete."""
    now = timezone.now()
    schedule = access.own_schedule(request.member, schedule_id, Permission.DELETE)
    if request.method == "GET":
        uses = selectors.uses_of(schedule, now)
        context = {
            "schedule": schedule,
            "uses": uses,
            "keeping": [use for use in uses if not use.hosts],
            "pooled": [use for use in uses if use.hosts],
            "templates": selectors.templates_with(schedule),
            "words": hours_words(schedule.timezone, schedule.weekly_hours),
        }
        return render(request, "scheduling/schedule_delete.html", context)
    try:
        left = service.delete_schedule(schedule_id=schedule.pk, by=request.member, now=now)
    except Schedule.DoesNotExist as gone:
        raise Http404("This schedule was deleted a moment ago.") from gone
    keeps = f" {_links(left.links)} keep{'s' if left.links == 1 else ''} its hours." if left.links else ""
    messages.success(request, f"{schedule.name} is deleted.{keeps}")
    return redirect("scheduling:schedules")


def tabs(member: Membership, listed: Sequence[tuple[Schedule, int]], here: str | UUID) -> dict[str, Any]:
    """What the tabs above every page of schedules show; `here` is "list", "away", "new" or a schedule's key."""
    return {
        "listed": listed,
        "tab": here,
        "may_edit": access.may(member, Permission.EDIT),
    }


def _page(
    request: MemberRequest,
    form: ScheduleForm,
    schedule: Schedule | None,
    uses: Sequence[Use],
    now: datetime,
) -> HttpResponse:
    listed = selectors.schedules_listed(request.member)
    here = schedule.pk if schedule else "new"
    context = tabs(request.member, listed, here) | _context(request.member, form, schedule, uses, now)
    context["templates"] = selectors.templates_with(schedule) if schedule else []
    return render(request, "scheduling/schedule_edit.html", context, status=422 if form.is_bound else 200)


def _effect(
    request: MemberRequest,
    form: ScheduleForm,
    schedule: Schedule | None,
    uses: Sequence[Use],
    now: datetime,
) -> HttpResponse:
    """The week as it would be, and what saving would change. Nothing is written."""
    changes: Sequence[str] = ()
    to_fix = 0
    if not form.is_valid():
        to_fix = sum(map(len, form.errors.values()))
    elif schedule is not None:
        changes = changes_words(schedule.own_hours(), form.hours)
        if form.values["name"] != schedule.name:
            changes = [f"Its name is {form.values['name']}.", *changes]
    context = _context(request.member, form, schedule, uses, now) | {"effect": Effect(changes, to_fix)}
    return render(request, "scheduling/schedule_edit.html#effect", context)


def _context(
    member: Membership, form: ScheduleForm, schedule: Schedule | None, uses: Sequence[Use], now: datetime
) -> dict[str, Any]:
    shown: Availability | None = None
    if not form.is_bound:
        shown = form.stored.own_hours()
    elif form.is_valid():
        shown = form.hours
    elif schedule is not None:
        shown = schedule.own_hours()
    return {
        "form": form,
        "schedule": schedule,
        "uses": uses,
        "booked": sum(use.booked for use in uses),
        "others": sum(use.link.owner_id != member.user_id for use in uses),
        "week": _week(shown) if shown else None,
        "now": now,
        "may_delete": access.may(member, Permission.DELETE),
        "me": member.user_id,
    }


def _week(hours: Availability) -> Week:
    bars = week_bars(hours)
    return Week(bars, length_text(sum(bar.minutes for bar in bars)), ZoneInfo(hours.timezone))


def _links(count: int) -> str:
    return "1 link" if count == 1 else f"{count} links"


def _explain(form: ScheduleForm) -> None:
    form.add_error("name", "Another schedule of yours has this name. Choose another one.")
