"""Microsoft's identity platform (v2.0) and Graph (v1.0), as far as we use them. Speaks TLS: msal takes nothing else.

What it does that is easily forgotten: occurrences of a series come with their times only; a repeated `transactionId`
gives the first event again, and 409 once that was deleted; guests get invited; a delta link is forgotten with 410.
"""

import re
import secrets
import time
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import quote, unquote

from tests.fakes.oauth import Identity, _jwt
from tests.fakes.server import Answer, Fake, Request

PAGE = 3
ME = "/v1.0/me"

# https://learn.microsoft.com/graph/api/resources/event, as far as it can be written.
WRITABLE = {
    *("subject", "body", "start", "end", "location", "showAs", "attendees", "isOnlineMeeting"),
    *("onlineMeetingProvider", "transactionId", "singleValueExtendedProperties", "isAllDay", "recurrence"),
}
SHOW_AS = {"free", "tentative", "busy", "oof", "workingElsewhere", "unknown"}


def problem(status: int, code: str, **headers: str) -> Answer:
    body = {"error": {"code": code, "message": code, "innerError": {"date": "2030-01-01T00:00:00"}}}
    return Answer(status, body, {name.replace("_", "-"): value for name, value in headers.items()})


class FakeMicrosoft(Fake, Identity):
    rotates = True
    routes = [
        ("GET", "/common/v2.0/.well-known/openid-configuration", "discovery"),
        ("POST", "/common/oauth2/v2.0/token", "token"),
        ("GET", f"{ME}/calendars", "list_calendars"),
        ("GET", f"{ME}/calendars/([^/]+)/calendarView/delta", "delta"),
        ("GET", f"{ME}/calendars/([^/]+)/calendarView", "view"),
        ("GET", f"{ME}/calendars/([^/]+)/events", "find"),
        ("POST", f"{ME}/calendars/([^/]+)/events", "create"),
        ("GET", f"{ME}/events/([^/]+)", "get"),
        ("PATCH", f"{ME}/events/([^/]+)", "patch"),
        ("DELETE", f"{ME}/events/([^/]+)", "delete"),
        ("POST", "/v1.0/subscriptions", "subscribe"),
        ("DELETE", "/v1.0/subscriptions/([^/]+)", "unsubscribe"),
    ]

    def __init__(self) -> None:
        Fake.__init__(self)
        Identity.__init__(self)
        self.calendars: dict[str, dict[str, Any]] = {}
        self.events: dict[str, dict[str, Any]] = {}
        self.subscriptions: dict[str, dict[str, Any]] = {}
        self.deltas: dict[str, tuple[int, str, str]] = {}
        self.broken_rules: list[str] = []
        self.version = 0
        self.add_calendar("calendar-main", "Calendar", isDefaultCalendar=True)

    def add_calendar(self, calendar_id: str, name: str, **facts: Any) -> None:
        self.calendars[calendar_id] = {
            "id": calendar_id,
            "name": name,
            "canEdit": True,
            "isDefaultCalendar": False,
        } | facts

    def id_token(self, asked: dict[str, str]) -> str:
        now = int(time.time())
        return _jwt(
            {
                "aud": self.client_id,
                "iss": f"{self.url}/9188040d/v2.0",
                "sub": "1",
                "oid": "2",
                "tid": "9188040d",
                "preferred_username": self.email,
                "nonce": asked["nonce"],
                "iat": now,
                "nbf": now,
                "exp": now + 3600,
            }
        )

    def discovery(self, request: Request) -> Answer:
        base = f"{self.url}/common/oauth2/v2.0"
        return Answer(
            200,
            {
                "issuer": f"{self.url}/{{tenantid}}/v2.0",
                "authorization_endpoint": f"{base}/authorize",
                "token_endpoint": f"{base}/token",
                "jwks_uri": f"{self.url}/common/discovery/v2.0/keys",
            },
        )

    def _routed(self, request: Request) -> Answer:
        if request.path.startswith("/v1.0"):
            if request.bearer not in self.access:
                return problem(401, "InvalidAuthenticationToken")
            if 'outlook.timezone="UTC"' not in request.headers.get("prefer", ""):
                self.broken_rules.append(f"{request.method} {request.path}: times in whatever zone")
            found = re.match(f"{ME}/calendars/([^/]+)/", request.path)
            if found and unquote(found.group(1)) not in self.calendars:
                return problem(404, "ErrorItemNotFound")
        return super()._routed(request)

    def list_calendars(self, request: Request) -> Answer:
        return self._page(request, list(self.calendars.values()))

    def find(self, request: Request, calendar_id: str) -> Answer:
        asked = re.fullmatch(
            r"singleValueExtendedProperties/Any\(ep: ep/id eq '([^']+)' and ep/value eq '([^']+)'\)",
            request.query["$filter"],
        )
        assert asked, request.query
        wanted = {"id": asked.group(1), "value": asked.group(2)}
        return self._page(
            request,
            [
                _selected(event, request)
                for event in self._live(calendar_id)
                if wanted in event.get("singleValueExtendedProperties", [])
            ],
        )

    def create(self, request: Request, calendar_id: str) -> Answer:
        body = request.json
        self._hold(body)
        if not self.calendars[calendar_id]["canEdit"]:
            return problem(403, "ErrorAccessDenied")
        for event in self.events.values():
            if body.get("transactionId") and event.get("transactionId") == body["transactionId"]:
                if event["gone"]:
                    return problem(409, "ErrorDuplicateTransactionId")
                return Answer(201, _shown(event))
        return Answer(201, _shown(self._keep(f"AAMk{secrets.token_urlsafe(12)}=", calendar_id, body)))

    def get(self, request: Request, event_id: str) -> Answer:
        event = self.events.get(event_id)
        if event is None or event["gone"]:
            return problem(404, "ErrorItemNotFound")
        return Answer(200, _selected(event, request))

    def patch(self, request: Request, event_id: str) -> Answer:
        event = self.events.get(event_id)
        if event is None or event["gone"]:
            return problem(404, "ErrorItemNotFound")
        if request.headers.get("if-match", event["@odata.etag"]) != event["@odata.etag"]:
            return problem(412, "ErrorIrresolvableConflict")
        body = request.json
        self._hold(body)
        if event.get("onlineMeeting") and "body" in body:
            self.broken_rules.append("the text of an online meeting was replaced: its way in is lost")
        return Answer(200, _shown(self._keep(event_id, event["calendar"], {**event, **body})))

    def delete(self, request: Request, event_id: str) -> Answer:
        event = self.events.get(event_id)
        if event is None or event["gone"]:
            return problem(404, "ErrorItemNotFound")
        self.cancel(event_id)
        return Answer(204)

    def view(self, request: Request, calendar_id: str) -> Answer:
        start, end = request.query["startDateTime"], request.query["endDateTime"]
        entries = [
            _selected(each, request)
            for event in self._live(calendar_id)
            for each in _occurrences(event, brief=False)
            if _overlaps(each, start, end)
        ]
        return self._page(request, entries)

    def delta(self, request: Request, calendar_id: str) -> Answer:
        if token := request.query.get("$deltatoken"):
            if token not in self.deltas:
                return problem(410, "SyncStateNotFound")
            since, start, end = self.deltas[token]
        else:
            since, start, end = -1, request.query["startDateTime"], request.query["endDateTime"]
        entries: list[dict[str, Any]] = []
        for event in self.events.values():
            if event["calendar"] != calendar_id or event["version"] <= since:
                continue
            for each in _occurrences(event, brief=True):
                if event["gone"]:
                    if since >= 0:
                        entries.append({"id": each["id"], "@removed": {"reason": "deleted"}})
                elif _overlaps(each, start, end):
                    entries.append(each)
            if event.get("recurrence") and not event["gone"]:
                entries.append(_shown(event) | {"type": "seriesMaster"})
        answer = self._page(request, entries)
        if "@odata.nextLink" not in answer.body:
            token = secrets.token_urlsafe(16)
            self.deltas[token] = (self.version, start, end)
            answer.body["@odata.deltaLink"] = f"{self.url}{request.path}?$deltatoken={token}"
        return answer

    def subscribe(self, request: Request) -> Answer:
        body = request.json
        ends = datetime.fromisoformat(body["expirationDateTime"])
        if not body["notificationUrl"].startswith("https://") or ends > datetime.now(UTC) + timedelta(
            minutes=4230
        ):
            return problem(400, "InvalidRequest")
        id_ = secrets.token_hex(16)
        self.subscriptions[id_] = body
        answer = {name: value for name, value in body.items() if name != "clientState"}
        return Answer(201, answer | {"id": id_, "applicationId": self.client_id})

    def unsubscribe(self, request: Request, subscription_id: str) -> Answer:
        if self.subscriptions.pop(subscription_id, None) is None:
            return problem(404, "ResourceNotFound")
        return Answer(204)

    # --- What a test does in the calendar with its own hands ---

    def add(self, calendar_id: str, start: str, end: str, **facts: Any) -> str:
        id_ = f"AAMk{secrets.token_urlsafe(12)}="
        edges = {name: {"dateTime": at, "timeZone": "UTC"} for name, at in (("start", start), ("end", end))}
        self._keep(id_, calendar_id, {"subject": "Dentist", **edges, **facts})
        return id_

    def change(self, event_id: str, **facts: Any) -> None:
        event = self.events[event_id]
        self._keep(event_id, event["calendar"], event | facts)

    def cancel(self, event_id: str) -> None:
        with self.lock:
            self.version += 1
            self.events[event_id] |= {"gone": True, "version": self.version}

    def live(self, calendar_id: str) -> list[dict[str, Any]]:
        return self._live(calendar_id)

    def _live(self, calendar_id: str) -> list[dict[str, Any]]:
        return [each for each in self.events.values() if each["calendar"] == calendar_id and not each["gone"]]

    def _keep(self, id_: str, calendar_id: str, body: dict[str, Any]) -> dict[str, Any]:
        with self.lock:
            before = self.events.get(id_, {})
            self.version += 1
            event = {
                "isAllDay": False,
                "isCancelled": False,
                "showAs": "busy",
                "type": "singleInstance",
                "responseStatus": {"response": "organizer", "time": "0001-01-01T00:00:00Z"},
                "iCalUId": f"0400000082{secrets.token_hex(10)}",
                **body,
                "id": id_,
                "calendar": calendar_id,
                "gone": False,
                "version": self.version,
                "@odata.etag": f'W/"{self.version}"',
            }
            for edge in ("start", "end"):  # Seven digits, as Exchange writes them.
                at = event[edge]["dateTime"].partition(".")[0]
                event[edge] = {"dateTime": f"{at}.0000000", "timeZone": "UTC"}
            if event.get("isOnlineMeeting") and not before.get("onlineMeeting"):
                link = f"https://teams.microsoft.com/l/meetup-join/{secrets.token_hex(8)}"
                event["onlineMeeting"] = {"joinUrl": link}
            self.events[id_] = event
            return event

    def _hold(self, body: dict[str, Any]) -> None:
        wrong = set(body) - WRITABLE
        if wrong or body.get("showAs", "busy") not in SHOW_AS:
            self.broken_rules.append(f"Graph has no {wrong or body['showAs']}")

    def _page(self, request: Request, entries: list[dict[str, Any]]) -> Answer:
        first = int(request.query.get("$skip", "0"))
        body: dict[str, Any] = {"value": entries[first : first + PAGE]}
        if first + PAGE < len(entries):
            query = {name: value for name, value in request.query.items() if name != "$skip"}
            query["$skip"] = str(first + PAGE)
            rest = "&".join(f"{name}={quote(value)}" for name, value in query.items())
            body["@odata.nextLink"] = f"{self.url}{quote(unquote(request.path), safe='/')}?{rest}"
        return Answer(200, body)


_OWN = {"calendar", "gone", "version", "singleValueExtendedProperties"}


def _shown(event: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in event.items() if name not in _OWN}


def _selected(event: dict[str, Any], request: Request) -> dict[str, Any]:
    wanted = request.query.get("$select", "").split(",")
    shown = _shown(event)
    if wanted == [""]:
        return shown
    return {name: value for name, value in shown.items() if name in {*wanted, "@odata.etag", "id"}}


def _occurrences(event: dict[str, Any], *, brief: bool) -> list[dict[str, Any]]:
    if not event.get("recurrence"):
        return [_shown(event)]
    found = []
    for week in range(event["recurrence"]["range"]["numberOfOccurrences"]):
        edges = {
            edge: {
                "dateTime": _later(event[edge]["dateTime"], timedelta(weeks=week)),
                "timeZone": "UTC",
            }
            for edge in ("start", "end")
        }
        facts = {
            "id": f"{event['id']}occurrence{week}",
            "type": "occurrence",
            "seriesMasterId": event["id"],
            "@odata.etag": event["@odata.etag"],
            **edges,
        }
        found.append(facts if brief else _shown(event) | facts)
    return found


def _later(at: str, by: timedelta) -> str:
    return f"{datetime.fromisoformat(at) + by:%Y-%m-%dT%H:%M:%S}.0000000"


def _overlaps(event: dict[str, Any], earliest: str, latest: str) -> bool:
    start, end = (
        datetime.fromisoformat(event[edge]["dateTime"]).replace(tzinfo=UTC) for edge in ("start", "end")
    )
    return end > datetime.fromisoformat(earliest) and start < datetime.fromisoformat(latest)


def day_of(at: datetime) -> str:
    return date(at.year, at.month, at.day).isoformat() + "T00:00:00"
