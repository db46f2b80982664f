"""Meetings that not one host and one booker make: the seats of group sessions, and the hosts of collective ones."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from bookings.domain.lifecycle import Change
from bookings.models import Booking
from bookings.selectors import host_to_keep
from bookings.services.records import end
from scheduling.models import BookingLink, LinkHost
from scheduling.selectors.times import host_alone, hosts_in_order
from scheduling.services.busy_time import LockedHosts, TryAgain
from workestra.accounts.models import User


def present(locked: LockedHosts, link: BookingLink, hosts: Sequence[LinkHost]) -> list[LinkHost]:
    """Those of the hosts that are locked: somebody may have joined them just now.

    Raises: TryAgain when somebody has, and everybody is needed.
    """
    present = [host for host in hosts if host.user_id in locked]
    if link.strategy == BookingLink.Strategy.COLLECTIVE and len(present) < len(hosts):
        raise TryAgain
    return present


def hosts_to_move_to(booking: Booking, link: BookingLink) -> list[LinkHost]:
    """The hosts of the link that a booking of its booker's may move with, next in turn first."""
    keep = host_to_keep(booking, link)
    return hosts_in_order(link) if keep is None else host_alone(link, keep)


def session_at(link: BookingLink, start: datetime) -> Booking | None:
    """The session of a group link that begins then, to be changed; None when there is none, or the link has none."""
    if link.strategy != BookingLink.Strategy.GROUP:
        return None
    sessions = Booking.objects.filter(
        link=link, starts_at=start, strategy=link.strategy, status=Booking.Status.CONFIRMED
    )
    return sessions.select_for_update(no_key=True, of=("self",)).select_related("link", "host").first()


def take_seat(locked: LockedHosts, session: Booking, link: BookingLink) -> Booking:
    """One more for a session that has a seat left of those that the link has now."""
    session.attendee_count += 1
    session.capacity = link.capacity
    session.save(update_fields=["attendee_count", "capacity"])
    locked.seat(session.pk, session.attendee_count)
    return session


def settle(locked: LockedHosts, booking: Booking, now: datetime) -> None:
    """After somebody has left: the others' session stands, without anybody the booking is cancelled."""
    if booking.attendee_count:
        booking.save(update_fields=["attendee_count"])
        locked.seat(booking.pk, booking.attendee_count)
    else:
        locked.free(booking.pk)
        booking.ics_sequence += 1
        end(booking, booking.after(Change.CANCEL, now), now)


def in_order(hosts: Iterable[LinkHost]) -> list[User]:
    """The hosts as bookings know them: the lowest id comes first."""
    return sorted((host.user for host in hosts), key=lambda user: user.pk)
