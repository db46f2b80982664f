"""Resetting links to their template: one section of one link, all of a link, a section of every link."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from managed_events import access, plans, selectors
from managed_events.domain.plan import Plan
from managed_events.domain.sync import in_order
from managed_events.domain.words import Difference, differences, links, short_names
from managed_events.models import ManagedEventTemplate
from managed_events.selectors import runs
from managed_events.services import resets as service
from managed_events.services.templates import NotAsShown, TemplateGone, unpayable
from managed_events.views.effect import effect_of
from managed_events.views.templates import frame
from scheduling.domain.section_words import NO_NAMES
from scheduling.domain.sections import SECTIONS
from scheduling.models import BookingLink
from scheduling.selectors import names_behind
from scheduling.services.links import ScheduleGone
from scheduling.services.payments import NoPayments
from workestra.accounts.http import MemberRequest


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be reset: these sections, of `link` or of every link."""

    sections: tuple[str, ...]
    link: BookingLink | None

    @property
    def what(self) -> str:
        """ "buffers", "title and hours"; "everything"."""
        return "everything" if len(self.sections) == len(SECTIONS) else short_names(self.sections).lower()

    @property
    def whose(self) -> str:
        return f"{self.link.owner.name}’s link" if self.link else "every link"


@require_http_methods(["GET", "POST"])
def reset(request: MemberRequest, template_id: UUID) -> HttpResponse:
    """Show what resetting `section` (any number of them; none: all) of `link` (none: of every link) does, then do it.

    Only what was shown is done; when that would be something else by now, it is shown instead.
    """
    now = timezone.now()
    template = access.template_for(request.member, template_id)
    asked = _asked(template, request.POST if request.method == "POST" else request.GET)
    if request.method == "GET":
        plan = plans.of_reset(template, _links(template, asked), asked.sections)
        return _page(request, template, asked, plan, now)
    try:
        plan = service.reset(
            template=template,
            link_id=asked.link.pk if asked.link else None,
            sections=asked.sections,
            actor=request.member.user,
            shown=request.POST.get("plan", ""),
            now=now,
        )
    except TemplateGone as gone:
        raise Http404("This template was deleted a moment ago.") from gone
    except NoPayments:
        plan = plans.of_reset(template, _links(template, asked), asked.sections)
        return _page(request, template, asked, plan, now, status=422)
    except (NotAsShown, service.SyncRunning, ScheduleGone):
        template.refresh_from_db()
        plan = plans.of_reset(template, _links(template, asked), asked.sections)
        return _page(request, template, asked, plan, now, status=409)
    if not plan.changes:
        messages.info(request, "Nothing differs from the template.")
    elif asked.link:
        messages.success(request, f"Reset {asked.what} of {asked.whose}.")
    else:
        messages.success(request, f"Reset {asked.what} of {links(len(plan.changes))}.")
    return redirect("managed_events:detail", template.pk)


def _page(
    request: MemberRequest,
    template: ManagedEventTemplate,
    asked: Asked,
    plan: Plan,
    now: datetime,
    *,
    status: int = 200,
) -> HttpResponse:
    plan = plans.with_outlook(plan, now)
    context = frame(request.member, template, "links") | {
        "asked": asked,
        "effect": effect_of(plan),
        "plan": plan,
        "differences": _differences(plan) if asked.link else (),
        "relocked": any(change.locks != change.link.locks for change in plan.changes),
        "running": runs.is_running(template),
        "moved": status == 409,
        "unpayable": unpayable(plan),
    }
    return render(request, "managed_events/reset.html", context, status=status)


def _asked(template: ManagedEventTemplate, sent: QueryDict) -> Asked:
    """
    Raises: Http404 for a link that is not the template's, and for sections that there are not.
    """
    named, key = sent.getlist("section"), sent.get("link", "")
    sections = in_order(named or [section.key for section in SECTIONS])
    if len(set(named)) > len(sections) or not (named or key):
        raise Http404("There is no such section.")
    return Asked(sections, _link(template, key) if key else None)


def _link(template: ManagedEventTemplate, key: str) -> BookingLink:
    try:
        link = selectors.assigned_links(template).filter(pk=UUID(key)).first()
    except ValueError:
        link = None
    if link is None:
        raise Http404("This link is not one of the template’s.")
    return link


def _links(template: ManagedEventTemplate, asked: Asked) -> QuerySet[BookingLink]:
    links_of = selectors.assigned_links(template)
    return links_of.filter(pk=asked.link.pk) if asked.link else links_of


def _differences(plan: Plan) -> Sequence[Difference]:
    """What a plan for one link takes from it, and gives it."""
    found: list[Difference] = []
    for change in plan.changes:
        before, after = change.link.values, {**change.link.values, **change.writes}
        names = names_behind(before, after) if {"schedule_id", "workflow_ids"} & set(before) else NO_NAMES
        found += differences(before, after, change.sections, names)
    return found
