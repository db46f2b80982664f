"""No calendar is connected."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from workestra.calendars.domain.period import Period
from workestra.calendars.providers.provider import (
    CalendarFacts,
    Changes,
    Channel,
    NotConnected,
    ProviderEvent,
    WrittenEvent,
)


class NoCalendar:
    """Has no calendars, so knows of no busy time; a person's bookings are the only thing that takes his time."""

    def calendars(self) -> Sequence[CalendarFacts]:
        return ()

    def changes(self, calendar_id: str, window: Period, cursor: str, now: datetime) -> Changes:
        return Changes(events={}, cursor="", is_complete=True)

    def busy(self, calendar_ids: Sequence[str], within: Period) -> Sequence[Period]:
        return ()

    def find_event(self, calendar_id: str, key: UUID) -> WrittenEvent | None:
        return None

    def put_event(
        self, calendar_id: str, event: ProviderEvent, known: WrittenEvent | None = None
    ) -> WrittenEvent:
        raise NotConnected("no calendar is connected to write to")

    def delete_event(self, calendar_id: str, key: UUID) -> None:
        return None

    def watch(self, calendar_id: str, address: str, channel_id: str, secret: str) -> Channel | None:
        return None

    def unwatch(self, channel: Channel) -> None:
        return None

    def revoke(self) -> None:
        return None

    def close(self) -> None:
        return None
