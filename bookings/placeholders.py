"""Times held because a booking's host offers them in its place, as placeholders in its hosts' own calendars."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from bookings.models import Alternatives, AlternativeTime
from workestra.calendars.domain import clock_words as words
from workestra.calendars.placeholders import Held, Placeholders


def _held(time_id: UUID, user_id: UUID, now: datetime) -> Held | None:
    """An offered time while it is held; None once the offer is answered, withdrawn, expired or overtaken."""
    times = AlternativeTime.objects.select_related("alternatives__booking__host")
    time = times.filter(pk=time_id).first()
    if time is None or time.alternatives.state_at(now) != Alternatives.State.OPEN:
        return None
    booking = time.alternatives.booking
    if user_id not in booking.host_ids:
        return None
    stands = words.moment(booking.starts_at, ZoneInfo(booking.timezone))
    return Held(
        time.period,
        booking.title,
        description=f"Offered to {booking.booker.name} in place of {stands}. It goes by itself with the answer.",
    )


PLACEHOLDERS: Final = Placeholders("alternative time", _held)


def begin_placeholders(offered: Alternatives) -> None:
    """Have its times in the hosts' calendars, in the transaction that holds them.

    None for a page that was made to write no events: then the booking is in no calendar either.
    """
    booking = offered.booking
    if booking.link is not None and booking.link.calendar_provider == "none":
        return
    PLACEHOLDERS.begin(
        workspace_id=booking.workspace_id,
        time_ids=list(offered.times.values_list("pk", flat=True)),
        user_ids=booking.host_ids,
    )


def renew_placeholders(booking_ids: Sequence[UUID]) -> None:
    """Have all that was offered for these bookings stand as it is held now, in the transaction that changes that."""
    times = AlternativeTime.objects.filter(alternatives__booking__in=booking_ids)
    PLACEHOLDERS.renew(list(times.values_list("pk", flat=True)))
