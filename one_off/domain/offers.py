"""What a one-off may offer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from scheduling.domain.wallclock import FURTHEST
from workestra.calendars.domain.period import Period

MAX_SLOTS: Final = 10
SHORTEST: Final = timedelta(minutes=5)
LONGEST: Final = timedelta(minutes=480)


class BadOffer(ValueError):
    """These times cannot be offered; the message says why, for people."""


class SlotState(StrEnum):
    """What an offered time is at a moment: only an open or a held one can be picked."""

    OPEN = "open"
    HELD = "held"
    TAKEN = "taken"
    PASSED = "passed"
    PICKED = "picked"
    RELEASED = "released"
    WITHDRAWN = "withdrawn"

    @property
    def can_be_picked(self) -> bool:
        return self in {SlotState.OPEN, SlotState.HELD}


@dataclass(frozen=True, slots=True)
class Offer:
    """A one-off about to be made or changed: what its invitee will see, and the times, in the order they are numbered.

    `timezone` is the host's IANA zone. Without `expires_at` it stays open until it is booked.
    """

    title: str
    periods: tuple[Period, ...]
    timezone: str
    description: str = ""
    reserve: bool = True
    location_type: str = "phone"
    location_detail: str = ""
    invitee_name: str = ""
    invitee_email: str = ""
    expires_at: datetime | None = None


def ensure_can_be_offered(periods: Sequence[Period], expires_at: datetime | None, now: datetime) -> None:
    """Let pass one to ten different times to come, each of 5 to 480 minutes, and an expiry to come.

    Raises BadOffer.
    """
    if not periods:
        raise BadOffer("Offer at least one time.")
    if len(periods) > MAX_SLOTS:
        raise BadOffer(f"Offer at most {MAX_SLOTS} times.")
    if len(set(periods)) < len(periods):
        raise BadOffer("Offer each time once.")
    for period in periods:
        if not SHORTEST <= period.duration <= LONGEST:
            raise BadOffer("A meeting lasts between 5 and 480 minutes.")
        if period.start <= now:
            raise BadOffer("Offer times that are still to come.")
        if period.start > now + FURTHEST:
            raise BadOffer("Offer times within the next two years.")
    if expires_at is not None and expires_at <= now:
        raise BadOffer("Close it at a time that is still to come.")
