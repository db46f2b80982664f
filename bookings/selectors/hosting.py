"""What a host is offered for one of his bookings: other times, and others who could host it."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from bookings.domain import month
from bookings.models import Booking
from scheduling import selectors as scheduling
from scheduling.domain.wallclock import local_date
from scheduling.models import BookingLink, BusyTime, OutOfOffice, as_range
from workestra.accounts import selectors as accounts
from workestra.accounts.models import User
from workestra.calendars.domain.period import Period

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
    pool = scheduling.Pool(link, within, now, only=only, without=booking.pk)
    length = timedelta(minutes=booking.duration_minutes)
    rules = replace(pool.rules, minimum_notice=timedelta(0), duration=length)
    offered = set(pool.starts(within, rules)) - {booking.starts_at, *pool.rules.seats_taken}
    return sorted(month.around(wanted, sorted(offered), ZoneInfo(booking.timezone), OFFERED))


@dataclass(frozen=True, slots=True)
class Substitute:
    """Somebody who may be given a booking. `taken` is what keeps him from it at its time; "" when he is free."""

    user: User
    taken: str


def substitutes_for(booking: Booking, reach: Collection[UUID] | None, now: datetime) -> list[Substitute]:
    """Who else could host an upcoming booking: the other hosts of its page in turn, then by name those in `reach`.

    `reach` is whose bookings the asking member may change; None is everybody in the workspace. Whoever is free comes
    first. Empty for a meeting that needs several hosts. Five queries at the most.
    """
    if len(booking.hosts) > 1:
        return []
    pool = [host.user for host in scheduling.hosts_in_order(booking.link)] if booking.link else []
    members = [member.user for member in accounts.active_members(booking.workspace)]
    others = [user for user in members if reach is None or user.pk in reach]
    users = list({user.pk: user for user in (*pool, *others) if user.pk != booking.host_id}.values())
    taken = _taken(users, booking, now)
    found = [Substitute(user, taken.get(user.pk, "")) for user in users]
    return sorted(found, key=lambda each: bool(each.taken))


def _taken(users: Collection[User], booking: Booking, now: datetime) -> dict[UUID, str]:
    """What keeps these users from the booking's time, by user; those who are free are left out."""
    away = OutOfOffice.objects.filter(
        user__in=users,
        first_day__lte=(booking.ends_at + timedelta(days=1)).date(),
        last_day__gte=(booking.starts_at - timedelta(days=1)).date(),
    ).select_related("user")
    taken = {
        each.user_id: "out of office"
        for each in away
        if each.first_day <= local_date(each.user.timezone, booking.ends_at)
        and local_date(each.user.timezone, booking.starts_at) <= each.last_day
    }
    busy = BusyTime.objects.filter(
        host__in=users, active=True, during__overlap=as_range(booking.period)
    ).exclude(expires_at__lte=now)
    return taken | dict.fromkeys(busy.values_list("host_id", flat=True), "busy")
