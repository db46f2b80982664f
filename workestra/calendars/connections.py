"""From a connected account to the provider behind it: credentials opened, tokens renewed once for all.

The providers' libraries are imported where one is needed: they are large, and most processes never ask any.
"""

import random
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from workestra.calendars.domain.backoff import LATER_AT_MOST, asked_pause
from workestra.calendars.domain.kinds import MEETING_KINDS, ProviderKind
from workestra.calendars.fields import BrokenSecret, Secret
from workestra.calendars.models import CalendarAccount
from workestra.calendars.providers.meetings import MeetingProvider
from workestra.calendars.providers.nothing import NoCalendar
from workestra.calendars.providers.provider import (
    AccessRevoked,
    CalendarProvider,
    NotConnected,
    OAuth,
    ProviderDown,
    RateLimited,
    Tokens,
)

BY_OAUTH: Final = {ProviderKind.GOOGLE, ProviderKind.MICROSOFT, *MEETING_KINDS}
"""The kinds that are connected by their provider's consent."""
MARGIN: Final = timedelta(minutes=2)
"""A token that ends sooner is renewed before it is used."""
AT_ONCE: Final = 3
"""Requests in flight for one mailbox, over all processes. Graph takes four."""
PATIENCE: Final = 5.0
_Provider = TypeVar("_Provider", CalendarProvider, MeetingProvider)
_LOCKS: Final = 0x776B63  # A class of advisory locks of our own.


def missing_settings(kind: ProviderKind) -> list[str]:
    """The settings an administrator has to give before anybody can connect such an account; empty when he can."""
    name = kind.value.upper()
    needed = [f"{name}_CLIENT_ID", f"{name}_CLIENT_SECRET"] if kind in BY_OAUTH else []
    return [name for name in ["CALENDAR_KEYS", *needed] if not getattr(settings, name)]


def oauth_of(kind: ProviderKind) -> OAuth:
    """How accounts of this kind are connected. Raises: NotConnected for kinds that have another way."""
    match kind:
        case ProviderKind.GOOGLE:
            from workestra.calendars.providers.google import GoogleOAuth

            return GoogleOAuth()
        case ProviderKind.MICROSOFT:
            from workestra.calendars.providers.microsoft import MicrosoftOAuth

            return MicrosoftOAuth()
        case ProviderKind.ZOOM:
            from workestra.calendars.providers.zoom import zoom_oauth

            return zoom_oauth()
        case ProviderKind.WEBEX:
            from workestra.calendars.providers.webex import webex_oauth

            return webex_oauth()
        case ProviderKind.GOTO:
            from workestra.calendars.providers.goto import goto_oauth

            return goto_oauth()
    raise NotConnected(f"{kind.label} is not connected by OAuth.")


def provider_of(account: CalendarAccount | None, within: float | None = None) -> CalendarProvider:
    """The provider behind an account, for one thread; without an account the one that has no calendars.

    `within` is as for `opened_with`.

    Raises: NotConnected when its credentials cannot be opened.
    """
    if account is None:
        return NoCalendar()
    zone = ZoneInfo(account.user.timezone)
    if account.kind in BY_OAUTH:
        return opened_with(account.kind, {}, zone, tokens=AccountTokens(account.pk))
    addresses = {account.user.email.lower(), account.name.lower()}
    return opened_with(account.kind, _opened(account), zone, addresses=addresses, within=within)


def opened_with(
    kind: ProviderKind,
    secrets: Mapping[str, Any],
    zone: ZoneInfo,
    *,
    addresses: Collection[str] = (),
    tokens: Tokens | None = None,
    within: float | None = None,
) -> CalendarProvider:
    """The provider that these secrets open, whether or not they are kept; `tokens` instead, for an account's own.

    A server whose address somebody typed has `within` seconds for everything together, where somebody waits for it.
    `addresses` are those under which its owner is invited: what he declined does not take his time.
    """
    match kind:
        case ProviderKind.GOOGLE:
            from workestra.calendars.providers.google import GoogleCalendar

            return GoogleCalendar(tokens or GrantedTokens(secrets), zone)
        case ProviderKind.MICROSOFT:
            from workestra.calendars.providers.microsoft import MicrosoftCalendar

            return MicrosoftCalendar(tokens or GrantedTokens(secrets), zone)
        case ProviderKind.CALDAV:
            from workestra.calendars.providers.caldav import CalDAVCalendar

            return CalDAVCalendar(
                secrets["url"], secrets["username"], secrets["password"], zone, set(addresses), within
            )
        case ProviderKind.ICS:
            from workestra.calendars.providers.ics_feed import IcsFeed

            return IcsFeed(secrets["url"], zone, set(addresses))
    return NoCalendar()


def meetings_with(kind: ProviderKind, tokens: Tokens) -> MeetingProvider:
    """The provider of meeting links that these tokens open. Raises: NotConnected for kinds that make none."""
    match kind:
        case ProviderKind.ZOOM:
            from workestra.calendars.providers.zoom import ZoomMeetings

            return ZoomMeetings(tokens)
        case ProviderKind.WEBEX:
            from workestra.calendars.providers.webex import WebexMeetings

            return WebexMeetings(tokens)
        case ProviderKind.GOTO:
            from workestra.calendars.providers.goto import GoToMeetings

            return GoToMeetings(tokens)
    raise NotConnected(f"{kind.label} makes no meeting links.")


class GrantedTokens:
    """The access token that was just granted, before its account is kept: good for its first hour, never renewed."""

    def __init__(self, secrets: Mapping[str, Any]) -> None:
        self._token = str(secrets["access_token"])

    def current(self) -> str:
        return self._token

    def renewed(self, rejected: str) -> str:
        raise AccessRevoked("The access that was just granted is refused.")


class AccountTokens:
    """The access token of an OAuth account, kept in its row. Whoever renews it locks the row: of two renewals at the
    same time one could lose the refresh token that the other was given."""

    def __init__(self, account_id: UUID) -> None:
        self._id = account_id
        self._kept: Mapping[str, Any] | None = None

    def current(self) -> str:
        kept = self._kept or self._read()
        if datetime.fromisoformat(kept["expires_at"]) - MARGIN > datetime.now(UTC):
            return str(kept["access_token"])
        return self.renewed(str(kept["access_token"]))

    def renewed(self, rejected: str) -> str:
        with transaction.atomic():
            account = CalendarAccount.objects.select_for_update(no_key=True).filter(pk=self._id).first()
            if account is None:
                raise NotConnected("The account is no longer connected.")
            kept = _opened(account)
            now = datetime.now(UTC)
            fresh = datetime.fromisoformat(kept["expires_at"]) - MARGIN > now
            if kept["access_token"] == rejected or not fresh:
                kept = {**kept, **oauth_of(account.kind).refresh(kept, now)}
                account.credentials = Secret.of(kept)
                account.save(update_fields=["credentials"])
        self._kept = kept
        return str(kept["access_token"])

    def _read(self) -> Mapping[str, Any]:
        account = CalendarAccount.objects.filter(pk=self._id).first()
        if account is None:
            raise NotConnected("The account is no longer connected.")
        self._kept = _opened(account)
        return self._kept


@contextmanager
def mailbox(
    account: CalendarAccount, patience: float = PATIENCE, within: float | None = None
) -> Iterator[CalendarProvider]:
    """The account's provider, with one of its few places taken: never more than AT_ONCE are asking it, over all
    processes (an advisory lock of PostgreSQL a place). `within` is as for `opened_with`.

    When what is done with it ends in a wish of the provider's to be left alone for a while, the whole account is.

    Raises: ProviderDown when none gets free within `patience` seconds; RateLimited while it is left alone;
    NotConnected.
    """
    with _at_its_turn(account, patience, lambda: provider_of(account, within)) as provider:
        yield provider


@contextmanager
def meeting_room(account: CalendarAccount, patience: float = PATIENCE) -> Iterator[MeetingProvider]:
    """The account's provider of meeting links, under the same conditions as `mailbox`."""
    tokens = AccountTokens(account.pk)
    with _at_its_turn(account, patience, lambda: meetings_with(account.kind, tokens)) as provider:
        yield provider


@contextmanager
def _at_its_turn(
    account: CalendarAccount, patience: float, opened: Callable[[], _Provider]
) -> Iterator[_Provider]:
    taken = _place(account.pk, patience)
    provider = None
    try:
        _ensure_not_quiet(account)
        provider = opened()
        yield provider
    except (RateLimited, ProviderDown) as error:
        if provider is not None and error.retry_after:
            _leave_alone(account, error.retry_after)
        raise
    finally:
        if provider is not None:
            provider.close()
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [_LOCKS, taken])


def _place(account_id: UUID, patience: float) -> int:
    deadline = time.monotonic() + patience
    first = account_id.int % 500_000_000 * 4
    while True:
        for number in range(AT_ONCE):
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [_LOCKS, first + number])
                if cursor.fetchone()[0]:
                    return first + number
        if time.monotonic() > deadline:
            raise ProviderDown("Too many are asking this account at once.")
        time.sleep(0.05)


def _ensure_not_quiet(account: CalendarAccount) -> None:
    asked = CalendarAccount.objects.filter(pk=account.pk, quiet_until__gt=Now())
    left = asked.values_list(F("quiet_until") - Now(), flat=True).first()
    if left is not None:
        # Whoever is put off by this adds up to a fifth, and shall be back no later than the others.
        raise RateLimited("The provider asked to wait.", left / (1 + LATER_AT_MOST))


def _leave_alone(account: CalendarAccount, asked: timedelta) -> None:
    wait = asked_pause(asked, random.random())  # noqa: S311  It only spreads load.
    now: Any = Now()
    shorter = Q(quiet_until=None) | Q(quiet_until__lt=now + wait)
    CalendarAccount.objects.filter(shorter, pk=account.pk).update(quiet_until=now + wait)


def _opened(account: CalendarAccount) -> dict[str, Any]:
    try:
        return account.credentials.open()
    except BrokenSecret as error:
        raise NotConnected("The key that its credentials were sealed under is gone.") from error
