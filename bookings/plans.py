"""What changing several bookings at once will do to each of them, worked out before anything is done."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final
from uuid import UUID

from bookings.access import reaches
from bookings.domain.bulk import Action
from bookings.models import Booking
from bookings.selectors.hosting import Bench
from workestra.accounts import selectors as accounts
from workestra.accounts.models import User

NOT_YOURS: Final = "Your role does not include this"
CLOSED: Final = "It has begun, has moved, or was cancelled"
NOT_BEGUN: Final = "It has not begun"
SEVERAL_HOSTS: Final = "It needs all of its hosts"
NOBODY: Final = "Nobody is free then"
CHANGED: Final = "It has changed since it was checked"


@dataclass(frozen=True, slots=True)
class Step:
    """What one of the bookings gets. With a `problem` nothing; `host` is the new one, `mails` how many go out."""

    booking: Booking
    problem: str = ""
    host: User | None = None
    mails: int = 0


def seen_of(booking: Booking) -> str:
    """What is shown of a booking before it is changed, in one word: another one when something of it has changed."""
    company = sorted((str(each.pk), each.no_show_status, len(each.guests)) for each in booking.company)
    facts = (
        booking.status,
        booking.starts_at.isoformat(),
        booking.ends_at.isoformat(),
        sorted(map(str, booking.host_ids)),
        booking.ics_sequence,
        company,
    )
    return sha256(repr(facts).encode()).hexdigest()[:32]


def steps_of(
    action: Action,
    bookings: Sequence[Booking],
    reach: Collection[UUID] | None,
    now: datetime,
    *,
    host_id: UUID | None = None,
) -> list[Step]:
    """A step for each booking, in their order.

    `reach` is whose bookings the member may do this to; None is everybody's. `host_id` is who is to host them; without
    it each gets the best free host: of its page the next in turn, else by name. A host of two that overlap gets one.
    """
    bench = Bench(bookings if action is Action.REASSIGN else [], reach, now)
    here = _at_work(bookings) if action.sends_mail else frozenset()
    return [_step(action, booking, reach, bench, here, host_id, now) for booking in bookings]


def _at_work(bookings: Sequence[Booking]) -> frozenset[UUID]:
    """Those of their hosts who still work here: nobody else is sent a mail."""
    if not bookings:
        return frozenset()
    hosts = {host_id for booking in bookings for host_id in booking.host_ids}
    members = accounts.active_members_of(bookings[0].workspace_id).filter(user__in=hosts)
    return frozenset(members.values_list("user_id", flat=True))


def _step(
    action: Action,
    booking: Booking,
    reach: Collection[UUID] | None,
    bench: Bench,
    here: Collection[UUID],
    host_id: UUID | None,
    now: datetime,
) -> Step:
    if not reaches(None if reach is None else set(reach), booking):
        return Step(booking, NOT_YOURS)
    if not booking.allows(action.change, now):
        return Step(booking, NOT_BEGUN if action is Action.ATTENDANCE else CLOSED)
    told = sum(1 + len(attendee.guests) for attendee in booking.company)
    told += len(booking.host_ids.intersection(here))
    match action:
        case Action.CANCEL:
            return Step(booking, mails=told)
        case Action.ATTENDANCE:
            return Step(booking)
        case Action.REASSIGN:
            if len(booking.hosts) > 1:
                return Step(booking, SEVERAL_HOSTS)
            if host_id == booking.host_id:
                return Step(booking, "It is his already")
            found = bench.one(booking, host_id) if host_id else bench.best(booking)
            if found is None:
                return Step(booking, NOBODY)
            if found.taken:
                return Step(booking, f"{found.user.name} is {found.taken}")
            bench.give(booking, found.user)
            return Step(booking, host=found.user, mails=told + 1)
