"""What is wrong with a template, and with links of it, while nobody has complained yet."""

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from managed_events import access, plans, selectors
from managed_events.domain.lint import lint
from managed_events.selectors import runs
from managed_events.views.templates import frame
from scheduling.domain.sections import BY_KEY
from workestra.accounts.http import MemberRequest


@require_GET
def checks(request: MemberRequest, template_id: UUID) -> HttpResponse:
    """The template's warnings, links out of step, and links without a time in the next 14 days."""
    now = timezone.now()
    template = access.template_for(request.member, template_id)
    without_times, asked = plans.links_without_times(selectors.assigned_links(template), now)
    warnings = lint(template.state, selectors.surroundings_of(template))
    context = frame(request.member, template, "checks") | {
        "warnings": [(BY_KEY[each.section], each.text) for each in warnings],
        "out_of_step": selectors.out_of_step(template).count(),
        "running": runs.is_running(template),
        "without_times": without_times,
        "asked": asked,
    }
    return render(request, "managed_events/checks.html", context)
