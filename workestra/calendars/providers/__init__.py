"""The calendars people connect, one module a provider."""

from enum import StrEnum

from workestra.calendars.providers.none import NoneProvider
from workestra.calendars.providers.provider import CalendarProvider, ProviderEvent

__all__ = ["CalendarProvider", "ProviderEvent", "ProviderKind", "provider_for"]


class ProviderKind(StrEnum):
    NONE = "none"


def provider_for(kind: ProviderKind) -> CalendarProvider:
    """The provider that stands behind `kind`."""
    match kind:
        case ProviderKind.NONE:
            return NoneProvider()
