"""Webex: https://developer.webex.com/docs/api/v1/meetings and https://developer.webex.com/docs/integrations

The key is the meeting's integration tag, by which a list can be asked for: of all that its application has made, those
with this tag.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import quote
from uuid import UUID

from django.conf import settings

from workestra.calendars.domain.event_ids import uid
from workestra.calendars.providers.meetings import MadeMeeting, Meeting
from workestra.calendars.providers.oauth_http import CodeGrant
from workestra.calendars.providers.provider import Tokens
from workestra.calendars.providers.rest import Rest

SCOPES: Final = ("meeting:schedules_read", "meeting:schedules_write", "spark:people_read")
SHORTEST: Final = timedelta(minutes=10)
"""Webex takes no meeting that is shorter."""
AHEAD: Final = timedelta(days=745)
"""Booking windows end after 730 days at the latest."""
_TITLE: Final = 128


def webex_oauth() -> CodeGrant:
    """https://developer.webex.com/docs/integrations"""
    return CodeGrant(
        name="Webex",
        authorize_url=settings.WEBEX_AUTHORIZE_URL,
        token_url=settings.WEBEX_TOKEN_URL,
        client=(settings.WEBEX_CLIENT_ID, settings.WEBEX_CLIENT_SECRET),
        scopes=SCOPES,
        needed=SCOPES,
    )


class WebexMeetings:
    def __init__(self, tokens: Tokens) -> None:
        self._api = Rest(tokens, settings.WEBEX_API_URL, "Webex")

    def owner(self) -> str:
        answer = self._api.ask("GET", "/people/me")
        try:
            return str((answer.get("emails") or [answer["id"]])[0])
        except (AttributeError, KeyError, TypeError, IndexError):
            raise self._api.unread() from None

    def find(self, key: UUID) -> Sequence[MadeMeeting]:
        # Without a span only a week from now is looked through.
        now = datetime.now(UTC)
        answer = self._api.ask(
            "GET",
            "/meetings",
            integrationTag=uid(key),
            meetingType="meetingSeries",
            max=100,
            **{"from": _stamp(now), "to": _stamp(now + AHEAD)},
        )
        try:
            found = sorted(answer["items"], key=lambda entry: str(entry["meetingNumber"]))
        except (KeyError, TypeError):
            raise self._api.unread() from None
        return [self._made(entry) for entry in found]

    def create(self, meeting: Meeting) -> MadeMeeting:
        # A tag is given when the meeting is made, and stays.
        return self._made(
            self._api.ask("POST", "/meetings", _body(meeting) | {"integrationTags": [uid(meeting.key)]})
        )

    def update(self, meeting_id: str, meeting: Meeting) -> None:
        self._api.ask("PATCH", f"/meetings/{quote(meeting_id, safe='')}", _body(meeting))

    def delete(self, meeting_id: str) -> None:
        self._api.ask("DELETE", f"/meetings/{quote(meeting_id, safe='')}", sendEmail="false")

    def revoke(self) -> None:
        """There is no way to; the account's owner finds the integration under idbroker.webex.com/idb/profile."""
        return

    def close(self) -> None:
        self._api.close()

    def _made(self, entry: Any) -> MadeMeeting:
        try:
            return MadeMeeting(id=str(entry["id"]), join_url=str(entry["webLink"]))
        except (KeyError, TypeError):
            raise self._api.unread() from None


def _body(meeting: Meeting) -> dict[str, Any]:
    start = meeting.period.start
    return {
        "title": meeting.title[:_TITLE],
        "start": _stamp(start),
        "end": _stamp(max(meeting.period.end, start + SHORTEST)),
        "timezone": "UTC",
        "sendEmail": False,
    }


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
