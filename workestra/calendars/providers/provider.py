"""What Workestra asks of a connected calendar."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from workestra.calendars.domain.period import Period


@dataclass(frozen=True, slots=True)
class ProviderEvent:
    """An event Workestra keeps in somebody's calendar. `id` is derived from the booking, so a repeat finds
    the first.
    """

    id: str
    period: Period
    summary: str
    description: str = ""
    location: str = ""


class CalendarProvider(Protocol):
    """One person's connected calendar. Every call may be repeated: the second one changes nothing."""

    def busy(self, period: Period) -> Sequence[Period]:
        """The times taken within `period`, by start; empty when all of it is free."""

    def put_event(self, event: ProviderEvent) -> None:
        """Write `event`, or bring the one with its id up to date."""

    def delete_event(self, event_id: str) -> None:
        """Remove the event with this id; nothing happens when it is not there."""
