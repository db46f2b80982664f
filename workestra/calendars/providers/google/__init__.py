"""Google Calendar (API v3), by google-api-python-client."""

from workestra.calendars.providers.google.calendar import GoogleCalendar
from workestra.calendars.providers.google.oauth import GoogleOAuth

__all__ = ["GoogleCalendar", "GoogleOAuth"]
