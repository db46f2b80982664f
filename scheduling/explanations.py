"""Why a link offers what it does on a day: what its page, its JSON and `manage.py explain_slots` show."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import cached_property
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from scheduling.domain.slots import (
    Explanation,
    Gap,
    HostCalendar,
    Rules,
    Slot,
    Strategy,
    Verdict,
    explain,
    nearest,
    verdict,
)
from scheduling.domain.wallclock import DAY, instants_of_dates
from scheduling.models import BookingLink, LinkHost
from scheduling.selectors.times import HostRow, facts_of, hosts_in_order
from workestra.calendars.domain import clock_words as words
from workestra.calendars.domain.period import Period


class NoSuchDay(Exception):
    """The zone's calendar has no such date: its clock skipped it."""


@dataclass(frozen=True)
class ExplainedDay:
    """One local day of a zone, asked of the slot engine: `now` is when, `hosts` are the link's in turn order.

    All times in reasons are told in `zone`.
    """

    link: BookingLink
    date: date
    zone: ZoneInfo
    now: datetime
    period: Period
    rules: Rules
    hosts: Sequence[LinkHost]
    calendars: Sequence[HostCalendar]

    @cached_property
    def whole(self) -> Explanation:
        """What the link offers and why not more, for all hosts together."""
        return self._explained(self.calendars)

    @cached_property
    def names(self) -> dict[str, str]:
        """The hosts' names by the ids that reasons have."""
        return {str(host.user_id): host.user.name for host in self.hosts}

    @cached_property
    def zones(self) -> dict[str, str]:
        """The zones of the hosts' hours by the same ids."""
        return {calendar.host_id: calendar.availability.timezone for calendar in self.calendars}

    def gaps_of(self, host_id: str) -> list[Gap]:
        """Where no meeting with this host begins, and why: his own reasons, without those of the others."""
        return self._gaps[host_id]

    @cached_property
    def _gaps(self) -> dict[str, list[Gap]]:
        if self.rules.strategy is Strategy.ROUND_ROBIN:
            return {calendar.host_id: list(self._explained([calendar]).gaps) for calendar in self.calendars}
        return {calendar.host_id: _gaps_about(calendar.host_id, self.whole) for calendar in self.calendars}

    def times_of(self, period: Period) -> str:
        """ "09:00 – 10:30" on the clock of the zone; the end of the day is "24:00"."""
        end = "24:00" if period.end == self.period.end else words.clock(period.end, self.zone)
        return f"{words.clock(period.start, self.zone)} – {end}"

    def verdict_on(self, start: datetime) -> Verdict:
        """Whether exactly this start is offered, and why each host who is not free is not."""
        return verdict(hosts=self.calendars, rules=self.rules, start=start, now=self.now, zone=self.zone.key)

    def nearest(self, start: datetime, count: int) -> list[Slot]:
        """The slots of the day closest to a start, in order of time."""
        return nearest(self.whole.slots, start, count)

    def _explained(self, calendars: Sequence[HostCalendar]) -> Explanation:
        return explain(
            hosts=calendars, rules=self.rules, window=self.period, now=self.now, zone=self.zone.key
        )


def explained_day(
    link: BookingLink, day: date, zone: ZoneInfo, now: datetime, *, reach: set[UUID] | None = None
) -> ExplainedDay:
    """The engine's view of a link on a local day of `zone`, from the very calendars that its page is made of.

    `reach` are the users whose meetings the reader may know by name, None for everybody: what takes the time of other
    hosts keeps its times and loses its name, unless it is a meeting of this link.

    Raises: NoSuchDay.
    """
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=zone)
    around = Period(noon - 2 * DAY, noon + 2 * DAY)
    spans = instants_of_dates(zone.key, day, day + DAY, around.start, around.end)
    if not spans:
        raise NoSuchDay
    period = Period(spans[0][0], spans[-1][1])
    hosts = hosts_in_order(link)
    rows = [HostRow.of(host) for host in hosts]
    calendars, rules = facts_of(link, rows, period, now)
    if reach is not None:
        seen = {str(user_id) for user_id in reach}
        calendars = [calendar if calendar.host_id in seen else _unnamed(calendar) for calendar in calendars]
    return ExplainedDay(link, day, zone, now, period, rules, hosts, calendars)


def as_json(explained: ExplainedDay, host_id: str = "") -> dict[str, Any]:
    """The day for programs: instants are UTC, `local` is the clock of the zone. With `host_id`, only that host."""

    def instant(moment: datetime) -> dict[str, str]:
        return {
            "at": f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "local": moment.astimezone(explained.zone).isoformat(),
        }

    def gap(each: Gap) -> dict[str, Any]:
        reasons = [
            {"code": reason.code.value, "host": reason.host_id, "detail": reason.detail}
            for reason in each.reasons
        ]
        return {"from": instant(each.period.start), "to": instant(each.period.end), "reasons": reasons}

    return {
        "link": explained.link.slug,
        "date": explained.date.isoformat(),
        "timezone": explained.zone.key,
        "now": instant(explained.now),
        "strategy": explained.rules.strategy.value,
        "starts": [instant(slot.start) for slot in explained.whole.slots],
        "refused": [instant(start) for start in explained.whole.refused],
        "gaps": [gap(each) for each in explained.whole.gaps],
        "hosts": [
            {
                "id": own_id,
                "name": name,
                "timezone": explained.zones[own_id],
                "gaps": [gap(each) for each in explained.gaps_of(own_id)],
            }
            for own_id, name in explained.names.items()
            if host_id in {"", own_id}
        ],
    }


def as_lines(explained: ExplainedDay) -> Iterator[str]:
    """The day for a terminal: what is offered, then each gap with a line for every reason."""
    link, zone = explained.link, explained.zone
    yield f"{link.title} (/book/{link.slug}), {link.get_strategy_display().lower()}"
    yield f"{words.day(explained.date, words.DayForm.FULL)}, {zone.key}, asked at {words.clock(explained.now, zone)}"
    if not explained.hosts:
        yield "The link has no active host."
        return
    yield ""
    offered = [words.clock(slot.start, zone) for slot in explained.whole.slots]
    yield f"Offered: {' '.join(offered) or 'nothing'}"
    if explained.rules.strategy is Strategy.ROUND_ROBIN:
        for host_id, name in explained.names.items():
            yield ""
            yield f"{name} cannot begin a meeting"
            yield from _gap_lines(explained, explained.gaps_of(host_id), with_names=False)
    else:
        yield ""
        yield "Not offered"
        yield from _gap_lines(explained, explained.whole.gaps, with_names=len(explained.hosts) > 1)


def _gap_lines(explained: ExplainedDay, gaps: Sequence[Gap], *, with_names: bool) -> Iterator[str]:
    for gap in gaps:
        for number, reason in enumerate(gap.reasons):
            times = explained.times_of(gap.period) if not number else " " * 13
            name = f"{explained.names[reason.host_id]}: " if with_names else ""
            yield f"  {times}  {name}{reason.detail} [{reason.code}]"


def _unnamed(calendar: HostCalendar) -> HostCalendar:
    return replace(
        calendar, busy=tuple(busy if busy.same_link else busy._replace(label="") for busy in calendar.busy)
    )


def _gaps_about(host_id: str, whole: Explanation) -> list[Gap]:
    gaps = [
        Gap(gap.period, tuple(reason for reason in gap.reasons if reason.host_id == host_id))
        for gap in whole.gaps
    ]
    return _joined([gap for gap in gaps if gap.reasons])


def _joined(gaps: Sequence[Gap]) -> list[Gap]:
    """Gaps that touch and have the same reasons, made one."""
    found: list[Gap] = []
    for gap in gaps:
        if found and found[-1].period.end == gap.period.start and found[-1].reasons == gap.reasons:
            found[-1] = Gap(Period(found[-1].period.start, gap.period.end), gap.reasons)
        else:
            found.append(gap)
    return found
