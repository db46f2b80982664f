"""Delivering the outbox. Safe to run anywhere, any number of times at once, and to be killed at any point.

A message is leased (committed), rendered, sent and marked, with no transaction open while the mail server is
spoken to. Leases are short, and renewed as long as their worker lives. Who dies in between leaves one that runs out
within seconds, and the message is sent by the next one: a second copy is only possible when the death falls between
the server's answer and the mark, and carries the same Message-ID. Who only loses PostgreSQL waits for it to come back,
marks what he has sent and hands back the rest.
"""

import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from email import message as mime
from email.policy import Policy
from email.utils import parseaddr
from functools import reduce
from operator import or_
from types import TracebackType
from typing import Self, TypeVar

from django.conf import settings
from django.core.mail import EmailMessage, EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import DatabaseError, InterfaceError, OperationalError, connection, transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce, Now

from workestra.accounts.seals import seal
from workestra.notifications import selectors
from workestra.notifications.domain.mails import to_wire
from workestra.notifications.failures import Unreachable, is_of_message, is_permanent, words_for
from workestra.notifications.models import WAITING, OutboxMessage
from workestra.notifications.registry import (
    CarrierAway,
    LeftOut,
    Skip,
    Text,
    UnknownKind,
    Wait,
    follower_of,
    renderer_of,
    text_carrier,
)

logger = logging.getLogger(__name__)

T = TypeVar("T")

BATCH = 20
LEASE = timedelta(seconds=15)
"""So late are mails whose worker died."""
RENEW_EVERY = timedelta(seconds=4)
RUN_FOR = timedelta(seconds=45)
SLOWEST_MAIL = timedelta(seconds=60)
"""Four answers of EMAIL_TIMEOUT, and some. A worker that hangs for longer keeps nobody from sending."""
PATIENCE = timedelta(seconds=30)
"""So long a worker waits for a PostgreSQL that has gone away to mark what it has sent."""
SHORTEST_PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(minutes=15)
MAX_ATTEMPTS = 200
"""About a day: nine short pauses, then seven and a half minutes on average. As many again after a retry."""


def deliver_due(now: datetime) -> int:
    """Deliver what is due, batch by batch, until nothing is left or RUN_FOR is over; returns how many it tried.

    `now` is what renderers see as the current time; leases, pauses and marks go by the database's clock.
    """
    stop_at = time.monotonic() + RUN_FOR.total_seconds()
    tried = 0
    while time.monotonic() < stop_at and (batch := _patiently(_lease)):
        with _Hold(batch, stop_at + SLOWEST_MAIL.total_seconds()), _Post() as post:
            for message in batch:
                try:
                    if time.monotonic() >= stop_at:
                        break
                    _deliver(message, post, now)
                    _tell_follower(message)
                    tried += 1
                except Exception as error:
                    if not _has_lost_postgres(error):
                        raise
                    logger.warning("%s (%s) is handed back: %s", message, message.pk, error)
                    break
            _hand_back(batch)
    return tried


def _lease() -> list[OutboxMessage]:
    """Take up to BATCH due messages that nobody else has, in the order they are to be sent.

    One whose lease ran out is taken alone: it may be what its worker died of, and takes no others along when another
    one does. It is given up once that has been tried as often as anything is.
    """
    # durable: refuses to run inside a transaction of the caller, which would stay open while mails are sent.
    with transaction.atomic(durable=True):
        due = selectors.due().select_for_update(skip_locked=True)
        found = list(due.values_list("pk", "leased_until", "attempts")[:BATCH])
        given_up = [pk for pk, lease, tries in found if lease and not (tries + 1) % MAX_ATTEMPTS]
        if given_up:
            OutboxMessage.objects.filter(pk__in=given_up).update(
                leased_until=None, dead_at=Now(), last_error="Every worker that tried it died."
            )
            logger.error("%s will not be delivered: every worker that tried died", given_up)
        found = [row for row in found if row[0] not in given_up]
        alone = [pk for pk, lease, _tries in found[:1] if lease]
        taken = OutboxMessage.objects.filter(pk__in=alone or [pk for pk, lease, _tries in found if not lease])
        taken.update(leased_until=Now() + LEASE, attempts=F("attempts") + 1)
        return list(taken.order_by("available_at", "created_at"))


def _deliver(message: OutboxMessage, post: "_Post", now: datetime) -> None:
    """Bring one leased message to an end, or put it off. What goes wrong with it stays with it."""
    try:
        made = _rendered(message, now)
    except UnknownKind as error:
        _bury(message, error)
        return
    except Exception as error:
        if _has_lost_postgres(error):
            raise
        logger.exception("%s (%s) could not be written", message, message.pk)
        _put_off(message, error, is_its_own=True)
        return
    if isinstance(made, Skip):
        _leave_out(message, made.reason)
        return
    try:
        raw = _handed_over(made, message, post)
    except LeftOut as reason:
        _leave_out(message, str(reason))
        return
    except Exception as error:
        if _has_lost_postgres(error):
            raise
        if is_permanent(error):
            _bury(message, error)
        else:
            _put_off(message, error, is_its_own=is_of_message(error))
        return
    if raw is None:
        return
    # A message withdrawn while it was on its way is out all the same.
    end = {
        "sent_at": Now(),
        "payload": seal(raw),
        "skipped_at": None,
        "skip_reason": "",
        "last_error": "",
    }
    if not _patiently(lambda: _ours(message).update(leased_until=None, **end)):
        logger.error(
            "%s (%s) was sent after its lease had run out; it may be sent again", message, message.pk
        )


def _handed_over(made: EmailMessage | Text, message: OutboxMessage, post: "_Post") -> bytes | None:
    """Hand the message over; what was, or None when it has gone to somebody else or is withdrawn."""
    if isinstance(made, Text):
        return post.carry(message, made) if _renew(message, is_text=True) else None
    sealed = _Sealed(made, message)
    post.open()
    if not _renew(message):
        return None
    post.send(sealed)
    return sealed.raw


def _leave_out(message: OutboxMessage, reason: str) -> None:
    _ours(message).filter(WAITING).update(leased_until=None, skipped_at=Now(), skip_reason=reason[:200])


def _tell_follower(message: OutboxMessage) -> None:
    follow = follower_of(message.topic)
    try:
        if follow is not None:
            _patiently(lambda: follow(message))
    except Exception:
        logger.exception("%s (%s) could not be summed up", message, message.pk)


def _rendered(message: OutboxMessage, now: datetime) -> EmailMessage | Text | Skip:
    if selectors.is_superseded(message):
        return Skip("A newer version of it followed")
    return renderer_of(message.kind)(message, now)


def _renew(message: OutboxMessage, *, is_text: bool = False) -> bool:
    """Begin the lease anew right before sending; False when the message has gone to somebody else, is withdrawn, or has
    been put off."""
    # What was owed as a mail may have become a text since.
    return bool(_still_due(message).update(leased_until=Now() + LEASE, is_text=is_text))


def _hand_back(batch: Sequence[OutboxMessage]) -> None:
    """Let others have what this worker has not brought to an end."""
    _patiently(lambda: _held(batch).update(leased_until=None))


def _put_off(message: OutboxMessage, error: Exception, *, is_its_own: bool) -> None:
    """Try again after a pause that doubles from try to try, with full jitter.

    A failure that is its own begins, or goes on with, the time for which others still wait for it.
    """
    tries = message.attempts % MAX_ATTEMPTS
    if not tries:
        _bury(message, error)
        return
    longest = min(LONGEST_PAUSE, SHORTEST_PAUSE * 2 ** min(tries, 20))
    pause = SHORTEST_PAUSE + random.random() * (longest - SHORTEST_PAUSE)  # noqa: S311  It only spreads load.
    if isinstance(error, Wait):
        pause = max(pause, timedelta(seconds=error.seconds * (1 + random.random() / 5)))  # noqa: S311  The same.
    # One that was put off meanwhile keeps its new time.
    _still_due(message).update(
        leased_until=None,
        available_at=Now() + pause,
        last_error=words_for(error),
        failing_since=Coalesce("failing_since", Now()) if is_its_own else None,
    )
    logger.warning("%s (%s) put off by %s: %s", message, message.pk, pause, error)


def _bury(message: OutboxMessage, error: Exception) -> None:
    """Give up, until somebody asks for another try."""
    _ours(message).filter(WAITING).update(leased_until=None, dead_at=Now(), last_error=words_for(error))
    logger.error("%s (%s) will not be delivered: %s", message, message.pk, error)


def _ours(message: OutboxMessage) -> QuerySet[OutboxMessage]:
    """The message's row, as long as nobody has leased it after us."""
    return OutboxMessage.objects.filter(pk=message.pk, attempts=message.attempts)


def _still_due(message: OutboxMessage) -> QuerySet[OutboxMessage]:
    """The message's row as `_ours` gives it, as long as it is still to be sent, and now."""
    return _ours(message).filter(WAITING, available_at__lte=Now())


def _held(batch: Sequence[OutboxMessage]) -> QuerySet[OutboxMessage]:
    """The rows of these messages that have not come to an end, and that nobody has leased after us."""
    ours = reduce(or_, (Q(pk=message.pk, attempts=message.attempts) for message in batch))
    return OutboxMessage.objects.filter(ours, leased_until__isnull=False)


def _patiently(work: Callable[[], T]) -> T:
    """What `work` gives; when PostgreSQL goes away under it, it is done again on a new connection, for PATIENCE."""
    until = time.monotonic() + PATIENCE.total_seconds()
    while True:
        try:
            return work()
        except Exception as error:
            if not _has_lost_postgres(error) or time.monotonic() > until:
                raise
        connection.close()
        time.sleep(0.2)


def _has_lost_postgres(error: Exception) -> bool:
    return isinstance(error, OperationalError | InterfaceError) and not connection.is_usable()


class _Sealed(EmailMultiAlternatives):
    """A rendered mail with its final headers, whose bytes are made once: what is stored is what was sent.

    Raises ValueError when it is not addressed to the message's recipient alone, or has a header no mail may
    have.
    """

    def __init__(self, mail: EmailMessage, message: OutboxMessage) -> None:
        addresses = [parseaddr(recipient)[1] for recipient in mail.recipients()]
        if addresses != [message.recipient]:
            raise ValueError(f"rendered for {addresses}, not for {message.recipient}")
        mail.extra_headers = {
            "Auto-Submitted": "auto-generated",  # RFC 3834: out-of-office answers stay away.
            **mail.extra_headers,
            "Message-ID": f"<{message.pk}@{settings.SITE_HOST}>",
        }
        super().__init__()
        self.__dict__.update(mail.__dict__)
        self._mime = mail.message()
        self.raw = to_wire(self._mime)

    def message(self, *, policy: Policy | None = None) -> mime.EmailMessage:
        return self._mime


class _Hold:
    """Renews a batch's leases, in a thread of its own, while its mails are written and sent.

    Not beyond `until` (of the monotonic clock): a worker that hangs keeps nothing for ever.
    """

    def __init__(self, batch: Sequence[OutboxMessage], until: float) -> None:
        self._batch = batch
        self._until = until
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="leases", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _renew(self) -> None:
        while not self._over.wait(RENEW_EVERY.total_seconds()) and time.monotonic() < self._until:
            try:
                _held(self._batch).filter(WAITING).update(leased_until=Now() + LEASE)
            except (DatabaseError, InterfaceError) as error:
                logger.warning("leases could not be renewed: %s", error)
            finally:
                connection.close()


class _Post:
    """The mail connection of one batch. Opened when first needed, and again after an error.

    A server, or a carrier, that cannot be reached is asked once a batch, not once a message.
    """

    def __init__(self) -> None:
        self._connection: BaseEmailBackend | None = None
        self._unreachable: Unreachable | None = None
        self._carrier_away: CarrierAway | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._close()

    def open(self) -> None:
        """Raises Unreachable when the server cannot be reached or does not let us in."""
        if self._unreachable:
            raise self._unreachable
        if self._connection is None:
            connection = get_connection()
            try:
                connection.open()
            except Exception as error:
                self._unreachable = Unreachable(words_for(error))
                raise self._unreachable from error
            self._connection = connection

    def send(self, mail: EmailMessage) -> None:
        """Only after `open`. Raises what the mail backend raises when it does not accept the mail."""
        assert self._connection is not None
        try:
            self._connection.send_messages([mail])
        except Exception:
            self._close()
            raise

    def carry(self, message: OutboxMessage, text: Text) -> bytes:
        """Raises what the carrier raises when it does not take the text."""
        if self._carrier_away:
            raise self._carrier_away
        try:
            return text_carrier()(message, text)
        except CarrierAway as away:
            self._carrier_away = away
            raise

    def _close(self) -> None:
        if self._connection is not None:
            with suppress(Exception):
                self._connection.close()
            self._connection = None
