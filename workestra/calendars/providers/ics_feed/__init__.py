"""A feed: an iCalendar file at an address (RFC 7986 5.5 and common practice), which only says what is busy."""

import hashlib
import json
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID
from zoneinfo import ZoneInfo

import requests
from icalendar import Calendar

from workestra.calendars.domain.backoff import retry_after
from workestra.calendars.domain.period import Period
from workestra.calendars.providers.ical import pieces
from workestra.calendars.providers.provider import (
    AccessRevoked,
    BadRequest,
    CalendarFacts,
    Changes,
    Channel,
    Gone,
    NotAllowed,
    ProviderDown,
    ProviderEvent,
    RateLimited,
    WrittenEvent,
)
from workestra.egress import EgressSession, Refused

FEED: Final = "feed"
MOST_BYTES: Final = 10_000_000


def feed_address(typed: str) -> str:
    """The address as it is asked: webcal:// is https:// (RFC 7595's provisional registration)."""
    address = typed.strip()
    for other, scheme in (("webcals://", "https://"), ("webcal://", "https://")):
        if address.lower().startswith(other):
            return scheme + address[len(other) :]
    return address


class IcsFeed:
    """The one calendar of a feed. Whole days and times without a zone are in `zone`."""

    def __init__(self, url: str, zone: ZoneInfo, addresses: Collection[str] = ()) -> None:
        self._url = url
        self._zone = zone
        self._addresses = addresses

    def calendars(self) -> Sequence[CalendarFacts]:
        text, _cursor = self._read("")
        try:
            name = str(Calendar.from_ical(text or b"").get("X-WR-CALNAME", ""))
        except (ValueError, IndexError, KeyError, TypeError, AttributeError) as error:
            raise BadRequest("There is no calendar at this address.") from error
        return [CalendarFacts(id=FEED, name=name or urlsplit(self._url).hostname or FEED, is_writable=False)]

    def changes(self, calendar_id: str, window: Period, cursor: str, now: datetime) -> Changes:
        text, new_cursor = self._read(cursor)
        if text is None:
            return Changes(events={}, cursor=new_cursor, is_complete=False)
        return Changes(
            events=pieces(text, window, self._zone, self._addresses), cursor=new_cursor, is_complete=True
        )

    def busy(self, calendar_ids: Sequence[str], within: Period) -> Sequence[Period]:
        if not calendar_ids:
            return ()
        text, _cursor = self._read("")
        spans = pieces(text or b"", within, self._zone, self._addresses)
        return sorted(piece.period for each in spans.values() for piece in each if piece.is_busy)

    def find_event(self, calendar_id: str, key: UUID) -> WrittenEvent | None:
        return None

    def put_event(
        self, calendar_id: str, event: ProviderEvent, known: WrittenEvent | None = None
    ) -> WrittenEvent:
        raise NotAllowed("A feed can only be read.")

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

    def _read(self, cursor: str) -> tuple[bytes | None, str]:
        """The feed, or None when it is what it was at `cursor`; and the next cursor."""
        before = _unpacked(cursor)
        headers = {"Accept": "text/calendar"}
        if before.get("etag"):
            headers["If-None-Match"] = before["etag"]
        if before.get("modified"):
            headers["If-Modified-Since"] = before["modified"]
        try:
            with EgressSession(max_bytes=MOST_BYTES, seconds=20) as session:
                response = session.get(self._url, headers=headers)
        except Refused as error:
            raise BadRequest(f"The address is not asked: {error}.") from error
        except requests.RequestException as error:
            raise ProviderDown(f"The feed does not answer ({type(error).__name__}).") from error
        if response.status_code == 304 and before:
            return None, cursor
        _check(response)
        digest = hashlib.sha256(response.content).hexdigest()
        after = {
            "etag": response.headers.get("ETag", "")[:300],
            "modified": response.headers.get("Last-Modified", "")[:100],
            "digest": digest,
        }
        return (None if before.get("digest") == digest else response.content), json.dumps(after)


def _unpacked(cursor: str) -> dict[str, Any]:
    try:
        found = json.loads(cursor) if cursor else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _check(response: requests.Response) -> None:
    status = response.status_code
    wait = retry_after(response.headers.get("Retry-After"), datetime.now(UTC))
    if status in {401, 403}:
        raise AccessRevoked("The feed asks for a password: its address has changed.")
    if status in {404, 410}:
        raise Gone("There is no feed at this address any more.")
    if status == 429:
        raise RateLimited("The feed asks to wait.", wait)
    if status >= 500:
        raise ProviderDown(f"The feed answered {status}.", wait)
    if status >= 300:
        raise BadRequest(f"The feed answered {status}: use the address that it leads to.")
