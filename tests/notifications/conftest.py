"""A kind of mail that only these tests know, and a mail server that is one list."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.db import transaction

from tests.notifications.mail_server import Server
from workestra.accounts.models import Workspace
from workestra.notifications import doorbell, registry, services
from workestra.notifications.models import OutboxMessage
from workestra.notifications.registry import Renderer, Skip, renders

KIND = "test.note"
SENDER = "Workestra <scheduling@localhost>"

Owe = Callable[..., OutboxMessage]
Render = Callable[[Renderer], None]


def note(message: OutboxMessage, now: datetime) -> EmailMessage | Skip:
    mail = EmailMultiAlternatives(f"Note {message.seq}", f"{now:%H:%M}", SENDER, [message.recipient])
    mail.attach_alternative("<p>Hello</p>", "text/html")
    return mail


@pytest.fixture
def render_with(monkeypatch: pytest.MonkeyPatch) -> Render:
    """Replace the renderer of KIND within a test."""

    def replace(renderer: Renderer) -> None:
        monkeypatch.delitem(registry._renderers, KIND, raising=False)
        renders(KIND)(renderer)

    return replace


@pytest.fixture(autouse=True)
def _note_is_a_kind(render_with: Render) -> Iterator[None]:
    render_with(note)
    yield
    registry._renderers.pop(KIND, None)


@pytest.fixture(autouse=True)
def bell(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tasks the doorbell rang for; nobody opens."""
    rings: list[str] = []
    monkeypatch.setattr(doorbell._Bell, "ring", lambda self, ring: rings.append(ring.task.name))
    return rings


@pytest.fixture
def owe(workspace: Workspace) -> Owe:
    """Enqueue one mail in a transaction of its own."""

    def enqueue(
        recipient: str = "priya@orchardfreight.example",
        *,
        topic_id: UUID | None = None,
        kind: str = KIND,
        seq: int = 0,
        available_at: datetime | None = None,
    ) -> OutboxMessage:
        with transaction.atomic():
            return services.enqueue(
                workspace_id=workspace.pk,
                topic="note",
                topic_id=topic_id or uuid4(),
                kind=kind,
                recipient=recipient,
                seq=seq,
                available_at=available_at,
            )

    return enqueue


@pytest.fixture
def server(settings: Any) -> type[Server]:
    """A mail server that takes everything, until a test tells it otherwise."""
    settings.EMAIL_BACKEND = f"{Server.__module__}.{Server.__name__}"
    Server.accepted = []
    Server.opened = 0
    Server.on_open = staticmethod(lambda: None)  # type: ignore[assignment]
    Server.on_send = staticmethod(lambda message: None)  # type: ignore[assignment]
    return Server
