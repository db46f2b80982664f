"""The links made from a template: who has one, how it stands, giving one and taking one off."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST
from django.views.decorators.vary import vary_on_headers

from managed_events import access, selectors
from managed_events.domain.lint import lint
from managed_events.domain.sync import Cell
from managed_events.domain.words import Difference, Line, differences, line_of, listed
from managed_events.models import ManagedEventTemplate, Propagation
from managed_events.selectors import LinkRow, runs
from managed_events.services import assignment as service
from managed_events.views.effect import CELLS
from managed_events.views.templates import frame
from scheduling.domain.section_words import Names
from scheduling.domain.sections import SECTIONS, Section
from scheduling.selectors import names_behind
from workestra.accounts.http import MemberRequest
from workestra.audit.models import AuditEvent

PAGE: Final = 50
COPIED: Final = 500
QUIET: Final = timedelta(minutes=1)
STOP_POLLING: Final = 286
"""htmx's own status: swap this in and ask no more (https://htmx.org/docs/#polling)."""


@dataclass(frozen=True, slots=True)
class Part:
    """A section in which a link differs from its template.

    Out of step, the differences go from what it has to what it should have; of its own, from the template to it.
    """

    section: Section
    cell: Cell
    differences: Sequence[Difference]


@dataclass(frozen=True, slots=True)
class Row:
    """A link as the page shows it, with the sections that are not as in the template."""

    at: LinkRow
    url: str
    parts: Sequence[Part]

    @property
    def own(self) -> bool:
        return bool(self.at.own)


@require_GET
@vary_on_headers("HX-Request")
def detail(request: MemberRequest, template_id: UUID) -> HttpResponse:
    """The template's links and its history. `result` names the assignment whose outcome is to be shown.

    While a run is on, the page asks for its `.syncline` every two seconds; the last answer brings the links as well.
    """
    now = timezone.now()
    template = access.template_for(request.member, template_id)
    page = "managed_events/detail.html"
    if request.htmx and request.htmx.target == "syncline":
        context = _sync(request, template, now)
        if context["running"]:
            return render(request, f"{page}#syncline", context)
        context |= _links(request, template, context["run"]) | {"lines": _history(template)}
        return render(request, f"{page}#synced", context, status=STOP_POLLING)
    context = page_of(request, template, now)
    if request.htmx and request.htmx.target == "drift":
        return render(request, f"{page}#more", context)
    event = _result(template, request.GET.get("result", ""))
    if event is not None:
        context["result"] = event
        context["outcomes"] = [(each, _url(each["slug"])) for each in event.detail["people"]]
    return render(request, page, context)


def page_of(request: MemberRequest, template: ManagedEventTemplate, now: datetime) -> dict[str, Any]:
    """What the template's page shows: the latest run, the links as the address asks for them, the history."""
    context = _sync(request, template, now)
    return (
        context
        | _links(request, template, context["run"])
        | {
            "lines": _history(template),
            "warnings": len(lint(template.state, selectors.surroundings_of(template))),
        }
    )


@require_GET
def addresses(request: MemberRequest, template_id: UUID) -> HttpResponse:
    """The address of every assigned link as plain text, one a line, by owner's name."""
    template = access.template_for(request.member, template_id)
    lines = [f"{_url(link.slug)}\n" for link in selectors.assigned_links(template)]
    name = f'attachment; filename="{template.slug}-addresses.txt"'
    return HttpResponse(
        "".join(lines), content_type="text/plain; charset=utf-8", headers={"Content-Disposition": name}
    )


@require_POST
def detach(request: MemberRequest, template_id: UUID, link_id: UUID) -> HttpResponse:
    """Take one link off the template; `delete` removes it for good."""
    now = timezone.now()
    template = access.template_for(request.member, template_id)
    try:
        link = service.detach(
            template=template,
            link_id=link_id,
            delete="delete" in request.POST,
            actor=request.member.user,
            now=now,
        )
    except service.NotAssigned:
        messages.warning(request, "This link was taken off the template a moment ago.")
    else:
        messages.success(request, detached_words([link.owner.first_name], deleted="delete" in request.POST))
    return redirect("managed_events:detail", template.pk)


def _sync(request: MemberRequest, template: ManagedEventTemplate, now: datetime) -> dict[str, Any]:
    run = runs.last_run(template)
    running = run is not None and run.state == Propagation.State.RUNNING
    return frame(request.member, template, "links") | {
        "run": run,
        "running": running,
        "quiet": running and run is not None and now - run.touched_at > QUIET,
        "cells": _cells(run),
    }


def _links(request: MemberRequest, template: ManagedEventTemplate, run: Propagation | None) -> dict[str, Any]:
    every = {
        "": ("All", selectors.assigned_links(template)),
        "own": ("Own values", selectors.with_own_values(template)),
        "out": ("Out of step", selectors.out_of_step(template)),
    }
    show = request.GET.get("show", "")
    _label, found = every.get(show, every[""])
    page = Paginator(found, PAGE).get_page(request.GET.get("page"))
    stands = selectors.link_rows(template, page.object_list, run)
    names = names_behind(template.section_values(), *(at.link.section_values() for at in stands))
    return {
        "sections": SECTIONS,
        "page": page,
        "rows": [_row(template, at, names) for at in stands],
        "show": show if show in every else "",
        "addresses": _addresses(template),
        "shows": [(key, label, links.count()) for key, (label, links) in every.items()],
    }


def _row(template: ManagedEventTemplate, at: LinkRow, names: Names) -> Row:
    expected = template.state.starting_values(at.link.owner.timezone)
    values = at.link.section_values()
    parts = []
    for section in SECTIONS:
        cell = at.cells[section.key]
        if cell in {Cell.OWN, Cell.OUT_OF_STEP}:
            sides = (expected, values) if cell == Cell.OWN else (values, expected)
            parts.append(Part(section, cell, differences(*sides, [section.key], names)))
    return Row(at, _url(at.link.slug), parts)


def _addresses(template: ManagedEventTemplate) -> str:
    """Every address, one a line, for the clipboard; "" when they are too many for a page."""
    slugs = list(selectors.assigned_links(template).values_list("slug", flat=True)[: COPIED + 1])
    return "\n".join(map(_url, slugs)) if len(slugs) <= COPIED else ""


def _url(slug: str) -> str:
    return f"{settings.SITE_URL}/book/{slug}"


def _history(template: ManagedEventTemplate) -> list[tuple[AuditEvent, Line, Sequence[str]]]:
    """Each event with its line, and for a sync a cell a link."""
    lines = []
    for event in selectors.history(template):
        cells: Sequence[str] = ()
        if event.action == "template.propagated" and event.detail["links"] <= CELLS:
            cells = ["on"] * event.detail["updated"] + [""] * event.detail["matched"]
        lines.append((event, line_of(event.action, event.detail), cells))
    return lines


def _cells(run: Propagation | None) -> Sequence[str]:
    """A cell a link for the latest run; none when they would be too many to count."""
    if run is None or run.links_total > CELLS:
        return ()
    return ["on"] * run.links_updated + [""] * (run.links_total - run.links_updated)


def _result(template: ManagedEventTemplate, event_id: str) -> AuditEvent | None:
    try:
        return selectors.assignment_event(template, UUID(event_id))
    except ValueError:
        return None


def detached_words(names: Sequence[str], *, deleted: bool) -> str:
    """What a page says when links of people of these names were taken off: kept, or `deleted`."""
    who = listed(list(names))
    if deleted:
        return (
            f"{who} detached, the link is deleted."
            if len(names) == 1
            else f"{who} detached, the links are deleted."
        )
    return f"{who} detached, the link is kept." if len(names) == 1 else f"{who} detached, the links are kept."
