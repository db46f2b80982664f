"""Reads about the runs that bring links in line with their template."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet, Subquery

from managed_events.models import (
    ManagedEventTemplate,
    Propagation,
    TemplateVersion,
)
from scheduling.domain.sections import fields_of
from scheduling.models import BookingLink
from scheduling.selectors import schedule_exists
from workestra.audit.models import AuditEvent


def last_run(template: ManagedEventTemplate) -> Propagation | None:
    """The template's latest run; None when no save has reached a link yet."""
    return template.propagations.select_related("started_by").order_by("-version", "-started_at").first()


def stalled_runs(before: datetime) -> list[UUID]:
    """Runs that are not finished and were last touched before this instant, the longest waiting first."""
    runs = Propagation.objects.filter(state=Propagation.State.RUNNING, touched_at__lt=before)
    return list(runs.order_by("touched_at").values_list("pk", flat=True))


def next_run(propagation_id: UUID) -> UUID | None:
    """The first unfinished run of the same template: saves reach the links in their order. None when all are done."""
    template = Propagation.objects.filter(pk=propagation_id).values("template")
    runs = Propagation.objects.filter(template__in=template, state=Propagation.State.RUNNING)
    return runs.order_by("version").values_list("pk", flat=True).first()


def is_overtaken(run: Propagation) -> bool:
    """Whether a later run brings everything that this one would.

    It does when it has all of this one's locks. Otherwise a section has been opened since, and its last locked values
    are for this run alone to bring.
    """
    later = Propagation.objects.filter(template=run.template_id, version__gt=run.version).values("version")
    own = TemplateVersion.objects.filter(template=run.template_id, number=run.version).values(
        "locked_sections"
    )
    covering = TemplateVersion.objects.filter(
        template=run.template_id, number__in=later, locked_sections__contains=Subquery(own)
    )
    return covering.exists()


def run_of(template: ManagedEventTemplate, run_id: UUID) -> Propagation | None:
    return template.propagations.select_related("started_by", "template").filter(pk=run_id).first()


def outcomes_of(run: Propagation) -> dict[UUID, bool]:
    """For each link that the run has reached, whether it was updated. Links that are gone by now are among them."""
    batches = list(run.batches.values_list("links", "updated"))
    reached = {key: False for links, _updated in batches for key in links}
    return reached | {key: True for _links, updated in batches for key in updated}


def reached_links(outcomes: Mapping[UUID, bool], *, updated: bool | None = None) -> QuerySet[BookingLink]:
    """Those links that are still there, by owner's name; `updated` lets only these or only the others through."""
    keys = [key for key, was in outcomes.items() if updated is None or was == updated]
    return BookingLink.objects.filter(pk__in=keys).select_related("owner").order_by("owner__name", "pk")


def save_of(run: Propagation) -> AuditEvent | None:
    """What was recorded about the save that started the run; it has what was replaced on each link."""
    events = AuditEvent.objects.filter(target_id=run.template_id, detail__run=str(run.pk))
    return events.filter(action__in=("template.saved", "template.rolled_back")).first()


def is_running(template: ManagedEventTemplate) -> bool:
    """Whether a run of the template is not finished."""
    return template.propagations.filter(state=Propagation.State.RUNNING).exists()


def version_of(run: Propagation) -> TemplateVersion:
    """The version that the run brings."""
    return TemplateVersion.objects.get(template=run.template_id, number=run.version)


def values_to_bring(run: Propagation, version: TemplateVersion) -> dict[str, Any]:
    """The locked values of the run's version. Hours of a schedule that is gone by now are those that it left behind.

    A version that asks for payment leaves alone whether a link does: none begins to (`scheduling.services.payments`).
    """
    values = version.state.locked_values
    if values.get("requires_payment"):
        del values["requires_payment"]
    schedule_id = values.get("schedule_id")
    if schedule_id and not schedule_exists(schedule_id):
        left = run.template.section_values()
        values |= {field: left[field] for field in fields_of(["availability"])}
    return values


def versions_around(run: Propagation) -> tuple[TemplateVersion, TemplateVersion]:
    """The version that the run brings, and the one before it."""
    numbers = (run.version - 1, run.version)
    before, after = TemplateVersion.objects.filter(template=run.template_id, number__in=numbers).order_by(
        "number"
    )
    return after, before


def values_around(run: Propagation) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the run's version changed for links: values of its sections and the locks, before and after."""
    after, before = versions_around(run)
    fields = fields_of(run.sections)

    def facts(version: TemplateVersion) -> dict[str, Any]:
        values = version.section_values()
        return {field: values[field] for field in fields} | {"locked_sections": version.locked_sections}

    return facts(before), facts(after)
