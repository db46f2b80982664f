"""Meetings that hosts' accounts with Zoom and the like are to have: owed in the transaction of what they are about."""

from datetime import datetime
from typing import Final
from uuid import UUID, uuid5

from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Now

from workestra.accounts.models import Membership
from workestra.calendars import tasks
from workestra.calendars.domain.kinds import ProviderKind
from workestra.calendars.mirror import record_account
from workestra.calendars.models import CalendarAccount, OwnMeeting
from workestra.calendars.providers.provider import Grant
from workestra.calendars.services import keep_account, revive
from workestra.notifications.doorbell import ring_on_commit

_MEETINGS: Final = UUID("0c6f6c2b-8f0f-4d53-9a3b-6a1f5f2a7e11")


def connect(member: Membership, kind: ProviderKind, grant: Grant, now: datetime) -> CalendarAccount:
    """Keep a granted access; it takes the place of the account of this kind that the member has.

    What could not be made without it is tried again.
    """
    with transaction.atomic():
        account, is_new = keep_account(member, kind, grant, now)
        waiting = OwnMeeting.objects.filter(workspace=member.workspace, user=member.user_id, kind=kind)
        revive(waiting.filter(version__gt=F("written_version")))
        record_account(account, "account.connected" if is_new else "account.reconnected", member.user, now)
    return account


def begin(*, workspace_id: UUID, topic: str, topic_id: UUID, user_id: UUID, kind: ProviderKind) -> None:
    """Have a meeting about this made by this person's account of this kind; one that is there is brought up to date.

    In the caller's transaction: the meeting and what it is about stand or fall together.
    """
    renew(topic, topic_id)
    _made, is_new = OwnMeeting.objects.get_or_create(
        topic=topic,
        topic_id=topic_id,
        user_id=user_id,
        defaults={
            "key": uuid5(_MEETINGS, f"{topic} {topic_id} {user_id}"),
            "workspace_id": workspace_id,
            "kind": kind,
        },
    )
    if is_new:
        ring_on_commit(tasks.make_meetings)


def renew(topic: str, topic_id: UUID) -> None:
    """Have the meetings about this, whoever's they are, brought up to date. In the caller's transaction, as `begin`."""
    assert connection.in_atomic_block, "meetings are owed in the transaction of what they are about"
    known = OwnMeeting.objects.filter(topic=topic, topic_id=topic_id)
    if known.update(
        version=F("version") + 1, due_at=Now(), dead_at=None, failures=0, failing_since=None, last_error=""
    ):
        ring_on_commit(tasks.make_meetings)
