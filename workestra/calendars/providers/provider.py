"""What Workestra asks of a connected calendar, and what may go wrong."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from workestra.calendars.domain.period import Period


class ProviderFailure(Exception):
    """Something a provider answered, or did not. The text never holds a token and is fit for the delivery log."""


class NotConnected(ProviderFailure):
    """Nobody's account is behind it, or this installation has no credentials for the provider."""


class AccessRevoked(ProviderFailure):
    """The account's owner, or his administrator, has taken the access away: only connecting again helps."""


class NotAllowed(ProviderFailure):
    """The account may not do this (a calendar that is shared for reading). Repeating does not help."""


class RateLimited(ProviderFailure):
    """Too many requests; `retry_after` is what the provider asked to wait, if it said."""

    def __init__(self, message: str, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Gone(ProviderFailure):
    """The event, or the calendar, is not there (any more)."""


class Conflict(ProviderFailure):
    """The event was changed in the calendar since it was read."""


class ProviderDown(ProviderFailure):
    """No answer, half an answer, or an error of the provider's own. It is not known whether it did what was asked."""

    def __init__(self, message: str, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class BadRequest(ProviderFailure):
    """The provider does not take what we sent. Repeating does not help."""


class CursorDead(ProviderFailure):
    """The provider has forgotten what it told us: everything has to be read again (without a cursor)."""


@dataclass(frozen=True, slots=True)
class Guest:
    """Somebody invited. Google does not mail guests for us; Microsoft does, whatever we ask."""

    email: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class ProviderEvent:
    """An event Workestra keeps in somebody's calendar. `key` is derived from what it is about, so that a repeat finds
    the first.

    `conference` asks for the provider's own meeting link (Google Meet, Teams); an event that has one keeps it.
    """

    key: UUID
    period: Period
    summary: str
    description: str = ""
    location: str = ""
    guests: tuple[Guest, ...] = ()
    conference: bool = False
    is_busy: bool = True


@dataclass(frozen=True, slots=True)
class WrittenEvent:
    """An event of ours as the calendar has it. `uid` is its iCalendar UID, `etag` its version, `join_url` where its
    meeting is (empty without one, or while the provider still makes it)."""

    id: str
    etag: str
    uid: str
    period: Period
    join_url: str = ""
    summary: str = ""


@dataclass(frozen=True, slots=True)
class CalendarFacts:
    """A calendar of an account."""

    id: str
    name: str
    is_primary: bool = False
    is_writable: bool = True


@dataclass(frozen=True, slots=True)
class Piece:
    """A span of time that an event covers. `own_key` is set on events that we wrote."""

    period: Period
    is_busy: bool = True
    all_day: bool = False
    own_key: UUID | None = None
    etag: str = ""


@dataclass(frozen=True, slots=True)
class Changes:
    """What became of a calendar since `cursor` was handed out.

    `events` gives each changed event's pieces within the window by its id; none when it is gone. When `is_complete`,
    what it does not name is not there. `cursor` is for the next time.
    """

    events: Mapping[str, Sequence[Piece]]
    cursor: str
    is_complete: bool


@dataclass(frozen=True, slots=True)
class Channel:
    """The provider's promise to tell us of changes until `expires_at`."""

    id: str
    resource: str
    expires_at: datetime


class CalendarProvider(Protocol):
    """One person's connected account. Every call may be repeated: the second one changes nothing.

    Each raises: AccessRevoked, RateLimited, ProviderDown, NotAllowed, BadRequest, NotConnected; and what it says.
    """

    def calendars(self) -> Sequence[CalendarFacts]:
        """The account's calendars; empty when it has none."""

    def changes(self, calendar_id: str, window: Period, cursor: str, now: datetime) -> Changes:
        """What changed since `cursor` (empty: everything) within `window`, with recurring events as they occur.

        Raises: CursorDead; Gone when there is no such calendar.
        """

    def busy(self, calendar_ids: Sequence[str], within: Period) -> Sequence[Period]:
        """The times taken in these calendars, by start, asked live; our own events are among them."""

    def find_event(self, calendar_id: str, key: UUID) -> WrittenEvent | None:
        """The event that was written under this key; None when there is none (any more)."""

    def put_event(
        self, calendar_id: str, event: ProviderEvent, known: WrittenEvent | None = None
    ) -> WrittenEvent:
        """Write `event`. Without `known`, bring the one with its key up to date whatever was done to it, or create it.

        With `known`, only that version is changed. Raises: Gone when it was deleted, Conflict when it was changed.
        """

    def delete_event(self, calendar_id: str, key: UUID) -> None:
        """Remove the event with this key; nothing happens when it is not there."""

    def watch(self, calendar_id: str, address: str, channel_id: str, secret: str) -> Channel | None:
        """Ask to be told of changes at `address`, proven by `secret`. None where a provider cannot tell."""

    def unwatch(self, channel: Channel) -> None:
        """Ask to be told no more; nothing happens when the channel is over."""

    def revoke(self) -> None:
        """Give the access back, where the provider has a way to."""

    def close(self) -> None:
        """Let go of the connections it holds; it is not used after that."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What connecting an account gave: whose it is, what it may, and its secrets, which are never shown."""

    name: str
    scopes: tuple[str, ...]
    secrets: Mapping[str, Any] = field(repr=False)


class Tokens(Protocol):
    """The access token of one account."""

    def current(self) -> str:
        """A token that should be good for a minute at least. Raises: AccessRevoked, ProviderDown."""

    def renewed(self, rejected: str) -> str:
        """Another one than `rejected`. Raises: AccessRevoked, ProviderDown."""


class OAuth(Protocol):
    """How an account is connected by OAuth 2.0 with PKCE (RFC 6749, RFC 7636)."""

    def begin(self, redirect_uri: str, state: str) -> tuple[str, dict[str, Any]]:
        """Where to send the visitor, and what his session has to keep until he is back. Raises: ProviderDown."""

    def finish(
        self, redirect_uri: str, kept: Mapping[str, Any], answer: Mapping[str, str], now: datetime
    ) -> Grant:
        """What the provider grants for its answer. Raises: AccessRevoked (declined), ProviderDown, BadRequest."""

    def refresh(self, secrets: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
        """The secrets with a new access token. Raises: AccessRevoked, ProviderDown."""
