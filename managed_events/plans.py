"""Plans for templates and their links as they stand in the database: a few queries, whatever the number of links."""

import json
from collections.abc import Collection, Mapping, Sequence
from copy import copy
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final

from django.db.models import JSONField, QuerySet, TextField
from django.db.models.functions import Cast

from bookings.models import Booking
from managed_events.domain.draft import TemplateDraft
from managed_events.domain.plan import LinkState, Plan, plan_adoption, plan_reset, plan_save
from managed_events.domain.sync import Edit, TemplateState
from managed_events.models import ManagedEventTemplate
from scheduling.domain.sections import SECTION_OF_FIELD, fields_of
from scheduling.models import BookingLink
from scheduling.times_of_many import times_offered
from workestra.calendars.domain.period import Period

AHEAD: Final = timedelta(days=14)
CHECKED: Final = 200
"""So many links at most are asked for their times: the slot engine reads each one's calendar."""
SHAPE_TIMES: Final = frozenset({"duration", "buffers", "availability"})
"""Sections that decide which times a link offers."""


def of_save(
    template: ManagedEventTemplate, draft: TemplateDraft, *, before: TemplateState | None = None
) -> Plan:
    """What saving `draft` does now. `before` is the template as it is stored, when the object says something else."""
    edit = Edit(before or template.state, draft.state)
    links = link_states(template.links.all(), fields_of(draft.state.locks) if edit.reaches_links else ())
    return plan_save(edit, links, version=template.version, settings=draft.settings)


def of_reset(template: ManagedEventTemplate, links: QuerySet[BookingLink], sections: Collection[str]) -> Plan:
    """What giving these links of the template its values in these sections does now."""
    found = link_states(links, fields_of(sections))
    return plan_reset(template.state, found, sections=sections, version=template.version)


def of_adoption(template: ManagedEventTemplate, link: BookingLink, take: Collection[str]) -> Plan:
    """What making this link one of the template's does now."""
    (state,) = link_states(BookingLink.objects.filter(pk=link.pk), tuple(SECTION_OF_FIELD))
    return plan_adoption(template.state, state, take=take, version=template.version)


def times_of_adoption(plan: Plan, link: BookingLink, now: datetime) -> tuple[int, int]:
    """How many starts the link offers in the next 14 days as it is, and as the plan makes it."""
    window = Period(now, now + AHEAD)
    before = times_offered([link], window, now)[link.pk]
    adopted = copy(link)
    for change in plan.changes:
        _write(adopted, change.writes)
    return before, times_offered([adopted], window, now)[link.pk]


def links_without_times(links: QuerySet[BookingLink], now: datetime) -> tuple[list[BookingLink], int]:
    """Those of the first `CHECKED` of these links that offer no time in the next 14 days, and how many were asked."""
    asked = list(links[:CHECKED])
    offered = times_offered(asked, Period(now, now + AHEAD), now)
    return [link for link in asked if not offered.get(link.pk)], len(asked)


def with_outlook(plan: Plan, now: datetime, *, template: ManagedEventTemplate | None = None) -> Plan:
    """The plan with what it means for the time to come: links left without a time, meetings that stay as they are.

    Times are only asked about when the plan touches what decides them, and for the first `CHECKED` links at most.
    `template` says that the plan is about all of its links.
    """
    meetings = Booking.objects.filter(status=Booking.Status.CONFIRMED, starts_at__gt=now)
    if template is not None:
        bookings = meetings.filter(link__managed_event_template=template).count()
    else:
        bookings = meetings.filter(link__in=plan.link_ids).count()
    touched = [change for change in plan.valued if SHAPE_TIMES.intersection(change.sections)][:CHECKED]
    if not touched:
        return replace(plan, bookings=bookings)
    links = BookingLink.objects.in_bulk([change.link.id for change in touched])
    asked = []
    for change in touched:
        if link := links.get(change.link.id):
            _write(link, change.writes)
            asked.append(link)
    offered = times_offered(asked, Period(now, now + AHEAD), now)
    return replace(
        plan,
        bookings=bookings,
        times_checked=len(asked),
        without_times=tuple(change.link for change in touched if offered.get(change.link.id) == 0),
    )


def link_states(links: QuerySet[BookingLink], fields: Sequence[str]) -> list[LinkState]:
    """These links with the values of `fields`, by owner's name. One query.

    Links share values that are lists or objects: most say the same, and reading each anew would take longest of all.
    """
    as_text = [field for field in fields if isinstance(BookingLink._meta.get_field(field), JSONField)]
    texts = {f"{field}_text": Cast(field, TextField()) for field in as_text}
    columns = [f"{field}_text" if field in as_text else field for field in fields]
    rows = (
        links.annotate(**texts)
        .order_by("owner__name", "pk")
        .values_list("pk", "owner__name", "owner__timezone", "slug", "locked_sections", *columns)
    )
    read = cache(json.loads)
    reads = [field in as_text for field in fields]
    return [
        LinkState(
            pk,
            owner,
            zone,
            slug,
            frozenset(locks),
            {
                field: read(value) if is_text else value
                for field, value, is_text in zip(fields, values, reads, strict=True)
            },
        )
        for pk, owner, zone, slug, locks, *values in rows
    ]


def _write(link: BookingLink, values: Mapping[str, Any]) -> None:
    for field, value in values.items():
        setattr(link, field, value)
