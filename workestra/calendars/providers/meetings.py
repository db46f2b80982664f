"""What Workestra asks of a provider of meeting links, and how one meeting comes of it however often it is asked.

These providers take no ids of ours: a meeting is found again by its key, which it carries where others hardly look.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from workestra.calendars.domain.period import Period
from workestra.calendars.providers.provider import Gone


@dataclass(frozen=True, slots=True)
class Meeting:
    """A meeting that Workestra keeps with a provider. Whoever joins it may read its `title`."""

    key: UUID
    period: Period
    title: str


@dataclass(frozen=True, slots=True)
class MadeMeeting:
    """A meeting as the provider has it: its id there, and where it is joined."""

    id: str
    join_url: str


class MeetingProvider(Protocol):
    """One person's account. What can go wrong is as for `CalendarProvider`; only `create` must not be repeated."""

    def owner(self) -> str:
        """Whose account it is, as its owner knows it: an address; "" where only its token says so."""

    def find(self, key: UUID) -> Sequence[MadeMeeting]:
        """The meetings that are not over and carry the key, oldest first."""

    def create(self, meeting: Meeting) -> MadeMeeting:
        """Another meeting, which carries the key."""

    def update(self, meeting_id: str, meeting: Meeting) -> None:
        """Bring it up to date; where it is joined stays. Raises: Gone when it is not there."""

    def delete(self, meeting_id: str) -> None:
        """Remove it; nobody is told by the provider. Raises: Gone when it is not there."""

    def revoke(self) -> None:
        """Give the access back, where the provider has a way to."""

    def close(self) -> None:
        """Let go of the connections it holds; it is not used after that."""


def put(provider: MeetingProvider, meeting: Meeting, known: MadeMeeting | None = None) -> MadeMeeting:
    """Let the provider have exactly this meeting. `known` is what it is remembered to have of it.

    Without that it is looked for first: a try before this one may have made it and never heard so.
    """
    if known is not None:
        with suppress(Gone):
            provider.update(known.id, meeting)
            return known
    found = list(provider.find(meeting.key))
    while found:
        first = found.pop(0)
        # A list may still have what was deleted a moment ago.
        with suppress(Gone):
            provider.update(first.id, meeting)
            for copy in found:
                _remove(provider, copy.id)
            return first
    return provider.create(meeting)


def drop(provider: MeetingProvider, key: UUID, known: MadeMeeting | None = None) -> None:
    """Let the provider not have the meeting of this key any more, `known` as for `put`; nothing happens without one."""
    for made in [known] if known is not None else provider.find(key):
        _remove(provider, made.id)


def _remove(provider: MeetingProvider, meeting_id: str) -> None:
    with suppress(Gone):
        provider.delete(meeting_id)
