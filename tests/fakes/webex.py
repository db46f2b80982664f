"""Webex (OAuth, people, meetings), as far as we use it: https://developer.webex.com/docs/api/v1/meetings

What it does that is easily forgotten: it mails people unless it is told not to, takes nothing shorter than ten minutes,
and lists one week unless a span is named. A refresh leaves the refresh token as it was.
"""

from datetime import datetime, timedelta
from typing import Any

from tests.fakes.meetings import FakeMeetings
from tests.fakes.server import Answer, Request
from workestra.calendars.providers.webex import SCOPES

NEEDED = {"title", "start", "end", "timezone", "sendEmail"}


class FakeWebex(FakeMeetings):
    rotates = False
    granted = " ".join(SCOPES)
    api = "/v1/meetings"
    routes = [
        ("POST", "/v1/access_token", "token"),
        ("GET", "/v1/people/me", "me"),
        ("GET", "/v1/meetings", "listed"),
        ("POST", "/v1/meetings", "create"),
        ("PATCH", "/v1/meetings/([^/]+)", "update"),
        ("DELETE", "/v1/meetings/([^/]+)", "delete"),
    ]

    def me(self, request: Request) -> Answer:
        if request.bearer not in self.access:
            return self.problem(401)
        return Answer(200, {"id": "Y2lzY29zcGFyazovL3VzL1BFT1BMRS8x", "emails": [self.email]})

    def listed(self, request: Request) -> Answer:
        asked = request.query
        span = datetime.fromisoformat(asked["to"]) - datetime.fromisoformat(asked["from"])
        if span < timedelta(days=730) or asked["meetingType"] != "meetingSeries":
            self.broken_rules.append(f"a list that leaves something out: {asked}")
        found = [
            each for each in self.meetings.values() if asked["integrationTag"] in each["integrationTags"]
        ]
        return Answer(200, {"items": found})

    def create(self, request: Request) -> Answer:
        body = request.json
        self._hold(body, NEEDED | {"integrationTags"})
        number = self.next_id()
        meeting_id = f"870f51ff287b41be8648412901e0{number}"
        self.meetings[meeting_id] = body | {
            "id": meeting_id,
            "meetingNumber": number,
            "webLink": f"https://larkhill.webex.com/larkhill/j.php?MTID=m{number}",
            "hostKey": "planted-host-key",
        }
        return Answer(200, self.meetings[meeting_id])

    def update(self, request: Request, meeting_id: str) -> Answer:
        self._hold(request.json, NEEDED)

        def change(meeting: dict[str, Any]) -> Answer:
            meeting.update(request.json)
            return Answer(200, meeting)

        return self.with_meeting(meeting_id, change)

    def delete(self, request: Request, meeting_id: str) -> Answer:
        if request.query.get("sendEmail") != "false":
            self.broken_rules.append("Webex would mail the host")

        def remove(meeting: dict[str, Any]) -> Answer:
            del self.meetings[meeting_id]
            return Answer(204)

        return self.with_meeting(meeting_id, remove)

    def _hold(self, body: dict[str, Any], known: set[str]) -> None:
        self.hold("meeting", body, known, known)
        length = datetime.fromisoformat(body["end"]) - datetime.fromisoformat(body["start"])
        if not (
            0 < len(body["title"]) <= 128 and body["sendEmail"] is False and length >= timedelta(minutes=10)
        ):
            self.broken_rules.append(f"not taken: {body}")
        if any(len(tag) > 64 for tag in body.get("integrationTags", [])):
            self.broken_rules.append(f"a tag that is too long: {body}")
