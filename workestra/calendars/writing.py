"""Writing our own events into people's calendars, and taking them out.

Level-triggered: a row says that an event may not be as it should; what it should be is asked when it is written, so
that changes in between need no order. Safe to run anywhere, any number of times at once, and to be killed at any point:
a row is leased (committed), written without a transaction under an id derived from its key, and marked where the lease
is still ours. Who comes second finds what the first has written.
"""

import logging
import random
import time
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now

from workestra.calendars import mirror, selectors
from workestra.calendars.connections import mailbox
from workestra.calendars.domain.backoff import GIVE_UP_AFTER, asked_pause, pause
from workestra.calendars.effects import BREAKS_AFTER
from workestra.calendars.models import OwnEvent
from workestra.calendars.providers.provider import (
    AccessRevoked,
    BadRequest,
    Gone,
    NotAllowed,
    NotConnected,
    ProviderDown,
    ProviderEvent,
    ProviderFailure,
    RateLimited,
    WrittenEvent,
)
from workestra.calendars.registry import topic_of

logger = logging.getLogger(__name__)

BATCH: Final = 5
LEASE: Final = timedelta(minutes=3)
RUN_FOR: Final = 45.0
LOOKS_FOR_LINK: Final = 6
LOOK_AGAIN: Final = timedelta(seconds=5)


def write_due(now: datetime) -> int:
    """Write what is due until nothing is left or RUN_FOR is over; returns how many it tried.

    `now` is what the events are described at; leases and turns go by the database's clock.
    """
    stop_at = time.monotonic() + RUN_FOR
    tried = 0
    while time.monotonic() < stop_at and (batch := _lease()):
        for event in batch:
            write(event, now)
            tried += 1
    return tried


def _lease() -> list[OwnEvent]:
    with transaction.atomic(durable=True):
        ids = list(
            selectors.due_to_write().select_for_update(skip_locked=True).values_list("pk", flat=True)[:BATCH]
        )
        taken = OwnEvent.objects.filter(pk__in=ids)
        taken.update(leased_until=Now() + LEASE, attempts=F("attempts") + 1)
        return list(taken.select_related("calendar__account__user").order_by("due_at", "key"))


def write(event: OwnEvent, now: datetime) -> None:
    """Bring one leased event into its calendar, up to date, or out of it; or put it off."""
    account = event.calendar.account
    try:
        topic = topic_of(event.topic)
        wanted = topic.describe(event.topic_id, event.user_id, event.key, now)
        written: WrittenEvent | None = None
        with mailbox(account) as provider:
            if wanted is None:
                provider.delete_event(event.calendar.remote_id, event.key)
            else:
                written = provider.put_event(event.calendar.remote_id, wanted)
        if written and written.join_url and topic.joined:
            topic.joined(event.topic_id, event.user_id, written.join_url, now)
    except (AccessRevoked, NotConnected) as error:
        if event.failures + 1 >= BREAKS_AFTER or isinstance(error, NotConnected):
            mirror.mark_broken(account, str(error), now)
        _put_off(event, error, None, now)
    except (RateLimited, ProviderDown) as error:
        _put_off(event, error, error.retry_after, now)
    except (Gone, NotAllowed, BadRequest) as error:
        _bury(event, str(error))
    except ProviderFailure as error:
        _put_off(event, error, None, now)
    except Exception as error:
        logger.exception("event %s could not be written", event.key)
        _put_off(event, error, None, now)
    else:
        if _waits_for_link(event, wanted, written):
            _look_again(event)
        else:
            _mark(event, written)


def _waits_for_link(event: OwnEvent, wanted: ProviderEvent | None, written: WrittenEvent | None) -> bool:
    """Whether the provider makes a meeting link by itself, and is still at it."""
    if wanted is None or written is None or not wanted.conference or written.join_url:
        return False
    return bool(event.calendar.account.kind.conference) and event.failures < LOOKS_FOR_LINK


def _look_again(event: OwnEvent) -> None:
    _ours(event).update(
        leased_until=None, due_at=Now() + LOOK_AGAIN, is_there=True, failures=event.failures + 1
    )


def _mark(event: OwnEvent, written: WrittenEvent | None) -> None:
    # Asked for again meanwhile: `version` has moved on, and the row stays due.
    _ours(event).update(
        written_version=event.version,
        written_at=Now(),
        is_there=written is not None,
        leased_until=None,
        failures=0,
        failing_since=None,
        last_error="",
    )


def _put_off(event: OwnEvent, error: Exception, asked: timedelta | None, now: datetime) -> None:
    known = isinstance(error, ProviderFailure)
    # Only what providers' modules say is fit for a page: another error's text may hold anything.
    reason = str(error) if known else f"Something went wrong on our side ({type(error).__name__})."
    since = event.failing_since or now
    if now - since > GIVE_UP_AFTER and not isinstance(error, AccessRevoked | NotConnected):
        _bury(event, reason)
        return
    chance = random.random()  # noqa: S311  It only spreads load.
    wait = pause(event.failures + 1, chance) if asked is None else asked_pause(asked, chance)
    _ours(event).update(
        leased_until=None,
        due_at=Now() + wait,
        failures=event.failures + 1,
        failing_since=since,
        last_error=reason[:300].replace("\0", ""),
    )
    logger.warning("event %s put off by %s: %s", event.key, wait, reason)


def _bury(event: OwnEvent, reason: str) -> None:
    """Give up until it changes once more, or its owner asks for another try."""
    _ours(event).update(leased_until=None, dead_at=Now(), last_error=reason[:300].replace("\0", ""))
    logger.error("event %s will not be written: %s", event.key, reason)


def _ours(event: OwnEvent) -> QuerySet[OwnEvent]:
    return OwnEvent.objects.filter(pk=event.pk, attempts=event.attempts)
