"""Asking the providers once more, while somebody waits, whether a time is still free: as he books, never for a page.

What is found goes into the mirror, for the one protocol to see. Who does not answer in time is believed to be as the
mirror has him; whether that is enough is said by each link's policy, as on every page.
"""

import queue
import threading
import time
from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final, TypeAlias
from uuid import UUID

from django.db import connection
from django.db.models import Q
from django.db.models.functions import Now

from workestra.calendars import effects, mirror
from workestra.calendars.connections import mailbox
from workestra.calendars.domain.period import Period
from workestra.calendars.models import CalendarAccount, RemoteCalendar
from workestra.calendars.providers.provider import Changes, ProviderDown

PATIENCE: Final = 2.5
"""Seconds for everything together."""
AT_ONCE: Final = 6
"""Accounts asked at the same time; each takes a thread, and for its place and its tokens a database connection."""

RESPITE: Final = timedelta(seconds=30)
"""So long a calendar that did not answer is not asked again: each who books would wait for it."""

_Answer: TypeAlias = Changes | Exception


def to_ask(user_ids: Collection[UUID]) -> list[RemoteCalendar]:
    """These people's checked calendars that can be asked, with account and user. One query.

    Left out are those of broken accounts, and those put off because they did not answer or asked us to wait.
    """
    return list(
        RemoteCalendar.objects.filter(
            Q(failures=0) | Q(due_at__lte=Now()),
            Q(account__quiet_until=None) | Q(account__quiet_until__lte=Now()),
            user_id__in=list(user_ids),
            checked=True,
            is_gone=False,
            account__state=CalendarAccount.State.CONNECTED,
        )
        .select_related("account__user")
        .order_by("id")
    )


def look(calendars: Sequence[RemoteCalendar], within: Period, now: datetime) -> None:
    """Bring the mirror of these calendars up to date in this span; takes PATIENCE seconds at most.

    The first ones are asked first, where there are more accounts than can be asked at once.

    For callers outside of any transaction. Whatever goes wrong with a calendar is noted there, as when it is read.
    """
    answers = _asked(calendars, within, now)
    for calendar in calendars:
        answer = answers.get(calendar.pk, ProviderDown("It did not answer while somebody was booking."))
        if isinstance(answer, ProviderDown) and answer.retry_after is None:
            answer = ProviderDown(str(answer), RESPITE)
        if not isinstance(answer, Exception):
            mirror.patch(calendar, answer, within)
        elif calendar.leased_until is None:
            effects.note_failure(calendar, answer, now)


def in_the_way(calendars: Sequence[RemoteCalendar], user_ids: Sequence[UUID]) -> list[RemoteCalendar]:
    """Those of these people alone, in their order."""
    turn = {user_id: index for index, user_id in enumerate(user_ids)}
    return sorted(
        (calendar for calendar in calendars if calendar.user_id in turn),
        key=lambda calendar: turn[calendar.user_id],
    )


def _asked(calendars: Sequence[RemoteCalendar], within: Period, now: datetime) -> dict[UUID, _Answer]:
    """What each calendar answered in time, by its id."""
    ends = time.monotonic() + PATIENCE
    by_account: dict[UUID, list[RemoteCalendar]] = defaultdict(list)
    for calendar in calendars:
        by_account[calendar.account_id].append(calendar)
    waiting: queue.SimpleQueue[list[RemoteCalendar]] = queue.SimpleQueue()
    answered: queue.SimpleQueue[tuple[UUID, _Answer]] = queue.SimpleQueue()
    for together in by_account.values():
        waiting.put(together)

    def work() -> None:
        try:
            while (left := ends - time.monotonic()) > 0:
                _ask(waiting.get_nowait(), within, now, left, answered)
        except queue.Empty:
            pass
        finally:
            connection.close()

    # Daemons: one that hangs in a provider's library is left behind, and keeps no process from ending.
    for _ in range(min(AT_ONCE, len(by_account))):
        threading.Thread(target=work, daemon=True, name="calendars-live").start()
    answers: dict[UUID, _Answer] = {}
    while len(answers) < len(calendars) and (left := ends - time.monotonic()) > 0:
        try:
            calendar_id, answer = answered.get(timeout=left)
        except queue.Empty:
            break
        answers[calendar_id] = answer
    return answers


def _ask(
    calendars: Sequence[RemoteCalendar],
    within: Period,
    now: datetime,
    left: float,
    answered: "queue.SimpleQueue[tuple[UUID, _Answer]]",
) -> None:
    """Ask one account for its calendars, one after the other."""
    unasked = list(calendars)
    try:
        with mailbox(calendars[0].account, patience=left, within=left) as provider:
            while unasked:
                calendar = unasked[0]
                # Without its cursor: only this span is asked for, and the next reading still learns of every change.
                answered.put((calendar.pk, provider.changes(calendar.remote_id, within, "", now)))
                unasked.pop(0)
    except Exception as error:
        for calendar in unasked:
            answered.put((calendar.pk, error))
