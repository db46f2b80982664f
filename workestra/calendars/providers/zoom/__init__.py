"""Zoom: https://developers.zoom.us/docs/api/meetings/ and https://developers.zoom.us/docs/integrations/oauth/

Zoom knows no ids of ours and no tags that everybody has: the key stands at the beginning of the meeting's agenda, of
which a list gives the first 250 characters.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import quote
from uuid import UUID

from django.conf import settings

from workestra.calendars.domain.event_ids import uid
from workestra.calendars.providers.meetings import MadeMeeting, Meeting
from workestra.calendars.providers.oauth_http import CodeGrant, post_form
from workestra.calendars.providers.provider import Tokens
from workestra.calendars.providers.rest import Rest

NEEDED: Final = (
    "meeting:write:meeting",
    "meeting:update:meeting",
    "meeting:delete:meeting",
    "meeting:read:list_meetings",
    "user:read:user",
)
PAGE: Final = 300
_SCHEDULED: Final = 2
_TITLE: Final = 200


def zoom_oauth() -> CodeGrant:
    """https://developers.zoom.us/docs/integrations/oauth/: each refresh gives another refresh token, which alone is
    good from then on. What is asked for is said by the application's own page at Zoom."""
    return CodeGrant(
        name="Zoom",
        authorize_url=settings.ZOOM_AUTHORIZE_URL,
        token_url=settings.ZOOM_TOKEN_URL,
        client=(settings.ZOOM_CLIENT_ID, settings.ZOOM_CLIENT_SECRET),
        needed=NEEDED,
        by_basic=True,
    )


class ZoomMeetings:
    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._api = Rest(tokens, settings.ZOOM_API_URL, "Zoom")

    def owner(self) -> str:
        answer = self._api.ask("GET", "/users/me")
        try:
            return str(answer.get("email") or answer["id"])
        except (AttributeError, KeyError, TypeError):
            raise self._api.unread() from None

    def find(self, key: UUID) -> Sequence[MadeMeeting]:
        mark = uid(key)
        found = [entry for entry in self._listed() if mark in str(entry.get("agenda", ""))]
        return [self._made(entry) for entry in sorted(found, key=lambda entry: str(entry.get("created_at")))]

    def create(self, meeting: Meeting) -> MadeMeeting:
        return self._made(self._api.ask("POST", "/users/me/meetings", _body(meeting)))

    def update(self, meeting_id: str, meeting: Meeting) -> None:
        self._api.ask("PATCH", f"/meetings/{quote(meeting_id, safe='')}", _body(meeting))

    def delete(self, meeting_id: str) -> None:
        # Whoever is to know of it is told by us.
        self._api.ask(
            "DELETE",
            f"/meetings/{quote(meeting_id, safe='')}",
            schedule_for_reminder="false",
            cancel_meeting_reminder="false",
        )

    def revoke(self) -> None:
        client = (settings.ZOOM_CLIENT_ID, settings.ZOOM_CLIENT_SECRET)
        post_form(settings.ZOOM_REVOKE_URL, {"token": self._tokens.current()}, auth=client)

    def close(self) -> None:
        self._api.close()

    def _listed(self) -> Iterator[Mapping[str, Any]]:
        """Every meeting that is not over."""
        asked = {"type": "scheduled", "page_size": PAGE}
        while True:
            page = self._api.ask("GET", "/users/me/meetings", **asked)
            try:
                yield from page["meetings"]
                following = page.get("next_page_token")
            except (AttributeError, KeyError, TypeError):
                raise self._api.unread() from None
            if not following:
                return
            asked["next_page_token"] = following

    def _made(self, entry: Any) -> MadeMeeting:
        try:
            return MadeMeeting(id=str(entry["id"]), join_url=str(entry["join_url"]))
        except (KeyError, TypeError):
            raise self._api.unread() from None


def _body(meeting: Meeting) -> dict[str, Any]:
    start = meeting.period.start.astimezone(UTC)
    return {
        "topic": meeting.title[:_TITLE],
        "agenda": uid(meeting.key),
        "type": _SCHEDULED,
        "start_time": _stamp(start),
        "timezone": "UTC",
        "duration": -(-meeting.period.duration // timedelta(minutes=1)),
    }


def _stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
