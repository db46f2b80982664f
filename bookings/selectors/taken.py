"""What of a host's time stands in the way of times that he wants to offer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q

from bookings.selectors import names_of_bookers
from scheduling.models import BusyTime, as_range
from workestra.calendars import selectors as calendars
from workestra.calendars.domain.period import Period


@dataclass(frozen=True, slots=True)
class Clash:
    """Time of the host that is taken; `what` is whom he meets then, or what he holds it for.

    `owner_key` is whose it is here; None when only a connected calendar says that he is busy.
    """

    period: Period
    what: str
    is_hold: bool
    owner_key: UUID | None

    @property
    def is_elsewhere(self) -> bool:
        """Whether only a connected calendar says so: then it is a warning, and binds nobody."""
        return self.owner_key is None

    @property
    def words(self) -> str:
        """ "You meet Priya Raman then", "Held for Supplier intro", "Your calendar is busy then"."""
        if self.is_elsewhere:
            return "Your calendar is busy then"
        return f"Held for {self.what}" if self.is_hold else f"You meet {self.what} then"


def clashes(
    host_id: UUID, periods: Sequence[Period], now: datetime, *, without: UUID | None = None
) -> list[list[Clash]]:
    """For each period what of the host's time it meets, by start; an empty list where he is free.

    What is held for the owner key `without` is left out.
    """
    busy = [clash for clash in busy_of(host_id, periods, now) if clash.owner_key != without]
    return [[clash for clash in busy if clash.period.overlaps(period)] for period in periods]


def seen_busy(
    host_id: UUID, periods: Sequence[Period], now: datetime, *, without: UUID | None = None
) -> list[Clash]:
    """What the host has within these periods, here and in his connected calendars, by start.

    What is held for the owner key `without` is left out.
    """
    if not periods:
        return []
    hull = Period(min(period.start for period in periods), max(period.end for period in periods))
    known = calendars.busy_of([host_id], hull, now)[host_id]
    elsewhere = [
        Clash(period, "Busy", is_hold=False, owner_key=None)
        for period in known.busy
        if any(period.overlaps(each) for each in periods)
    ]
    own = [clash for clash in busy_of(host_id, periods, now) if clash.owner_key != without]
    return sorted([*own, *elsewhere], key=lambda clash: clash.period)


def busy_of(host_id: UUID, periods: Sequence[Period], now: datetime) -> list[Clash]:
    """What of the host's time meets any of the periods, by start; holds that have expired by `now` do not count."""
    if not periods:
        return []
    hull = Period(min(period.start for period in periods), max(period.end for period in periods))
    rows = BusyTime.objects.filter(
        Q(expires_at__isnull=True) | Q(expires_at__gt=now),
        host_id=host_id,
        active=True,
        during__overlap=as_range(hull),
    ).order_by("during")
    met = [
        row
        for row in rows
        if any(Period(row.during.lower, row.during.upper).overlaps(period) for period in periods)
    ]
    booked = [row.owner_key for row in met if row.kind == BusyTime.Kind.BOOKING]
    bookers = names_of_bookers(booked) if booked else {}
    return [
        Clash(
            Period(row.during.lower, row.during.upper),
            bookers.get(row.owner_key, row.label),
            row.kind == BusyTime.Kind.HOLD,
            row.owner_key,
        )
        for row in met
    ]
