"""Rows that say what a provider is owed: leased, tried, marked, put off, given up.

Safe to run anywhere, any number of times at once, and to be killed at any point: a row is leased (committed), seen to
without a transaction, and marked where the lease is still ours. Who comes second finds what the first has done.
"""

import logging
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now

from workestra.calendars import mirror
from workestra.calendars.domain.backoff import GIVE_UP_AFTER, asked_pause, pause
from workestra.calendars.domain.period import Period
from workestra.calendars.effects import BREAKS_AFTER
from workestra.calendars.models import CalendarAccount, Owed
from workestra.calendars.providers.provider import (
    AccessRevoked,
    BadRequest,
    Gone,
    NotAllowed,
    NotConnected,
    ProviderDown,
    ProviderFailure,
    RateLimited,
)

logger = logging.getLogger(__name__)

BATCH: Final = 5
LEASE: Final = timedelta(minutes=3)
TOLD: Final = 500
LONGEST_ID: Final = 1000

Row = TypeVar("Row", bound=Owed)


def lease(due: QuerySet[Row], related: str) -> list[Row]:
    """Take the next few of these rows, longest due first, as nobody else's for a while; with what is `related`."""
    with transaction.atomic(durable=True):
        ids = list(due.select_for_update(skip_locked=True).values_list("pk", flat=True)[:BATCH])
        taken = due.model._default_manager.filter(pk__in=ids)
        taken.update(leased_until=Now() + LEASE, attempts=F("attempts") + 1)
        return list(taken.select_related(related).order_by("due_at", "key"))


def renew(row: Owed) -> bool:
    """Begin the lease of a row anew before it is seen to; False when it ran out and somebody else has the row."""
    return bool(ours(row).update(leased_until=Now() + LEASE))


def attempt(row: Owed, account: CalendarAccount, now: datetime, work: Callable[[], None]) -> None:
    """Do what brings a leased row up to date and marks it; what goes wrong puts it off, or gives it up."""
    try:
        work()
    except (AccessRevoked, NotConnected) as error:
        if row.failures + 1 >= BREAKS_AFTER or isinstance(error, NotConnected):
            mirror.mark_broken(account, str(error), now)
        _put_off(row, error, None, now)
    except (RateLimited, ProviderDown) as error:
        _put_off(row, error, error.retry_after, now)
    except (Gone, NotAllowed, BadRequest) as error:
        bury(row, str(error))
    except ProviderFailure as error:
        _put_off(row, error, None, now)
    except Exception as error:
        logger.exception("%s could not be written", row.key)
        _put_off(row, error, None, now)


def mark(row: Owed, *, is_there: bool, **facts: Any) -> None:
    """The provider has it as it stood when it was leased; `facts` are columns of the row, such as what it was told.

    Asked for again meanwhile: `version` has moved on, and the row stays due.
    """
    ours(row).update(
        written_version=row.version,
        written_at=Now(),
        is_there=is_there,
        leased_until=None,
        failures=0,
        failing_since=None,
        last_error="",
        failed_before=row.failures if row.last_error else 0,
        **facts,
    )


def told(title: str, period: Period, remote_id: str) -> dict[str, Any]:
    """What a provider was told and under which id it has it, as columns of the row."""
    return {
        "told_title": title.replace("\0", "")[:TOLD],
        "told_start": period.start,
        "told_end": period.end,
        "remote_id": remote_id.replace("\0", "")[:LONGEST_ID],
    }


def bury(row: Owed, reason: str) -> None:
    """Give up until it changes once more, or somebody asks for another try."""
    ours(row).update(leased_until=None, dead_at=Now(), last_error=_kept(reason))
    logger.error("%s will not be written: %s", row.key, reason)


def ours(row: Owed) -> QuerySet[Any]:
    """The row, where the lease is still the one it was taken with."""
    return type(row)._default_manager.filter(pk=row.pk, attempts=row.attempts)


def _put_off(row: Owed, error: Exception, asked: timedelta | None, now: datetime) -> None:
    known = isinstance(error, ProviderFailure)
    # Only what providers' modules say is fit for a page: another error's text may hold anything.
    reason = str(error) if known else f"Something went wrong on our side ({type(error).__name__})."
    since = row.failing_since or now
    if now - since > GIVE_UP_AFTER and not isinstance(error, AccessRevoked | NotConnected):
        bury(row, reason)
        return
    chance = random.random()  # noqa: S311  It only spreads load.
    wait = pause(row.failures + 1, chance) if asked is None else asked_pause(asked, chance)
    ours(row).update(
        leased_until=None,
        due_at=Now() + wait,
        failures=row.failures + 1,
        failing_since=since,
        last_error=_kept(reason),
    )
    logger.warning("%s put off by %s: %s", row.key, wait, reason)


def _kept(reason: str) -> str:
    return reason[:300].replace("\0", "")
