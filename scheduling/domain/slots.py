"""The slot engine: which starts a booking link offers, and why it does not offer the others.

Two parts answer every question, so the list of slots, the verdict on one start and the explanation agree:

- the *grid* holds the starts at which the whole meeting lies in open hours (`scheduling.domain.hours`);
- *blocks* are the starts that any other rule takes out, each with its cause (`scheduling.domain.blocks`).

A start is offered when it is on the grid and in no block. `docs/slots.md` states the rules with examples.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial, reduce
from itertools import chain, compress, pairwise
from operator import itemgetter
from typing import NamedTuple

from scheduling.domain.blocks import Block, host_blocks, link_blocks
from scheduling.domain.grid import (
    INSTANT,
    LOOK_BACK,
    Settled,
    complement,
    grid_starts,
    grid_steps,
    intersection,
)
from scheduling.domain.hours import Availability, open_spans
from scheduling.domain.reasons import Reason, ReasonCode, block_reason, hours_reason, off_grid_reason
from scheduling.domain.rules import (
    NONE,
    Busy,
    BusyKind,
    DateRange,
    HostCalendar,
    RollingWindow,
    Rules,
    Strategy,
)
from scheduling.domain.wallclock import Span, joined, midnights
from workestra.calendars.domain.period import Period

__all__ = [
    "Busy",
    "BusyKind",
    "DateRange",
    "Explanation",
    "Gap",
    "HostCalendar",
    "Reason",
    "ReasonCode",
    "RollingWindow",
    "Rules",
    "Slot",
    "Strategy",
    "Verdict",
    "explain",
    "nearest",
    "open_slots",
    "open_starts",
    "verdict",
]


_OPPOSITE = bytes.maketrans(b"\x00\x01", b"\x01\x00")


class Slot(NamedTuple):
    """A meeting that can be booked: [start, end) in UTC."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer for one start.

    `host_ids` are the free hosts in the order given: of a round robin those of the pool, any of whom can be chosen;
    of a collective all or none. `needed_host_ids` come along whoever is chosen (the fixed hosts of a round robin).
    `reasons` say why each host who is not free is not, also when the start is offered thanks to another.
    `seats_taken` are those of the group session that begins then.
    """

    start: datetime
    host_ids: tuple[str, ...]
    needed_host_ids: tuple[str, ...]
    reasons: tuple[Reason, ...]
    seats_taken: int = 0

    @property
    def offered(self) -> bool:
        return bool(self.host_ids)


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch of time without a start, and every reason for it."""

    period: Period
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """The slots of a period and the gaps between them, both in order.

    Every instant of the period lies in a gap, or in the step of the grid that a slot begins. `refused` are the starts
    of the grid that are not offered.
    """

    slots: tuple[Slot, ...]
    gaps: tuple[Gap, ...]
    refused: tuple[datetime, ...]


def open_slots(*, hosts: Sequence[HostCalendar], rules: Rules, window: Period, now: datetime) -> list[Slot]:
    """Every offered slot that starts in the window, by start; empty when there is none, or no host.

    Raises ValueError for an individual or group link with more than one host, and for two hosts of one id.
    """
    starts = open_starts(hosts=hosts, rules=rules, window=window, now=now)
    ends = [start + rules.duration for start in starts]
    # Of a year there are thousands, and calling the class would take as long as finding them.
    return [*map(partial(tuple.__new__, Slot), zip(starts, ends, strict=True))]


def open_starts(
    *, hosts: Sequence[HostCalendar], rules: Rules, window: Period, now: datetime
) -> list[datetime]:
    """The starts of `open_slots`, in UTC: all that a page needs to show what is offered.

    Raises ValueError as `open_slots` does.
    """
    question = _Question(hosts, rules, window, now)
    offered: list[datetime] = []
    settled = Settled(rules.slot_interval)
    for alternatives in question.pool_by_hours():
        # Each host is only asked for the starts that nobody before him could give.
        settled.add(offered[len(settled) :])
        wanted = question.grid(alternatives[0], settled)
        for common in question.common_blocks(alternatives[0]):
            wanted, _ = _parted(wanted, common)
            if not wanted:
                break
        for host in alternatives:
            if not wanted:
                break
            free, wanted = _parted(wanted, question.blocks_of_host(host))
            offered += free
    return sorted(offered)


def verdict(
    *, hosts: Sequence[HostCalendar], rules: Rules, start: datetime, now: datetime, zone: str | None = None
) -> Verdict:
    """Whether exactly this start is offered, with the free hosts, or the reasons why not.

    The reasons tell their times in `zone`; each host's in his own when it is None.

    Raises ValueError as `open_slots` does, and for a start without a time zone.
    """
    asked = Period(start, start + INSTANT)
    # Wide enough to name the start before one that is off the grid.
    question = _Question(hosts, rules, asked.widened(rules.slot_interval, NONE), now, zone)
    free: list[str] = []
    reasons: list[Reason] = []
    for host in question.pool:
        against = question.reasons(host, asked.start)
        if not against:
            free.append(host.host_id)
        reasons += against
    needed = tuple(host.host_id for host in question.needed)
    if rules.strategy is Strategy.COLLECTIVE:
        free, needed = [host.host_id for host in hosts] if free else [], ()
    seats_taken = rules.seats_taken.get(asked.start, 0)
    return Verdict(asked.start, tuple(free), needed, tuple(dict.fromkeys(reasons)), seats_taken)


def explain(
    *, hosts: Sequence[HostCalendar], rules: Rules, window: Period, now: datetime, zone: str | None = None
) -> Explanation:
    """The slots of the window, and every gap between them with the reasons of every host who is not free.

    The reasons tell their times in `zone`; each host's in his own when it is None.

    Raises ValueError as `open_slots` does.
    """
    slots = open_slots(hosts=hosts, rules=rules, window=window, now=now)
    # Wide enough for the step in which the window begins.
    question = _Question(hosts, rules, window.widened(rules.slot_interval, NONE), now, zone)
    starts = {slot.start for slot in slots}
    grid = {start for host in question.pool for start, _ in question.steps(host) if window.includes(start)}
    covered = joined(step for host in question.pool for step in question.steps(host) if step[0] in starts)
    edges = sorted({edge for host in question.pool for edge in question.edges(host)})
    gaps: list[Gap] = []
    for start, end in _pieces(complement(covered, window.start, window.end), edges):
        against = [reason for host in question.pool for reason in question.reasons_in(host, start, end)]
        reasons = tuple(dict.fromkeys(against))
        if gaps and gaps[-1].period.end == start and gaps[-1].reasons == reasons:
            gaps[-1] = Gap(Period(gaps[-1].period.start, end), reasons)
        else:
            gaps.append(Gap(Period(start, end), reasons))
    return Explanation(tuple(slots), tuple(gaps), tuple(sorted(grid - starts)))


def nearest(slots: Sequence[Slot], start: datetime, count: int) -> list[Slot]:
    """The slots whose starts lie closest to a wanted one, at most `count`, in order of time."""
    return sorted(sorted(slots, key=lambda slot: abs(slot.start - start))[:count])


class _Question:
    """Hosts, rules and the period asked about, with what several starts and hosts share worked out once."""

    def __init__(
        self,
        hosts: Sequence[HostCalendar],
        rules: Rules,
        asked: Period,
        now: datetime,
        zone: str | None = None,
    ) -> None:
        if len({host.host_id for host in hosts}) < len(hosts):
            raise ValueError("hosts: two have the same id")
        self.needed, self.pool = _roles(hosts, rules.strategy)
        self.rules, self.asked = rules, asked
        self.now, self.zone = Period(now, now).start, zone
        self._hours: dict[Availability, list[Span]] = {}
        self._steps: dict[Availability, list[Span]] = {}
        self._blocks_of_link: dict[str, list[Block]] = {}
        self._blocks_of_team: dict[str, list[tuple[HostCalendar, Block]]] = {}

    def pool_by_hours(self) -> Iterable[list[HostCalendar]]:
        """The hosts of the pool, those with the same hours together."""
        groups: dict[Availability, list[HostCalendar]] = {}
        for host in self.pool:
            groups.setdefault(host.availability, []).append(host)
        return groups.values()

    def hours(self, host: HostCalendar) -> list[Span]:
        """The host's open time, joined, as far around the asked period as it matters."""
        known = self._hours.get(host.availability)
        if known is None:
            start, end = self.asked.start - LOOK_BACK, self.asked.end + self.rules.duration
            known = self._hours[host.availability] = open_spans(host.availability, start, end)
        return known

    def common_hours(self, host: HostCalendar) -> list[Span]:
        """When the host and every needed one are open."""
        others = {member.availability: member for member in self.needed}
        return reduce(intersection, map(self.hours, others.values()), self.hours(host))

    def grid(self, host: HostCalendar, settled: Settled) -> list[datetime]:
        """The asked starts at which the host and every needed one are open for the whole meeting, if not settled."""
        return grid_starts(
            self.common_hours(host),
            host.availability.timezone,
            self.rules.duration,
            self.rules.slot_interval,
            self.asked,
            settled,
        )

    def steps(self, host: HostCalendar) -> list[Span]:
        """The whole grid, each start with the end of its step."""
        known = self._steps.get(host.availability)
        if known is None:
            interval = self.rules.slot_interval
            starts = self.grid(host, Settled(interval))
            known = self._steps[host.availability] = grid_steps(starts, self.common_hours(host), interval)
        return known

    def edges(self, host: HostCalendar) -> Iterator[datetime]:
        """The instants at which the reasons for a gap may change."""
        yield from chain.from_iterable(self.steps(host))
        for member in (host, *self.needed):
            for opens, closes in self.hours(member):
                yield from (opens, closes - self.rules.duration, closes)
            yield from midnights(member.availability.timezone, self.asked.start, self.asked.end)

    def blocks_of_link(self, host: HostCalendar) -> list[Block]:
        """The blocks that bind every host of this one's zone."""
        zone = host.availability.timezone
        known = self._blocks_of_link.get(zone)
        if known is None:
            known = self._blocks_of_link[zone] = link_blocks(zone, self.rules, self.asked, self.now)
        return known

    def blocks_of_host(self, host: HostCalendar) -> list[Block]:
        """The blocks of the host's own calendar."""
        return host_blocks(host, self.rules, self.asked)

    def common_blocks(self, host: HostCalendar) -> Iterator[list[Block]]:
        """The blocks that hold whichever host of the pool with these hours is chosen."""
        yield self.blocks_of_link(host)
        yield from (self.blocks_of_link(needed) for needed in self.needed)
        yield from (self.blocks_of_host(needed) for needed in self.needed)

    def reasons(self, host: HostCalendar, start: datetime) -> list[Reason]:
        """Why the host, together with the needed ones, cannot be met at a start; empty when he can."""
        step = _step_at(self.steps(host), start)
        against = self._closed(host, start)
        if not against and (step is None or step[0] != start):
            against = [off_grid_reason(host, step, self._clock_for(host))]
        return against + self._blocked(host, start)

    def reasons_in(self, host: HostCalendar, start: datetime, end: datetime) -> list[Reason]:
        """Why no meeting with the host begins in a stretch of time without edges."""
        step = _step_at(self.steps(host), start)
        if step is None:
            return self._closed(host, end - INSTANT)
        # A free step begins before the period asked about, or it would not lie in a gap.
        return self._blocked(host, step[0]) or [off_grid_reason(host, step, self._clock_for(host))]

    def _closed(self, host: HostCalendar, start: datetime) -> list[Reason]:
        meeting = Period(start, start + self.rules.duration)
        return [
            hours_reason(member, start)
            for member in (host, *self.needed)
            if not any(
                opens <= meeting.start and meeting.end <= closes for opens, closes in self.hours(member)
            )
        ]

    def _blocked(self, host: HostCalendar, start: datetime) -> list[Reason]:
        known = self._blocks_of_team.get(host.host_id)
        if known is None:
            known = self._blocks_of_team[host.host_id] = [
                (member, block)
                for member in (host, *self.needed)
                for blocks in (self.blocks_of_link(member), self.blocks_of_host(member))
                for block in sorted(blocks, key=itemgetter(0))
            ]
        return [
            block_reason(cause, member, start, self.rules, self.now, self._clock_for(member))
            for member, (first, until, cause) in known
            if first <= start < until
        ]

    def _clock_for(self, host: HostCalendar) -> str:
        """The zone in which the host's reasons tell their times."""
        return self.zone or host.availability.timezone


def _roles(
    hosts: Sequence[HostCalendar], strategy: Strategy
) -> tuple[Sequence[HostCalendar], Sequence[HostCalendar]]:
    """The hosts every meeting needs, and the pool of which one comes with them."""
    if strategy is Strategy.ROUND_ROBIN:
        needed = [host for host in hosts if host.fixed]
        pool = [host for host in hosts if not host.fixed]
        return (needed, pool) if pool else (hosts[1:], hosts[:1])
    if strategy is not Strategy.COLLECTIVE and len(hosts) > 1:
        raise ValueError(f"hosts: strategy {strategy} takes one host, not {len(hosts)}")
    return hosts[1:], hosts[:1]


def _parted(starts: list[datetime], blocked_by: Iterable[Block]) -> tuple[list[datetime], list[datetime]]:
    """The starts that lie in no block and those that do, both in order."""
    is_free = bytearray(b"\x01") * len(starts)
    for first, until, _ in blocked_by:
        # Most blocks hold a few starts or none, so that walking to the end of one beats searching for it.
        index = bisect_left(starts, first)
        while index < len(starts) and starts[index] < until:
            is_free[index] = 0
            index += 1
    return [*compress(starts, is_free)], [*compress(starts, is_free.translate(_OPPOSITE))]


def _step_at(steps: Sequence[Span], instant: datetime) -> Span | None:
    """The step in which an instant lies."""
    index = bisect_right(steps, instant, key=itemgetter(0)) - 1
    return steps[index] if index >= 0 and instant < steps[index][1] else None


def _pieces(spans: Iterable[Span], edges: Sequence[datetime]) -> Iterator[Span]:
    """The spans, cut at every edge that lies in them."""
    for start, end in spans:
        yield from pairwise((start, *edges[bisect_right(edges, start) : bisect_left(edges, end)], end))
