"""Writing our own events into people's calendars, and taking them out.

Level-triggered: a row says that an event may not be as it should; what it should be is asked when it is written, so
that changes in between need no order. Each is written without a transaction under an id derived from its key.
"""

import time
from datetime import datetime, timedelta
from typing import Final

from django.db.models.functions import Now

from workestra.calendars import owing, selectors
from workestra.calendars.connections import mailbox
from workestra.calendars.models import OwnEvent
from workestra.calendars.providers.provider import ProviderEvent, WrittenEvent
from workestra.calendars.registry import topic_of

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
    return owing.lease(selectors.due_to_write(), "calendar__account__user")


def write(event: OwnEvent, now: datetime) -> None:
    """Bring one leased event into its calendar, up to date, or out of it; or put it off."""
    owing.attempt(event, event.calendar.account, now, lambda: _write(event, now))


def _write(event: OwnEvent, now: datetime) -> None:
    topic = topic_of(event.topic)
    wanted = topic.describe(event.topic_id, event.user_id, event.key, now)
    written: WrittenEvent | None = None
    with mailbox(event.calendar.account) as provider:
        if wanted is None:
            provider.delete_event(event.calendar.remote_id, event.key)
        else:
            written = provider.put_event(event.calendar.remote_id, wanted)
    # A link that was not asked for may be there all the same: that is not where this meeting is.
    if wanted and wanted.conference and written and written.join_url and topic.joined:
        topic.joined(event.topic_id, event.user_id, written.join_url, now)
    if _waits_for_link(event, wanted, written):
        _look_again(event)
    else:
        told = owing.told(wanted.summary, wanted.period, written.id) if wanted and written else {}
        owing.mark(event, is_there=written is not None, **told)


def _waits_for_link(event: OwnEvent, wanted: ProviderEvent | None, written: WrittenEvent | None) -> bool:
    """Whether the provider makes a meeting link by itself, and is still at it."""
    if wanted is None or written is None or not wanted.conference or written.join_url:
        return False
    return bool(event.calendar.account.kind.conference) and event.failures < LOOKS_FOR_LINK


def _look_again(event: OwnEvent) -> None:
    owing.ours(event).update(
        leased_until=None,
        due_at=Now() + LOOK_AGAIN,
        is_there=True,
        failures=event.failures + 1,
        last_error="",
    )
