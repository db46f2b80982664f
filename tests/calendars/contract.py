"""What a contract test stands on: a provider, a fresh calendar of its, and another client's hands in that calendar."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import requests

from tests.fakes.google import FakeGoogle
from tests.fakes.microsoft import FakeMicrosoft, day_of
from tests.fakes.oauth import Identity
from workestra.calendars.domain.event_ids import uid
from workestra.calendars.domain.period import Period
from workestra.calendars.providers.caldav import CalDAVCalendar
from workestra.calendars.providers.google import GoogleCalendar, GoogleOAuth
from workestra.calendars.providers.microsoft import MicrosoftCalendar, MicrosoftOAuth
from workestra.calendars.providers.provider import CalendarProvider, OAuth

BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = datetime(2030, 1, 7, 8, tzinfo=UTC)
WINDOW = Period(MONDAY - timedelta(days=7), MONDAY + timedelta(days=60))


class Bench(Protocol):
    """A provider with a calendar of its own for the test."""

    provider: CalendarProvider
    calendar_id: str
    makes_meetings: bool

    def add(self, period: Period, **facts: Any) -> str:
        """An event that the owner makes himself; returns its id. Facts: free, all_day, weekly (times), declined."""

    def remove(self, event_id: str) -> None: ...

    def touch(self, key: UUID) -> None:
        """The owner gives our event another title."""

    def delete_ours(self, key: UUID) -> None:
        """The owner deletes our event."""

    def count(self) -> int:
        """How many live events the calendar has."""

    def spoil(self, cursor: str) -> str:
        """What the provider no longer knows of `cursor`."""

    def lose_access(self) -> None: ...

    def close(self) -> None: ...


@dataclass
class DavBench:
    url: str
    password: str = "wonderland"
    makes_meetings: bool = False

    def __post_init__(self) -> None:
        self.session = requests.Session()
        self.session.auth = ("alice", self.password)
        home = (
            "alice/calendars/" if self._ask("PROPFIND", "/alice/calendars/").status_code == 207 else "alice/"
        )
        self.calendar_id = f"/{home}{uuid4().hex[:12]}/"
        body = (
            '<c:mkcalendar xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav"><d:set><d:prop>'
            "<d:displayname>Work &amp; play</d:displayname></d:prop></d:set></c:mkcalendar>"
        )
        made = self._ask("MKCALENDAR", self.calendar_id, body, {"Content-Type": "application/xml"})
        assert made.status_code == 201, made.text
        self.provider: CalendarProvider = CalDAVCalendar(
            self.url, "alice", self.password, BERLIN, {"alice@larkhill.example"}
        )

    def _ask(self, method: str, path: str, body: str = "", headers: Any = None) -> requests.Response:
        response = self.session.request(
            method, self.url.rstrip("/") + path, data=body.encode(), headers=headers
        )
        assert response.status_code < 500, response.text
        return response

    def add(self, period: Period, **facts: Any) -> str:
        name = uuid4().hex
        if facts.get("all_day"):
            when = f"DTSTART;VALUE=DATE:{period.start:%Y%m%d}\r\nDTEND;VALUE=DATE:{period.end:%Y%m%d}"
        else:
            when = f"DTSTART:{period.start:%Y%m%dT%H%M%SZ}\r\nDTEND:{period.end:%Y%m%dT%H%M%SZ}"
        lines = [
            *("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Another client//EN", "BEGIN:VEVENT"),
            *(f"UID:{name}", "DTSTAMP:20300101T000000Z", when, "SUMMARY:Dentist"),
            *(["TRANSP:TRANSPARENT"] if facts.get("free") else []),
            *([f"RRULE:FREQ=WEEKLY;COUNT={facts['weekly']}"] if facts.get("weekly") else []),
            *(
                [
                    "ORGANIZER:mailto:boss@larkhill.example",
                    "ATTENDEE;PARTSTAT=DECLINED:mailto:alice@larkhill.example",
                ]
                if facts.get("declined")
                else []
            ),
            *("END:VEVENT", "END:VCALENDAR", ""),
        ]
        path = f"{self.calendar_id}{name}.ics"
        made = self._ask("PUT", path, "\r\n".join(lines), {"Content-Type": "text/calendar"})
        assert made.status_code in {201, 204}, made.text
        return path

    def remove(self, event_id: str) -> None:
        assert self._ask("DELETE", event_id).status_code < 300

    def touch(self, key: UUID) -> None:
        path = f"{self.calendar_id}{uid(key)}.ics"
        text = self._ask("GET", path).text.replace("SUMMARY:", "SUMMARY:Moved ")
        assert self._ask("PUT", path, text, {"Content-Type": "text/calendar"}).status_code < 300

    def delete_ours(self, key: UUID) -> None:
        self.remove(f"{self.calendar_id}{uid(key)}.ics")

    def count(self) -> int:
        return self._ask("PROPFIND", self.calendar_id, "", {"Depth": "1"}).text.count(".ics</")

    def spoil(self, cursor: str) -> str:
        return (
            "sync:" + "http://radicale.org/ns/sync/" + "0" * 64
            if "radicale.org" in cursor
            else "sync:nothing"
        )

    def lose_access(self) -> None:
        self.provider.close()
        self.provider = CalDAVCalendar(self.url, "alice", "wrong", BERLIN)

    def close(self) -> None:
        self.session.close()


class KeptTokens:
    """The tokens of an account, without a database."""

    def __init__(self, identity: Identity, oauth: OAuth) -> None:
        self._oauth = oauth
        tokens = identity.issue()
        self._kept = {name: tokens[name] for name in ("access_token", "refresh_token")}

    def current(self) -> str:
        return self._kept["access_token"]

    def renewed(self, rejected: str) -> str:
        self._kept |= self._oauth.refresh(self._kept, datetime.now(UTC))
        return self._kept["access_token"]


@dataclass
class GoogleBench:
    fake: FakeGoogle
    makes_meetings: bool = True

    def __post_init__(self) -> None:
        self.calendar_id = f"{uuid4().hex[:12]}@group.calendar.google.com"
        self.fake.add_calendar(self.calendar_id, "Work & play")
        self.provider: CalendarProvider = GoogleCalendar(KeptTokens(self.fake, GoogleOAuth()), BERLIN)

    def add(self, period: Period, **facts: Any) -> str:
        more: dict[str, Any] = {}
        if facts.get("free"):
            more["transparency"] = "transparent"
        if facts.get("weekly"):
            more["recurrence"] = [f"RRULE:FREQ=WEEKLY;COUNT={facts['weekly']}"]
        if facts.get("declined"):
            more["attendees"] = [
                {"email": "alice@larkhill.example", "self": True, "responseStatus": "declined"}
            ]
        if facts.get("all_day"):
            edges = [{"date": f"{at:%Y-%m-%d}"} for at in (period.start, period.end)]
        else:
            edges = [{"dateTime": at.isoformat()} for at in (period.start, period.end)]
        return self.fake.add(self.calendar_id, *edges, **more)

    def remove(self, event_id: str) -> None:
        self.fake.cancel(self.calendar_id, event_id)

    def _ours(self, key: UUID) -> str:
        for event in self.fake.live(self.calendar_id):
            if event.get("extendedProperties", {}).get("private", {}).get("workestraKey") == str(key):
                return str(event["id"])
        raise AssertionError("it is not there")

    def touch(self, key: UUID) -> None:
        self.fake.change(self.calendar_id, self._ours(key), summary="Moved")

    def delete_ours(self, key: UUID) -> None:
        self.remove(self._ours(key))

    def count(self) -> int:
        return len(self.fake.live(self.calendar_id))

    def spoil(self, cursor: str) -> str:
        self.fake.forgotten = self.fake.version
        return cursor

    def lose_access(self) -> None:
        self.fake.revoke_all()

    def close(self) -> None:
        return


@dataclass
class MicrosoftBench:
    fake: FakeMicrosoft
    makes_meetings: bool = True

    def __post_init__(self) -> None:
        self.calendar_id = f"AQMk{uuid4().hex[:12]}="
        self.fake.add_calendar(self.calendar_id, "Work & play")
        self.provider: CalendarProvider = MicrosoftCalendar(KeptTokens(self.fake, MicrosoftOAuth()), BERLIN)

    def add(self, period: Period, **facts: Any) -> str:
        more: dict[str, Any] = {}
        if facts.get("free"):
            more["showAs"] = "free"
        if facts.get("weekly"):
            more["recurrence"] = {"range": {"type": "numbered", "numberOfOccurrences": facts["weekly"]}}
        if facts.get("declined"):
            more["responseStatus"] = {"response": "declined", "time": "2030-01-01T00:00:00Z"}
        if facts.get("all_day"):
            return self.fake.add(
                self.calendar_id, day_of(period.start), day_of(period.end), isAllDay=True, **more
            )
        edges = (f"{at:%Y-%m-%dT%H:%M:%S}" for at in (period.start, period.end))
        return self.fake.add(self.calendar_id, *edges, **more)

    def remove(self, event_id: str) -> None:
        self.fake.cancel(event_id)

    def _ours(self, key: UUID) -> str:
        for event in self.fake.live(self.calendar_id):
            if str(key) in str(event.get("singleValueExtendedProperties")):
                return str(event["id"])
        raise AssertionError("it is not there")

    def touch(self, key: UUID) -> None:
        self.fake.change(self._ours(key), subject="Moved")

    def delete_ours(self, key: UUID) -> None:
        self.remove(self._ours(key))

    def count(self) -> int:
        return len(self.fake.live(self.calendar_id))

    def spoil(self, cursor: str) -> str:
        self.fake.deltas.clear()
        return cursor

    def lose_access(self) -> None:
        self.fake.revoke_all()

    def close(self) -> None:
        return
