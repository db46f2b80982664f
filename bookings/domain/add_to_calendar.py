"""Addresses that open a calendar on the web with a meeting filled in."""

from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlencode

from workestra.calendars.domain.period import Period


@dataclass(frozen=True, slots=True)
class CalendarLinks:
    google: str
    outlook: str


def calendar_links(*, title: str, period: Period, location: str, details: str) -> CalendarLinks:
    """Links for Google Calendar's event template and Outlook's compose page.

    They travel through other people's servers: never put a secret into `details`.
    """
    google = {
        "action": "TEMPLATE",
        "text": title,
        "dates": f"{_basic(period.start)}/{_basic(period.end)}",
        "location": location,
        "details": details,
    }
    outlook = {
        "path": "/calendar/action/compose",
        "rru": "addevent",
        "subject": title,
        "startdt": _extended(period.start),
        "enddt": _extended(period.end),
        "location": location,
        "body": details,
    }
    return CalendarLinks(
        google=f"https://calendar.google.com/calendar/render?{urlencode(google)}",
        outlook=f"https://outlook.live.com/calendar/0/deeplink/compose?{urlencode(outlook)}",
    )


def _basic(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _extended(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
