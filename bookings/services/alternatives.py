"""Offering other times for a booking that stands meanwhile: each end of it through `scheduling.services.busy_time`.

The times are held under the booking's key. Who picks one moves the booking there; whatever else ends or moves the
booking, or gives it to another host, gives the times back by itself and closes the offer.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from bookings.domain.lifecycle import BookingClosed, Change
from bookings.domain.offers import MOST_ALTERNATIVES, BadOffer, ensure_can_be_offered
from bookings.models import Alternatives, AlternativeTime, Attendee, Booking
from bookings.placeholders import begin_placeholders, renew_placeholders
from bookings.selectors.taken import Clash, clashes
from bookings.services import notices
from bookings.services.records import (
    attendee_at,
    attendee_locked,
    booking_locked,
    close_alternatives,
    leave,
    move_booking,
    record,
)
from scheduling.models import BusyTime
from scheduling.services import busy_time
from scheduling.services.busy_time import Claim, LockedHosts, SlotTaken, with_hosts_locked
from workestra.accounts.models import User
from workestra.calendars.domain.period import Period
from workestra.notifications.selectors import database_now

BATCH: Final = 200


class NotOpen(Exception):
    """These times are offered no more; nothing was written. `state` says what became of them."""

    def __init__(self, state: Alternatives.State) -> None:
        super().__init__(state)
        self.state = state


class OfferOpen(Exception):
    """Other times are offered already: they are to be withdrawn first."""


class NotOffered(Exception):
    """The time is none of those that are offered."""


class TimesTaken(SlotTaken):
    """A host is not free at times that should be held: `clashes` has, for each time, what it meets."""

    def __init__(self, met: Sequence[Sequence[Clash]]) -> None:
        super().__init__("offered times are taken")
        self.clashes = met


def offer(
    *,
    booking: Booking,
    starts: Sequence[datetime],
    message: str,
    closes: timedelta,
    actor: User,
    now: datetime,
) -> Alternatives:
    """Offer one to five other starts to the one who booked, as long as the meeting is; they are held for him.

    The offer closes so long before the meeting's own start. Like for a move, a host may go beyond his page's hours,
    notice and buffers; only time that one of the hosts has not got is refused.

    Raises: BadOffer; TimesTaken; OfferOpen; BookingClosed, also for a group session; TryAgain.
    """

    def work(locked: LockedHosts) -> Alternatives:
        current = booking_locked(booking.pk, locked)
        current.after(Change.OFFER, now)
        if current.is_group:
            raise BookingClosed("a session has bookers with times of their own")
        clock = max(now, database_now())
        if current.alternatives.filter(state=Alternatives.State.OPEN, expires_at__gt=clock).exists():
            raise OfferOpen
        close_alternatives(current, Alternatives.State.EXPIRED, now)
        length, closes_at = current.ends_at - current.starts_at, current.starts_at - closes
        periods = [Period(start, start + length) for start in sorted(starts)]
        ensure_can_be_offered(periods, closes_at, now, most=MOST_ALTERNATIVES)
        if current.period in periods:
            raise BadOffer("That is the time it has. Offer other ones.")
        met = in_the_way(current, periods, clock)
        if any(met):
            raise TimesTaken(met)
        made = Alternatives.objects.create(
            booking=current, offered_by=actor, message=message, expires_at=closes_at, created_at=now
        )
        AlternativeTime.objects.bulk_create(
            AlternativeTime(alternatives=made, starts_at=period.start, ends_at=period.end)
            for period in periods
        )
        locked.free_holds(current.pk)
        locked.take([_hold(current, host, period, closes_at) for host in current.hosts for period in periods])
        begin_placeholders(made)
        record(
            "booking.alternatives_offered",
            current.booker,
            now,
            actor=actor,
            after={"times": [period.start for period in periods], "closes_at": closes_at, "message": message},
        )
        notices.announce_alternatives(made, now)
        return made

    return with_hosts_locked(booking.host_ids, work)


def in_the_way(booking: Booking, periods: Sequence[Period], now: datetime) -> list[list[Clash]]:
    """For each period what else its hosts have then; the booking itself, and what it holds, does not count."""
    met: list[list[Clash]] = [[] for _ in periods]
    for host in booking.hosts:
        for number, found in enumerate(clashes(host.pk, periods, now, without=booking.pk)):
            met[number] += found
    return met


def pick(*, attendee: Attendee, time_id: UUID, timezone: str, now: datetime) -> Attendee:
    """Move the booking to the offered time that its booker picked; the others are free again.

    The hosts, the length and the series stay. From now on he is told of it in `timezone`. Gives the attendee of the
    booking there.

    Raises: NotOpen; NotOffered; SlotTaken when the time has begun; BookingClosed; TryAgain.
    """

    def work(locked: LockedHosts) -> Attendee:
        current = attendee_locked(attendee, locked)
        booking = current.booking
        ended = current.after(Change.MOVE, now)
        offered = _open_one(booking, now)
        time = offered.times.filter(pk=time_id).first()
        if time is None:
            raise NotOffered
        if time.starts_at <= now:
            raise SlotTaken("the offered time has begun")
        close_alternatives(booking, Alternatives.State.PICKED, now)
        successor = move_booking(locked, booking, time.period, booking.hosts, now)
        current.ended_by = Attendee.Party.BOOKER
        leave(current, ended, now)
        moved = attendee_at(successor, current, timezone, now)
        link = booking.link
        notices.announce_moved(
            moved, previous=current, reminder=link is None or link.reminder_enabled, now=now
        )
        notices.tell_of_answer(offered, Alternatives.State.PICKED, successor)
        record(
            "booking.rescheduled",
            moved,
            now,
            actor_name=current.email,
            before={"starts_at": booking.starts_at},
            after={"starts_at": successor.starts_at},
        )
        return moved

    return with_hosts_locked(attendee.booking.host_ids, work)


def decline(*, attendee: Attendee, answer: str, is_content: bool, now: datetime) -> Alternatives:
    """The booker takes none of the times; the meeting stands as it is, and what was held is free again.

    He `is_content` with the time he has, or would like yet another one: then the `answer` may say which. The hosts are
    told. Raises: NotOpen; BookingClosed; TryAgain.
    """
    state = Alternatives.State.KEPT if is_content else Alternatives.State.DECLINED

    def work(locked: LockedHosts) -> Alternatives:
        current = attendee_locked(attendee, locked)
        current.after(Change.OFFER, now)
        offered = _open_one(current.booking, now)
        Alternatives.objects.filter(pk=offered.pk).update(answer=answer)
        close_alternatives(current.booking, state, now)
        locked.free_holds(current.booking_id)
        record(
            "booking.alternatives_declined",
            current,
            now,
            actor_name=current.email,
            after={"state": state, "answer": answer},
        )
        offered.refresh_from_db()
        notices.tell_of_answer(offered, state, current.booking)
        notices.announce_declined(offered, now)
        return offered

    return with_hosts_locked(attendee.booking.host_ids, work)


def withdraw(*, booking: Booking, actor: User, now: datetime) -> None:
    """Offer the times no more; what was held is free again. Raises: NotOpen; TryAgain."""

    def work(locked: LockedHosts) -> None:
        current = booking_locked(booking.pk, locked)
        _open_one(current, now)
        close_alternatives(current, Alternatives.State.WITHDRAWN, now)
        locked.free_holds(current.pk)
        record("booking.alternatives_withdrawn", current.booker, now, actor=actor)

    with_hosts_locked(booking.host_ids, work)


def _open_one(booking: Booking, now: datetime) -> Alternatives:
    """What is offered for the booking, its row held. Raises: NotOpen."""
    latest = booking.alternatives.select_for_update(no_key=True).order_by("created_at", "id").last()
    if latest is None:
        raise NotOpen(Alternatives.State.OVERTAKEN)
    # The locks may have been waited for, and a worker's clock may be slow.
    state = latest.state_at(max(now, database_now()))
    if state != Alternatives.State.OPEN:
        raise NotOpen(state)
    return latest


def _hold(booking: Booking, host: User, period: Period, expires_at: datetime) -> Claim:
    return Claim(
        workspace_id=booking.workspace_id,
        host_id=host.pk,
        period=period,
        kind=BusyTime.Kind.HOLD,
        owner_key=booking.pk,
        label=f"{booking.title} with {booking.booker.name}",
        expires_at=expires_at,
    )


def expire_over(now: datetime) -> int:
    """Close every offer whose time is over by the database's clock, free what it held, and tell the hosts.

    Nothing waits for this: pages, a pick and the slot engine look at the closing time themselves. Rows in use wait for
    the next run. `now` is the time of the audit events. Gives how many were closed.
    """
    closed = 0
    while True:
        with transaction.atomic():
            over = list(
                Alternatives.objects.select_for_update(no_key=True, skip_locked=True, of=("self",))
                .filter(state=Alternatives.State.OPEN, expires_at__lte=Now())
                .select_related("booking")
                .order_by("expires_at")[:BATCH]
            )
            ids = [each.pk for each in over]
            Alternatives.objects.filter(pk__in=ids).update(
                state=Alternatives.State.EXPIRED, closed_at=F("expires_at")
            )
            if over:
                busy_time.free_expired_holds()
                renew_placeholders([each.booking_id for each in over])
            for each in over:
                notices.tell_of_answer(each, Alternatives.State.EXPIRED, each.booking)
                record("booking.alternatives_expired", each.booking.company[0], now)
        closed += len(over)
        if len(over) < BATCH:
            return closed
