"""What the slot engine is asked with about a link, and its answers. Nothing here waits for a calendar provider."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Final, NamedTuple, Self
from uuid import UUID

from django.db import connection
from psycopg.types.multirange import TimestamptzMultirange

from scheduling.domain.hours import Availability
from scheduling.domain.slots import (
    Busy,
    BusyKind,
    HostCalendar,
    RollingWindow,
    Rules,
    Slot,
    Strategy,
    Verdict,
    open_starts,
    verdict,
)
from scheduling.domain.wallclock import DAY, instants_of_dates, joined
from scheduling.external import external_busy, known_of
from scheduling.models import BookingLink, BusyTime, LinkHost, Schedule, as_range
from workestra.accounts import selectors as accounts
from workestra.calendars.domain.period import Period

READ_AT_ONCE: Final = 8
"""So many hosts, each of them busy a third of the time, hardly leave a start that none of them can give."""

# Every booking page reads these, of up to hundreds of hosts. Django's queries would take several times as long to be
# written and made objects of as PostgreSQL takes to answer them.
_HOSTS: Final = """
    SELECT host.user_id, person.timezone, host.schedule_id, host.max_per_day
    FROM scheduling_linkhost host
    JOIN accounts_user person ON person.id = host.user_id AND person.is_active
    JOIN accounts_membership member
        ON member.user_id = host.user_id AND member.workspace_id = %(workspace)s AND member.is_active
    WHERE host.link_id = %(link)s
    ORDER BY host.rotation, host.weight DESC, host.user_id
"""
_AWAY: Final = """
    SELECT user_id, first_day, last_day
    FROM scheduling_outofoffice
    WHERE user_id = ANY(%(hosts)s) AND first_day <= %(last)s AND last_day >= %(first)s
"""
_BUSY: Final = """
    SELECT host_id, lower(during) AT TIME ZONE 'UTC', upper(during) AT TIME ZONE 'UTC',
        buffer_before_minutes, buffer_after_minutes, kind, label, link_id = %(link)s, seats_taken
    FROM scheduling_busytime
    WHERE active AND (host_id = ANY(%(hosts)s) OR link_id = %(sessions_of)s) AND during && %(around)s
        AND (expires_at IS NULL OR expires_at > %(now)s) AND owner_key IS DISTINCT FROM %(without)s
"""


class HostRow(NamedTuple):
    """A host as far as times depend on him."""

    user_id: UUID
    zone: str
    schedule_id: UUID | None
    max_per_day: int | None

    @classmethod
    def of(cls, host: LinkHost) -> Self:
        return cls(host.user_id, host.user.timezone, host.schedule_id, host.max_per_day)


def hosts_in_order(link: BookingLink) -> list[LinkHost]:
    """The link's active hosts with users, next in turn first: least recent, then weight, then user id.

    For a booking, read it only after the hosts are locked: the order is part of what the locks protect.
    """
    return list(
        LinkHost.objects.filter(
            link=link,
            user__is_active=True,
            user__memberships__workspace=link.workspace_id,
            user__memberships__is_active=True,
        )
        .select_related("user")
        .order_by("rotation", "-weight", "user_id")
    )


def host_alone(link: BookingLink, user_id: UUID) -> list[LinkHost]:
    """Just this one of the link's hosts. Who was given a booking of it without being one counts as if he were, with the
    link's hours. Empty when he works here no longer."""
    ours = [host for host in hosts_in_order(link) if host.user_id == user_id]
    if ours:
        return ours
    here = accounts.active_members_of(link.workspace_id).filter(user=user_id)
    return [LinkHost(link=link, user=member.user) for member in here]


def host_rows(link: BookingLink) -> list[HostRow]:
    """The same hosts in the same order, for those who only ask for times."""
    return [*map(HostRow._make, _fetched(_HOSTS, link=link.pk, workspace=link.workspace_id))]


def rules_of(
    link: BookingLink, seats_taken: Mapping[datetime, int] | None = None, *, paused: bool = False
) -> Rules:
    """The link's rules as the slot engine takes them; of a group link with the seats of its sessions, by start.

    Whether a pause counts, the caller says: a booking can be moved all the same.
    """
    return Rules(
        strategy=Strategy(link.strategy),
        duration=timedelta(minutes=link.duration_minutes),
        slot_interval=timedelta(minutes=link.slot_interval_minutes),
        buffer_before=timedelta(minutes=link.buffer_before_minutes),
        buffer_after=timedelta(minutes=link.buffer_after_minutes),
        minimum_notice=timedelta(hours=link.minimum_notice_hours),
        booking_window=RollingWindow(days=link.booking_window_days),
        max_per_day=link.max_per_day,
        max_per_week=link.max_per_week,
        capacity=link.capacity,
        seats_taken=seats_taken or {},
        paused=paused,
    )


class Facts(NamedTuple):
    """What the slot engine is asked with about a link: its hosts' calendars, in the order asked for, and its rules."""

    calendars: list[HostCalendar]
    rules: Rules


def facts_of(
    link: BookingLink,
    hosts: Sequence[HostRow],
    within: Period,
    now: datetime,
    *,
    without: UUID | None = None,
) -> Facts:
    """Each host's hours, busy time and days away, and the link's rules, as far as they matter for starts in `within`.

    `without` leaves out the time of one owner key, so that a booking being moved does not stand in its own way.
    Three queries, whatever the number of hosts; one more when some have schedules of their own. The seats of sessions
    come with the time that these take of their hosts, in one query: the two are of one moment.
    """
    around = _around(link, hosts, [within])
    hours, away = _hours_of(link, hosts), _days_away(hosts, around[0])
    taken = _taken(link, hosts, around, now, without)
    rules = rules_of(link, taken.seats, paused=link.is_paused and without is None)
    return Facts(_calendars(hosts, hours, away, taken.busy), rules)


def _calendars(
    hosts: Sequence[HostRow],
    hours: Mapping[UUID | None, Availability],
    away: Mapping[UUID, list[Period]],
    busy: Mapping[UUID, list[Busy]],
) -> list[HostCalendar]:
    return [
        HostCalendar(
            host_id=str(host.user_id),
            availability=hours[host.schedule_id],
            busy=tuple(busy.get(host.user_id, ())),
            out_of_office=tuple(away.get(host.user_id, ())),
            max_per_day=host.max_per_day,
        )
        for host in hosts
    ]


def _around(link: BookingLink, hosts: Sequence[HostRow], within: Iterable[Period]) -> list[Period]:
    """When what takes a host's time matters for starts in these periods; in order, joined."""
    # Caps count whole local weeks; otherwise no meeting with its buffers reaches further than a day.
    capped = link.max_per_day or link.max_per_week or any(host.max_per_day for host in hosts)
    margin = timedelta(days=9) if capped else timedelta(days=2)
    return [
        Period(*span) for span in joined((period.start - margin, period.end + margin) for period in within)
    ]


class _Taken(NamedTuple):
    """What takes each host's time; and how many seats the sessions of a group link have given away, by start.

    A session of another length or host than the link has now takes nobody in any more: it counts as full.
    """

    busy: dict[UUID, list[Busy]]
    seats: dict[datetime, int]


def _taken(
    link: BookingLink,
    hosts: Sequence[HostRow],
    around: Sequence[Period],
    now: datetime,
    without: UUID | None,
) -> _Taken:
    """What touches one of the periods; of connected calendars what lies between them too."""
    taken = _Taken({host.user_id: [] for host in hosts}, {})
    if not hosts or not around:
        return taken
    rows = _fetched(
        _BUSY,
        link=link.pk,
        hosts=list(taken.busy),
        sessions_of=link.pk if link.strategy == BookingLink.Strategy.GROUP else None,
        around=TimestamptzMultirange(map(as_range, around)),
        now=now,
        without=without,
    )
    length = timedelta(minutes=link.duration_minutes)
    for host_id, start, end, before, after, kind, label, is_of_link, seats in rows:
        period = Period(start.replace(tzinfo=UTC), end.replace(tzinfo=UTC))
        hosts_own = taken.busy.get(host_id)
        if hosts_own is not None:
            hosts_own.append(
                Busy(
                    period=period,
                    buffer_before=_minutes(before),
                    buffer_after=_minutes(after),
                    kind=_KINDS[kind],
                    label=label,
                    same_link=bool(is_of_link) and kind == BusyTime.Kind.BOOKING,
                )
            )
        if is_of_link and seats is not None:
            is_open = hosts_own is not None and period.duration == length
            taken.seats[period.start] = seats if is_open else link.capacity
    hull = Period(around[0].start, around[-1].end)
    for host_id, known in known_of(taken.busy, hull, now).items():
        taken.busy[host_id] += external_busy(link, known, hull, now)
    return taken


_KINDS: Final = {kind.value: kind for kind in BusyKind}


@cache
def _minutes(number: int) -> timedelta:
    return timedelta(minutes=number)


def _hours_of(link: BookingLink, hosts: Sequence[HostRow]) -> dict[UUID | None, Availability]:
    """The hours by a host's own schedule; None has the link's. One schedule is one object, which the engine shares."""
    hours: dict[UUID | None, Availability] = {None: link.availability()}
    if link.schedule_id:
        hours[link.schedule_id] = hours[None]
    own = {host.schedule_id for host in hosts if host.schedule_id and host.schedule_id not in hours}
    if own:
        hours |= {schedule.pk: schedule.own_hours() for schedule in Schedule.objects.filter(pk__in=own)}
    return hours


def _days_away(hosts: Sequence[HostRow], around: Period) -> dict[UUID, list[Period]]:
    """When each of these hosts is out of office, as far as it touches the period."""
    zones = {host.user_id: host.zone for host in hosts}
    away: dict[UUID, list[Period]] = defaultdict(list)
    for user_id, first, last in _fetched(
        _AWAY, hosts=list(zones), first=(around.start - DAY).date(), last=(around.end + DAY).date()
    ):
        spans = instants_of_dates(zones[user_id], first, last + DAY, around.start, around.end)
        away[user_id] += [Period(start, end) for start, end in spans]
    return away


def _fetched(sql: str, **values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return list(cursor.fetchall())


class Pool:
    """A link's hosts, to be asked for the starts of one period.

    Of a round robin only the first few with the same hours are read at once, and the others around those starts that
    the first cannot give: mostly there are none. So a page reads twice at most, whatever the number of hosts.

    `only` asks one host alone, as `host_alone` has him; the time of the owner key `without` counts as free.
    """

    def __init__(
        self,
        link: BookingLink,
        within: Period,
        now: datetime,
        *,
        only: UUID | None = None,
        without: UUID | None = None,
    ) -> None:
        self._link, self._now, self._without = link, now, without
        hosts = host_rows(link) if only is None else [*map(HostRow.of, host_alone(link, only))]
        self._first, self._others = self._parted(hosts)
        self._hours = _hours_of(link, hosts)
        self._away = _days_away(hosts, *_around(link, hosts, [within]))
        self._calendars, self.rules = self._read(self._first, [within])

    def starts(self, window: Period, rules: Rules | None = None) -> list[datetime]:
        """What the link offers in a part of the period, by its own rules or by these, in order."""
        rules = rules or self.rules
        starts = self._asked(self._calendars, window, rules)
        missing = set(self._asked(self._never_busy(), window, rules)).difference(starts)
        if not missing:
            return starts
        lacking = joined((start, start + rules.duration) for start in missing)
        others, _ = self._read(self._others, [Period(*span) for span in lacking])
        return sorted([*starts, *missing.intersection(self._asked(others, window, rules))])

    def _parted(self, hosts: list[HostRow]) -> tuple[list[HostRow], list[HostRow]]:
        """The hosts to read at once, and the others."""
        if self._link.strategy != BookingLink.Strategy.ROUND_ROBIN:
            return hosts, []
        seen: Counter[UUID | None] = Counter()
        parts: tuple[list[HostRow], list[HostRow]] = [], []
        for host in hosts:
            hours = host.schedule_id or self._link.schedule_id
            parts[seen[hours] >= READ_AT_ONCE].append(host)
            seen[hours] += 1
        return parts

    def _read(self, hosts: Sequence[HostRow], within: Iterable[Period]) -> Facts:
        around = _around(self._link, hosts, within)
        taken = _taken(self._link, hosts, around, self._now, self._without)
        rules = rules_of(self._link, taken.seats, paused=self._link.is_paused and self._without is None)
        return Facts(_calendars(hosts, self._hours, self._away, taken.busy), rules)

    def _never_busy(self) -> list[HostCalendar]:
        """One of the other hosts for each hours, as if nothing took his time: nobody with these offers more."""
        hosts = {host.schedule_id: host for host in self._others}
        return _calendars([*hosts.values()], self._hours, {}, {})

    def _asked(self, calendars: Sequence[HostCalendar], window: Period, rules: Rules) -> list[datetime]:
        if not calendars:
            return []
        return open_starts(hosts=calendars, rules=rules, window=window, now=self._now)


def open_starts_of(
    link: BookingLink,
    within: Period,
    now: datetime,
    *,
    only: UUID | None = None,
    without: UUID | None = None,
) -> list[datetime]:
    """Every start that the link offers in `within`, in order; empty when it offers none or has no host."""
    return Pool(link, within, now, only=only, without=without).starts(within)


def open_slots_of(link: BookingLink, within: Period, now: datetime) -> list[Slot]:
    """The same starts, each with the end of its meeting."""
    length = timedelta(minutes=link.duration_minutes)
    return [Slot(start, start + length) for start in open_starts_of(link, within, now)]


def verdict_on(
    link: BookingLink,
    start: datetime,
    now: datetime,
    *,
    hosts: Sequence[LinkHost] | None = None,
    without: UUID | None = None,
) -> Verdict:
    """Whether the link offers exactly this start, with the hosts that are free for it or the reasons why not."""
    asked = Period(start, start + timedelta(minutes=link.duration_minutes))
    rows = host_rows(link) if hosts is None else [HostRow.of(host) for host in hosts]
    calendars, rules = facts_of(link, rows, asked, now, without=without)
    return verdict(hosts=calendars, rules=rules, start=start, now=now)
