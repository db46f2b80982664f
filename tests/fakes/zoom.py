"""Zoom (OAuth, users, meetings), as far as we use it: https://developers.zoom.us/docs/api/meetings/

What it does that is easily forgotten: an update answers with nothing, a list is cut into pages, its agendas after 250
characters, and each refresh makes the refresh token before it useless.
"""

from datetime import datetime
from typing import Any

from tests.fakes.meetings import FakeMeetings
from tests.fakes.server import Answer, Request
from workestra.calendars.providers.zoom import NEEDED

PAGE = 2
WRITABLE = {"topic", "agenda", "type", "start_time", "timezone", "duration"}


class FakeZoom(FakeMeetings):
    by_basic = True
    granted = " ".join(NEEDED)
    api = "/v2/"
    start_field = "start_time"
    routes = [
        ("POST", "/oauth/token", "token"),
        ("POST", "/oauth/revoke", "revoke"),
        ("GET", "/v2/users/me", "me"),
        ("GET", "/v2/users/me/meetings", "listed"),
        ("POST", "/v2/users/me/meetings", "create"),
        ("PATCH", "/v2/meetings/([^/]+)", "update"),
        ("DELETE", "/v2/meetings/([^/]+)", "delete"),
    ]

    def revoke(self, request: Request) -> Answer:
        self.revoked.append(request.form["token"])
        return Answer(200, {"status": "success"})

    def me(self, request: Request) -> Answer:
        return Answer(200, {"id": "KDcuGIm1QgePTO8WbOqwIQ", "email": self.email, "type": 2})

    def listed(self, request: Request) -> Answer:
        every = [meeting | {"agenda": meeting["agenda"][:250]} for meeting in self.meetings.values()]
        first = int(request.query.get("next_page_token") or 0)
        following = str(first + PAGE) if len(every) > first + PAGE else ""
        return Answer(200, {"meetings": every[first : first + PAGE], "next_page_token": following})

    def create(self, request: Request) -> Answer:
        body = request.json
        self._hold(body)
        meeting_id = self.next_id()
        meeting = body | {
            "id": int(meeting_id),
            "join_url": f"https://us02web.zoom.us/j/{meeting_id}?pwd=x",
            "start_url": "https://us02web.zoom.us/s/planted-start",
            "created_at": f"2030-01-01T00:00:{len(self.meetings):02}Z",
        }
        self.meetings[meeting_id] = meeting
        return Answer(201, meeting)

    def update(self, request: Request, meeting_id: str) -> Answer:
        self._hold(request.json)

        def change(meeting: dict[str, Any]) -> Answer:
            meeting.update(request.json)
            return Answer(204)

        return self.with_meeting(meeting_id, change)

    def delete(self, request: Request, meeting_id: str) -> Answer:
        if request.query.get("schedule_for_reminder") != "false":
            self.broken_rules.append("Zoom would mail the host")

        def remove(meeting: dict[str, Any]) -> Answer:
            del self.meetings[meeting_id]
            return Answer(204)

        return self.with_meeting(meeting_id, remove)

    def _hold(self, body: dict[str, Any]) -> None:
        self.hold("meeting", body, WRITABLE, WRITABLE)
        datetime.strptime(body["start_time"], "%Y-%m-%dT%H:%M:%SZ")
        if not (0 < len(body["topic"]) <= 200 and len(body["agenda"]) <= 2000 and body["duration"] > 0):
            self.broken_rules.append(f"too long: {body}")
