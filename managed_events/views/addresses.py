"""What the name and the pattern typed into a template's form make of people's addresses."""

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from managed_events import access, selectors
from managed_events.domain.slugs import BadPattern, check_pattern, slug_for
from managed_events.models import ManagedEventTemplate
from scheduling.domain.slugs import problem, suggested_slug
from workestra.accounts import selectors as accounts
from workestra.accounts.http import MemberRequest

SLUG = "title"
"""Stands for the name in addresses while there is neither one nor a title."""


@require_GET
def address(request: MemberRequest, template_id: UUID | None = None) -> HttpResponse:
    """The part of the page below the pattern: an example, what is wrong, and whose address would be taken."""
    member, now = request.member, timezone.now()
    access.require_template_admin(member)
    template = access.template_for(member, template_id) if template_id else None
    slug, pattern, title = (
        request.GET.get(name, "").replace("\x00", "").strip()[:100]
        for name in ("slug", "slug_pattern", "title")
    )
    slug = slug.lower() or (suggested_slug(title, ()) if title else SLUG)
    problems = [*filter(None, [problem(slug), _pattern_problem(pattern)])]
    if selectors.is_slug_in_use(member.workspace_id, slug, template_id):
        problems.append("Another template has this name in its addresses. Choose another one.")
    context: dict[str, Any] = {
        "problems": problems,
        "example": slug_for(pattern, username=member.user.username, template=slug),
    }
    if not problems and (template or member.is_admin):
        typed = template or ManagedEventTemplate(workspace=member.workspace)
        people = (
            access.assignable_people(member, template)
            if template
            else accounts.active_members(member.workspace)
        )
        typed.slug, typed.slug_pattern = slug, pattern
        waiting = list(people.exclude(user__booking_links__managed_event_template=typed.pk))
        proposals = selectors.proposed_addresses(typed, waiting, now).values()
        context |= {
            "asked": len(proposals),
            "taken": [proposal for proposal in proposals if proposal.slug != proposal.wanted],
        }
    return render(request, "managed_events/_pattern.html", context)


def _pattern_problem(pattern: str) -> str:
    try:
        check_pattern(pattern)
    except BadPattern as bad:
        return str(bad)
    return ""
