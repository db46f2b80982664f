"""GoTo Meeting (OAuth, meetings), as far as we use it: https://developer.goto.com/GoToMeetingV1

What it does that is easily forgotten: a meeting that is made is answered with a list of one, an update with nothing;
the list of upcoming meetings does not say where they are joined. Names begin small in one place and large in another.
"""

from datetime import datetime
from typing import Any

from tests.fakes.meetings import FakeMeetings
from tests.fakes.server import Answer, Request

FIELDS = {
    *(
        "subject",
        "starttime",
        "endtime",
        "passwordrequired",
        "conferencecallinfo",
        "timezonekey",
        "meetingtype",
    ),
}
JOIN = "https://meet.goto.com"


class FakeGoTo(FakeMeetings):
    by_basic = True
    names_in_token = True
    granted = "collab:"
    api = "/G2M/"
    start_field = "starttime"
    routes = [
        ("POST", "/oauth/token", "token"),
        ("GET", "/G2M/rest/upcomingMeetings", "listed"),
        ("POST", "/G2M/rest/meetings", "create"),
        ("PUT", "/G2M/rest/meetings/([^/]+)", "update"),
        ("DELETE", "/G2M/rest/meetings/([^/]+)", "delete"),
    ]

    def listed(self, request: Request) -> Answer:
        every = [
            {
                "meetingId": number,
                "subject": meeting["subject"],
                "startTime": meeting["starttime"],
                "endTime": meeting["endtime"],
                "status": "INACTIVE",
                "meetingType": "scheduled",
            }
            for number, meeting in self.meetings.items()
        ]
        return Answer(200, every)

    def create(self, request: Request) -> Answer:
        self._hold(request.json)
        number = self.next_id()
        self.meetings[number] = request.json
        made = {
            "meetingid": int(number),
            "uniqueMeetingId": int(number),
            "joinURL": f"{JOIN}/{number}",
            "maxParticipants": 250,
            "conferenceCallInfo": "planted-phone-code",
        }
        return Answer(201, [made])

    def update(self, request: Request, number: str) -> Answer:
        self._hold(request.json)

        def change(meeting: dict[str, Any]) -> Answer:
            meeting.update(request.json)
            return Answer(204)

        return self.with_meeting(number, change)

    def delete(self, request: Request, number: str) -> Answer:
        def remove(meeting: dict[str, Any]) -> Answer:
            del self.meetings[number]
            return Answer(204)

        return self.with_meeting(number, remove)

    def _hold(self, body: dict[str, Any]) -> None:
        self.hold("meeting", body, FIELDS, FIELDS)
        for field in ("starttime", "endtime"):
            datetime.strptime(body[field], "%Y-%m-%dT%H:%M:%SZ")
        if not 0 < len(body["subject"]) <= 100:
            self.broken_rules.append(f"too long: {body}")
