"""Making one person of two."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from workestra.accounts.models import Membership
from workestra.crm import meetings
from workestra.crm.models import Activity, Opportunity, Person
from workestra.crm.plans import MergePlan, merging
from workestra.crm.services import PERSON_FIELDS, facts_of, note_stage, put_first, record

TRIES: Final = 3


class PlanChanged(Exception):
    """What was shown is no longer what would be done."""

    def __init__(self, plan: MergePlan) -> None:
        super().__init__("the plan has changed")
        self.plan = plan


class PersonGone(Exception):
    """One of the two is there no longer, or was merged already."""


class StillMoving(Exception):
    """Their meetings were being changed all the time. A moment later it will work."""


class _Moved(Exception):
    """A meeting was moved or made before it was held."""


def merge(
    *, kept_id: UUID, other_id: UUID, take: Mapping[str, str], token: str, by: Membership, now: datetime
) -> Person:
    """Make the other one a part of whom is kept; gives him. This is not undone.

    `take` says for each of PERSON_FIELDS whose value it is to be: "kept" or "other". `token` is that of the plan that
    was shown.

    Raises: PlanChanged; PersonGone; StillMoving.
    """
    assert kept_id != other_id, "two people become one"
    for tries_left in reversed(range(TRIES)):
        try:
            with transaction.atomic():
                kept, other = _held(kept_id, other_id, by.workspace_id)
                plan = merging(kept, other)
                if plan.token != token:
                    raise PlanChanged(plan)
                _merge(kept, other, take, by, now)
                return kept
        except _Moved as moved:
            if not tries_left:
                raise StillMoving from moved
    raise AssertionError("unreachable: the last try returns or raises")


def held(people: Collection[UUID]) -> list[Person]:
    """These people, by id, held with all of their meetings until the transaction ends.

    The meetings first, as whoever books or marks one holds it before its person; each kind in ascending id. Who is
    there no longer is left out. Raises: _Moved, for whoever calls to begin anew.
    """
    keys = meetings.keys_of(people)
    meetings.hold(keys)
    found = Person.objects.select_for_update(no_key=True, of=("self",)).filter(pk__in=people)
    rows = list(found.order_by("pk"))
    if meetings.keys_of(people) - keys:
        raise _Moved
    return rows


def _held(kept_id: UUID, other_id: UUID, workspace_id: UUID) -> tuple[Person, Person]:
    rows = {
        person.pk: person
        for person in held([kept_id, other_id])
        if person.workspace_id == workspace_id and person.merged_into_id is None
    }
    try:
        return rows[kept_id], rows[other_id]
    except KeyError as gone:
        raise PersonGone from gone


def _merge(kept: Person, other: Person, take: Mapping[str, str], by: Membership, now: datetime) -> None:
    before, theirs = facts_of(kept, PERSON_FIELDS), facts_of(other, PERSON_FIELDS)
    chosen = {name: theirs[name] if take.get(name) == "other" else before[name] for name in PERSON_FIELDS}
    meetings.hand_over(other.pk, kept.pk)
    Activity.objects.filter(person=other).update(person=kept)
    Opportunity.objects.filter(person=other).update(person=kept)
    Person.objects.filter(Q(pk=other.pk) | Q(merged_into=other)).update(
        merged_into=kept, phone="", company="", owner=None, no_show_count=0
    )
    put_first(kept, chosen["email"])
    for name in PERSON_FIELDS:
        setattr(kept, name, chosen[name])
    kept.owner_id = kept.owner_id or other.owner_id
    kept.no_show_count += other.no_show_count
    kept.created_at = min(kept.created_at, other.created_at)
    kept.save()
    note_stage(kept, before["lifecycle_stage"], by.user, now)
    record("person.merged", kept, by.user, now, before=before | {"merged": theirs}, after=chosen)
