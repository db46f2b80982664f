"""The calendars of a Microsoft account: https://learn.microsoft.com/graph/api/resources/calendar"""

import html
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any, Final
from urllib.parse import quote
from uuid import UUID
from zoneinfo import ZoneInfo

import requests
from django.conf import settings

from workestra.calendars.domain.backoff import retry_after
from workestra.calendars.domain.event_ids import key_of_transaction, transaction_id
from workestra.calendars.domain.period import Period
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
GENERATIONS: Final = 20
CHANNEL_LASTS: Final = timedelta(minutes=4200)
"""Outlook's subscriptions end after 4,230 minutes at the latest."""
PROPERTY: Final = "String {5d0ef4a4-7c1b-4b0e-9a52-3f6b8f2f7a10} Name workestraKey"
"""A named property of ours (MS-OXPROPS), by which our events are found."""
_PREFER: Final = 'outlook.timezone="UTC", IdType="ImmutableId", odata.maxpagesize=200'
_FREE: Final = {"free", "workingElsewhere"}
_STALE_CODES: Final = {
    "syncstatenotfound",
    "syncstateinvalid",
    "resyncrequired",
    "syncstatenotfoundexception",
}
_FIELDS: Final = "id,iCalUId,subject,start,end,isCancelled,onlineMeeting,isOnlineMeeting"


class MicrosoftCalendar:
    """One Microsoft account. Whole days are in `zone`."""

    def __init__(self, tokens: Tokens, zone: ZoneInfo) -> None:
        self._tokens = tokens
        self._zone = zone
        self._session = requests.Session()

    def calendars(self) -> Sequence[CalendarFacts]:
        return [
            CalendarFacts(
                id=entry["id"],
                name=entry.get("name", ""),
                is_primary=bool(entry.get("isDefaultCalendar")),
                is_writable=bool(entry.get("canEdit")),
            )
            for entry in self._pages("/me/calendars?$select=id,name,canEdit,isDefaultCalendar&$top=100")
        ]

    def changes(self, calendar_id: str, window: Period, cursor: str, now: datetime) -> Changes:
        url = cursor or (
            f"{_calendar(calendar_id)}/calendarView/delta"
            f"?startDateTime={_stamp(window.start)}&endDateTime={_stamp(window.end)}"
        )
        if cursor and not cursor.startswith(f"{settings.MICROSOFT_GRAPH_URL}/"):
            raise CursorDead("The cursor is of another cloud.")
        entries: list[Mapping[str, Any]] = []
        while True:
            page = self._ask("GET", url)
            entries += page.get("value", [])
            if link := page.get("@odata.deltaLink"):
                break
            url = page.get("@odata.nextLink", "")
            if not url:
                raise ProviderDown("Microsoft's answer has no end.")
        masters = {entry["id"]: entry for entry in entries if entry.get("type") == "seriesMaster"}
        events: dict[str, Sequence[Piece]] = {}
        for entry in entries:
            if "@removed" in entry:
                events[entry["id"]] = ()
            elif entry.get("type") != "seriesMaster":
                events[entry["id"]] = self._pieces(entry, masters, window)
        return Changes(events=events, cursor=link, is_complete=not cursor)

    def busy(self, calendar_ids: Sequence[str], within: Period) -> Sequence[Period]:
        found: list[Period] = []
        for calendar_id in calendar_ids:
            view = (
                f"{_calendar(calendar_id)}/calendarView?startDateTime={_stamp(within.start)}"
                f"&endDateTime={_stamp(within.end)}&$select=id,type,seriesMasterId,start,end,isAllDay,showAs,"
                "isCancelled,responseStatus&$top=200"
            )
            for entry in self._pages(view):
                found += [piece.period for piece in self._pieces(entry, {}, within) if piece.is_busy]
        return sorted(found)

    def find_event(self, calendar_id: str, key: UUID) -> WrittenEvent | None:
        entry = self._find(calendar_id, key)
        return None if entry is None else _written(entry)

    def put_event(
        self, calendar_id: str, event: ProviderEvent, known: WrittenEvent | None = None
    ) -> WrittenEvent:
        if known:
            entry = self._ask("GET", f"/me/events/{_quoted(known.id)}?$select={_FIELDS}")
            if entry.get("isCancelled"):
                raise Gone("The event is no longer in the calendar.")
            return self._patch(entry, event, known.etag)
        for generation in range(GENERATIONS):
            entry_or_none = self._find(calendar_id, event.key)
            if entry_or_none is not None:
                return self._overwrite(calendar_id, entry_or_none, event)
            body = _body(event) | {
                "transactionId": transaction_id(event.key, generation),
                "singleValueExtendedProperties": [{"id": PROPERTY, "value": str(event.key)}],
            }
            try:
                return _written(self._ask("POST", f"{_calendar(calendar_id)}/events", body))
            except Conflict:
                # A conflict in the store proves nothing: look again; if there is still none, this transaction's event
                # was deleted, and the next generation is another one.
                continue
        raise ProviderDown("Microsoft neither has the event nor takes it.")

    def delete_event(self, calendar_id: str, key: UUID) -> None:
        entry = self._find(calendar_id, key)
        if entry is not None:
            try:
                self._ask("DELETE", f"/me/events/{_quoted(entry['id'])}")
            except Gone:
                return

    def watch(self, calendar_id: str, address: str, channel_id: str, secret: str) -> Channel | None:
        if not address.startswith("https://"):
            return None
        expires = datetime.now(UTC) + CHANNEL_LASTS
        answer = self._ask(
            "POST",
            "/subscriptions",
            {
                "changeType": "created,updated,deleted",
                "notificationUrl": address,
                "lifecycleNotificationUrl": address,
                "resource": f"{_calendar(calendar_id)}/events",
                "expirationDateTime": _stamp(expires),
                "clientState": secret,
            },
        )
        ends = datetime.fromisoformat(answer.get("expirationDateTime", expires.isoformat()))
        return Channel(id=answer["id"], resource="", expires_at=ends)

    def unwatch(self, channel: Channel) -> None:
        try:
            self._ask("DELETE", f"/subscriptions/{_quoted(channel.id)}")
        except (Gone, NotAllowed):
            return

    def revoke(self) -> None:
        """There is no way to; the account's owner finds the application under myapps.microsoft.com."""
        return

    def close(self) -> None:
        self._session.close()

    def _pieces(
        self, entry: Mapping[str, Any], masters: dict[str, Mapping[str, Any]], window: Period
    ) -> tuple[Piece, ...]:
        facts: Mapping[str, Any] = entry
        # Occurrences of a series come with their times only: the rest is their master's.
        master_id = entry.get("seriesMasterId")
        if "showAs" not in entry and master_id:
            if master_id not in masters:
                try:
                    masters[master_id] = self._ask("GET", f"/me/events/{_quoted(master_id)}")
                except Gone:
                    return ()
            facts = {**masters[master_id], **entry}
        period = self._period(facts)
        inside = period.clipped(window)
        if inside is None or facts.get("isCancelled"):
            return ()
        answered = (facts.get("responseStatus") or {}).get("response")
        is_busy = facts.get("showAs") not in _FREE and answered != "declined"
        own_key = key_of_transaction(facts.get("transactionId"))
        etag = str(facts.get("@odata.etag", ""))[:200]
        return (Piece(inside, is_busy, bool(facts.get("isAllDay")), own_key, etag),)

    def _period(self, facts: Mapping[str, Any]) -> Period:
        start, end = _instant(facts["start"]), _instant(facts["end"])
        if facts.get("isAllDay") and start.time() == time() == end.time():
            start, end = start.replace(tzinfo=self._zone), end.replace(tzinfo=self._zone)
        return Period(start, max(start, end))

    def _find(self, calendar_id: str, key: UUID) -> Mapping[str, Any] | None:
        asked = f"singleValueExtendedProperties/Any(ep: ep/id eq '{PROPERTY}' and ep/value eq '{key}')"
        query = f"$filter={quote(asked)}&$select={_FIELDS}"
        entries = [
            entry
            for entry in self._pages(f"{_calendar(calendar_id)}/events?{query}")
            if not entry.get("isCancelled")
        ]
        return min(entries, key=lambda entry: str(entry["id"]), default=None)

    def _overwrite(self, calendar_id: str, entry: Mapping[str, Any], event: ProviderEvent) -> WrittenEvent:
        for _try in range(3):
            try:
                return self._patch(entry, event, str(entry.get("@odata.etag", "")))
            except Conflict:
                again = self._find(calendar_id, event.key)
                if again is None:
                    raise Gone("The event is no longer in the calendar.") from None
                entry = again
        raise Conflict("The event is being changed in the calendar.")

    def _patch(self, entry: Mapping[str, Any], event: ProviderEvent, etag: str) -> WrittenEvent:
        body = _body(event)
        if entry.get("isOnlineMeeting") or entry.get("onlineMeeting"):
            # Its text holds the way into the meeting: another text would cut it off.
            body = {
                name: value
                for name, value in body.items()
                if name not in {"body", "isOnlineMeeting", "onlineMeetingProvider"}
            }
        headers = {"If-Match": etag} if etag else {}
        return _written(self._ask("PATCH", f"/me/events/{_quoted(entry['id'])}", body, headers))

    def _pages(self, path: str) -> Iterator[Mapping[str, Any]]:
        while path:
            page = self._ask("GET", path)
            yield from page.get("value", [])
            path = page.get("@odata.nextLink", "")

    def _ask(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """One request; once more with another token when this one is no longer taken."""
        token = self._tokens.current()
        response = self._send(method, path, body, headers or {}, token)
        if response.status_code == 401:
            response = self._send(method, path, body, headers or {}, self._tokens.renewed(token))
        _check(response)
        if response.status_code in {202, 204}:
            return {}
        try:
            answer = response.json()
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise ProviderDown("Microsoft's answer cannot be read.")
        return answer

    def _send(
        self, method: str, path: str, body: Any, headers: Mapping[str, str], token: str
    ) -> requests.Response:
        base = settings.MICROSOFT_GRAPH_URL
        url = path if path.startswith(f"{base}/") else base + path
        if not url.startswith(f"{base}/"):
            raise ProviderDown("Microsoft's answer points elsewhere.")
        sent = {"Authorization": f"Bearer {token}", "Prefer": _PREFER, **headers}
        try:
            return self._session.request(
                method, url, json=body, headers=sent, timeout=SECONDS, allow_redirects=False
            )
        except requests.RequestException as error:
            raise ProviderDown(f"Microsoft does not answer ({type(error).__name__}).") from None


def _check(response: requests.Response) -> None:
    """https://learn.microsoft.com/graph/errors"""
    status, code = response.status_code, _code(response)
    text = f"Microsoft answered {status} {code}".strip() + "."
    wait = retry_after(response.headers.get("Retry-After"), datetime.now(UTC))
    if code.lower() in _STALE_CODES:
        raise CursorDead(text)
    if status == 429 or (status in {503, 504} and wait is not None):
        raise RateLimited(text, wait)
    if status >= 500 or status == 423:
        raise ProviderDown(text, wait)
    match status:
        case 401:
            raise AccessRevoked(text)
        case 403:
            raise NotAllowed(text)
        case 404:
            raise Gone(text)
        case 410:
            raise CursorDead(text)
        case 409 | 412:
            raise Conflict(text)
    if status >= 300:
        raise BadRequest(text)


def _code(response: requests.Response) -> str:
    if response.status_code < 400:
        return ""
    try:
        return str(response.json()["error"]["code"])[:60]
    except (ValueError, KeyError, TypeError):
        return ""


def _calendar(calendar_id: str) -> str:
    return f"/me/calendars/{_quoted(calendar_id)}"


def _quoted(part: str) -> str:
    return quote(part, safe="")


def _body(event: ProviderEvent) -> dict[str, Any]:
    text = html.escape(event.description).replace("\n", "<br>")
    body: dict[str, Any] = {
        "subject": event.summary,
        "body": {"contentType": "html", "content": text},
        "start": {"dateTime": f"{event.period.start:%Y-%m-%dT%H:%M:%S}", "timeZone": "UTC"},
        "end": {"dateTime": f"{event.period.end:%Y-%m-%dT%H:%M:%S}", "timeZone": "UTC"},
        "location": {"displayName": event.location},
        "showAs": "busy" if event.is_busy else "free",
        "attendees": [
            {"type": "required", "emailAddress": {"address": guest.email, "name": guest.name or guest.email}}
            for guest in event.guests
        ],
    }
    if event.conference:
        body |= {"isOnlineMeeting": True, "onlineMeetingProvider": "teamsForBusiness"}
    return body


def _written(entry: Mapping[str, Any]) -> WrittenEvent:
    return WrittenEvent(
        id=entry["id"],
        etag=str(entry.get("@odata.etag", "")),
        uid=str(entry.get("iCalUId", "")),
        period=Period(_instant(entry["start"]), _instant(entry["end"])),
        join_url=(entry.get("onlineMeeting") or {}).get("joinUrl") or "",
        summary=str(entry.get("subject", "")),
    )


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _instant(stamp: Mapping[str, Any]) -> datetime:
    at = datetime.fromisoformat(stamp["dateTime"])
    return at if at.tzinfo else at.replace(tzinfo=UTC)
