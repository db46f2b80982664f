"""Adopting a link that somebody made himself: what it has, what the template says, and what it becomes."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods
from django.views.decorators.vary import vary_on_headers

from managed_events import access, plans, selectors
from managed_events.domain.words import differences
from managed_events.models import ManagedEventTemplate
from managed_events.services import adoption as service
from managed_events.services.templates import NotAsShown, TemplateGone
from managed_events.views.templates import frame
from scheduling.domain.section_words import Names, summary_of
from scheduling.domain.sections import SECTIONS, Section, changed_sections
from scheduling.models import BookingLink
from scheduling.selectors import names_behind
from scheduling.services.links import ScheduleGone
from workestra.accounts.http import MemberRequest

TEMPLATES: Final = "template"


@dataclass(frozen=True, slots=True)
class Way:
    """A section three ways. `kind`: "" where both agree, "follows" where the template wins, else "stays".

    `logos` are the keys of the logos that belong to the words, of the link and of the template: "" for none.
    """

    section: Section
    locked: bool
    mine: str
    templates: str
    differs: bool
    taken: bool
    logos: tuple[str, str] = ("", "")

    @property
    def kind(self) -> str:
        if not self.differs:
            return ""
        return "follows" if self.locked or self.taken else "stays"

    @property
    def after(self) -> str:
        return self.templates if self.kind == "follows" else self.mine

    @property
    def logo_after(self) -> str:
        return self.logos[1 if self.kind == "follows" else 0]


@require_http_methods(["GET", "POST"])
@vary_on_headers("HX-Request")
def adopt(request: MemberRequest, template_id: UUID) -> HttpResponse:
    """Show what making `link` one of the template's does, then do it. A POST with `preview` only shows.

    `take-<section>` says for an open section whether the link keeps its own values or begins with the template's.
    Only what was shown is done; when that would be something else by now, it is shown instead.
    """
    now = timezone.now()
    template = access.template_for(request.member, template_id)
    adoptable = selectors.adoptable_links(template, access.assignable_people(request.member, template))
    choices = list(adoptable)
    sent = request.POST if request.method == "POST" else request.GET
    link = _chosen(choices, sent.get("link", ""))
    take = [
        section.key
        for section in SECTIONS
        if section.key not in template.locked_sections and sent.get(f"take-{section.key}") == TEMPLATES
    ]
    if request.method == "GET" or link is None or "preview" in request.POST:
        return _page(request, template, choices, link, take, now)
    why = ""
    try:
        result = service.adopt(
            template=template,
            link_id=link.pk,
            take=take,
            actor=request.member.user,
            shown=request.POST.get("plan", ""),
            now=now,
        )
    except TemplateGone as gone:
        raise Http404("This template was deleted a moment ago.") from gone
    except service.NotAdoptable as refused:
        why = str(refused)
    except (NotAsShown, ScheduleGone):
        why = "What adopting does now stands below: look through it and decide again."
    else:
        return redirect(f"{reverse('managed_events:detail', args=[template.pk])}?result={result.event_id}")
    template.refresh_from_db()
    link = next((choice for choice in adoptable.all() if choice.pk == link.pk), None)
    return _page(request, template, choices, link, take, now, moved=why, status=409)


def _page(
    request: MemberRequest,
    template: ManagedEventTemplate,
    choices: Sequence[BookingLink],
    link: BookingLink | None,
    take: Collection[str],
    now: datetime,
    *,
    moved: str = "",
    status: int = 200,
) -> HttpResponse:
    context = frame(request.member, template, "links") | {"choices": choices, "link": link, "moved": moved}
    if link is not None:
        plan = plans.of_adoption(template, link, take)
        names = names_behind(template.section_values(), link.section_values())
        ways = _ways(template, link, take, names)
        kinds = [way.kind for way in ways]
        context |= {
            "plan": plan,
            "ways": ways,
            "follow": kinds.count("follows"),
            "stay": kinds.count("stays"),
            "match": kinds.count(""),
            "times": plans.times_of_adoption(plan, link, now),
            "meetings": selectors.meetings_of(link, now),
        }
    page = "managed_events/adopt.html"
    return render(request, f"{page}#adopt" if request.htmx else page, context, status=status)


def _ways(
    template: ManagedEventTemplate, link: BookingLink, take: Collection[str], names: Names
) -> list[Way]:
    mine, theirs = link.section_values(), template.state.starting_values(link.owner.timezone)
    differing = changed_sections(mine, theirs)
    ways = []
    for section in SECTIONS:
        before, after = (summary_of(section.key, values, names) for values in (mine, theirs))
        if section.key in differing and before == after:
            # What tells them apart is not in the summary.
            found = differences(mine, theirs, [section.key], names)
            before = ", ".join(f"{each.label}: {each.before}" for each in found)
            after = ", ".join(f"{each.label}: {each.after}" for each in found)
        locked, taken = section.key in template.locked_sections, section.key in take
        has_logo = "logo_id" in section.fields
        logos = (mine["logo_id"] or "", theirs["logo_id"] or "") if has_logo else ("", "")
        ways.append(Way(section, locked, before, after, section.key in differing, taken, logos))
    return ways


def _chosen(choices: Sequence[BookingLink], key: str) -> BookingLink | None:
    """The link asked for; without a key the first one.

    Raises: Http404 for one that is not among them.
    """
    if not key:
        return choices[0] if choices else None
    for link in choices:
        if str(link.pk) == key:
            return link
    raise Http404("This link cannot be adopted: it is gone, or follows a template already.")
