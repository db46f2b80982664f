"""Makers for templates and what follows from them, through the services."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from managed_events import effects, plans
from managed_events.domain.draft import TemplateDraft
from managed_events.models import ManagedEventTemplate, Propagation
from managed_events.services.assignment import Assignment, assign
from managed_events.services.templates import Saved, create_template, save_template
from scheduling.domain.sections import RECOMMENDED_LOCKS
from scheduling.models import BookingLink
from tests.conftest import MONDAY_MORNING
from tests.pages import form_posting
from workestra.accounts.models import Group, Membership

SAMPLE: dict[str, tuple[str, Any, Any]] = {
    "title": ("title", "Discovery Call", "Intro Call"),
    "duration": ("duration_minutes", 30, 45),
    "buffers": ("buffer_after_minutes", 0, 10),
    "availability": ("minimum_notice_hours", 0, 6),
    "form": ("questions", [], [{"key": "team", "label": "How many?", "type": "text", "required": True}]),
    "workflows": ("reminder_enabled", True, False),
    "branding": ("brand_color", "#005F73", "#8A2A2A"),
    "payment": ("refund_text", "", "Ask within a week."),
    "calendar": ("location_detail", "", "We call you."),
    "policy": ("cancel_cutoff_hours", 0, 12),
}
"""For each section one of its fields, the value the sample template has, and another one."""


def draft_of(template: ManagedEventTemplate) -> TemplateDraft:
    """The template as its form would send it back unchanged."""
    return TemplateDraft(
        values=template.section_values(),
        locks=tuple(template.locked_sections),
        slug=template.slug,
        slug_pattern=template.slug_pattern,
        group_id=template.group_id,
    )


def make_template(
    author: Membership,
    *,
    locks: Collection[str] = RECOMMENDED_LOCKS,
    slug: str = "discovery-call",
    slug_pattern: str = "{username}-{template}",
    group: Group | None = None,
    now: datetime = MONDAY_MORNING,
    **values: Any,
) -> ManagedEventTemplate:
    """A template with the sample values, its recommended sections locked."""
    blank = ManagedEventTemplate(timezone="Europe/Berlin").section_values()
    sample = {field: value for field, value, _other in SAMPLE.values()}
    draft = TemplateDraft(blank | sample | values, locks, slug, slug_pattern, group.pk if group else None)
    return create_template(workspace=author.workspace, author=author.user, draft=draft, now=now)


def save(
    template: ManagedEventTemplate,
    author: Membership,
    *,
    locks: Collection[str] | None = None,
    now: datetime = MONDAY_MORNING,
    **values: Any,
) -> Saved:
    """Save the template with these values changed, as somebody who has just opened its form."""
    template.refresh_from_db()
    draft = draft_of(template)
    draft = replace(
        draft, values={**draft.values, **values}, locks=draft.locks if locks is None else tuple(locks)
    )
    return save_template(
        template=template,
        author=author.user,
        draft=draft,
        based_on=template.version,
        shown=shown_for(template, draft),
        now=now,
    )


def shown_for(template: ManagedEventTemplate, draft: TemplateDraft) -> str:
    """What a page would send back that has just shown the plan of this draft."""
    return plans.of_save(ManagedEventTemplate.objects.get(pk=template.pk), draft).token


def assign_to(
    template: ManagedEventTemplate,
    people: Sequence[Membership],
    actor: Membership,
    now: datetime = MONDAY_MORNING,
) -> Assignment:
    return assign(template=template, people=people, actor=actor.user, now=now)


def link_of(template: ManagedEventTemplate, member: Membership) -> BookingLink:
    return BookingLink.objects.get(managed_event_template=template, owner=member.user)


def finish_runs(now: datetime = MONDAY_MORNING, batch: int = effects.BATCH) -> None:
    """What the worker does."""
    for run in Propagation.objects.filter(state=Propagation.State.RUNNING).order_by("version"):
        effects.run(run.pk, lambda: now, batch=batch)


def filled(html: str, field: str, **changes: Any) -> dict[str, Any]:
    """What the page's form with this field would send, with some of it changed; None leaves a field out."""
    form = form_posting(html, field)
    sent: dict[str, Any] = dict(form.values)
    sent["lock"] = [key for key in form.choices.get("lock", ()) if f'value="{key}" checked' in html]
    sent |= changes
    return {name: value for name, value in sent.items() if value is not None}
