"""No calendar is connected."""

from collections.abc import Sequence

from workestra.calendars.domain.period import Period
from workestra.calendars.providers.provider import ProviderEvent


class NoneProvider:
    """Knows of no busy time and writes nothing: the person's bookings are the only thing that takes his time."""

    def busy(self, period: Period) -> Sequence[Period]:
        return ()

    def put_event(self, event: ProviderEvent) -> None:
        return None

    def delete_event(self, event_id: str) -> None:
        return None
