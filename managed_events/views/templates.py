"""Templates: the list, the form, the delete page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django.views.decorators.vary import vary_on_headers

from managed_events import access, selectors
from managed_events.domain.draft import TemplateDraft
from managed_events.domain.plan import Plan
from managed_events.domain.slugs import TEMPLATE, slug_for
from managed_events.domain.sync import Merge, merge
from managed_events.domain.words import Difference, differences, links, listed, section_label
from managed_events.forms import TemplateForm
from managed_events.models import ManagedEventTemplate, TemplateVersion
from managed_events.plans import of_save, with_outlook
from managed_events.selectors import turnover
from managed_events.services import templates as service
from managed_events.views.effect import CELLS, effect_of
from scheduling.domain.section_words import summary_of
from scheduling.domain.sections import SECTIONS
from scheduling.meeting_accounts import missing_accounts
from scheduling.selectors import names_behind, schedules_of, workflows_to_pick
from scheduling.services.links import ScheduleGone
from scheduling.services.logos import LogoGone
from scheduling.services.payments import NoPayments
from scheduling.views.sections import keep_sent_logo, sent_with
from workestra.accounts.http import MemberRequest
from workestra.accounts.models import Membership
from workestra.calendars.domain import clock_words


@require_GET
@vary_on_headers("HX-Request")
def listing(request: MemberRequest) -> HttpResponse:
    """The templates that the member manages; the filters `q`, `group` and `sync` are in the address."""
    templates = access.templates_of(request.member)
    filters = {name: _plain(request.GET.get(name, "")) for name in ("q", "group", "sync")}
    found = selectors.matching(templates, words=filters["q"], group=filters["group"], sync=filters["sync"])
    context = {
        "templates": selectors.with_summary(found),
        "any": any(filters.values()) or templates.exists(),
        "filters": filters,
        "groups": access.groups_of(request.member),
        "sections": SECTIONS,
        "zone": ZoneInfo(request.member.user.timezone),
        "left": access.meetings_left_to(request.member, timezone.now()).count(),
        "left_links": access.links_left_to(request.member).count(),
    }
    page = "managed_events/list.html"
    return render(request, f"{page}#list" if request.htmx else page, context)


@require_http_methods(["GET", "POST"])
def new(request: MemberRequest) -> HttpResponse:
    """A new template; after it is saved, people are assigned."""
    now = timezone.now()
    access.require_template_admin(request.member)
    form = TemplateForm(
        *sent_with(request),
        groups=access.groups_of(request.member),
        must_have_group=not request.member.is_admin,
        schedules=schedules_of(request.member),
        workflows=workflows_to_pick(request.member.workspace_id),
        initial={"timezone": request.member.user.timezone},
    )
    keep_sent_logo(form, now)
    if form.is_bound and form.is_valid():
        try:
            template = service.create_template(
                workspace=request.member.workspace, author=request.member.user, draft=form.draft, now=now
            )
        except (service.SlugInUse, ScheduleGone, LogoGone, NoPayments) as refused:
            _explain(form, refused)
        else:
            messages.success(request, f"{template.title} is saved. Choose who gets a link.")
            return redirect("managed_events:assign", template.pk)
    status = 422 if form.is_bound else 200
    return render(request, "managed_events/edit.html", _form_context(request.member, form), status=status)


@require_http_methods(["GET", "POST"])
@vary_on_headers("HX-Request")
def edit(request: MemberRequest, template_id: UUID) -> HttpResponse:
    """The template's form. A POST with `preview` shows what saving would do and writes nothing, but
    keeps a logo that came with it, for a while, so that it can be shown.

    A save does what the page last showed; when that would be something else by now, it is shown instead.
    """
    now = timezone.now()
    template = access.template_for(request.member, template_id)
    form = _form(request, template)
    preview = "preview" in request.POST
    if not form.is_bound:
        return _edit_page(request, form, template)
    keep_sent_logo(form, now)
    if not form.is_valid():
        return _edit_page(request, form, template, status=200 if preview and request.htmx else 422)
    if preview:
        return _preview(request, form, template, now)
    try:
        saved = service.save_template(
            template=template,
            author=request.member.user,
            draft=form.draft,
            based_on=form.based_on,
            shown=request.POST.get("plan", ""),
            note=form.cleaned_data["note"],
            now=now,
        )
    except (service.SlugInUse, ScheduleGone, LogoGone, NoPayments) as refused:
        _explain(form, refused)
        return _edit_page(request, form, template, status=422)
    except service.TemplateGone as gone:
        raise Http404("This template was deleted a moment ago.") from gone
    except service.StaleVersion as stale:
        return _stale_page(request, stale.current, form, now)
    except service.NotAsShown as moved:
        again = moved.plan.was_asked_by(request.POST.get("plan", ""))
        return _edit_page(
            request,
            form,
            template,
            status=409,
            plan=with_outlook(moved.plan, now, template=template),
            unseen="moved" if again else "new",
        )
    messages.success(request, _receipt(template, saved))
    return redirect("managed_events:detail", template.pk)


def _preview(
    request: MemberRequest, form: TemplateForm, template: ManagedEventTemplate, now: datetime
) -> HttpResponse:
    if form.based_on != template.version:
        if request.htmx:
            return _edit_page(
                request, form, template, overtaken=selectors.version(template, template.version)
            )
        return _stale_page(request, template, form, now)
    plan = of_save(template, form.draft)
    if why := service.unpayable(plan):
        form.add_error("requires_payment", why)
        return _edit_page(request, form, template, status=200 if request.htmx else 422)
    return _edit_page(request, form, template, plan=with_outlook(plan, now, template=template))


def _edit_page(
    request: MemberRequest,
    form: TemplateForm,
    template: ManagedEventTemplate,
    *,
    status: int = 200,
    plan: Plan | None = None,
    **more: Any,
) -> HttpResponse:
    """The form; for htmx what it says about itself: the effect of saving, the list of sections, the save bar."""
    context = _form_context(request.member, form, template) | more
    context["effect"] = effect_of(plan) if plan else None
    page = "managed_events/edit.html"
    return render(request, f"{page}#told" if request.htmx else page, context, status=status)


@require_POST
def duplicate(request: MemberRequest, template_id: UUID) -> HttpResponse:
    """Make another template like this one, and open its form."""
    now = timezone.now()
    template = access.template_for(request.member, template_id)
    try:
        copy = service.duplicate_template(template=template, author=request.member.user, now=now)
    except service.TemplateGone as gone:
        raise Http404("This template was deleted a moment ago.") from gone
    except service.SlugInUse:
        messages.error(request, "That did not work: another copy was made at the same moment. Try again.")
        return redirect("managed_events:edit", template.pk)
    messages.success(request, f"{copy.title} is saved. Nobody has a link of it yet.")
    return redirect("managed_events:edit", copy.pk)


@require_http_methods(["GET", "POST"])
def delete(request: MemberRequest, template_id: UUID) -> HttpResponse:
    """Ask, then delete the template; its links stay as their owners' own."""
    now = timezone.now()
    template = access.template_for(request.member, template_id)
    if request.method == "GET":
        owners = turnover.with_meetings_ahead(selectors.assigned_links(template), now)
        context = {"template": template, "owners": owners}
        return render(request, "managed_events/delete.html", context)
    try:
        released = service.delete_template(template=template, actor=request.member.user, now=now)
    except service.TemplateGone as gone:
        raise Http404("This template was deleted a moment ago.") from gone
    stays = "stays as its owner’s" if released == 1 else "stay as their owners’"
    stay = f" {links(released)} {stays} own." if released else ""
    messages.success(request, f"{template.title} is deleted.{stay}")
    return redirect("managed_events:list")


def frame(member: Membership, template: ManagedEventTemplate, tab: str) -> dict[str, Any]:
    """What the head of every page of a template shows."""
    values, length = template.section_values(), timedelta(minutes=template.duration_minutes)
    return {
        "template": template,
        "tab": tab,
        "facts": f"{clock_words.length(length)}, {summary_of('calendar', values)}",
        "pattern": template.slug_pattern.replace(TEMPLATE, template.slug),
        "link_count": template.links.count(),
        "version_count": template.version,
        "zone": ZoneInfo(member.user.timezone),
    }


def _form(request: MemberRequest, template: ManagedEventTemplate) -> TemplateForm:
    return TemplateForm(
        *sent_with(request),
        instance=template,
        groups=access.groups_of(request.member),
        must_have_group=not request.member.is_admin,
        schedules=schedules_of(request.member),
        workflows=workflows_to_pick(request.member.workspace_id, template.workflow_ids),
    )


def _form_context(
    member: Membership, form: TemplateForm, template: ManagedEventTemplate | None = None
) -> dict[str, Any]:
    locks = form.locks
    owners = selectors.owners_of(template.links.all()) if template else {}
    form.tell_of_accounts(missing_accounts(member.workspace_id, owners))
    slug, pattern = form["slug"].value() or "", form["slug_pattern"].value() or ""
    context: dict[str, Any] = {
        "form": form,
        "locks": locks,
        "locked": [section for section in SECTIONS if section.key in locks],
        "open": [section for section in SECTIONS if section.key not in locks],
        "cells": (),
        "example": slug_for(str(pattern), username=member.user.username, template=str(slug) or "title"),
    }
    if template is not None:
        context |= frame(member, template, "template")
        context["cells"] = range(min(context["link_count"], CELLS))
    return context


@dataclass(frozen=True, slots=True)
class Stale:
    """Somebody saved in between: who, what changed then, and what became of both edits."""

    version: TemplateVersion
    differences: Sequence[Difference]
    opened: str
    closed: str
    mine: str
    both: str


def _stale_page(
    request: MemberRequest, current: ManagedEventTemplate, form: TemplateForm, now: datetime
) -> HttpResponse:
    """The form as both of them want it, for the second one to look at and save."""
    base, latest = selectors.version(current, form.based_on), selectors.version(current, current.version)
    if base is None or latest is None:
        raise Http404("This page was made from a version that this template never had.")
    stands = current.state
    merged = merge(base.state, form.draft.state, stands)
    for field, value in merged.state.values.items():
        setattr(current, field, value)
    current.locked_sections = sorted(merged.state.locks)
    for name, value in form.draft.settings.items():
        if value != base.settings[name]:
            setattr(current, name, value)
    fresh = TemplateForm(
        instance=current,
        groups=access.groups_of(request.member),
        must_have_group=not request.member.is_admin,
        schedules=schedules_of(request.member),
        workflows=workflows_to_pick(request.member.workspace_id, current.workflow_ids),
        note=form.cleaned_data["note"],
    )
    wanted = TemplateDraft(merged.state.values, merged.state.locks, **_own(current))
    context = _form_context(request.member, fresh, current) | {
        "stale": _stale(base, latest, merged),
        "effect": effect_of(with_outlook(of_save(current, wanted, before=stands), now, template=current)),
    }
    return render(request, "managed_events/edit.html", context, status=409)


def _own(template: ManagedEventTemplate) -> dict[str, Any]:
    return {"slug": template.slug, "slug_pattern": template.slug_pattern, "group_id": template.group_id}


def _stale(base: TemplateVersion, latest: TemplateVersion, merged: Merge) -> Stale:
    every = [section.key for section in SECTIONS]
    before, after = base.section_values(), latest.section_values()
    return Stale(
        version=latest,
        differences=differences(before, after, every, names_behind(before, after)),
        closed=_labels(set(latest.locked_sections) - set(base.locked_sections)),
        opened=_labels(set(base.locked_sections) - set(latest.locked_sections)),
        mine=_labels(merged.mine),
        both=_labels(merged.both),
    )


def _labels(keys: Sequence[str] | set[str]) -> str:
    return listed([section_label(section.key) for section in SECTIONS if section.key in keys])


def _receipt(template: ManagedEventTemplate, saved: service.Saved) -> str:
    if saved.template.version == template.version:
        return "Nothing had changed."
    if saved.run is None:
        return f"{saved.template.title} is saved. No assigned link changes."
    # True before the sync, during it and after it: the line below the head says how far it is.
    return f"{saved.template.title} is saved, for {links(len(saved.plan.changes))}."


def _explain(form: TemplateForm, refused: Exception) -> None:
    """Put what the service refused beside its field."""
    if isinstance(refused, ScheduleGone):
        form.add_error("schedule_id", "This schedule was deleted a moment ago. Choose again.")
    elif isinstance(refused, LogoGone):
        form.add_error("logo_id", str(refused))
    elif isinstance(refused, NoPayments):
        form.add_error("requires_payment", str(refused))
    else:
        form.add_error("slug", "Another template has this name in its addresses. Choose another one.")


def _plain(text: str) -> str:
    return text.replace("\x00", "").strip()[:100]
