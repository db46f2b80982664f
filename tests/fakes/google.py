"""Google's calendar API (v3) and OAuth endpoints, as far as we use them; held to Google's own description of the API.

What it does that is easily forgotten: a deleted event stays, as cancelled, and its id is burnt (409 on insert, 403 on
patch, 410 on a second delete); lists expand series with ids of their own; a sync token is forgotten with 410.
"""

import json
import secrets
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.fakes import discovery
from tests.fakes.oauth import Identity
from tests.fakes.server import Answer, Fake, Fault, Request

API = "/calendar/v3"
PAGE = 3
"""Small, so that every test of a list sees pages."""


def problem(status: int, reason: str, message: str = "", **headers: str) -> Answer:
    body = {
        "error": {
            "code": status,
            "message": message or reason,
            "errors": [{"domain": "global", "reason": reason, "message": message or reason}],
        }
    }
    return Answer(status, body, {name.replace("_", "-"): value for name, value in headers.items()})


class FakeGoogle(Fake, Identity):
    routes = [
        ("POST", "/token", "token"),
        ("POST", "/revoke", "revoke"),
        ("GET", f"{API}/users/me/calendarList", "list_calendars"),
        ("GET", f"{API}/calendars/([^/]+)/events", "list_events"),
        ("POST", f"{API}/calendars/([^/]+)/events/watch", "watch"),
        ("POST", f"{API}/calendars/([^/]+)/events", "insert"),
        ("GET", f"{API}/calendars/([^/]+)/events/([^/]+)", "get"),
        ("PATCH", f"{API}/calendars/([^/]+)/events/([^/]+)", "patch"),
        ("DELETE", f"{API}/calendars/([^/]+)/events/([^/]+)", "delete"),
        ("POST", f"{API}/freeBusy", "free_busy"),
        ("POST", f"{API}/channels/stop", "stop"),
    ]

    def __init__(self) -> None:
        Fake.__init__(self)
        Identity.__init__(self)
        self.calendars: dict[str, dict[str, Any]] = {}
        self.events: dict[str, dict[str, dict[str, Any]]] = {}
        self.channels: dict[str, dict[str, Any]] = {}
        self.revoked: list[str] = []
        self.broken_rules: list[str] = []
        self.version = 0
        self.forgotten = -1
        """Sync tokens up to this version are no longer known."""
        self.add_calendar("alice@larkhill.example", "Alice Okafor", primary=True)

    def add_calendar(
        self, calendar_id: str, name: str, role: str = "owner", *, primary: bool = False
    ) -> None:
        entry = {
            "kind": "calendar#calendarListEntry",
            "etag": '"1"',
            "id": calendar_id,
            "summary": name,
            "timeZone": "Europe/Berlin",
            "accessRole": role,
        }
        self.calendars[calendar_id] = entry | ({"primary": True} if primary else {})
        self.events[calendar_id] = {}

    # --- The answers, each held to the description ---

    def handle(self, request: Request) -> tuple[Answer, Fault | None]:
        if request.path.startswith(API):
            self._hold(discovery.check_request, request, request.query, request.json)
        answer, fault = super().handle(request)
        if request.path.startswith(API) and answer.status < 300 and not (fault and fault.answer):
            self._hold(discovery.check_answer, request, answer.body)
        return answer, fault

    def _hold(self, check: Any, request: Request, *what: Any) -> None:
        try:
            check(request.method, request.path, *what)
        except (AssertionError, ValueError) as error:
            self.broken_rules.append(f"{request.method} {request.path}: {error}")

    def _routed(self, request: Request) -> Answer:
        if request.path.startswith(API):
            if request.bearer not in self.access:
                return problem(401, "authError", "Invalid Credentials")
            calendar_id = request.path.split("/")[4] if "/calendars/" in request.path else ""
            from urllib.parse import unquote

            if calendar_id and unquote(calendar_id) not in self.calendars:
                return problem(404, "notFound", "Not Found")
        return super()._routed(request)

    def revoke(self, request: Request) -> Answer:
        self.revoked.append(request.form["token"])
        self.revoke_all()
        return Answer(200, {})

    def list_calendars(self, request: Request) -> Answer:
        entries = list(self.calendars.values())
        first = int(request.query.get("pageToken", "0"))
        body: dict[str, Any] = {
            "kind": "calendar#calendarList",
            "etag": '"1"',
            "items": entries[first : first + PAGE],
        }
        if first + PAGE < len(entries):
            body["nextPageToken"] = str(first + PAGE)
        else:
            body["nextSyncToken"] = "list"
        return Answer(200, body)

    def list_events(self, request: Request, calendar_id: str) -> Answer:
        query = request.query
        assert query.get("singleEvents") == "true"
        since, window = -1, (query.get("timeMin"), query.get("timeMax"))
        if token := query.get("syncToken"):
            if window != (None, None):
                return problem(400, "invalid", "syncToken with timeMin")
            kept = json.loads(token)
            since, window = kept["version"], tuple(kept["window"])
            if since <= self.forgotten:
                return problem(410, "fullSyncRequired", "Sync token is no longer valid")
        entries = [
            instance
            for event in self.events[calendar_id].values()
            if event["version"] > since and not (since < 0 and event["status"] == "cancelled")
            for instance in self._instances(event)
            if _overlaps(instance, *window)
        ]
        first = int(query.get("pageToken", "0"))
        body: dict[str, Any] = {
            "kind": "calendar#events",
            "etag": f'"{self.version}"',
            "summary": calendar_id,
            "timeZone": "Europe/Berlin",
            "accessRole": "owner",
            "items": entries[first : first + PAGE],
        }
        if first + PAGE < len(entries):
            body["nextPageToken"] = str(first + PAGE)
        else:
            body["nextSyncToken"] = json.dumps({"version": self.version, "window": list(window)})
        return Answer(200, body)

    def insert(self, request: Request, calendar_id: str) -> Answer:
        body = request.json
        if self.calendars[calendar_id]["accessRole"] not in {"owner", "writer"}:
            return problem(403, "forbidden", "Forbidden")
        id_ = body.get("id") or secrets.token_hex(13)
        if id_ in self.events[calendar_id]:
            return problem(409, "duplicate", "The requested identifier already exists.")
        if not 5 <= len(id_) <= 1024 or set(id_) - set("abcdefghijklmnopqrstuv0123456789"):
            return problem(400, "invalid", "Invalid resource id value.")
        if "iCalUID" in body and "id" in body:
            return problem(400, "invalid", "id and iCalUID")
        return Answer(200, self._shown(self._keep(calendar_id, id_, body, request.query)))

    def get(self, request: Request, calendar_id: str, event_id: str) -> Answer:
        event = self.events[calendar_id].get(event_id)
        if event is None:
            return problem(404, "notFound", "Not Found")
        return Answer(200, self._shown(event))

    def patch(self, request: Request, calendar_id: str, event_id: str) -> Answer:
        event = self.events[calendar_id].get(event_id)
        if event is None:
            return problem(404, "notFound", "Not Found")
        if event["status"] == "cancelled":
            return problem(403, "forbidden", "Forbidden")
        if request.headers.get("if-match", event["etag"]) != event["etag"]:
            return problem(412, "conditionNotMet", "Precondition Failed")
        return Answer(
            200, self._shown(self._keep(calendar_id, event_id, {**event, **request.json}, request.query))
        )

    def delete(self, request: Request, calendar_id: str, event_id: str) -> Answer:
        event = self.events[calendar_id].get(event_id)
        if event is None:
            return problem(404, "notFound", "Not Found")
        if event["status"] == "cancelled":
            return problem(410, "deleted", "Resource has been deleted")
        self.cancel(calendar_id, event_id)
        return Answer(204)

    def free_busy(self, request: Request) -> Answer:
        body = request.json
        found: dict[str, Any] = {}
        for item in body["items"]:
            calendar_id = item["id"]
            if calendar_id not in self.calendars:
                found[calendar_id] = {"errors": [{"domain": "global", "reason": "notFound"}], "busy": []}
                continue
            spans = sorted(
                _span(instance)
                for event in self.events[calendar_id].values()
                for instance in self._instances(event)
                if _is_busy(instance) and _overlaps(instance, body["timeMin"], body["timeMax"])
            )
            found[calendar_id] = {
                "busy": [{"start": _stamp(start), "end": _stamp(end)} for start, end in spans]
            }
        return Answer(
            200,
            {
                "kind": "calendar#freeBusy",
                "timeMin": body["timeMin"],
                "timeMax": body["timeMax"],
                "calendars": found,
            },
        )

    def watch(self, request: Request, calendar_id: str) -> Answer:
        body = request.json
        if body["id"] in self.channels:
            return problem(400, "channelIdNotUnique", "Channel id not unique")
        if not body["address"].startswith("https://"):
            return problem(400, "webhook.invalidAddress")
        self.channels[body["id"]] = body | {"calendar": calendar_id}
        ends = datetime.now(UTC) + timedelta(seconds=int(body["params"]["ttl"]))
        return Answer(
            200,
            {
                "kind": "api#channel",
                "id": body["id"],
                "resourceId": f"resource-{calendar_id}",
                "token": body["token"],
                "expiration": str(int(ends.timestamp() * 1000)),
            },
        )

    def stop(self, request: Request) -> Answer:
        if self.channels.pop(request.json["id"], None) is None:
            return problem(404, "notFound", "Channel not found")
        return Answer(204)

    # --- What a test does in the calendar with its own hands ---

    def add(self, calendar_id: str, start: dict[str, str], end: dict[str, str], **facts: Any) -> str:
        id_ = secrets.token_hex(13)
        self._keep(calendar_id, id_, {"summary": "Dentist", "start": start, "end": end, **facts}, {})
        return id_

    def change(self, calendar_id: str, event_id: str, **facts: Any) -> None:
        self._keep(calendar_id, event_id, self.events[calendar_id][event_id] | facts, {})

    def cancel(self, calendar_id: str, event_id: str) -> None:
        with self.lock:
            event = self.events[calendar_id][event_id]
            self.version += 1
            event |= {"status": "cancelled", "version": self.version, "etag": f'"{self.version}"'}

    def live(self, calendar_id: str) -> list[dict[str, Any]]:
        return [event for event in self.events[calendar_id].values() if event["status"] != "cancelled"]

    def _keep(
        self, calendar_id: str, id_: str, body: dict[str, Any], query: dict[str, str]
    ) -> dict[str, Any]:
        with self.lock:
            before = self.events[calendar_id].get(id_, {})
            self.version += 1
            event = {
                "kind": "calendar#event",
                "status": "confirmed",
                "htmlLink": f"https://calendar.google.com/event?eid={id_}",
                "created": "2030-01-01T00:00:00Z",
                "iCalUID": f"{id_}@google.com",
                "organizer": {"email": calendar_id, "self": True},
                "sequence": before.get("sequence", -1) + 1,
                **body,
                "id": id_,
                "version": self.version,
                "etag": f'"{self.version}"',
                "updated": "2030-01-01T00:00:00Z",
            }
            asked = body.get("conferenceData", {}).get("createRequest")
            if query.get("conferenceDataVersion") != "1":
                event.pop("conferenceData", None)
                event.pop("hangoutLink", None)
                if "conferenceData" in before:
                    event |= {name: before[name] for name in ("conferenceData", "hangoutLink")}
            elif asked and not before.get("conferenceData"):
                link = f"https://meet.google.com/{secrets.token_hex(5)}"
                event["conferenceData"] = {
                    "createRequest": asked | {"status": {"statusCode": "success"}},
                    "conferenceId": link.rpartition("/")[2],
                    "conferenceSolution": {"key": {"type": "hangoutsMeet"}, "name": "Google Meet"},
                    "entryPoints": [{"entryPointType": "video", "uri": link}],
                }
                event["hangoutLink"] = link
            self.events[calendar_id][id_] = event
            return event

    def _instances(self, event: dict[str, Any]) -> list[dict[str, Any]]:
        shown = self._shown(event)
        rule = (event.get("recurrence") or [""])[0]
        if not rule:
            return [shown]
        count = int(rule.rpartition("COUNT=")[2])
        found = []
        for week in range(count):
            start, end = (moment + timedelta(weeks=week) for moment in _span(event))
            instance = {name: value for name, value in shown.items() if name != "recurrence"} | {
                "id": f"{event['id']}_{start:%Y%m%dT%H%M%SZ}",
                "recurringEventId": event["id"],
                "originalStartTime": {"dateTime": _stamp(start)},
                "start": {"dateTime": _stamp(start)},
                "end": {"dateTime": _stamp(end)},
            }
            found.append(instance)
        return found

    @staticmethod
    def _shown(event: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in event.items() if name != "version"}


def _span(event: dict[str, Any]) -> tuple[datetime, datetime]:
    found = []
    for edge in ("start", "end"):
        at = event[edge]
        if "date" in at:
            day = date.fromisoformat(at["date"])
            found.append(
                datetime(day.year, day.month, day.day, tzinfo=ZoneInfo("Europe/Berlin")).astimezone(UTC)
            )
        else:
            found.append(datetime.fromisoformat(at["dateTime"]).astimezone(UTC))
    return found[0], found[1]


def _overlaps(event: dict[str, Any], earliest: str | None, latest: str | None) -> bool:
    start, end = _span(event)
    return (earliest is None or end > datetime.fromisoformat(earliest)) and (
        latest is None or start < datetime.fromisoformat(latest)
    )


def _is_busy(event: dict[str, Any]) -> bool:
    declined = any(
        each.get("self") and each.get("responseStatus") == "declined" for each in event.get("attendees", [])
    )
    return event["status"] != "cancelled" and event.get("transparency") != "transparent" and not declined


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
