"""Makers for the tests of one-offs."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from bookings.models import Booking
from bookings.services.booking import Booker
from one_off import services
from one_off.domain.offers import Offer
from one_off.models import OfferedSlot, OneOff
from scheduling.models import BusyTime
from workestra.accounts.models import Membership
from workestra.audit.models import AuditEvent
from workestra.calendars.domain.period import Period
from workestra.notifications.models import OutboxMessage

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

TOMAS = Booker(name="Tomás Herrera", email="tomas@cobaltfoods.example", timezone="Europe/Madrid")
ROSA = Booker(name="Rosa Lindholm", email="rosa@fjordline.example", timezone="Europe/Oslo")


def three_times(now: datetime) -> tuple[Period, ...]:
    """Tomorrow at ten, the day after at two, and the day after that at four (Berlin), of 30, 45 and 60 minutes."""
    day = now.replace(hour=0, minute=0)
    return (
        Period.lasting(day + DAY + 9 * HOUR, 30 * MINUTE),
        Period.lasting(day + 2 * DAY + 13 * HOUR, 45 * MINUTE),
        Period.lasting(day + 3 * DAY + 15 * HOUR, 60 * MINUTE),
    )


def make_one_off(host: Membership, now: datetime, **fields: Any) -> OneOff:
    """A one-off of `host` with three held times, unless `fields` of its offer say otherwise."""
    values: dict[str, Any] = {
        "title": "Contract walkthrough",
        "description": "Three times to go through the draft together.",
        "periods": three_times(now),
        "timezone": "Europe/Berlin",
    } | fields
    return services.create(member=host, offer=Offer(**values), nonce=uuid4(), now=now)


def slot_of(one_off: OneOff, index: int = 0) -> OfferedSlot:
    return one_off.slots.all()[index]


def pick(one_off: OneOff, now: datetime, index: int = 0, booker: Booker = TOMAS, **fields: Any) -> Booking:
    return services.pick(
        one_off=one_off,
        booker=booker,
        now=now,
        **{"slot_id": slot_of(one_off, index).pk, "nonce": uuid4()} | fields,
    ).booking


def active_holds(one_off: OneOff) -> int:
    return BusyTime.objects.filter(owner_key=one_off.pk, active=True).count()


def written() -> dict[str, int]:
    """How much there is of everything that a refusal must not write."""
    return {
        "one-offs": OneOff.objects.count(),
        "slots": OfferedSlot.objects.count(),
        "busy": BusyTime.objects.filter(active=True).count(),
        "bookings": Booking.objects.count(),
        "mails": OutboxMessage.objects.count(),
        "audit": AuditEvent.objects.count(),
    }
