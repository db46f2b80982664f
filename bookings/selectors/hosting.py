"""What a host is offered for one of his bookings: other times, and others who could host it."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import chain
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from bookings.domain import month
from bookings.models import Booking
from scheduling import external
from scheduling.domain.slots import Strategy, Verdict, verdict
from scheduling.domain.wallclock import DAY, FURTHEST, instants_of_dates
from scheduling.models import BookingLink, BusyTime, LinkHost, OutOfOffice, as_range
from scheduling.selectors.times import HostRow, Pool, facts_of, host_alone
from workestra.accounts import selectors as accounts
from workestra.accounts.models import Membership, User
from workestra.calendars.domain.period import Period
from workestra.calendars.selectors import KnownBusy

NEAR: Final = timedelta(days=8)
OFFERED: Final = 6


def times_near(booking: Booking, wanted: datetime, now: datetime) -> list[datetime]:
    """At most six starts around a wanted one at which the booking's page has its hosts free, in order.

    The page's notice does not bind its host. Empty when the page is gone, or has nothing near.
    """
    link = booking.link
    if link is None:
        return []
    within = Period(max(now, wanted - NEAR), max(now, wanted + NEAR) + timedelta(minutes=1))
    only = None if link.strategy == BookingLink.Strategy.COLLECTIVE else booking.host_id
    pool = Pool(link, within, now, only=only, without=booking.pk)
    length = timedelta(minutes=booking.duration_minutes)
    rules = replace(pool.rules, minimum_notice=timedelta(0), duration=length)
    offered = set(pool.starts(within, rules)) - {booking.starts_at, *pool.rules.seats_taken}
    return sorted(month.around(wanted, sorted(offered), ZoneInfo(booking.timezone), OFFERED))


def judged(booking: Booking, start: datetime, now: datetime, zone: ZoneInfo) -> Verdict:
    """What the slot engine says of the booking's hosts having it at another start, by the rules of its page.

    The booking itself, and what is held for it, do not stand in the way. Without a page only what takes a host's time
    does. Who works here no longer is asked as if he did. The reasons tell their times in `zone`.
    """
    length = timedelta(minutes=booking.duration_minutes)
    link = booking.link or _rules_of_nobody(booking)
    hosts = [
        HostRow.of(host)
        for each in booking.hosts
        for host in host_alone(link, each.pk) or [LinkHost(link=link, user=each)]
    ]
    calendars, rules = facts_of(link, hosts, Period(start, start + length), now, without=booking.pk)
    strategy = Strategy.COLLECTIVE if len(hosts) > 1 else rules.strategy
    rules = replace(rules, duration=length, strategy=strategy)
    return verdict(hosts=calendars, rules=rules, start=start, now=now, zone=zone.key)


def gone(booking: Booking) -> list[User]:
    """Its hosts who work here no longer."""
    here = accounts.active_members_of(booking.workspace_id).filter(user__in=booking.host_ids)
    still = set(here.values_list("user_id", flat=True))
    return [host for host in booking.hosts if host.pk not in still]


def _rules_of_nobody(booking: Booking) -> BookingLink:
    """A page that is open at all times, for a booking without one."""
    return BookingLink(
        workspace_id=booking.workspace_id,
        owner=booking.host,
        timezone=booking.timezone,
        duration_minutes=booking.duration_minutes,
        minimum_notice_hours=0,
        booking_window_days=FURTHEST // DAY,
        weekly_hours=[{"days": list(range(7)), "start": "00:00", "end": "24:00"}],
    )


@dataclass(frozen=True, slots=True)
class Substitute:
    """Somebody who may be given a booking. `taken` is what keeps him from it at its time; "" when he is free.

    `is_outsider` when its page takes hosts in turn, and he is none of them.
    """

    user: User
    taken: str
    is_outsider: bool = False


class Bench:
    """Who else could host each of some upcoming bookings of one workspace: six queries, whatever their number.

    The bookings come with their links. `reach` is whose bookings the asking member may change; None is everybody in
    the workspace.
    """

    def __init__(self, bookings: Sequence[Booking], reach: Collection[UUID] | None, now: datetime) -> None:
        self._pools: dict[UUID | None, list[User]] = defaultdict(list)
        self._taken: dict[tuple[UUID, date], list[tuple[Period, str]]] = defaultdict(list)
        self._others: list[User] = []
        self._known: external.Known = {}
        self._now = now
        if not bookings:
            return
        workspace = bookings[0].workspace_id
        hosts = LinkHost.objects.filter(link__in={booking.link_id for booking in bookings if booking.link_id})
        active = {
            "user__is_active": True,
            "user__memberships__workspace": workspace,
            "user__memberships__is_active": True,
        }
        ordered = hosts.filter(**active).select_related("user").order_by("rotation", "-weight", "user_id")
        for host in ordered:
            self._pools[host.link_id].append(host.user)
        members = Membership.objects.filter(workspace=workspace, is_active=True, user__is_active=True)
        self._others = [
            member.user
            for member in members.select_related("user").order_by("user__name", "pk")
            if reach is None or member.user_id in reach
        ]
        self._read_taken(bookings, now)

    def of(self, booking: Booking) -> list[Substitute]:
        """The other hosts of its page in turn, then by name those in reach; whoever is free comes first.

        Empty for a meeting that needs several hosts.
        """
        found = [self._asked(user, booking) for user in self._users(booking)]
        return sorted(found, key=lambda each: bool(each.taken))

    def best(self, booking: Booking) -> Substitute | None:
        """The first of them, when he is free; None when nobody is."""
        return next(
            (each for user in self._users(booking) if not (each := self._asked(user, booking)).taken), None
        )

    def one(self, booking: Booking, user_id: UUID) -> Substitute | None:
        """The one of them with this id; None when he is not among them."""
        return next((self._asked(user, booking) for user in self._users(booking) if user.pk == user_id), None)

    def give(self, booking: Booking, user: User) -> None:
        """From now on he counts as busy at the booking's time."""
        self._take(user.pk, booking.period, "busy")

    def _users(self, booking: Booking) -> Iterable[User]:
        if len(booking.hosts) > 1:
            return ()
        people = (*self._pools[booking.link_id], *self._others)
        return {user.pk: user for user in people if user.pk != booking.host_id}.values()

    def _asked(self, user: User, booking: Booking) -> Substitute:
        outside = _is_outside(booking, user.pk, {each.pk for each in self._pools[booking.link_id]})
        return Substitute(user, self._what_keeps(user, booking), outside)

    def _what_keeps(self, user: User, booking: Booking) -> str:
        for day in _days(booking.period):
            for period, why in self._taken.get((user.pk, day), ()):
                if period.overlaps(booking.period):
                    return why
        link = booking.link or BookingLink()
        unknown = external.unknown_of(link, self._known[user.pk], booking.period, self._now)
        return "" if unknown is None else "calendar not read lately"

    def _take(self, user_id: UUID, period: Period, why: str) -> None:
        # By day: a thousand bookings are asked of each host, and only what lies near each one is looked at.
        start, end = max(period.start, self._span.start), min(period.end, self._span.end)
        if start < end:
            for day in _days(Period(start, end)):
                self._taken[user_id, day].append((period, why))

    def _read_taken(self, bookings: Sequence[Booking], now: datetime) -> None:
        users = {user.pk: user for user in (*chain.from_iterable(self._pools.values()), *self._others)}
        start, end = min(each.starts_at for each in bookings), max(each.ends_at for each in bookings)
        self._span = Period(start, end)
        busy = BusyTime.objects.filter(host__in=users, active=True, during__overlap=as_range(self._span))
        for row in busy.exclude(expires_at__lte=now):
            self._take(row.host_id, Period(row.during.lower, row.during.upper), "busy")
        self._known = external.known_of(list(users), self._span, now)
        for user_id, known in self._known.items():
            for period in known.busy:
                self._take(user_id, period, "busy")
        away = OutOfOffice.objects.filter(
            user__in=users, first_day__lte=(end + DAY).date(), last_day__gte=(start - DAY).date()
        )
        for each in away:
            zone = users[each.user_id].timezone
            spans = instants_of_dates(zone, each.first_day, each.last_day + DAY, start - DAY, end + DAY)
            for span in spans:
                self._take(each.user_id, Period(*span), "out of office")


def given_outside(given: Sequence[tuple[Booking, UUID]]) -> set[UUID]:
    """Which of these bookings, by id, go to a user who is no host of the page that takes its hosts in turn."""
    links = {booking.link_id for booking, _ in given if booking.link_id}
    pools: dict[UUID, set[UUID]] = defaultdict(set)
    for link_id, user_id in LinkHost.objects.filter(link__in=links).values_list("link_id", "user_id"):
        pools[link_id].add(user_id)
    return {
        booking.pk
        for booking, user_id in given
        if booking.link_id and _is_outside(booking, user_id, pools[booking.link_id])
    }


def _is_outside(booking: Booking, user_id: UUID, pool: Collection[UUID]) -> bool:
    is_in_turn = booking.strategy == BookingLink.Strategy.ROUND_ROBIN and booking.link_id is not None
    return is_in_turn and user_id not in pool


def _days(period: Period) -> Iterator[date]:
    """The days that it touches, in UTC."""
    day, last = period.start.astimezone(UTC).date(), period.end.astimezone(UTC).date()
    while day <= last:
        yield day
        day += DAY


def is_known_free(booking: Booking, known: KnownBusy, now: datetime) -> bool:
    """Whether somebody is free for the booking as far as his connected calendars go. What could not be read of them is
    taken as the booking's link says, or as a new link would."""
    if any(period.overlaps(booking.period) for period in known.busy):
        return False
    return external.unknown_of(booking.link or BookingLink(), known, booking.period, now) is None


def substitutes_for(booking: Booking, reach: Collection[UUID] | None, now: datetime) -> list[Substitute]:
    """`Bench.of` for one booking."""
    return Bench([booking], reach, now).of(booking)
