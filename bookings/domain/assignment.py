"""Who of a link's hosts a booking is with, and the receipt that says why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

TIEBREAK: Final = "least recently assigned, then higher weight, then by a fixed order"
EVERYBODY: Final = "everybody is needed, the first host by a fixed order"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A host of the pool with what decides his turn."""

    host_id: str
    name: str
    rotation: int
    weight: int


@dataclass(frozen=True, slots=True)
class Assignment:
    """`host_ids` are those the meeting is with, the one who comes first in it at the beginning."""

    host_ids: tuple[str, ...]
    receipt: dict[str, Any]


def assign(
    pool: Sequence[Candidate], free: Sequence[str], excluded: Mapping[str, Sequence[str]]
) -> Assignment:
    """The host whose turn it is among those that are free.

    `pool` is everybody, `free` the ids of those who can take the meeting (at least one), `excluded` gives each of
    the others his reasons in words. The order is: lowest rotation, then highest weight, then lowest id.
    """
    ranked = sorted(pool, key=lambda host: (host.rotation, -host.weight, host.host_id))
    chosen = next(host.host_id for host in ranked if host.host_id in set(free))
    return Assignment((chosen,), _receipt(ranked, free, excluded, chosen, TIEBREAK))


def everybody(hosts: Sequence[Candidate]) -> Assignment:
    """All of the hosts of a collective meeting, at least one."""
    ranked = sorted(hosts, key=lambda host: host.host_id)
    ids = tuple(host.host_id for host in ranked)
    return Assignment(ids, _receipt(ranked, ids, {}, ids[0], EVERYBODY))


def _receipt(
    ranked: Sequence[Candidate],
    free: Sequence[str],
    excluded: Mapping[str, Sequence[str]],
    chosen: str,
    order: str,
) -> dict[str, Any]:
    return {
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
        "chosen": chosen,
        "order": order,
    }
