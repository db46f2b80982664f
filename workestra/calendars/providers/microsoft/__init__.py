"""Microsoft 365 calendars: sign-in by msal, the calendars by Microsoft Graph (v1.0)."""

from workestra.calendars.providers.microsoft.calendar import MicrosoftCalendar
from workestra.calendars.providers.microsoft.oauth import MicrosoftOAuth

__all__ = ["MicrosoftCalendar", "MicrosoftOAuth"]
