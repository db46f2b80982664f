"""What goes wrong in delivering a mail: what is tried again, and what is buried."""

import logging
import smtplib
from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail
from django.core.mail import EmailMessage
from django.db.models.functions import Now

from tests.notifications.conftest import SENDER, Owe, Render, note
from tests.notifications.mail_server import Server, failing, make_due
from workestra.notifications import effects, selectors, services
from workestra.notifications.models import OutboxMessage
from workestra.notifications.registry import Skip, renders

pytestmark = pytest.mark.django_db(transaction=True)


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
