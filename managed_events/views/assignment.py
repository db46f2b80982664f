"""The dialog that gives people links of a template and takes them off it: a page of its own without JavaScript."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods
from django.views.decorators.vary import vary_on_headers

from managed_events import access, selectors
from managed_events.domain.words import listed
from managed_events.forms import AssignmentForm
from managed_events.models import ManagedEventTemplate
from managed_events.selectors import turnover
from managed_events.services import assignment as service
from managed_events.services.standing import set_standing
from managed_events.services.templates import TemplateGone
from managed_events.views.links import detached_words, page_of
from managed_events.views.templates import frame
from workestra.accounts.http import MemberRequest
from workestra.accounts.models import Group, Membership


@require_http_methods(["GET", "POST"])
@vary_on_headers("HX-Request")
def assign(request: MemberRequest, template_id: UUID) -> HttpResponse:
    """Who has a link of the template. A POST with `find` or `add` writes nothing.

    The one looks for people, the other ticks everyone in a group; both keep the ticks there are. To htmx each part of
    the dialog is an answer of its own: what saving would do ("tally"), the people ("a-rows"), all of it.
    """
    now = timezone.now()
    template = access.template_for(request.member, template_id)
    form = _form(request, template, now)
    if request.method == "POST" and not {"find", "add"} & request.POST.keys():
        return _apply(request, template, form, now)
    rows = form.rows
    context = {
        "form": form,
        "people": rows,
        "shown": sum(row.shown for row in rows),
        "groups": form.group_rows,
        "any_own": bool(form.own),
    }
    if request.htmx:
        part = {"tally": "#tally", "a-rows": "#people"}.get(request.htmx.target or "", "")
        context |= frame(request.member, template, "links")
        return render(request, f"managed_events/_assign.html{part}", context)
    return render(request, "managed_events/assign.html", page_of(request, template, now) | context)


def _apply(
    request: MemberRequest, template: ManagedEventTemplate, form: AssignmentForm, now: datetime
) -> HttpResponse:
    to_assign, to_detach = form.to_assign, form.to_detach
    actor = request.member.user
    result = None
    try:
        if to_assign:
            result = service.assign(
                template=template, people=to_assign, actor=actor, now=now, addresses=form.chosen_addresses
            )
        wanted, decided = form.newcomers
        later = bool(decided) and set_standing(
            template=template, wanted=wanted, among=decided, actor=actor, now=now
        )
    except TemplateGone as gone:
        raise Http404("This template was deleted a moment ago.") from gone
    if later:
        messages.success(request, _later_words([scope.name if scope else "" for scope in wanted]))
    kept: list[str] = []
    deleted: list[str] = []
    for link, delete in to_detach:
        try:
            service.detach(template=template, link_id=link.pk, delete=delete, actor=actor, now=now)
        except service.NotAssigned:
            continue
        (deleted if delete else kept).append(link.owner.first_name)
    if kept:
        messages.success(request, detached_words(kept, deleted=False))
    if deleted:
        messages.success(request, detached_words(deleted, deleted=True))
    if not (result or kept or deleted or later):
        messages.info(request, "Nothing had changed.")
    address = reverse("managed_events:detail", args=[template.pk])
    return redirect(f"{address}?result={result.event_id}" if result else address)


def _form(request: MemberRequest, template: ManagedEventTemplate, now: datetime) -> AssignmentForm:
    assignable = access.assignable_people(request.member, template)
    people = selectors.people_of(template, assignable)
    links = {link.owner_id: link for link in selectors.assigned_links(template)}
    unassigned = [member for member in people if member.user_id not in links]
    # A person's first link by title; the page of adopting has the others.
    own = {link.owner_id: link for link in reversed(selectors.adoptable_links(template, assignable))}
    return AssignmentForm(
        request.POST if request.method == "POST" else None,
        people=people,
        links=links,
        proposals=selectors.proposed_addresses(template, unassigned, now),
        groups=_groups(request.member, template),
        may_take_everybody=request.member.is_admin,
        standing=turnover.standing_scopes(template),
        own=own,
    )


def _groups(member: Membership, template: ManagedEventTemplate) -> list[Group]:
    if member.is_admin:
        return list(access.groups_of(member))
    return [template.group] if template.group else []


def _later_words(names: Sequence[str]) -> str:
    if not names:
        return "People who join from now on no longer get a link by themselves."
    who = listed([name or "the workspace" for name in names])
    return f"Whoever joins {who} from now on gets a link."
