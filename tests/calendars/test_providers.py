from datetime import UTC, datetime, timedelta

import pytest

from workestra.calendars.domain.period import Period
from workestra.calendars.providers import CalendarProvider, ProviderEvent, ProviderKind, provider_for

DAY = Period(datetime(2030, 1, 7, tzinfo=UTC), datetime(2030, 1, 8, tzinfo=UTC))


@pytest.mark.parametrize("kind", ProviderKind)
def test_every_kind_has_a_provider(kind: ProviderKind) -> None:
    provider: CalendarProvider = provider_for(kind)
    assert provider


def test_without_a_calendar_no_time_is_busy_and_nothing_is_kept() -> None:
    provider = provider_for(ProviderKind.NONE)
    provider.put_event(
        ProviderEvent(id="a", period=Period.lasting(DAY.start, timedelta(hours=1)), summary="Call")
    )
    assert list(provider.busy(DAY)) == []
    provider.delete_event("a")
    provider.delete_event("never there")
