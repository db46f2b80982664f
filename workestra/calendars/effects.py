"""Asking the providers: reading calendars into the mirror, keeping their channels, letting go of accounts.

Safe to run anywhere, any number of times at once, and to be killed at any point: a calendar is leased (committed), read
without a transaction, and written down where the lease is still ours.
"""

import logging
import random
import secrets
import time
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final
from uuid import uuid4

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from django.urls import reverse

from workestra.calendars import mirror, selectors
from workestra.calendars.connections import mailbox, meeting_room
from workestra.calendars.domain.backoff import LONGEST, asked_pause, pause
from workestra.calendars.domain.period import Period
from workestra.calendars.models import CalendarAccount, RemoteCalendar
from workestra.calendars.providers.provider import (
    AccessRevoked,
    CalendarProvider,
    Changes,
    Channel,
    CursorDead,
    Gone,
    NotConnected,
    ProviderDown,
    ProviderFailure,
    RateLimited,
)

logger = logging.getLogger(__name__)

BATCH: Final = 5
LEASE: Final = timedelta(minutes=3)
RUN_FOR: Final = 45.0
BEHIND: Final = timedelta(days=2)
AHEAD: Final = timedelta(days=745)
"""Two years and a margin: booking windows end after 730 days at the latest."""
FULLY_EVERY: Final = timedelta(days=1)
LIST_EVERY: Final = timedelta(days=1)
BREAKS_AFTER: Final = 2
"""So many refusals in a row, and the account counts as broken: one may be a slip of the provider's."""


def read_due(now: datetime) -> int:
    """Read the calendars whose turn it is until none is left or RUN_FOR is over; returns how many it tried.

    `now` is what their windows are measured from; leases and turns go by the database's clock.
    """
    stop_at = time.monotonic() + RUN_FOR
    tried = 0
    while time.monotonic() < stop_at and (batch := _lease()):
        for calendar in batch:
            read(calendar, now)
            tried += 1
    return tried


def _lease() -> list[RemoteCalendar]:
    with transaction.atomic(durable=True):
        ids = list(
            selectors.due_to_read().select_for_update(skip_locked=True).values_list("pk", flat=True)[:BATCH]
        )
        taken = RemoteCalendar.objects.filter(pk__in=ids)
        # Due again behind all others: one that its reader dies of does not keep them from their turn.
        taken.update(leased_until=Now() + LEASE, due_at=Now() + LEASE, attempts=F("attempts") + 1)
        return list(taken.select_related("account__user").order_by("id"))


def read(calendar: RemoteCalendar, now: datetime) -> None:
    """Read one leased calendar, or put it off. What goes wrong with it stays with it."""
    account = calendar.account
    try:
        with mailbox(account) as provider:
            if account.listed_at is None or now - account.listed_at > LIST_EVERY:
                mirror.keep_list(account, provider.calendars(), now)
            changes, window = _changes(calendar, provider, now)
        mirror.store(calendar, changes, window, now)
    except Gone as error:
        _look_for(calendar, str(error), now)
    except Exception as error:
        note_failure(calendar, error, now)


def note_failure(calendar: RemoteCalendar, error: Exception, now: datetime) -> None:
    """Put a calendar off that could not be read; after refusals in a row its account counts as broken."""
    asked = None
    match error:
        case AccessRevoked() | NotConnected():
            if calendar.failures + 1 >= BREAKS_AFTER or isinstance(error, NotConnected):
                mirror.mark_broken(calendar.account, str(error), now)
        case RateLimited() | ProviderDown():
            asked = error.retry_after
        case ProviderFailure():
            asked = LONGEST
        case _:
            logger.error("%s could not be read", calendar.pk, exc_info=error)
    _put_off(calendar, error, asked, now)


def _changes(calendar: RemoteCalendar, provider: CalendarProvider, now: datetime) -> tuple[Changes, Period]:
    """What changed, or everything: at first, once a day (notices get lost), and when the provider asks for it."""
    is_due = calendar.fully_read_at is None or now - calendar.fully_read_at > FULLY_EVERY
    if calendar.cursor and not is_due and calendar.window_start and calendar.window_end:
        window = Period(calendar.window_start, calendar.window_end)
        with suppress(CursorDead):
            return provider.changes(calendar.remote_id, window, calendar.cursor, now), window
    window = Period(now - BEHIND, now + AHEAD)
    return provider.changes(calendar.remote_id, window, "", now), window


def _look_for(calendar: RemoteCalendar, reason: str, now: datetime) -> None:
    """It is not there: deleted for good when its account no longer lists it either; else the account is broken."""
    account = calendar.account
    try:
        with mailbox(account) as provider:
            mirror.keep_list(account, provider.calendars(), now)
    except Gone:
        mirror.mark_broken(account, reason, now)
    except ProviderFailure as error:
        _put_off(calendar, error, None, now)
        return
    mirror.put_off(calendar, LONGEST, reason, now)


def _put_off(calendar: RemoteCalendar, error: Exception, asked: timedelta | None, now: datetime) -> None:
    chance = random.random()  # noqa: S311  It only spreads load.
    wait = pause(calendar.failures + 1, chance) if asked is None else asked_pause(asked, chance)
    known = isinstance(error, ProviderFailure)
    # Only what providers' modules say is fit for a page: another error's text may hold anything.
    reason = str(error) if known else f"Something went wrong on our side ({type(error).__name__})."
    mirror.put_off(calendar, wait, reason, now)
    logger.warning("calendar %s put off by %s: %s", calendar.pk, wait, reason)


def renew_channels(now: datetime) -> int:
    """Ask the providers again to tell us of changes, where it is time; returns how many it tried."""
    tried = 0
    stop_at = time.monotonic() + RUN_FOR
    while time.monotonic() < stop_at and (calendar := _take_channel()):
        _renew(calendar, now)
        tried += 1
    return tried


def _take_channel() -> RemoteCalendar | None:
    with transaction.atomic(durable=True):
        found = selectors.due_channels().select_for_update(skip_locked=True).first()
        if found is None:
            return None
        own = RemoteCalendar.objects.filter(pk=found.pk)
        own.update(channel_due_at=Now() + LEASE)
        return own.select_related("account__user").get()


def _renew(calendar: RemoteCalendar, now: datetime) -> None:
    secret = secrets.token_urlsafe(32)
    address = settings.SITE_URL + reverse(f"calendars:{calendar.account.provider}_notice")
    old = None
    if calendar.channel_id and calendar.channel_expires_at:
        old = Channel(calendar.channel_id, calendar.channel_resource, calendar.channel_expires_at)
    try:
        with mailbox(calendar.account) as provider:
            channel = provider.watch(calendar.remote_id, address, str(uuid4()), secret)
            mirror.keep_channel(calendar, channel, secret, now, timedelta(days=1))
            if old and channel:
                with suppress(ProviderFailure):
                    provider.unwatch(old)
    except ProviderFailure as error:
        logger.warning("no channel for calendar %s: %s", calendar.pk, error)
        mirror.keep_channel(calendar, None, secret, now, LONGEST)


def let_go(account: CalendarAccount) -> None:
    """Before it is forgotten: end its channels and give the access back, as far as the provider answers at all."""
    try:
        if account.kind.makes_meetings:
            with meeting_room(account, patience=1) as room:
                room.revoke()
            return
        with mailbox(account, patience=1) as provider:
            for calendar in account.calendars.exclude(channel_id=""):
                if calendar.channel_expires_at:
                    provider.unwatch(
                        Channel(calendar.channel_id, calendar.channel_resource, calendar.channel_expires_at)
                    )
            provider.revoke()
    except ProviderFailure as error:
        logger.warning("account %s was not given back: %s", account.pk, error)
