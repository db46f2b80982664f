"""A mail server that does as it is told."""

from collections.abc import Callable, Sequence

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.db import connection
from django.db.models.functions import Now

from workestra.notifications.models import OutboxMessage

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


def failing(error: Exception, *, only_for: str = "") -> Callable[..., None]:
    def fail(message: EmailMessage | None = None) -> None:
        if not only_for or (message and only_for in message.to):
            raise error

    return staticmethod(fail)  # type: ignore[return-value]


def make_due() -> None:
    """Let every pause be over."""
    OutboxMessage.objects.update(available_at=Now())
