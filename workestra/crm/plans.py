"""What merging two people will do, shown before it is done."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from workestra.crm import meetings, selectors
from workestra.crm.models import Person

CHOSEN: Final = (
    ("name", "Name"),
    ("email", "Email"),
    ("phone", "Phone"),
    ("company", "Company"),
    ("lifecycle_stage", "Lifecycle stage"),
)
"""What one of the two has to give, in the order it is asked."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A value that the two may differ in; each in words, "" for none. `default` is whose is taken when nobody says."""

    name: str
    label: str
    kept: str
    other: str

    @property
    def is_asked(self) -> bool:
        return self.kept != self.other

    @property
    def default(self) -> str:
        return "kept" if self.kept else "other"


@dataclass(frozen=True)
class MergePlan:
    """`other` becomes a part of `kept`. The counts are of what moves from `other`."""

    kept: Person
    other: Person
    choices: Sequence[Choice]
    addresses: Sequence[str]
    """All that belong to the one who is kept afterwards, whichever of them comes first."""
    meetings: int
    activities: int
    opportunities: int

    @property
    def no_shows(self) -> int:
        return self.kept.no_show_count + self.other.no_show_count

    @cached_property
    def token(self) -> str:
        """Stands for all that the plan says: another one once anything of it has changed."""
        said = [
            [str(self.kept.pk), str(self.other.pk), self.no_shows],
            [[choice.name, choice.kept, choice.other] for choice in self.choices],
            [*self.addresses, self.meetings, self.activities, self.opportunities],
        ]
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def merging(kept: Person, other: Person) -> MergePlan:
    """What becomes of the two."""
    addresses = {kept.email, other.email, *selectors.other_addresses(kept), *selectors.other_addresses(other)}
    return MergePlan(
        kept=kept,
        other=other,
        choices=[Choice(name, label, _words(kept, name), _words(other, name)) for name, label in CHOSEN],
        addresses=sorted(addresses),
        meetings=len(meetings.keys_of([other.pk])),
        activities=other.activities.count(),
        opportunities=other.opportunities.count(),
    )


def _words(person: Person, name: str) -> str:
    return person.get_lifecycle_stage_display() if name == "lifecycle_stage" else getattr(person, name)
