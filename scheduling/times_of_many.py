"""Which times many links offer, asked of the slot engine with a number of queries that does not grow with them."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db.models import F, Q

from scheduling.domain.hours import BadAvailability
from scheduling.domain.slots import Busy, BusyKind, HostCalendar, open_starts
from scheduling.domain.wallclock import DAY, instants_of_dates
from scheduling.external import Known, external_busy, known_of
from scheduling.models import BookingLink, BusyTime, LinkHost, OutOfOffice, Schedule, as_range
from scheduling.selectors.times import rules_of
from workestra.calendars.domain.period import Period

MARGIN: Final = timedelta(days=9)
"""Caps count whole local weeks, so what is busy around the period matters as well."""


def times_offered(links: Sequence[BookingLink], within: Period, now: datetime) -> dict[UUID, int]:
    """How many starts each of these links offers in `within`, as `starts_offered`."""
    return {key: len(starts) for key, starts in starts_offered(links, within, now).items()}


def starts_offered(
    links: Sequence[BookingLink], within: Period, now: datetime
) -> dict[UUID, Sequence[datetime]]:
    """The starts that each of these links offers in `within`, in order, with the values that the objects have, saved or
    not.

    A link without an active host, or with hours that cannot be read, offers none. Six queries at most.
    """
    _give_schedules(links)
    hosts = _hosts(links)
    around = Period(within.start - MARGIN, within.end + MARGIN)
    people = {host.user_id: host.user.timezone for pool in hosts.values() for host in pool}
    times = _Times(around, _busy(people, around, now), _away(people, around), known_of(people, around, now))
    return {link.pk: _starts(link, hosts[link.pk], times, within, now) for link in links}


@dataclass(frozen=True, slots=True)
class _Times:
    """What takes people's time within `around`."""

    around: Period
    busy: dict[UUID, list[BusyTime]]
    away: dict[UUID, list[Period]]
    known: Known


def _starts(
    link: BookingLink,
    hosts: Sequence[LinkHost],
    times: _Times,
    within: Period,
    now: datetime,
) -> Sequence[datetime]:
    if not hosts:
        return ()
    try:
        calendars = [
            HostCalendar(
                host_id=str(host.user_id),
                availability=host.schedule.own_hours() if host.schedule else link.availability(),
                busy=(
                    *(_as_busy(row, link) for row in times.busy[host.user_id]),
                    *external_busy(link, times.known[host.user_id], times.around, now),
                ),
                out_of_office=tuple(times.away[host.user_id]),
                max_per_day=host.max_per_day,
            )
            for host in hosts
        ]
    except BadAvailability:
        return ()
    seats = {
        row.during.lower: row.seats_taken
        for host in hosts
        for row in times.busy[host.user_id]
        if row.link_id == link.pk and row.seats_taken
    }
    return open_starts(hosts=calendars, rules=rules_of(link, seats), window=within, now=now)


def _give_schedules(links: Iterable[BookingLink]) -> None:
    wanted = {link.schedule_id for link in links if link.schedule_id}
    schedules = Schedule.objects.in_bulk(wanted) if wanted else {}
    for link in links:
        if link.schedule_id:
            link.schedule = schedules.get(link.schedule_id)


def _hosts(links: Iterable[BookingLink]) -> dict[UUID, list[LinkHost]]:
    """Each link's active hosts, as `selectors.times.hosts_in_order` gives them for one."""
    found = (
        LinkHost.objects.filter(
            link__in=[link.pk for link in links],
            user__is_active=True,
            user__memberships__workspace=F("link__workspace"),
            user__memberships__is_active=True,
        )
        .select_related("user", "schedule")
        .order_by("rotation", "-weight", "user_id")
    )
    hosts: dict[UUID, list[LinkHost]] = defaultdict(list)
    for host in found:
        hosts[host.link_id].append(host)
    return hosts


def _busy(people: Collection[UUID], around: Period, now: datetime) -> dict[UUID, list[BusyTime]]:
    rows = BusyTime.objects.filter(
        host_id__in=list(people), active=True, during__overlap=as_range(around)
    ).filter(Q(expires_at__isnull=True) | Q(expires_at__gt=now))
    busy: dict[UUID, list[BusyTime]] = defaultdict(list)
    for row in rows:
        busy[row.host_id].append(row)
    return busy


def _away(people: dict[UUID, str], around: Period) -> dict[UUID, list[Period]]:
    away: dict[UUID, list[Period]] = defaultdict(list)
    for absence in OutOfOffice.objects.filter(
        user_id__in=list(people),
        first_day__lte=(around.end + DAY).date(),
        last_day__gte=(around.start - DAY).date(),
    ):
        until = absence.last_day + DAY
        spans = instants_of_dates(people[absence.user_id], absence.first_day, until, around.start, around.end)
        away[absence.user_id] += [Period(start, end) for start, end in spans]
    return away


def _as_busy(row: BusyTime, link: BookingLink) -> Busy:
    return Busy(
        period=Period(row.during.lower, row.during.upper),
        buffer_before=timedelta(minutes=row.buffer_before_minutes),
        buffer_after=timedelta(minutes=row.buffer_after_minutes),
        kind=BusyKind(row.kind),
        label=row.label,
        same_link=row.link_id == link.pk and row.kind == BusyTime.Kind.BOOKING,
    )
