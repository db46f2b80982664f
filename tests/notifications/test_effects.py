"""Delivery, one poller at a time: once, and not when there is nothing to tell any more.

Several at once: test_pollers.py. A real mail server: test_smtp.py.
"""

import smtplib
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core import mail
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from tests.notifications.conftest import Owe, Render, note
from tests.notifications.mail_server import Server
from workestra.notifications import effects, services
from workestra.notifications.models import OutboxMessage
from workestra.notifications.registry import Skip

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_due_mail_is_sent_once_however_often_delivery_runs(owe: Owe, NOW: datetime) -> None:
    message = owe()
    assert effects.deliver_due(NOW) == 1
    assert effects.deliver_due(NOW) == 0
    (sent,) = mail.outbox
    assert sent.to == ["priya@orchardfreight.example"]
    message.refresh_from_db()
    assert message.sent_at
    assert (message.attempts, message.leased_until, message.last_error) == (1, None, "")


def test_the_renderer_is_told_the_time(owe: Owe, NOW: datetime) -> None:
    owe()
    effects.deliver_due(NOW)
    assert mail.outbox[0].body == f"{NOW:%H:%M}"


def test_what_is_kept_is_what_was_sent_to_the_byte(owe: Owe, NOW: datetime) -> None:
    message = owe()
    effects.deliver_due(NOW)
    message.refresh_from_db()
    assert message.mail == mail.outbox[0].message().as_bytes(linesep="\r\n")  # type: ignore[call-arg]


def test_every_mail_carries_an_id_of_its_own_that_a_second_copy_would_share(
    owe: Owe, NOW: datetime, settings: Any
) -> None:
    settings.SITE_HOST = "meet.larkhill.example"
    message = owe()
    effects.deliver_due(NOW)
    copy = services.resend(message)
    effects.deliver_due(NOW)
    assert [sent.message()["Message-ID"] for sent in mail.outbox] == [
        f"<{message.pk}@meet.larkhill.example>",
        f"<{copy.pk}@meet.larkhill.example>",
    ]
    assert mail.outbox[0].message()["Auto-Submitted"] == "auto-generated"


def test_a_mail_of_tomorrow_waits(owe: Owe, NOW: datetime) -> None:
    owe(available_at=datetime.now(UTC) + timedelta(days=1))
    assert effects.deliver_due(NOW) == 0
    assert mail.outbox == []


def test_more_mails_than_a_batch_go_in_one_run_and_in_order(owe: Owe, NOW: datetime) -> None:
    start = datetime.now(UTC) - timedelta(hours=1)
    for number in reversed(range(45)):
        owe(f"b{number:02}@larkhill.example", available_at=start + timedelta(seconds=number))
    assert effects.deliver_due(NOW) == 45
    assert [sent.to[0][1:3] for sent in mail.outbox] == [f"{number:02}" for number in range(45)]


def test_delivery_refuses_to_run_inside_a_transaction(owe: Owe, NOW: datetime) -> None:
    owe()
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        effects.deliver_due(NOW)
    assert mail.outbox == []


def test_a_batch_uses_one_connection_and_no_transaction(
    owe: Owe, NOW: datetime, server: type[Server]
) -> None:
    for number in range(5):
        owe(f"b{number}@larkhill.example")
    effects.deliver_due(NOW)
    assert (len(server.accepted), server.opened) == (5, 1)


def test_the_cost_of_a_mail_does_not_grow_with_the_outbox(
    owe: Owe, NOW: datetime, django_assert_num_queries: Any
) -> None:
    for number in range(10):
        owe(f"b{number}@larkhill.example")
    effects.deliver_due(NOW)
    for number in range(3):
        owe(f"c{number}@larkhill.example")
    # Lease: BEGIN, SELECT, UPDATE, SELECT, COMMIT. Per mail: superseded?, renew, mark. Hand back
    # what is left. Then a look that finds nothing.
    with django_assert_num_queries(5 + 3 * 3 + 1 + 3):
        effects.deliver_due(NOW)


def test_a_mail_with_nothing_to_tell_is_skipped_and_says_why(
    owe: Owe, NOW: datetime, render_with: Render
) -> None:
    render_with(lambda message, now: Skip("The booking was cancelled"))
    message = owe()
    assert effects.deliver_due(NOW) == 1
    assert effects.deliver_due(NOW) == 0
    message.refresh_from_db()
    assert message.skipped_at
    assert message.skip_reason == "The booking was cancelled"
    assert mail.outbox == []


def test_of_two_versions_only_the_newer_is_sent(owe: Owe, NOW: datetime) -> None:
    topic = uuid4()
    first = owe(topic_id=topic, seq=0)
    owe(topic_id=topic, seq=1)
    owe("somebody@else.example", topic_id=topic, seq=0)
    effects.deliver_due(NOW)
    first.refresh_from_db()
    assert first.skip_reason == "A newer version of it followed"
    assert sorted((sent.to[0], sent.subject) for sent in mail.outbox) == [
        ("priya@orchardfreight.example", "Note 1"),
        ("somebody@else.example", "Note 0"),
    ]


def test_a_mail_called_off_between_lease_and_sending_is_not_sent(
    owe: Owe, NOW: datetime, render_with: Render
) -> None:
    def call_off(message: OutboxMessage, now: datetime) -> EmailMessage | Skip:
        with transaction.atomic():
            services.cancel_pending(message.topic_id)
        return note(message, now)

    render_with(call_off)
    owe()
    effects.deliver_due(NOW)
    assert mail.outbox == []


def test_a_mail_called_off_while_it_is_being_sent_counts_as_sent(
    owe: Owe, NOW: datetime, server: type[Server]
) -> None:
    message = owe()

    def call_off(_message: EmailMessage) -> None:
        with transaction.atomic():
            assert services.cancel_pending(message.topic_id) == 1

    server.on_send = staticmethod(call_off)  # type: ignore[assignment]
    effects.deliver_due(NOW)
    message.refresh_from_db()
    assert message.sent_at
    assert (message.skipped_at, message.skip_reason) == (None, "")


@pytest.mark.parametrize(
    "error",
    [smtplib.SMTPDataError(550, b"no"), smtplib.SMTPDataError(450, b"later")],
    ids=["for good", "for now"],
)
def test_a_mail_called_off_while_it_is_being_refused_stays_called_off(
    owe: Owe, NOW: datetime, server: type[Server], error: Exception
) -> None:
    message = owe()

    def call_off(_message: EmailMessage) -> None:
        with transaction.atomic():
            services.cancel_pending(message.topic_id)
        raise error

    server.on_send = staticmethod(call_off)  # type: ignore[assignment]
    effects.deliver_due(NOW)
    message.refresh_from_db()
    assert message.skipped_at
    assert (message.sent_at, message.dead_at) == (None, None)


def test_a_message_of_which_every_worker_dies_keeps_no_others_from_going_and_is_given_up(
    owe: Owe, render_with: Render, NOW: datetime
) -> None:
    deadly, *others = owe(), owe(), owe()

    def kills(message: OutboxMessage, now: datetime) -> EmailMessage:
        if message.pk == deadly.pk:
            raise SystemExit("killed")
        return note(message, now)

    render_with(kills)
    for _beat in range(6):
        with suppress(SystemExit):
            effects.deliver_due(NOW)
        OutboxMessage.objects.update(leased_until=F("leased_until") - effects.LEASE / 2)
    sent = OutboxMessage.objects.filter(sent_at__isnull=False)
    assert set(sent.values_list("pk", flat=True)) == {other.pk for other in others}
    assert OutboxMessage.objects.get(pk=deadly.pk).attempts == 3
    OutboxMessage.objects.filter(pk=deadly.pk).update(
        attempts=effects.MAX_ATTEMPTS - 1, leased_until=Now() - effects.LEASE
    )
    effects.deliver_due(NOW)
    assert OutboxMessage.objects.get(pk=deadly.pk).dead_at
