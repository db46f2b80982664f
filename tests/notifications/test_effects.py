"""Delivery, one poller at a time. Several at once: test_pollers.py. A real mail server: test_smtp.py."""

import logging
import smtplib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core import mail
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Now

from tests.notifications.conftest import KIND, SENDER, Owe, Render, note
from workestra.notifications import effects, selectors, services
from workestra.notifications.models import OutboxMessage
from workestra.notifications.registry import Skip, renders

pytestmark = pytest.mark.django_db(transaction=True)

SeeMails = Callable[[EmailMessage], None]


class Server(BaseEmailBackend):
    """A mail server that does what a test tells it, and remembers what it accepted."""

    accepted: list[EmailMessage] = []
    opened = 0
    on_open: Callable[[], None]
    on_send: SeeMails

    def open(self) -> None:
        type(self).opened += 1
        type(self).on_open()

    def send_messages(self, messages: Sequence[EmailMessage]) -> int:
        assert not connection.in_atomic_block, "a transaction was open while a mail was sent"
        for message in messages:
            type(self).on_send(message)
            self.accepted.append(message)
        return len(messages)


@pytest.fixture
def server(settings: Any) -> type[Server]:
    settings.EMAIL_BACKEND = f"{__name__}.Server"
    Server.accepted = []
    Server.opened = 0
    Server.on_open = staticmethod(lambda: None)  # type: ignore[assignment]
    Server.on_send = staticmethod(lambda message: None)  # type: ignore[assignment]
    return Server


def failing(error: Exception, *, only_for: str = "") -> Callable[..., None]:
    def fail(message: EmailMessage | None = None) -> None:
        if not only_for or (message and only_for in message.to):
            raise error

    return staticmethod(fail)  # type: ignore[return-value]


def make_due() -> None:
    """Let every pause be over."""
    OutboxMessage.objects.update(available_at=Now())


# --- Once ----------------------------------------------------------------------------------------------------------


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


# --- Leases ----------------------------------------------------------------------------------------------------------


def test_a_mail_leased_by_another_worker_is_left_alone_until_the_lease_is_over(
    owe: Owe, NOW: datetime
) -> None:
    message = owe()
    (leased,) = effects._lease()
    assert leased == message
    assert effects.deliver_due(NOW) == 0
    # The worker died: nothing marked the message, and the lease ran out.
    OutboxMessage.objects.update(leased_until=Now() - timedelta(seconds=1))
    assert effects.deliver_due(NOW) == 1
    assert len(mail.outbox) == 1
    message.refresh_from_db()
    assert message.attempts == 2


def test_who_lost_his_lease_does_not_send(owe: Owe, NOW: datetime) -> None:
    owe()
    (slow,) = effects._lease()
    OutboxMessage.objects.update(leased_until=Now() - timedelta(seconds=1))
    effects.deliver_due(NOW)
    with effects._Post() as post:
        effects._deliver(slow, post, NOW)
    assert len(mail.outbox) == 1


def test_who_outlives_his_lease_but_was_not_replaced_still_sends(owe: Owe, NOW: datetime) -> None:
    owe()
    (slow,) = effects._lease()
    OutboxMessage.objects.update(leased_until=Now() - timedelta(seconds=1))
    with effects._Post() as post:
        effects._deliver(slow, post, NOW)
    assert len(mail.outbox) == 1
    assert effects.deliver_due(NOW) == 0


def test_the_lease_begins_anew_right_before_the_mail_server_is_spoken_to(
    owe: Owe, NOW: datetime, server: type[Server]
) -> None:
    owe()
    (message,) = effects._lease()
    OutboxMessage.objects.update(leased_until=Now() + timedelta(seconds=1))
    left: list[timedelta] = []

    def look(_message: EmailMessage) -> None:
        row = OutboxMessage.objects.get()
        assert row.leased_until
        left.append(row.leased_until - datetime.now(UTC))

    server.on_send = staticmethod(look)  # type: ignore[assignment]
    with effects._Post() as post:
        effects._deliver(message, post, NOW)
    assert left[0] > effects.LEASE - timedelta(seconds=10)


def test_a_run_that_takes_too_long_hands_back_what_it_has_not_sent(
    owe: Owe, NOW: datetime, monkeypatch: pytest.MonkeyPatch, server: type[Server]
) -> None:
    for number in range(3):
        owe(f"b{number}@larkhill.example")
    monkeypatch.setattr(effects, "RUN_FOR", timedelta(seconds=0.2))

    def dawdle(_message: EmailMessage) -> None:
        connection.cursor().execute("SELECT pg_sleep(0.3)")

    server.on_send = staticmethod(dawdle)  # type: ignore[assignment]
    assert effects.deliver_due(NOW) == 1
    assert selectors.due().count() == 2


def test_a_mail_server_that_takes_its_time_costs_nobody_his_lease(
    owe: Owe, NOW: datetime, monkeypatch: pytest.MonkeyPatch, server: type[Server]
) -> None:
    for number in range(2):
        owe(f"b{number}@larkhill.example")
    monkeypatch.setattr(effects, "LEASE", timedelta(seconds=0.3))
    monkeypatch.setattr(effects, "RENEW_EVERY", timedelta(seconds=0.05))
    due: list[int] = []

    def dawdle(_message: EmailMessage) -> None:
        connection.cursor().execute("SELECT pg_sleep(0.6)")
        due.append(selectors.due().count())

    server.on_send = staticmethod(dawdle)  # type: ignore[assignment]
    assert effects.deliver_due(NOW) == 2
    assert due == [0, 0]
    assert set(OutboxMessage.objects.values_list("attempts", "leased_until")) == {(1, None)}


def test_a_worker_that_hangs_loses_its_leases(
    owe: Owe, NOW: datetime, monkeypatch: pytest.MonkeyPatch, server: type[Server]
) -> None:
    owe()
    for name, seconds in (("LEASE", 0.1), ("RENEW_EVERY", 0.02), ("RUN_FOR", 0.1), ("SLOWEST_MAIL", 0.0)):
        monkeypatch.setattr(effects, name, timedelta(seconds=seconds))
    due: list[int] = []

    def hang(_message: EmailMessage) -> None:
        connection.cursor().execute("SELECT pg_sleep(0.4)")
        due.append(selectors.due().count())

    server.on_send = staticmethod(hang)  # type: ignore[assignment]
    effects.deliver_due(NOW)
    assert due == [1]


def cut_connection() -> None:
    """What a restart of PostgreSQL does to a worker."""
    pid = connection.connection.info.backend_pid
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    other.close()


def test_a_mail_sent_while_postgresql_went_away_is_marked_when_it_is_back(
    owe: Owe, NOW: datetime, server: type[Server]
) -> None:
    for number in range(3):
        owe(f"b{number}@larkhill.example")
    cuts = iter([True, False, False])
    server.on_send = staticmethod(lambda message: cut_connection() if next(cuts) else None)  # type: ignore[assignment]
    assert effects.deliver_due(NOW) == 3
    assert len(server.accepted) == 3
    assert OutboxMessage.objects.filter(sent_at__isnull=False, attempts=1).count() == 3


def test_what_is_not_sent_when_postgresql_goes_away_is_handed_back_at_once(
    owe: Owe, NOW: datetime, server: type[Server], render_with: Render
) -> None:
    for number in range(3):
        owe(f"b{number}@larkhill.example")
    cuts = iter([False, True, False, False, False])

    def render(message: OutboxMessage, now: datetime) -> EmailMessage | Skip:
        if next(cuts):
            cut_connection()
            OutboxMessage.objects.exists()
        return note(message, now)

    render_with(render)
    assert effects.deliver_due(NOW) == 3
    assert len(server.accepted) == 3
    assert sorted(OutboxMessage.objects.values_list("attempts", flat=True)) == [1, 2, 2]
    assert set(OutboxMessage.objects.values_list("last_error", flat=True)) == {""}


def test_a_later_mail_about_the_same_thing_waits_for_the_one_on_its_way(owe: Owe, NOW: datetime) -> None:
    topic = uuid4()
    owe(topic_id=topic)
    (confirmation,) = effects._lease()
    cancellation = owe(topic_id=topic, kind=f"{KIND}:cancelled", seq=1)
    somebody_else = owe("somebody@else.example", topic_id=topic)
    assert list(selectors.due()) == [somebody_else]
    effects._hand_back([confirmation])
    assert list(selectors.due()) == [confirmation, somebody_else]
    effects.deliver_due(NOW)
    told = [sent.subject for sent in mail.outbox if sent.to == [cancellation.recipient]]
    assert told == ["Note 0", "Note 1"]


def test_what_waits_for_its_next_try_is_not_overtaken_by_what_followed_it(
    owe: Owe, NOW: datetime, server: type[Server]
) -> None:
    topic, other = uuid4(), uuid4()
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    owe(topic_id=topic, kind=f"{KIND}:reminder", available_at=tomorrow)
    server.on_send = failing(smtplib.SMTPServerDisconnected("gone"))  # type: ignore[assignment]
    with transaction.atomic():
        first = owe(topic_id=topic, kind=f"{KIND}:confirmed")
        owe(topic_id=topic, seq=1)
    assert effects.deliver_due(NOW) == 1
    assert effects.deliver_due(NOW) == 0
    server.on_send = staticmethod(lambda message: None)  # type: ignore[assignment]
    owe(topic_id=other)
    assert effects.deliver_due(NOW) == 1, "others do not wait"
    OutboxMessage.objects.filter(pk=first.pk).update(available_at=Now())
    assert effects.deliver_due(NOW) == 2
    assert [sent.subject for sent in server.accepted] == ["Note 0", "Note 0", "Note 1"]
    assert OutboxMessage.objects.filter(sent_at=None).count() == 1


AWAY = {
    "lost": smtplib.SMTPServerDisconnected("gone"),
    "closing": smtplib.SMTPDataError(421, b"shutting down"),
    "closing at the recipient": smtplib.SMTPRecipientsRefused({"x": (421, b"shutting down")}),
    "sign in first": smtplib.SMTPDataError(530, b"sign in first"),
    "no room": smtplib.SMTPSenderRefused(452, b"no room", "x"),
    "slow": TimeoutError("slow"),
}
ITS_OWN = {
    "gray-listed": smtplib.SMTPRecipientsRefused({"priya@orchardfreight.example": (451, b"later")}),
    "mailbox busy": smtplib.SMTPDataError(450, b"busy"),
}


def owe_two(owe: Owe) -> tuple[OutboxMessage, OutboxMessage]:
    """A confirmation, and what followed it."""
    topic = uuid4()
    with transaction.atomic():
        return owe(topic_id=topic, kind=f"{KIND}:confirmed"), owe(topic_id=topic, seq=1)


def fails_for(time: timedelta) -> None:
    """As if all that fails by itself had done so for that much longer."""
    OutboxMessage.objects.update(failing_since=F("failing_since") - time)


@pytest.mark.parametrize("error", AWAY.values(), ids=AWAY)
def test_while_the_server_is_away_the_others_wait_for_hours(
    owe: Owe, NOW: datetime, server: type[Server], error: Exception
) -> None:
    first, second = owe_two(owe)
    server.on_send = failing(error)  # type: ignore[assignment]
    assert effects.deliver_due(NOW) == 1
    first.refresh_from_db()
    assert (first.failing_since, first.dead_at) == (None, None)
    for tries, what in ((selectors.TRIES_WAITED_FOR - 1, []), (selectors.TRIES_WAITED_FOR, [second])):
        OutboxMessage.objects.filter(pk=first.pk).update(attempts=tries)
        assert list(selectors.due()) == what


def test_for_a_server_that_lets_nobody_in_all_wait(owe: Owe, NOW: datetime, server: type[Server]) -> None:
    first, _second = owe_two(owe)
    server.on_open = failing(smtplib.SMTPAuthenticationError(535, b"wrong password"))
    assert effects.deliver_due(NOW) == 1
    first.refresh_from_db()
    assert first.failing_since is None


@pytest.mark.parametrize("error", ITS_OWN.values(), ids=ITS_OWN)
def test_for_a_mail_that_alone_is_not_taken_the_others_wait_for_twenty_minutes(
    owe: Owe, NOW: datetime, server: type[Server], error: Exception
) -> None:
    first, second = owe_two(owe)
    server.on_send = failing(error)  # type: ignore[assignment]
    assert effects.deliver_due(NOW) == 1
    fails_for(selectors.WAITED_FOR - timedelta(minutes=1))
    assert list(selectors.due()) == []
    make_due()
    assert list(selectors.due()) == [first], "in their order once it is taken"
    assert effects.deliver_due(NOW) == 1
    fails_for(timedelta(minutes=1))
    assert list(selectors.due()) == [second], "its later failures begin nothing anew"
    server.on_send = staticmethod(lambda message: None)  # type: ignore[assignment]
    make_due()
    assert effects.deliver_due(NOW) == 2


def test_for_a_mail_that_cannot_be_written_the_others_wait_for_twenty_minutes(
    owe: Owe, NOW: datetime, server: type[Server], render_with: Render
) -> None:
    first, _second = owe_two(owe)

    def render(message: OutboxMessage, now: datetime) -> EmailMessage | Skip:
        if message.pk == first.pk:
            raise OSError("a picture is missing")
        return note(message, now)

    render_with(render)
    assert effects.deliver_due(NOW) == 1
    assert effects.deliver_due(NOW) == 0
    fails_for(selectors.WAITED_FOR)
    assert effects.deliver_due(NOW) == 1
    assert [sent.subject for sent in server.accepted] == ["Note 1"]


def test_a_server_that_goes_away_begins_the_wait_for_a_mail_anew(
    owe: Owe, NOW: datetime, server: type[Server]
) -> None:
    owe_two(owe)
    server.on_send = failing(smtplib.SMTPDataError(451, b"later"))  # type: ignore[assignment]
    effects.deliver_due(NOW)
    fails_for(selectors.WAITED_FOR - timedelta(minutes=1))
    make_due()
    server.on_send = failing(TimeoutError())  # type: ignore[assignment]
    assert effects.deliver_due(NOW) == 1
    fails_for(selectors.WAITED_FOR)
    assert not selectors.due().exists(), "they wait for the server"
    make_due()
    server.on_send = failing(smtplib.SMTPDataError(451, b"later"))  # type: ignore[assignment]
    assert effects.deliver_due(NOW) == 1
    assert not selectors.due().exists(), "and for the mail, from now on"


def test_what_failed_and_was_put_off_to_another_day_holds_nothing_up_until_then(
    owe: Owe, NOW: datetime, server: type[Server]
) -> None:
    topic, tomorrow = uuid4(), datetime.now(UTC) + timedelta(days=1)
    server.on_send = failing(smtplib.SMTPServerDisconnected("gone"))  # type: ignore[assignment]
    reminder = owe(topic_id=topic, kind=f"{KIND}:reminder")
    assert effects.deliver_due(NOW) == 1
    with transaction.atomic():
        services.put_off_until({reminder.pk: tomorrow})
    cancellation = owe(topic_id=topic, kind=f"{KIND}:cancelled", seq=1)
    assert list(selectors.due()) == [cancellation]
    OutboxMessage.objects.filter(pk=reminder.pk).update(available_at=Now())
    assert list(selectors.due()) == [reminder]


@pytest.mark.parametrize("is_refused", [False, True])
def test_a_mail_put_off_while_a_worker_has_it_goes_at_its_new_time(
    owe: Owe, NOW: datetime, server: type[Server], render_with: Render, is_refused: bool
) -> None:
    message, tomorrow = owe(), datetime.now(UTC) + timedelta(days=1)

    def render(message: OutboxMessage, now: datetime) -> EmailMessage:
        with transaction.atomic():
            services.put_off_until({message.pk: tomorrow})
        if is_refused:
            raise RuntimeError("a mistake")
        return note(message, now)  # type: ignore[return-value]

    render_with(render)
    effects.deliver_due(NOW)
    message.refresh_from_db()
    assert server.accepted == []
    assert (message.available_at, message.leased_until, message.last_error) == (tomorrow, None, "")


# --- Nothing to tell any more ----------------------------------------------------------------------------------------


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


# --- What goes wrong -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error",
    [
        smtplib.SMTPServerDisconnected("gone"),
        smtplib.SMTPDataError(451, b"greylisted"),
        smtplib.SMTPRecipientsRefused({"priya@orchardfreight.example": (450, b"busy")}),
        smtplib.SMTPSenderRefused(530, b"sign in first", "x"),
        TimeoutError("slow"),
        ConnectionResetError("reset"),
    ],
    ids=repr,
)
def test_a_passing_failure_is_tried_again_after_a_pause(
    owe: Owe, NOW: datetime, server: type[Server], error: Exception
) -> None:
    server.on_send = failing(error)
    message = owe()
    effects.deliver_due(NOW)
    message.refresh_from_db()
    assert (message.sent_at, message.dead_at, message.leased_until, message.attempts) == (None, None, None, 1)
    assert type(error).__name__ in message.last_error
    pause = message.available_at - datetime.now(UTC)
    assert timedelta(seconds=0) < pause <= timedelta(seconds=2)
    assert effects.deliver_due(NOW) == 0
    make_due()
    server.on_send = staticmethod(lambda message: None)  # type: ignore[assignment]
    assert effects.deliver_due(NOW) == 1
    message.refresh_from_db()
    assert message.sent_at
    assert message.last_error == ""


@pytest.mark.parametrize(
    "error",
    [
        smtplib.SMTPDataError(554, b"spam"),
        smtplib.SMTPRecipientsRefused({"priya@orchardfreight.example": (550, b"no such user\x00")}),
        smtplib.SMTPSenderRefused(552, b"too big", "x"),
        smtplib.SMTPNotSupportedError("SMTPUTF8"),
    ],
    ids=repr,
)
def test_a_refusal_for_good_is_not_tried_again_until_somebody_asks(
    owe: Owe, NOW: datetime, server: type[Server], error: Exception
) -> None:
    server.on_send = failing(error)
    message = owe()
    effects.deliver_due(NOW)
    message.refresh_from_db()
    assert message.dead_at
    make_due()
    assert effects.deliver_due(NOW) == 0
    server.on_send = staticmethod(lambda message: None)  # type: ignore[assignment]
    services.retry(message)
    assert effects.deliver_due(NOW) == 1
    message.refresh_from_db()
    assert message.sent_at
    assert message.dead_at is None


def test_one_bad_mail_does_not_hold_up_the_others(owe: Owe, NOW: datetime, server: type[Server]) -> None:
    server.on_send = failing(smtplib.SMTPDataError(554, b"spam"), only_for="b1@larkhill.example")
    for number in range(4):
        owe(f"b{number}@larkhill.example")
    effects.deliver_due(NOW)
    assert [message.to[0][:2] for message in server.accepted] == ["b0", "b2", "b3"]
    assert server.opened == 2


def test_a_server_that_cannot_be_reached_is_asked_once_a_batch(
    owe: Owe, NOW: datetime, server: type[Server]
) -> None:
    server.on_open = failing(smtplib.SMTPAuthenticationError(535, b"wrong password"))
    for number in range(5):
        owe(f"b{number}@larkhill.example")
    effects.deliver_due(NOW)
    assert server.opened == 1
    assert selectors.waiting().count() == 5
    assert set(OutboxMessage.objects.values_list("attempts", flat=True)) == {1}


def test_pauses_grow_to_a_quarter_of_an_hour_and_end_after_many_tries(
    owe: Owe, NOW: datetime, server: type[Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    server.on_send = failing(TimeoutError())
    monkeypatch.setattr(effects.random, "random", lambda: 1.0)
    message = owe()
    pauses = []
    for attempts in (0, 1, 2, 8, 9, 10, effects.MAX_ATTEMPTS - 2):
        OutboxMessage.objects.update(attempts=attempts, available_at=Now())
        effects.deliver_due(NOW)
        message.refresh_from_db()
        pauses.append(round((message.available_at - datetime.now(UTC)).total_seconds()))
    assert pauses == [2, 4, 8, 512, 900, 900, 900]
    make_due()
    effects.deliver_due(NOW)
    message.refresh_from_db()
    assert message.attempts == effects.MAX_ATTEMPTS
    assert message.dead_at
    services.retry(message)
    effects.deliver_due(NOW)
    message.refresh_from_db()
    assert message.dead_at is None


def test_an_unknown_kind_is_buried_loudly(owe: Owe, NOW: datetime, caplog: pytest.LogCaptureFixture) -> None:
    message = owe(kind="test.unheard_of")
    effects.deliver_due(NOW)
    message.refresh_from_db()
    assert message.dead_at
    assert "test.unheard_of" in message.last_error
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


def test_a_mistake_in_a_renderer_is_logged_and_tried_again(
    owe: Owe, NOW: datetime, render_with: Render, caplog: pytest.LogCaptureFixture
) -> None:
    def mistaken(message: OutboxMessage, now: datetime) -> EmailMessage | Skip:
        raise AttributeError("'NoneType' object has no attribute 'name'")

    render_with(mistaken)
    message = owe()
    effects.deliver_due(NOW)
    message.refresh_from_db()
    assert message.dead_at is None
    assert "NoneType" in message.last_error
    assert any(record.exc_info for record in caplog.records)
    render_with(note)
    make_due()
    effects.deliver_due(NOW)
    assert len(mail.outbox) == 1


@pytest.mark.parametrize(
    "rendered",
    [
        EmailMessage("Hi", "", SENDER, ["mallory@example.com"]),
        EmailMessage("Hi", "", SENDER, ["priya@orchardfreight.example"], bcc=["mallory@example.com"]),
        EmailMessage("Hi", "", SENDER, []),
        EmailMessage("Hi\nBcc: mallory@example.com", "", SENDER, ["priya@orchardfreight.example"]),
    ],
    ids=["to another", "also to another", "to nobody", "with a header too many"],
)
def test_a_mail_to_anybody_but_its_recipient_is_never_sent(
    owe: Owe, NOW: datetime, render_with: Render, rendered: EmailMessage
) -> None:
    render_with(lambda message, now: rendered)
    message = owe()
    effects.deliver_due(NOW)
    message.refresh_from_db()
    assert message.dead_at
    assert mail.outbox == []


def test_a_named_recipient_is_the_recipient(owe: Owe, NOW: datetime, render_with: Render) -> None:
    render_with(lambda message, now: EmailMessage("Hi", "", SENDER, [f'"Nair, Priya" <{message.recipient}>']))
    owe()
    effects.deliver_due(NOW)
    assert len(mail.outbox) == 1


def test_a_kind_has_one_renderer(render_with: Render) -> None:
    with pytest.raises(ValueError, match="already has a renderer"):
        renders("test.note")(note)
