"""What an assignment gives each person."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Result(StrEnum):
    CREATED = "created"
    ADOPTED = "adopted"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of assigning one person: a link at `slug`, new or his own one adopted, or nothing, for `reason`.

    `wanted` is the address that the pattern gives; where `slug` differs, that one was taken.
    """

    name: str
    result: Result
    slug: str = ""
    wanted: str = ""
    reason: str = ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)
