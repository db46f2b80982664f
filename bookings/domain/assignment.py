"""Who gets a round-robin booking, and the receipt that says why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

TIEBREAK: Final = "least recently assigned, then higher weight, then lower user id"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A host of the pool with what decides his turn."""

    host_id: str
    name: str
    rotation: int
    weight: int


@dataclass(frozen=True, slots=True)
class Assignment:
    host_id: str
    receipt: dict[str, Any]


def assign(
    pool: Sequence[Candidate], free: Sequence[str], excluded: Mapping[str, Sequence[str]]
) -> Assignment:
    """The host whose turn it is among those that are free.

    `pool` is everybody, `free` the ids of those who can take the meeting (at least one), `excluded` gives each of
    the others his reasons in words. The order is: lowest rotation, then highest weight, then lowest id.
    """
    ranked = sorted(pool, key=lambda host: (host.rotation, -host.weight, host.host_id))
    chosen = next(host for host in ranked if host.host_id in set(free))
    return Assignment(
        chosen.host_id,
        {
            "candidates": [
                {
                    "host_id": host.host_id,
                    "name": host.name,
                    "rotation": host.rotation,
                    "weight": host.weight,
                    "free": host.host_id in set(free),
                    "reasons": list(excluded.get(host.host_id, ())),
                }
                for host in ranked
            ],
            "chosen": chosen.host_id,
            "order": TIEBREAK,
        },
    )
