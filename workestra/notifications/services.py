"""Owing somebody a mail, and no longer owing it. Everything here happens in the caller's transaction."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Case, DateTimeField, Q, Value, When
from django.db.models.functions import Now
from django.db.transaction import TransactionManagementError

from workestra.accounts.models import Membership
from workestra.audit import services as audit
from workestra.notifications import selectors, tasks
from workestra.notifications.doorbell import ring_on_commit
from workestra.notifications.models import WAITING, CaughtMail, Channels, Notice, OutboxMessage
from workestra.notifications.registry import label_of

_ERASED = "Who it was for is erased"


class NotDead(Exception):
    """The message is waiting, sent or skipped; only a dead one can be tried again."""


def enqueue(
    *,
    workspace_id: UUID,
    topic: str,
    topic_id: UUID,
    kind: str,
    recipient: str,
    seq: int,
    available_at: datetime | None = None,
) -> OutboxMessage:
    """Owe `recipient` the mail `kind` about `topic_id`, not before `available_at` (None: at once).

    `seq` is the version of the topic the mail speaks of: a waiting message is skipped once one of its kind
    with a higher `seq` exists. Owing the same mail twice is owing it once: the first message is returned.

    Raises TransactionManagementError outside a transaction: the mail and what it tells of stand or fall
    together.
    """
    _require_transaction()
    message, _created = OutboxMessage.objects.get_or_create(
        topic_id=topic_id,
        kind=kind,
        recipient=recipient,
        seq=seq,
        resend_of=None,
        defaults={"workspace_id": workspace_id, "topic": topic}
        | ({"available_at": available_at} if available_at else {}),
    )
    ring_on_commit(tasks.deliver_outbox)
    return message


def enqueue_new(messages: Sequence[OutboxMessage]) -> None:
    """Owe these mails, of which none is owed yet, in one query: as `enqueue` does for one.

    Raises TransactionManagementError outside a transaction; IntegrityError where one of them is owed already.
    """
    _require_transaction()
    if messages:
        OutboxMessage.objects.bulk_create(messages)
        ring_on_commit(tasks.deliver_outbox)


def cancel_pending(topic_id: UUID, *kinds: str, reason: str = "No longer needed") -> int:
    """Skip what still waits about `topic_id`, of these kinds or, without any, of every kind; returns how
    many.

    A mail that is on its way out at this moment is not recalled: it ends as sent if it gets through.
    """
    _require_transaction()
    waiting = selectors.waiting().filter(topic_id=topic_id)
    if kinds:
        waiting = waiting.filter(kind__in=kinds)
    return waiting.update(skipped_at=Now(), skip_reason=reason)


def leave_out(message_ids: Collection[UUID], *, reason: str) -> None:
    """Skip those of these messages that still wait. One query."""
    _require_transaction()
    if message_ids:
        selectors.waiting().filter(pk__in=message_ids).update(skipped_at=Now(), skip_reason=reason)


def erase(
    *, about: Mapping[UUID, Collection[str]], to: Collection[str], workspace_id: UUID, now: datetime
) -> list[UUID]:
    """Take somebody out of what was sent; gives the messages that are changed. In the caller's transaction.

    `about` are the things that tell of him, each with the addresses that are his or his guests' there: the first one is
    left empty, the others get names that tell nothing. `to` are his addresses and numbers wherever else they are
    written to. What still waits for any of these is left out; what waits for hosts goes out, written anew.
    """
    _require_transaction()
    theirs = Q(pk=None)
    for address in to:
        theirs |= Q(recipient__iexact=address)
    rows = OutboxMessage.objects.select_for_update().filter(workspace=workspace_id)
    changed = list(rows.filter(Q(topic_id__in=about) | theirs).defer("payload").order_by("pk"))
    everywhere = {address.casefold() for address in to}
    for message in changed:
        own = about.get(message.topic_id, ())
        is_theirs = message.recipient in own or message.recipient.casefold() in everywhere
        if is_theirs:
            is_first = bool(own) and message.recipient == next(iter(own))
            message.recipient = "" if is_first else f"erased {message.pk}"
            if not message.sent_at and not message.skipped_at:
                message.dead_at, message.skipped_at, message.skip_reason = None, now, _ERASED
        message.payload, message.last_error = None, ""
        if message.leased_until is not None:
            # Whoever has it on its way no longer knows it as his, and does not write down what it said.
            message.attempts, message.leased_until = message.attempts + 1, None
    OutboxMessage.objects.bulk_update(
        changed,
        [
            *("recipient", "dead_at", "skipped_at", "skip_reason"),
            *("payload", "last_error", "attempts", "leased_until"),
        ],
        batch_size=200,
    )
    Notice.objects.filter(workspace=workspace_id, topic_id__in=about).delete()
    keys = [message.pk for message in changed]
    CaughtMail.objects.filter(message_id__in=[f"<{key}@{settings.SITE_HOST}>" for key in keys]).delete()
    return keys


def put_off_until(due: Mapping[UUID, datetime]) -> None:
    """Have each of these messages, of those that still wait, available at its time. One query for some hundreds."""
    _require_transaction()
    for part in _parts(due):
        # It has another time now, and no longer waits for its next try.
        selectors.waiting().filter(pk__in=part).update(
            available_at=_times(part), last_error="", failing_since=None
        )
        ring_on_commit(tasks.deliver_outbox)


def wait_again(due: Mapping[UUID, datetime]) -> None:
    """Owe those of these messages that were left out after all, each not before its time; any other one is left alone.
    One query for some hundreds.
    """
    _require_transaction()
    for part in _parts(due):
        OutboxMessage.objects.filter(pk__in=part, sent_at=None, skipped_at__isnull=False).update(
            skipped_at=None,
            skip_reason="",
            attempts=0,
            leased_until=None,
            last_error="",
            failing_since=None,
            available_at=_times(part),
        )
        ring_on_commit(tasks.deliver_outbox)


def tell_now(topic_ids: Collection[UUID], kinds: Collection[str]) -> None:
    """What these messages say has become known: those that waited for it go out now, those that went without it go out
    once more, rendered anew."""
    _require_transaction()
    about = OutboxMessage.objects.filter(topic_id__in=topic_ids, kind__in=kinds)
    about.filter(WAITING, available_at__gt=Now()).update(available_at=Now())
    for message in about.filter(sent_at__isnull=False, resend_of=None):
        resend(message)
    ring_on_commit(tasks.deliver_outbox)


def retry(message: OutboxMessage) -> None:
    """Give a dead message a new set of tries, starting now.

    Raises NotDead.
    """
    with transaction.atomic():
        revived = OutboxMessage.objects.filter(pk=message.pk, dead_at__isnull=False).update(
            dead_at=None, attempts=0, available_at=Now()
        )
        if not revived:
            raise NotDead(f"{message} is not dead")
        ring_on_commit(tasks.deliver_outbox)


def resend(message: OutboxMessage) -> OutboxMessage:
    """Owe the same mail once more, as a copy with an id (and so a Message-ID) of its own.

    The copy is rendered anew: it says what is true when it is sent, or is skipped like any other.
    """
    with transaction.atomic():
        copy = OutboxMessage.objects.create(
            workspace_id=message.workspace_id,
            topic=message.topic,
            topic_id=message.topic_id,
            kind=message.kind,
            recipient=message.recipient,
            seq=message.seq,
            resend_of_id=message.resend_of_id or message.pk,
            is_text=message.is_text,
        )
        ring_on_commit(tasks.deliver_outbox)
    return copy


def notify(
    *,
    workspace_id: UUID,
    user_id: UUID,
    kind: str,
    topic_id: UUID,
    title: str,
    rows: Sequence[tuple[str, str]],
    path: str,
) -> Notice:
    """Tell a member in the product; telling him again of the same thing is telling him once.

    Raises TransactionManagementError outside a transaction, as `enqueue` does.
    """
    _require_transaction()
    notice, _created = Notice.objects.get_or_create(
        user_id=user_id,
        kind=kind,
        topic_id=topic_id,
        defaults={
            "workspace_id": workspace_id,
            "title": title[:300],
            "rows": [list(row) for row in rows],
            "path": path,
        },
    )
    return notice


def mark_read(*, member: Membership, now: datetime) -> int:
    """All notices of the member are read; returns how many were not."""
    unread = Notice.objects.filter(user=member.user_id, workspace=member.workspace_id, read_at=None)
    return unread.update(read_at=now)


def choose_channels(*, member: Membership, kind: str, in_app: bool, by_mail: bool) -> None:
    """From now on the member is told of such things in these ways."""
    Channels.objects.update_or_create(
        workspace_id=member.workspace_id,
        user_id=member.user_id,
        kind=kind,
        defaults={"in_app": in_app, "by_mail": by_mail},
    )


def retry_for(*, message: OutboxMessage, by: Membership, now: datetime) -> None:
    """`retry`, asked for by an admin, who is in the audit log with it. Raises NotDead."""
    with transaction.atomic():
        retry(message)
        _record_retries([message], by, now)


def retry_all_for(*, by: Membership, now: datetime) -> int:
    """Every dead message of the workspace gets a new set of tries; returns how many."""
    with transaction.atomic():
        dead = list(selectors.dead_messages(by.workspace_id).select_for_update())
        OutboxMessage.objects.filter(pk__in=[message.pk for message in dead]).update(
            dead_at=None, attempts=0, available_at=Now()
        )
        _record_retries(dead, by, now)
        ring_on_commit(tasks.deliver_outbox)
    return len(dead)


def _record_retries(messages: Sequence[OutboxMessage], by: Membership, now: datetime) -> None:
    audit.record_each(
        [(message.pk, f"{label_of(message.kind)} to {message.recipient}") for message in messages],
        workspace_id=by.workspace_id,
        action="mail.retried",
        target_type="mail",
        at=now,
        actor=by.user,
    )


def empty_mailbox() -> None:
    """Throw away everything the local mailbox caught."""
    CaughtMail.objects.all().delete()


def _parts(due: Mapping[UUID, datetime], most: int = 500) -> Iterator[dict[UUID, datetime]]:
    """In parts: how long a statement with a time for each row takes grows with the square of their number."""
    items = list(due.items())
    for start in range(0, len(items), most):
        yield dict(items[start : start + most])


def _times(due: Mapping[UUID, datetime]) -> Case:
    whens = [When(pk=key, then=Value(time)) for key, time in due.items()]
    return Case(*whens, output_field=DateTimeField())


def _require_transaction() -> None:
    if not connection.in_atomic_block:
        raise TransactionManagementError("the outbox is written in the transaction of what it tells of")
