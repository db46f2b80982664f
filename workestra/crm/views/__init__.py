"""People: the list, the page of one, and the forms of what is known of them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django.views.decorators.vary import vary_on_headers

from workestra.accounts.access import require
from workestra.accounts.domain.permissions import Permission
from workestra.accounts.http import MemberRequest
from workestra.crm import access, meetings, selectors, services
from workestra.crm.domain.stages import STAGES
from workestra.crm.forms import ActivityForm, OpportunityForm, PersonForm
from workestra.crm.meetings import Meeting
from workestra.crm.models import Activity, Opportunity, Person
from workestra.crm.selectors import Place, Query

MEETINGS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Row:
    """A person in the list, with how many open opportunities he has."""

    person: Person
    deals: int


@dataclass(frozen=True, slots=True)
class Step:
    """A lifecycle stage as the person's page shows it: `since` when he came to it, None when he never did."""

    label: str
    is_now: bool
    is_past: bool
    since: datetime | None


@require_GET
@vary_on_headers("HX-Request")
def people(request: MemberRequest) -> HttpResponse:
    """Everybody the member may see, by name. `q`, `stage`, `missed` and `after` are in the address."""
    typed = {name: request.GET.get(name, "").replace("\x00", "")[:200] for name in ("q", "stage", "missed")}
    query = Query(
        words=typed["q"][:100],
        stage=typed["stage"] if typed["stage"] in dict(STAGES) else "",
        only_no_shows=bool(typed["missed"]),
    )
    found = selectors.listed(access.people(request.member), query)
    shown, after = selectors.page_of(found, Place.parse(request.GET.get("after", "")))
    deals = selectors.open_deals(shown)
    kept = {name: value for name, value in typed.items() if value}
    context = {
        "rows": [Row(person, deals.get(person.pk, 0)) for person in shown],
        "query": query,
        "stages": STAGES,
        "filtered": bool(kept),
        "next": urlencode(kept | {"after": str(after)}) if after else "",
        "may_edit": request.member.scope_of(Permission.EDIT) is not None,
    }
    return render(request, f"crm/people.html{'#found' if request.htmx.target == 'found' else ''}", context)


@require_http_methods(["GET", "POST"])
def person_new(request: MemberRequest) -> HttpResponse:
    """Write somebody down."""
    require(request.member, Permission.EDIT)
    form = PersonForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            person = services.create_person(by=request.member, values=form.values, now=timezone.now())
        except services.AddressTaken:
            _explain(request, form)
        else:
            messages.success(request, f"{person.name} is written down.")
            return redirect("crm:person", person.pk)
    return _form(request, "crm/person_edit.html", form)


@require_GET
def person(request: MemberRequest, person_id: UUID) -> HttpResponse:
    """What is known of somebody, with his bookings. The address of who was merged leads to whom he was merged into."""
    if kept := access.merged_into(request.member, person_id):
        return redirect("crm:person", kept.pk)
    return _person(request, access.person(request.member, person_id))


@require_http_methods(["GET", "POST"])
def person_edit(request: MemberRequest, person_id: UUID) -> HttpResponse:
    """Change what is known of somebody."""
    known = access.person(request.member, person_id, Permission.EDIT)
    form = PersonForm(request.POST if request.method == "POST" else None, instance=known)
    if form.is_bound and form.is_valid():
        try:
            services.update_person(
                person_id=known.pk, by=request.member, values=form.values, now=timezone.now()
            )
        except services.AddressTaken:
            _explain(request, form)
        except Person.DoesNotExist as gone:
            raise Http404("No such person.") from gone
        else:
            messages.success(request, f"{form.values['name']} is saved.")
            return redirect("crm:person", known.pk)
    return _form(request, "crm/person_edit.html", form, person=known)


@require_POST
def activity_new(request: MemberRequest, person_id: UUID) -> HttpResponse:
    """Write down what happened; refused, the person's page with what was typed."""
    now = timezone.now()
    known = access.person(request.member, person_id, Permission.EDIT)
    form = ActivityForm(request.POST, zone=ZoneInfo(request.member.user.timezone), now=now)
    if not form.is_valid():
        return _person(request, known, form)
    try:
        services.add_activity(person=known, by=request.member, now=now, **form.values)
    except Person.DoesNotExist as gone:
        raise Http404("No such person.") from gone
    messages.success(request, "Written down.")
    return redirect("crm:person", known.pk)


@require_http_methods(["GET", "POST"])
def activity(request: MemberRequest, activity_id: UUID) -> HttpResponse:
    """Change what was written down."""
    now = timezone.now()
    known = access.activity(request.member, activity_id)
    form = ActivityForm(
        request.POST if request.method == "POST" else None,
        zone=ZoneInfo(request.member.user.timezone),
        now=now,
        instance=known,
    )
    if form.is_bound and form.is_valid():
        try:
            services.update_activity(activity=known, by=request.member, now=now, **form.values)
        except Activity.DoesNotExist as gone:
            raise Http404("No such activity.") from gone
        messages.success(request, "Saved.")
        return redirect("crm:person", known.person_id)
    may_delete = access.may(request.member, Permission.DELETE, known.person)
    return _form(
        request, "crm/activity.html", form, person=known.person, activity=known, may_delete=may_delete
    )


@require_POST
def activity_delete(request: MemberRequest, activity_id: UUID) -> HttpResponse:
    """Forget what was written down."""
    known = access.activity(request.member, activity_id, Permission.DELETE)
    services.delete_activity(activity=known, by=request.member, now=timezone.now())
    messages.success(request, "Deleted.")
    return redirect("crm:person", known.person_id)


@require_http_methods(["GET", "POST"])
def opportunity_new(request: MemberRequest, person_id: UUID) -> HttpResponse:
    """Write down what may come of somebody."""
    known = access.person(request.member, person_id, Permission.EDIT)
    form = OpportunityForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            services.create_opportunity(
                person=known, by=request.member, values=form.values, now=timezone.now()
            )
        except Person.DoesNotExist as gone:
            raise Http404("No such person.") from gone
        messages.success(request, f"{form.values['title']} is written down.")
        return redirect("crm:person", known.pk)
    return _form(request, "crm/opportunity.html", form, person=known)


@require_http_methods(["GET", "POST"])
def opportunity(request: MemberRequest, opportunity_id: UUID) -> HttpResponse:
    """Change an opportunity, or close it."""
    deal = access.opportunity(request.member, opportunity_id)
    form = OpportunityForm(request.POST if request.method == "POST" else None, instance=deal)
    if form.is_bound and form.is_valid():
        try:
            services.update_opportunity(
                opportunity=deal, by=request.member, values=form.values, now=timezone.now()
            )
        except Opportunity.DoesNotExist as gone:
            raise Http404("No such opportunity.") from gone
        messages.success(request, f"{form.values['title']} is saved.")
        return redirect("crm:person", deal.person_id)
    return _form(request, "crm/opportunity.html", form, person=deal.person, opportunity=deal)


def _person(request: MemberRequest, known: Person, form: ActivityForm | None = None) -> HttpResponse:
    now = timezone.now()
    zone = ZoneInfo(request.member.user.timezone)
    met = meetings.with_person(known, request.member, now)
    deals = selectors.opportunities_of(known)
    may_edit = access.may(request.member, Permission.EDIT, known)
    held = [each for each in met if each.state in {"attended", "no_show", "unmarked"}]
    ahead = [each for each in met if each.state == "upcoming"]
    context = {
        "person": known,
        "now": now,
        "zone": zone,
        "steps": _steps(known),
        "meetings": met[:MEETINGS_SHOWN],
        "cells": [_cell(each) for each in reversed((ahead + held)[:12])],
        "held": len(held),
        "counted": len(held) + len(ahead),
        "next": ahead[-1] if ahead else None,
        "deals": deals,
        "open_deals": sum(deal.is_open for deal in deals),
        "pipeline": selectors.pipeline_of(deals),
        "activities": selectors.activities_of(known),
        "addresses": selectors.other_addresses(known),
        "alike": selectors.alike(access.people(request.member, Permission.EDIT), known) if may_edit else [],
        "may_edit": may_edit,
        "form": form or ActivityForm(zone=zone, now=now),
    }
    return render(request, "crm/person.html", context, status=422 if form else 200)


def _cell(meeting: Meeting) -> str:
    return {"attended": "on", "no_show": "bad"}.get(meeting.state, "")


def _steps(known: Person) -> list[Step]:
    dates = selectors.stage_dates(known)
    keys = [key for key, _ in STAGES]
    now = keys.index(known.lifecycle_stage)
    return [
        Step(label, place == now, place < now, dates.get(key) if place <= now else None)
        for place, (key, label) in enumerate(STAGES)
    ]


def _form(request: MemberRequest, template: str, form: Any, **context: Any) -> HttpResponse:
    return render(request, template, {"form": form} | context, status=422 if form.is_bound else 200)


def _explain(request: MemberRequest, form: PersonForm) -> None:
    other = selectors.with_address(access.people(request.member), form.cleaned_data["email"])
    whose = f"{other.name} has this address" if other else "Somebody else’s contact has this address"
    form.add_error("email", f"{whose}. Each address belongs to one person.")
