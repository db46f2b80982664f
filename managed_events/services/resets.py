"""Giving links back what their template says, in sections that somebody names, locked or open."""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from managed_events import plans, selectors
from managed_events.domain.plan import LinkChange, Plan
from managed_events.domain.sync import in_order
from managed_events.log import record
from managed_events.models import ManagedEventTemplate
from managed_events.selectors import runs
from managed_events.services.templates import NotAsShown, lock_template, refuse_unpayable_plan
from scheduling.domain.sections import fields_of
from scheduling.services.links import hold_schedules
from scheduling.services.propagation import lock_links, write_links
from workestra.accounts.models import User


class SyncRunning(Exception):
    """A run of the template is not finished, and what it brings would be brought over this. Nothing was written."""


def reset(
    *,
    template: ManagedEventTemplate,
    link_id: UUID | None,
    sections: Collection[str],
    actor: User,
    shown: str,
    now: datetime,
) -> Plan:
    """Give the template's values and locks of these sections to one link, or without `link_id` to every link.

    Only what the page showed is done; `shown` is its plan's token. A link that is not the template's (any more) is
    not touched. A plan without a change writes nothing.

    Raises: NotAsShown, SyncRunning, TemplateGone, NoPayments; ScheduleGone when the template's hours are just being
    deleted.
    """
    with transaction.atomic():
        current = lock_template(template)
        if runs.is_running(current):
            raise SyncRunning
        hold_schedules(current.workspace_id, [current.schedule_id] if "availability" in sections else [])
        links = selectors.assigned_links(current)
        if link_id is not None:
            links = links.filter(pk=link_id)
        lock_links(current.pk, list(links.values_list("pk", flat=True)))
        plan = plans.of_reset(current, links, sections)
        if not plan.is_shown_by(shown):
            raise NotAsShown(plan)
        refuse_unpayable_plan(plan)
        if not plan.changes:
            return plan
        _write(current, plan, sections, now)
        record(
            "template.reset",
            current,
            now,
            actor=actor,
            detail={
                "version": current.version,
                "sections": in_order(sections),
                "links": [
                    {
                        "link": change.link.id,
                        "name": change.link.owner,
                        "slug": change.link.slug,
                        "before": change.before,
                        "after": dict(change.writes),
                    }
                    for change in plan.changes
                ],
            },
        )
    return plan


def _write(template: ManagedEventTemplate, plan: Plan, sections: Collection[str], now: datetime) -> None:
    """A statement for each zone of the owners and each set of locks, whatever the number of links."""
    alike: dict[tuple[str, tuple[str, ...]], list[LinkChange]] = defaultdict(list)
    for change in plan.changes:
        values = _values(template, change, sections)
        alike[str(values.get("timezone", "")), in_order(change.locks)].append(change)
    for (_zone, locks), changes in alike.items():
        values = _values(template, changes[0], sections)
        ids = [change.link.id for change in changes]
        write_links(ids, values=values, locked_sections=locks, now=now)


def _values(template: ManagedEventTemplate, change: LinkChange, sections: Collection[str]) -> dict[str, Any]:
    begins = template.state.starting_values(change.link.owner_timezone)
    return {field: begins[field] for field in fields_of(in_order(sections))}
