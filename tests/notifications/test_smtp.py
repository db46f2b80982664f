"""Delivery over real SMTP, to a server nobody here wrote."""

import email
import email.policy
import socket
from collections.abc import Iterator
from datetime import datetime
from email.message import EmailMessage as ParsedMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.notifications.conftest import Owe
from workestra.notifications import effects, services
from workestra.notifications.models import OutboxMessage

pytestmark = pytest.mark.django_db(transaction=True)


class Post:
    """Accepts mail, but not for everybody."""

    def __init__(self) -> None:
        self.mails: list[ParsedMessage] = []
        self.sessions: set[int] = set()

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address.startswith("gone"):
            return "550 5.1.1 No such user"
        if address.startswith("busy"):
            return "451 4.7.1 Try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.sessions.add(id(session))
        content = envelope.original_content
        assert content
        self.mails.append(email.message_from_bytes(content, policy=email.policy.default))
        return "250 OK"


@pytest.fixture
def post(settings: Any) -> Iterator[Post]:
    handler = Post()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST = "127.0.0.1"
        settings.EMAIL_PORT = port
        settings.EMAIL_TIMEOUT = 5
        settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
        settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
        yield handler
    finally:
        controller.stop()


def test_mails_arrive_in_one_session_each_with_the_id_of_its_message(
    owe: Owe, NOW: datetime, post: Post
) -> None:
    messages = [owe(f"b{number}@larkhill.example") for number in range(3)]
    effects.deliver_due(NOW)
    assert [mail["Message-ID"] for mail in post.mails] == [
        f"<{message.pk}@localhost>" for message in messages
    ]
    assert len(post.sessions) == 1
    messages[0].refresh_from_db()
    assert messages[0].mail
    kept = email.message_from_bytes(messages[0].mail, policy=email.policy.default)
    assert kept.as_bytes() == post.mails[0].as_bytes()


def test_the_server_decides_who_is_tried_again(owe: Owe, NOW: datetime, post: Post) -> None:
    gone, busy, fine = (owe(f"{name}@larkhill.example") for name in ("gone", "busy", "fine"))
    effects.deliver_due(NOW)
    for message in (gone, busy, fine):
        message.refresh_from_db()
    assert gone.dead_at
    assert "No such user" in gone.last_error
    assert (busy.dead_at, busy.sent_at) == (None, None)
    assert fine.sent_at
    assert [mail["To"] for mail in post.mails] == ["fine@larkhill.example"]


def test_mails_wait_while_the_server_is_away_and_arrive_when_it_is_back(
    owe: Owe, NOW: datetime, post: Post, settings: Any
) -> None:
    port = settings.EMAIL_PORT
    settings.EMAIL_PORT = 1
    owe()
    effects.deliver_due(NOW)
    waiting = OutboxMessage.objects.get()
    assert "ConnectionRefusedError" in waiting.last_error
    settings.EMAIL_PORT = port
    OutboxMessage.objects.update(available_at=waiting.created_at)
    effects.deliver_due(NOW)
    assert len(post.mails) == 1


def test_a_resend_arrives_as_a_mail_of_its_own(owe: Owe, NOW: datetime, post: Post) -> None:
    message = owe()
    effects.deliver_due(NOW)
    services.resend(message)
    effects.deliver_due(NOW)
    assert len({mail["Message-ID"] for mail in post.mails}) == 2
