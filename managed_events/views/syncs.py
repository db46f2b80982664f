"""What one sync did, link by link."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from managed_events import access
from managed_events.domain.sync import TemplateState
from managed_events.domain.words import Difference, differences
from managed_events.models import Propagation, TemplateVersion
from managed_events.selectors import runs
from managed_events.views.effect import edit_differences
from managed_events.views.templates import frame
from scheduling.domain.sections import SECTION_OF_FIELD
from scheduling.models import BookingLink
from workestra.accounts.http import MemberRequest

PAGE: Final = 50


@dataclass(frozen=True, slots=True)
class Row:
    """A link that the run has reached, and what of its owner's own was written over."""

    link: BookingLink
    updated: bool
    detached: bool
    lost: Sequence[Difference]


@require_GET
def sync(request: MemberRequest, template_id: UUID, run_id: UUID) -> HttpResponse:
    """One run: what it brought, and for each link whether it was updated. `show` is "updated" or "matched"."""
    template = access.template_for(request.member, template_id)
    run = runs.run_of(template, run_id)
    if run is None:
        raise Http404("There is no such sync of this template.")
    outcomes = runs.outcomes_of(run)
    show = request.GET.get("show", "")
    every = {"": None, "updated": True, "matched": False}
    found = runs.reached_links(outcomes, updated=every.get(show))
    page = Paginator(found, PAGE).get_page(request.GET.get("page"))
    version, previous = runs.versions_around(run)
    replaced = _replaced(run)
    context = frame(request.member, template, "links") | {
        "run": run,
        "running": run.state == Propagation.State.RUNNING,
        "differences": edit_differences(previous.state, version.state, run.sections),
        "page": page,
        "rows": [
            Row(
                link,
                outcomes[link.pk],
                link.managed_event_template_id != template.pk,
                _lost(version, replaced.get(str(link.pk), {})),
            )
            for link in page.object_list
        ],
        "show": show if show in every else "",
        "shows": [
            ("", "All", len(outcomes)),
            ("updated", "Updated", sum(outcomes.values())),
            ("matched", "Already matched", len(outcomes) - sum(outcomes.values())),
        ],
        "gone": len(outcomes) - runs.reached_links(outcomes).count(),
    }
    return render(request, "managed_events/sync.html", context)


def _replaced(run: Propagation) -> dict[str, Mapping[str, Any]]:
    event = runs.save_of(run)
    return {each["link"]: each["before"] for each in event.detail["replaced"]} if event else {}


def _lost(version: TemplateVersion, before: Mapping[str, Any]) -> list[Difference]:
    after = version.section_values()
    had = TemplateState({**after, **before}, frozenset())
    return differences(had.values, after, {SECTION_OF_FIELD[field] for field in before})
