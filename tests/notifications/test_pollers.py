"""Several workers on one outbox, in real threads on real PostgreSQL, and the control that shows what leases do."""

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import pytest
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import connection
from django.db.models.functions import Now

from tests.notifications.conftest import Owe
from workestra.notifications import effects, selectors
from workestra.notifications.models import OutboxMessage
from workestra.notifications.registry import renderer_of

pytestmark = pytest.mark.django_db(transaction=True)

MAILS = 100
POLLERS = 4


class SlowServer(BaseEmailBackend):
    """Takes a moment for every mail, so that pollers meet."""

    accepted: list[str] = []
    lock = threading.Lock()
    pause = threading.Event()

    def send_messages(self, messages: Sequence[EmailMessage]) -> int:
        for message in messages:
            self.pause.wait(0.005)
            with self.lock:
                self.accepted.append(message.to[0])
        return len(messages)


@pytest.fixture
def accepted(settings: Any) -> list[str]:
    settings.EMAIL_BACKEND = f"{__name__}.SlowServer"
    SlowServer.accepted = []
    return SlowServer.accepted


def at_once(work: Callable[[], object]) -> None:
    """Run `work` in POLLERS threads that start together; an error in one of them is raised here."""
    barrier = threading.Barrier(POLLERS)
    errors: list[BaseException] = []

    def run() -> None:
        try:
            barrier.wait()
            work()
        except BaseException as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(POLLERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def test_pollers_share_the_outbox_and_send_every_mail_once(
    owe: Owe, NOW: datetime, accepted: list[str]
) -> None:
    for number in range(MAILS):
        owe(f"b{number}@larkhill.example")
    at_once(lambda: effects.deliver_due(NOW))
    assert Counter(accepted) == Counter(f"b{number}@larkhill.example" for number in range(MAILS))
    assert OutboxMessage.objects.filter(sent_at__isnull=False, attempts=1).count() == MAILS


def test_control_without_leases_pollers_send_the_same_mails(
    owe: Owe, NOW: datetime, accepted: list[str]
) -> None:
    for number in range(MAILS):
        owe(f"b{number}@larkhill.example")

    def poll() -> None:
        for message in selectors.waiting():
            mail = renderer_of(message.kind)(message, NOW)
            get_connection().send_messages([mail])  # type: ignore[list-item]
            OutboxMessage.objects.filter(pk=message.pk).update(sent_at=Now())

    at_once(poll)
    assert max(Counter(accepted).values()) > 1
