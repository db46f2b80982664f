"""What a one-off may offer."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from workestra.calendars.domain.period import Period

MAX_SLOTS: Final = 10


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
