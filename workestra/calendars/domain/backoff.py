"""How long to wait before a provider is asked again."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

SHORTEST: Final = timedelta(seconds=1)
LONGEST: Final = timedelta(minutes=15)
GIVE_UP_AFTER: Final = timedelta(hours=24)
LATER_AT_MOST: Final = 0.2
"""What a provider asks for is never cut short, and stretched by up to this part of it, so that not all come at once."""


def pause(attempts: int, chance: float) -> timedelta:
    """The pause after so many failed attempts (1 or more): full jitter below a limit that doubles, 1 s to 15 min.

    `chance` is a random number of [0, 1).
    """
    limit: timedelta = min(LONGEST, SHORTEST * 2 ** min(max(attempts, 1), 20))
    return SHORTEST + (limit - SHORTEST) * chance


def asked_pause(retry_after: timedelta, chance: float) -> timedelta:
    """The pause a provider asked for, or up to a fifth more. `chance` is a random number of [0, 1)."""
    return max(retry_after, SHORTEST) * (1 + LATER_AT_MOST * chance)


def retry_after(header: str | None, now: datetime) -> timedelta | None:
    """What a Retry-After header asks for: seconds or a date (RFC 9110 10.2.3); None when it says nothing readable.

    Zoom writes its dates in ISO 8601: https://developers.zoom.us/docs/api/rate-limits/
    """
    text = (header or "").strip()
    if text.isascii() and text.isdigit():
        return timedelta(seconds=min(int(text), 7 * 24 * 3600))
    at = _http_date(text) or _iso_date(text)
    if at is None:
        return None
    return max(at.replace(tzinfo=at.tzinfo or UTC) - now, timedelta())


def _http_date(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text)
    except ValueError:
        return None


def _iso_date(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
