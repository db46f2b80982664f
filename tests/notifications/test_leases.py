"""Leases: one worker at a time has a mail, whatever becomes of it; and the order of what is owed."""

import smtplib
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.core import mail
from django.core.mail import EmailMessage
from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Now

from tests.notifications.conftest import KIND, Owe, Render, note
from tests.notifications.mail_server import Server, failing, make_due
from workestra.notifications import effects, selectors, services
from workestra.notifications.models import OutboxMessage
from workestra.notifications.registry import Skip

pytestmark = pytest.mark.django_db(transaction=True)
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
