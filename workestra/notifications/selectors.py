"""Reads of the outbox and of the local mailbox."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import connection
from django.db.models import DurationField, Exists, ExpressionWrapper, F, Max, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from workestra.notifications.models import WAITING, CaughtMail, Channels, Notice, OutboxMessage


def waiting() -> QuerySet[OutboxMessage]:
    """Messages that are neither sent nor skipped nor dead, in no order."""
    return OutboxMessage.objects.filter(WAITING)


WAITED_FOR: Final = timedelta(minutes=20)
"""So long others wait for one that fails by itself: servers that gray-list take it within a quarter of an hour."""
TRIES_WAITED_FOR: Final = 60
"""Five hours or so, by the pauses between tries: so long others wait for one whatever it fails by."""


def due() -> QuerySet[OutboxMessage]:
    """Waiting messages that may be delivered now, by the database's clock, oldest first.

    A message leased by somebody is left to him. What is owed to one person about one thing goes out in the order it
    was owed, mails and texts each by themselves: a cancellation must not overtake the confirmation that is being sent,
    or waits for its next try. What is owed for later, such as a reminder, holds nothing up until its time has come; one
    that failed and has been put off to another time since is owed for later again.

    While the server is away, all wait. For one that alone is not taken, or cannot be written, the others wait for
    WAITED_FOR: a cancellation that then goes past it is what there is to know, and what it went past is written anew,
    or left out, when its turn comes. After TRIES_WAITED_FOR tries nothing waits for it any more: what looks like a
    server that is away may be one that this message brings down.
    """
    same = waiting().filter(
        topic_id=OuterRef("topic_id"), recipient=OuterRef("recipient"), is_text=OuterRef("is_text")
    )
    on_its_way = same.filter(leased_until__gt=Now())
    before = same.filter(
        Q(available_at__lte=Now()) | ~Q(last_error=""),
        Q(failing_since=None) | Q(failing_since__gt=Now() - WAITED_FOR),
        attempts__lt=TRIES_WAITED_FOR,
        created_at__lt=OuterRef("created_at"),
    )
    return (
        waiting()
        .filter(
            Q(leased_until=None) | Q(leased_until__lte=Now()),
            ~Exists(on_its_way),
            ~Exists(before),
            available_at__lte=Now(),
        )
        .order_by("available_at", "created_at")
    )


def longest_overdue() -> timedelta:
    """How long the waiting message that could be delivered first has waited past its time, by the database's clock.

    Nothing when all have been delivered in time.
    """
    overdue = (
        waiting()
        .filter(available_at__lte=Now())
        .aggregate(longest=Max(ExpressionWrapper(Now() - F("available_at"), DurationField())))
    )
    return overdue["longest"] or timedelta()


def database_now() -> datetime:
    """The time by the database's clock, which all workers share."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        now: datetime = cursor.fetchone()[0]
    return now


def notices_of(user_id: UUID, workspace_id: UUID, most: int = 100) -> list[Notice]:
    """What the member was told in the product, newest first."""
    found = Notice.objects.filter(user=user_id, workspace=workspace_id)
    return list(found.order_by("-created_at", "-id")[:most])


MOST_UNREAD: Final = 100


def unread_of(user_id: UUID, workspace_id: UUID) -> int:
    """How many notices the member has not read; not counted beyond `MOST_UNREAD`."""
    found = Notice.objects.filter(user=user_id, workspace=workspace_id, read_at=None)
    return found[:MOST_UNREAD].count()


def channels_of(user_ids: Collection[UUID], workspace_id: UUID, kind: str) -> dict[UUID, Channels]:
    """How each of these members wants to be told of such things, by user."""
    chosen = Channels.objects.filter(user__in=user_ids, workspace=workspace_id, kind=kind)
    default = {key: Channels(user_id=key, workspace_id=workspace_id, kind=kind) for key in user_ids}
    return default | {channels.user_id: channels for channels in chosen}


def dead_messages(workspace_id: UUID) -> QuerySet[OutboxMessage]:
    """The workspace's messages that were given up, latest first, without the mails themselves."""
    dead = OutboxMessage.objects.filter(workspace=workspace_id, dead_at__isnull=False)
    return dead.defer("payload").order_by("-dead_at", "id")


def struggling_messages(workspace_id: UUID) -> QuerySet[OutboxMessage]:
    """The workspace's messages that have failed and will be tried again, soonest first, without the mails."""
    failed = waiting().filter(workspace=workspace_id).exclude(last_error="")
    return failed.defer("payload").order_by("available_at", "id")


def messages_about(*topic_ids: UUID) -> QuerySet[OutboxMessage]:
    """Every message about these things, whatever became of it, newest first, without the mails themselves."""
    about = OutboxMessage.objects.filter(topic_id__in=topic_ids)
    return about.defer("payload").order_by("-created_at", "kind")


def is_superseded(message: OutboxMessage) -> bool:
    """Whether the same mail about a later state of the same thing is in the outbox, delivered or not."""
    return OutboxMessage.objects.filter(
        topic_id=message.topic_id, kind=message.kind, recipient=message.recipient, seq__gt=message.seq
    ).exists()


def caught_mails(search: str = "", *, invites_only: bool = False) -> QuerySet[CaughtMail]:
    """What the local mailbox holds, newest first, without the mails themselves.

    `search` is looked for in recipients, subjects and UIDs, whatever its case; empty matches everything.
    """
    mails = CaughtMail.objects.defer("raw").order_by("-received_at", "-id")
    if search:
        mails = mails.filter(
            Q(recipients__icontains=search) | Q(subject__icontains=search) | Q(invite_uid__icontains=search)
        )
    return mails.exclude(invite_method="") if invites_only else mails


def invites_of_event(mail: CaughtMail) -> list[CaughtMail]:
    """The invites about this mail's event that its recipients were sent, in the order they were; empty without one."""
    if not mail.invite_uid:
        return []
    return list(
        CaughtMail.objects.filter(invite_uid=mail.invite_uid, recipients=mail.recipients).order_by(
            "received_at", "id"
        )
    )
