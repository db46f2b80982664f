"""What connected calendars say of the hosts of links, from what was read of them before: no provider is asked here."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import TypeAlias
from uuid import UUID

from scheduling.domain.rules import Busy, BusyKind
from scheduling.domain.unread import UnreadablePolicy, unknown_time
from scheduling.models import BookingLink
from workestra.calendars import selectors as calendars
from workestra.calendars.domain.period import Period
from workestra.calendars.selectors import KnownBusy

Known: TypeAlias = Mapping[UUID, KnownBusy]


def known_of(people: Collection[UUID], around: Period, now: datetime) -> Known:
    """What is known of these people's time outside of our own bookings. One query."""
    return calendars.busy_of(people, around, now)


def external_busy(link: BookingLink, known: KnownBusy, around: Period, now: datetime) -> list[Busy]:
    """A host's events as the link's rules take them; and, as busy too, whatever the link must not take to be free."""
    busy = [Busy(period) for period in known.busy]
    unknown = unknown_of(link, known, around, now)
    return [*busy, Busy(unknown, kind=BusyKind.UNREADABLE)] if unknown else busy


def unknown_of(link: BookingLink, known: KnownBusy, around: Period, now: datetime) -> Period | None:
    """The part of `around` that the link must not take to be free, because what the host has then is not known."""
    return unknown_time(
        UnreadablePolicy(link.unreadable_policy),
        timedelta(hours=link.unreadable_hours),
        stale_since=known.stale_since,
        known_until=known.known_until,
        within=around,
        now=now,
    )
