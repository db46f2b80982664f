"""The bell is a convenience: a booking stands, at once, whether or not anybody hears it."""

import logging
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from celery import Task
from django.db import transaction
from kombu import Connection

from tests.notifications.conftest import Owe
from workestra.celery import app
from workestra.notifications import tasks
from workestra.notifications.models import OutboxMessage

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def bell() -> None:
    """The real one."""


@pytest.fixture
def _broker_away(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The settings as they are, with a broker's address where nobody answers."""
    options = app.conf.broker_transport_options
    with socket.create_server(("127.0.0.1", 0), backlog=0) as silent, ExitStack() as waiting:
        address = silent.getsockname()
        for _ in range(3):  # A full queue: the next one to connect is left without an answer.
            connecting = waiting.enter_context(socket.socket())
            connecting.setblocking(False)
            connecting.connect_ex(address)
        nowhere = Connection(f"redis://127.0.0.1:{address[1]}/0", transport_options=options)

        def ring(args: tuple[str, ...], **more: Any) -> None:
            Task.apply_async(tasks.deliver_outbox, args, connection=nowhere, **more)

        monkeypatch.setattr(tasks.deliver_outbox, "apply_async", ring)
        yield


@pytest.mark.usefixtures("_broker_away")
def test_with_the_broker_away_mails_are_owed_all_the_same_and_nobody_waits(
    owe: Owe, caplog: pytest.LogCaptureFixture
) -> None:
    begun = time.monotonic()
    with transaction.atomic():
        for number in range(3):
            owe(f"b{number}@larkhill.example")
    assert time.monotonic() - begun < 0.5
    assert OutboxMessage.objects.count() == 3
    while time.monotonic() - begun < 5 and not caplog.records:
        time.sleep(0.05)
    (told,) = caplog.records
    assert told.levelno == logging.WARNING
    assert "the beat finds the work" in told.message
    assert time.monotonic() - begun < 2


def test_a_broker_that_is_away_is_looked_for_every_five_seconds_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("kombu.utils.functional.sleep", lambda seconds: None)
    waits: list[float] = []

    def away(error: Exception, wait: float) -> None:
        waits.append(wait)
        if len(waits) == 200:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        app.connection_for_read().ensure_connection(away, app.conf.broker_connection_max_retries)
    assert waits == [2, 4] + 198 * [5]
