"""The calendars of a Google account: https://developers.google.com/workspace/calendar/api/v3/reference"""

import http.client
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import google_auth_httplib2
import httplib2
from django.conf import settings
from google.auth.credentials import Credentials
from google.auth.exceptions import GoogleAuthError
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError

from workestra.calendars.domain.backoff import retry_after
from workestra.calendars.domain.event_ids import google_id, key_of_mark
from workestra.calendars.domain.period import Period
from workestra.calendars.providers.oauth_http import post_form
from workestra.calendars.providers.provider import (
    AccessRevoked,
    BadRequest,
    CalendarFacts,
    Changes,
    Channel,
    Conflict,
    CursorDead,
    Gone,
    NotAllowed,
    Piece,
    ProviderDown,
    ProviderEvent,
    RateLimited,
    Tokens,
    WrittenEvent,
)

SECONDS: Final = 10
PAGE: Final = 250
GENERATIONS: Final = 20
"""How often one event may have been deleted by hand and written again; each time burns an id."""
MARK: Final = "workestraKey"
CHANNEL_LASTS: Final = timedelta(days=7)
_RATE: Final = {
    "rateLimitExceeded",
    "userRateLimitExceeded",
    "quotaExceeded",
    "dailyLimitExceeded",
    "calendarUsageLimitsExceeded",
}
_WRITERS: Final = {"writer", "owner"}


class GoogleCalendar:
    """One Google account. Not for several threads at once: httplib2 is not."""

    def __init__(self, tokens: Tokens, zone: ZoneInfo) -> None:
        self._tokens = tokens
        self._zone = zone
        http_ = google_auth_httplib2.AuthorizedHttp(_Bearer(tokens), http=httplib2.Http(timeout=SECONDS))
        http_.http.follow_redirects = False
        self._api = build(
            "calendar",
            "v3",
            http=http_,
            static_discovery=True,
            cache_discovery=False,
            client_options={"api_endpoint": f"{settings.GOOGLE_API_URL}/calendar/v3/"},
        )

    def calendars(self) -> Sequence[CalendarFacts]:
        return [
            CalendarFacts(
                id=entry["id"],
                name=entry.get("summaryOverride") or entry.get("summary") or entry["id"],
                is_primary=bool(entry.get("primary")),
                is_writable=entry.get("accessRole") in _WRITERS,
            )
            for entry in self._pages(self._api.calendarList().list, maxResults=PAGE)
            if not entry.get("deleted")
        ]

    def changes(self, calendar_id: str, window: Period, cursor: str, now: datetime) -> Changes:
        asked: dict[str, Any] = {"calendarId": calendar_id, "maxResults": 2500, "singleEvents": True}
        if cursor:
            asked["syncToken"] = cursor
        else:
            asked |= {"timeMin": _stamp(window.start), "timeMax": _stamp(window.end)}
        events: dict[str, Sequence[Piece]] = {}
        token = ""
        zone = self._zone
        while True:
            page = _said(self._api.events().list(**asked))
            zone = _zone_of(page.get("timeZone"), zone)
            for entry in page.get("items", []):
                events[entry["id"]] = _pieces(entry, window, zone)
            if not page.get("nextPageToken"):
                token = page.get("nextSyncToken", "")
                break
            asked["pageToken"] = page["nextPageToken"]
        if not token:
            raise ProviderDown("Google's answer has no end.")
        return Changes(events=events, cursor=token, is_complete=not cursor)

    def busy(self, calendar_ids: Sequence[str], within: Period) -> Sequence[Period]:
        found: list[Period] = []
        for first in range(0, len(calendar_ids), 50):
            part = calendar_ids[first : first + 50]
            body = {
                "timeMin": _stamp(within.start),
                "timeMax": _stamp(within.end),
                "items": [{"id": calendar_id} for calendar_id in part],
            }
            answer = _said(self._api.freebusy().query(body=body))
            for calendar_id in part:
                calendar = answer.get("calendars", {}).get(calendar_id, {})
                if calendar.get("errors") or "busy" not in calendar:
                    raise ProviderDown("Google does not say when this calendar is busy.")
                found += [Period(_instant(span["start"]), _instant(span["end"])) for span in calendar["busy"]]
        return sorted(piece for span in found if (piece := span.clipped(within)))

    def find_event(self, calendar_id: str, key: UUID) -> WrittenEvent | None:
        for generation in range(GENERATIONS):
            entry = self._get(calendar_id, google_id(key, generation))
            if entry is None:
                return None
            if entry.get("status") != "cancelled":
                return _written(entry)
        return None

    def put_event(
        self, calendar_id: str, event: ProviderEvent, known: WrittenEvent | None = None
    ) -> WrittenEvent:
        if known:
            entry = self._get(calendar_id, known.id)
            if entry is None or entry.get("status") == "cancelled":
                raise Gone("The event is no longer in the calendar.")
            return self._patch(calendar_id, entry, event, known.etag)
        for generation in range(GENERATIONS):
            id_ = google_id(event.key, generation)
            try:
                insert = self._api.events().insert(
                    calendarId=calendar_id,
                    body={"id": id_, **_body(event), **_conference(event)},
                    conferenceDataVersion=1,
                    sendUpdates="none",
                )
                return _written(_said(insert))
            except Conflict:
                entry = self._get(calendar_id, id_)
            if entry is None:
                # Another id now could mean two events later.
                raise ProviderDown("Google neither has the event nor takes it.")
            if entry.get("status") != "cancelled":
                return self._overwrite(calendar_id, entry, event)
            # A deleted id is burnt: the next generation is another event.
        raise BadRequest("The event was deleted and written too often.")

    def delete_event(self, calendar_id: str, key: UUID) -> None:
        for generation in range(GENERATIONS):
            id_ = google_id(key, generation)
            entry = self._get(calendar_id, id_)
            if entry is None:
                return
            if entry.get("status") != "cancelled":
                try:
                    _done(self._api.events().delete(calendarId=calendar_id, eventId=id_, sendUpdates="none"))
                except (Gone, CursorDead):
                    continue
                return

    def watch(self, calendar_id: str, address: str, channel_id: str, secret: str) -> Channel | None:
        if not address.startswith("https://"):
            return None
        body = {
            "id": channel_id,
            "type": "web_hook",
            "address": address,
            "token": secret,
            "params": {"ttl": str(int(CHANNEL_LASTS.total_seconds()))},
        }
        try:
            answer = _said(self._api.events().watch(calendarId=calendar_id, body=body))
        except (BadRequest, NotAllowed):
            return None  # Some calendars (holidays, birthdays) tell nobody: pushNotSupportedForRequestedResource.
        expires = datetime.fromtimestamp(int(answer.get("expiration", 0)) / 1000, UTC)
        return Channel(id=answer["id"], resource=answer.get("resourceId", ""), expires_at=expires)

    def unwatch(self, channel: Channel) -> None:
        try:
            _done(self._api.channels().stop(body={"id": channel.id, "resourceId": channel.resource}))
        except (Gone, BadRequest):
            return

    def revoke(self) -> None:
        post_form(settings.GOOGLE_REVOKE_URL, {"token": self._tokens.current()}, is_answered=False)

    def close(self) -> None:
        self._api.close()

    def _pages(self, method: Any, **asked: Any) -> Iterator[Mapping[str, Any]]:
        while True:
            page = _said(method(**asked))
            yield from page.get("items", [])
            if not page.get("nextPageToken"):
                return
            asked["pageToken"] = page["nextPageToken"]

    def _get(self, calendar_id: str, event_id: str) -> Mapping[str, Any] | None:
        try:
            return _said(self._api.events().get(calendarId=calendar_id, eventId=event_id))
        except Gone:
            return None

    def _overwrite(self, calendar_id: str, entry: Mapping[str, Any], event: ProviderEvent) -> WrittenEvent:
        """Bring it up to date whoever changes it at the same time."""
        for _try in range(3):
            try:
                return self._patch(calendar_id, entry, event, entry["etag"])
            except Conflict:
                again = self._get(calendar_id, entry["id"])
                if again is None or again.get("status") == "cancelled":
                    raise Gone("The event is no longer in the calendar.") from None
                entry = again
        raise Conflict("The event is being changed in the calendar.")

    def _patch(
        self, calendar_id: str, entry: Mapping[str, Any], event: ProviderEvent, etag: str
    ) -> WrittenEvent:
        """A patch leaves what it does not name: the event's meeting link survives."""
        body = _body(event)
        if not entry.get("conferenceData"):
            body |= _conference(event)
        request = self._api.events().patch(
            calendarId=calendar_id,
            eventId=entry["id"],
            body=body,
            conferenceDataVersion=1,
            sendUpdates="none",
        )
        request.headers["If-Match"] = etag
        return _written(_said(request))


class _Bearer(Credentials):
    """The account's access token, renewed by us: the library would keep the new one to itself."""

    def __init__(self, tokens: Tokens) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._source = tokens

    def before_request(self, request: Any, method: str, url: str, headers: Any) -> None:
        self.token = self._source.current()
        headers["authorization"] = f"Bearer {self.token}"

    def refresh(self, request: Any) -> None:
        self.token = self._source.renewed(self.token or "")


def _said(request: Any) -> Mapping[str, Any]:
    """The answer to a request that gives an object."""
    with _named_failures():
        answer = request.execute(num_retries=0)
    if not isinstance(answer, dict):
        raise ProviderDown("Google's answer cannot be read.")
    return answer


def _done(request: Any) -> None:
    """A request that gives nothing back."""
    with _named_failures():
        request.execute(num_retries=0)


@contextmanager
def _named_failures() -> Iterator[None]:
    try:
        yield
    except HttpError as error:
        raise _failure(error) from None
    except json.JSONDecodeError:
        raise ProviderDown("Google's answer cannot be read.") from None
    except GoogleAuthError as error:
        raise AccessRevoked(f"Google does not accept the access ({type(error).__name__}).") from None
    except (TimeoutError, httplib2.HttpLib2Error, http.client.HTTPException, OSError) as error:
        raise ProviderDown(f"Google does not answer ({type(error).__name__}).") from None


def _failure(error: HttpError) -> Exception:
    """By the reason, not by the status alone: https://developers.google.com/workspace/calendar/api/guides/errors"""
    status = int(error.resp.status)
    reason = _reason(error)
    wait = retry_after(error.resp.get("retry-after"), datetime.now(UTC))
    text = f"Google answered {status} {reason}".strip() + "."
    if status == 429 or (status == 403 and reason in _RATE):
        return RateLimited(text, wait)
    if status >= 500:
        return ProviderDown(text, wait)
    match status:
        case 401:
            return AccessRevoked(text)
        case 403:
            return NotAllowed(text)
        case 404:
            return Gone(text)
        case 409 | 412:
            return Conflict(text)
        case 410:
            return Gone(text) if reason == "deleted" else CursorDead(text)
    return BadRequest(text)


def _reason(error: HttpError) -> str:
    try:
        found = json.loads(error.content)["error"]
        first = (found.get("errors") or [{}])[0]
        return str(first.get("reason") or "")[:60]
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        return ""


def _body(event: ProviderEvent) -> dict[str, Any]:
    return {
        "summary": event.summary,
        "description": event.description,
        "location": event.location,
        "start": {"dateTime": _stamp(event.period.start), "timeZone": "UTC"},
        "end": {"dateTime": _stamp(event.period.end), "timeZone": "UTC"},
        "transparency": "opaque" if event.is_busy else "transparent",
        "attendees": [
            {"email": guest.email} | ({"displayName": guest.name} if guest.name else {})
            for guest in event.guests
        ],
        "extendedProperties": {"private": {MARK: str(event.key)}},
    }


def _conference(event: ProviderEvent) -> dict[str, Any]:
    if not event.conference:
        return {}
    # The same request id gives the same meeting, however often it is asked for.
    request = {"requestId": str(event.key), "conferenceSolutionKey": {"type": "hangoutsMeet"}}
    return {"conferenceData": {"createRequest": request}}


def _written(entry: Mapping[str, Any]) -> WrittenEvent:
    try:
        period = Period(_instant(entry["start"]["dateTime"]), _instant(entry["end"]["dateTime"]))
    except (KeyError, ValueError):
        # The host has made a whole day of it.
        period = Period(_midnight(entry["start"]["date"], UTC), _midnight(entry["end"]["date"], UTC))
    return WrittenEvent(
        id=entry["id"],
        etag=entry.get("etag", ""),
        uid=entry.get("iCalUID") or f"{entry['id']}@google.com",
        period=period,
        join_url=entry.get("hangoutLink", ""),
        summary=entry.get("summary", ""),
    )


def _pieces(entry: Mapping[str, Any], window: Period, zone: ZoneInfo) -> tuple[Piece, ...]:
    if entry.get("status") == "cancelled":
        return ()
    start, end = entry.get("start", {}), entry.get("end", {})
    all_day = "date" in start
    if all_day:
        period = Period(_midnight(start["date"], zone), _midnight(end["date"], zone))
    elif "dateTime" in start and "dateTime" in end:
        period = Period(_instant(start["dateTime"]), _instant(end["dateTime"]))
    else:
        return ()
    inside = period.clipped(window)
    if inside is None:
        return ()
    mine: Mapping[str, Any] = next((each for each in entry.get("attendees", []) if each.get("self")), {})
    is_busy = (
        entry.get("transparency") != "transparent"
        and mine.get("responseStatus") != "declined"
        # Where somebody works says nothing about when.
        and entry.get("eventType") not in {"workingLocation", "birthday"}
    )
    private = entry.get("extendedProperties", {}).get("private", {})
    own_key = key_of_mark(private.get(MARK))
    return (Piece(inside, is_busy, all_day, own_key, entry.get("etag", "")),)


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _midnight(day: str, zone: Any) -> datetime:
    return datetime.combine(date.fromisoformat(day), time(), zone).astimezone(UTC)


def _zone_of(name: str | None, otherwise: ZoneInfo) -> ZoneInfo:
    try:
        return ZoneInfo(name) if name else otherwise
    except (ZoneInfoNotFoundError, ValueError):
        return otherwise
