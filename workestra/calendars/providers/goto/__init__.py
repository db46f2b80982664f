"""GoTo Meeting: https://developer.goto.com/GoToMeetingV1 and https://developer.goto.com/guides/Authentication/

A meeting has a subject and nothing else to write into: the key stands, short, at its end. A list says of a meeting
which one it is, but not where it is joined; that follows from its number.
"""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote
from uuid import UUID

from django.conf import settings

from workestra.calendars.providers.meetings import MadeMeeting, Meeting
from workestra.calendars.providers.oauth_http import CodeGrant
from workestra.calendars.providers.provider import Tokens
from workestra.calendars.providers.rest import Rest

SUBJECT: Final = 100
MARK: Final = 12
"""Characters of the mark: 48 bits, among the meetings of one person."""


def goto_oauth() -> CodeGrant:
    """https://developer.goto.com/guides/Authentication/03_HOW_accessToken/; what is asked for is said by the
    application's own page at GoTo."""
    return CodeGrant(
        name="GoTo",
        authorize_url=settings.GOTO_AUTHORIZE_URL,
        token_url=settings.GOTO_TOKEN_URL,
        client=(settings.GOTO_CLIENT_ID, settings.GOTO_CLIENT_SECRET),
        by_basic=True,
    )


class GoToMeetings:
    def __init__(self, tokens: Tokens) -> None:
        self._api = Rest(tokens, settings.GOTO_API_URL, "GoTo")

    def owner(self) -> str:
        # Its token has said so. An account without meetings is refused here already.
        self._upcoming()
        return ""

    def find(self, key: UUID) -> Sequence[MadeMeeting]:
        try:
            numbers = sorted(
                int(entry["meetingId"])
                for entry in self._upcoming()
                if str(entry.get("subject", "")).endswith(_mark(key))
            )
        except (AttributeError, KeyError, TypeError, ValueError):
            raise self._api.unread() from None
        return [MadeMeeting(str(number), f"{settings.GOTO_JOIN_URL}/{number}") for number in numbers]

    def create(self, meeting: Meeting) -> MadeMeeting:
        answer = self._api.ask("POST", "/G2M/rest/meetings", _body(meeting))
        try:
            (made,) = answer
            return MadeMeeting(id=str(made["meetingid"]), join_url=str(made["joinURL"]))
        except (KeyError, TypeError, ValueError):
            raise self._api.unread() from None

    def update(self, meeting_id: str, meeting: Meeting) -> None:
        self._api.ask("PUT", f"/G2M/rest/meetings/{quote(meeting_id, safe='')}", _body(meeting))

    def delete(self, meeting_id: str) -> None:
        self._api.ask("DELETE", f"/G2M/rest/meetings/{quote(meeting_id, safe='')}")

    def revoke(self) -> None:
        """There is no way to; the account's owner finds the application under myaccount.goto.com."""
        return

    def close(self) -> None:
        self._api.close()

    def _upcoming(self) -> list[Any]:
        answer = self._api.ask("GET", "/G2M/rest/upcomingMeetings")
        if not isinstance(answer, list):
            raise self._api.unread()
        return answer


def _mark(key: UUID) -> str:
    return f"({hashlib.sha256(key.bytes).hexdigest()[:MARK]})"


def _body(meeting: Meeting) -> dict[str, Any]:
    mark = _mark(meeting.key)
    return {
        "subject": f"{meeting.title[: SUBJECT - len(mark) - 1]} {mark}",
        "starttime": _stamp(meeting.period.start),
        "endtime": _stamp(meeting.period.end),
        "passwordrequired": False,
        "conferencecallinfo": "hybrid",
        "timezonekey": "",
        "meetingtype": "scheduled",
    }


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
