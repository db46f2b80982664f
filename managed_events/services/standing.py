"""Templates for people to come: who joins gets a link by himself; who leaves takes his along."""

import logging
from collections.abc import Collection, Iterable
from datetime import datetime
from uuid import UUID

from django.db import DatabaseError, transaction

from managed_events.log import record
from managed_events.models import Considered, ManagedEventTemplate, StandingAssignment
from managed_events.selectors import turnover
from managed_events.services.assignment import NotAssigned, assign, detach
from managed_events.services.templates import TemplateGone, lock_template
from workestra.accounts.models import Group, Membership, User

logger = logging.getLogger(__name__)

Scope = Group | None
"""Whose newcomers: a group's, or None for the whole workspace's."""


def set_standing(
    *,
    template: ManagedEventTemplate,
    wanted: Collection[Scope],
    among: Collection[Scope],
    actor: User,
    now: datetime,
) -> bool:
    """Have newcomers of `wanted` get a link from now on, those of the rest of `among` no longer; whether that is new.

    Who is there already gets none by it. Scopes outside of `among` stay as they are.

    Raises: TemplateGone.
    """
    with transaction.atomic():
        current = lock_template(template)
        standing = {row.group: row for row in current.standing.select_related("group")}
        before = _names(standing)
        for scope in among:
            if scope in wanted and scope not in standing:
                row = StandingAssignment.objects.create(template=current, group=scope)
                _consider(row, turnover.members_in(row))
            elif scope not in wanted and scope in standing:
                standing[scope].delete()
        after = _names(row.group for row in current.standing.select_related("group"))
        if before == after:
            return False
        record(
            "template.newcomers_set",
            current,
            now,
            actor=actor,
            before={"newcomers": before},
            after={"newcomers": after},
        )
    return True


def welcome(now: datetime) -> int:
    """Give every newcomer the links that stand ready for him; how many were made. Safe to repeat and to run twice."""
    made = 0
    for template in turnover.templates_with_newcomers():
        try:
            made += _welcome(template, now)
        except (TemplateGone, DatabaseError):
            logger.exception("Newcomers of template %s wait for the next run.", template.pk)
    return made


def release_leavers(now: datetime) -> int:
    """Detach the links of everybody who is no active member any more: they stay, with their bookings. How many."""
    released = 0
    for link in turnover.links_of_leavers():
        template = link.managed_event_template
        assert template is not None, "only links of templates are asked for"
        try:
            detach(template=template, link_id=link.pk, delete=False, actor=None, now=now)
        except NotAssigned:
            continue
        released += 1
    return released


def _welcome(template: ManagedEventTemplate, now: datetime) -> int:
    with transaction.atomic():
        current = lock_template(template)
        people: dict[UUID, Membership] = {}
        for standing in current.standing.all():
            newcomers = turnover.newcomers(standing)
            _consider(standing, newcomers)
            people |= {member.pk: member for member in newcomers}
        if not people:
            return 0
        assign(template=current, people=list(people.values()), actor=None, now=now)
    return len(people)


def _consider(standing: StandingAssignment, members: Iterable[Membership]) -> None:
    rows = [Considered(standing=standing, membership=member) for member in members]
    Considered.objects.bulk_create(rows, ignore_conflicts=True)


def _names(scopes: Iterable[Scope]) -> list[str]:
    return sorted(scope.name if scope else "Everybody" for scope in scopes)
