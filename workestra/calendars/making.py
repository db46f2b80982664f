"""Making meetings at the providers of meeting links, bringing them up to date, and taking them away.

As events are written (`writing`): a row says that a meeting may not be as it should, and each is asked for without a
transaction. The provider's id is remembered with the row; without it the meeting is looked for before it is made, so
that one whose making was never confirmed is found and not made twice.
"""

import time
from datetime import datetime
from typing import Final

from workestra.calendars import owing, selectors
from workestra.calendars.connections import meeting_room
from workestra.calendars.domain.invites import web_url
from workestra.calendars.domain.kinds import ProviderKind
from workestra.calendars.models import CalendarAccount, OwnMeeting
from workestra.calendars.providers.meetings import MadeMeeting, Meeting, drop, put
from workestra.calendars.providers.provider import ProviderDown
from workestra.calendars.registry import topic_of

RUN_FOR: Final = 45.0
LONGEST_LINK: Final = 300


def make_due(now: datetime) -> int:
    """Make what is due until nothing is left or RUN_FOR is over; returns how many it tried.

    `now` is what the meetings are described at; leases and turns go by the database's clock.
    """
    stop_at = time.monotonic() + RUN_FOR
    tried = 0
    while time.monotonic() < stop_at and (batch := owing.lease(selectors.due_to_make(), "user")):
        for row in batch:
            make(row, now)
            tried += 1
    return tried


def make(row: OwnMeeting, now: datetime) -> None:
    """Let the provider have one leased meeting, as it stands or not at all; or put it off.

    Nothing happens when the lease ran out, while others of its batch were made, and somebody else has the meeting: two
    who look for it at once would both find none, and make two.
    """
    if not owing.renew(row):
        return
    account = selectors.meeting_account(row.workspace_id, row.user_id, ProviderKind(row.kind))
    if account is None:
        if row.is_there or _wanted(row, now):
            owing.bury(row, f"{row.user.name} has no {row.label} account connected.")
        else:
            owing.mark(row, is_there=False)
        return
    owing.attempt(row, account, now, lambda: _make(row, account, now))


def _make(row: OwnMeeting, account: CalendarAccount, now: datetime) -> None:
    wanted = _wanted(row, now)
    if wanted is not None and wanted.period.end <= now:
        owing.mark(row, is_there=row.is_there)  # Nobody needs it any more, and no provider takes it.
        return
    known = MadeMeeting(row.remote_id, row.join_url) if row.remote_id else None
    with meeting_room(account) as provider:
        if wanted is None:
            drop(provider, row.key, known)
            owing.mark(row, is_there=False, remote_id="", join_url="")
            return
        made = put(provider, wanted, known)
    if not web_url(made.join_url) or len(made.join_url) > LONGEST_LINK:
        raise ProviderDown(f"{row.label} made no link that can be used.")
    # First of all what is there: whoever dies here, or hears nothing, is followed by one who knows.
    owing.ours(row).update(remote_id=made.id, join_url=made.join_url, is_there=True)
    topic = topic_of(row.topic)
    if topic.joined:
        topic.joined(row.topic_id, row.user_id, made.join_url, now)
    owing.mark(row, is_there=True, **owing.told(wanted.title, wanted.period, made.id))


def _wanted(row: OwnMeeting, now: datetime) -> Meeting | None:
    topic = topic_of(row.topic)
    return topic.meeting(row.topic_id, row.user_id, row.key, now) if topic.meeting else None
