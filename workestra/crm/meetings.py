"""What the apps above know of a person's meetings. They stand above this app, so they register themselves."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from django.db.models import QuerySet

from workestra.accounts.models import Membership
from workestra.crm.models import Person


@dataclass(frozen=True, slots=True)
class Meeting:
    """One meeting with a person. `state` is "upcoming", "unmarked", "attended", "no_show", "cancelled", "rescheduled".

    `zone` is the one its host reads it in, `place` where it is and how long it takes ("Meet · 30m"); `url` shows it.
    """

    title: str
    starts_at: datetime
    ends_at: datetime
    zone: str
    host: str
    place: str
    url: str
    state: str


class Meetings(Protocol):
    """What an app with meetings can be asked."""

    def with_person(self, person: Person, member: Membership, now: datetime) -> Sequence[Meeting]:
        """The person's meetings that the member may see, latest start first."""

    def people_met_by(self, user_ids: Collection[Any]) -> QuerySet[Any, Any]:
        """The keys of the people whom these users have met or will meet, as a subquery."""

    def keys_of(self, person_ids: Collection[UUID]) -> set[UUID]:
        """The keys of all meetings of these people."""

    def hold(self, keys: Collection[UUID]) -> None:
        """Keep these meetings, and who attends them, from being changed until the transaction ends."""

    def hand_over(self, from_id: UUID, to_id: UUID) -> None:
        """The meetings of one person are those of another from now on. For callers who hold them."""


_known: list[Meetings] = []


def register(meetings: Meetings) -> None:
    _known.append(meetings)


def with_person(person: Person, member: Membership, now: datetime) -> list[Meeting]:
    """All of them, latest start first; none when nobody registered."""
    found = [meeting for meetings in _known for meeting in meetings.with_person(person, member, now)]
    return sorted(found, key=lambda meeting: meeting.starts_at, reverse=True)


def keys_of(person_ids: Collection[UUID]) -> set[UUID]:
    """The keys of all meetings of these people."""
    return set().union(*(meetings.keys_of(person_ids) for meetings in _known))


def hold(keys: Collection[UUID]) -> None:
    """Keep these meetings, and who attends them, from being changed until the transaction ends."""
    for meetings in _known:
        meetings.hold(keys)


def hand_over(from_id: UUID, to_id: UUID) -> None:
    """The meetings of one person are those of another from now on. For callers who hold them."""
    for meetings in _known:
        meetings.hand_over(from_id, to_id)


def people_met_by(user_ids: Collection[Any]) -> list[QuerySet[Any, Any]]:
    return [meetings.people_met_by(user_ids) for meetings in _known]
