"""What load balancers and operators are told."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db.models.functions import Now
from django.test import Client

from workestra.accounts.models import Workspace
from workestra.notifications.models import OutboxMessage

pytestmark = pytest.mark.django_db


def owe(workspace: Workspace, waited: timedelta, **more: object) -> None:
    OutboxMessage.objects.create(
        workspace=workspace,
        topic="test",
        topic_id=uuid4(),
        kind="test",
        recipient="priya@saltmarsh.example",
        seq=0,
        available_at=Now() - waited,
        **more,
    )


def test_mail_that_nobody_delivers_is_seen(client: Client, workspace: Workspace) -> None:
    assert client.get("/healthz").json() == {"database": "ok", "overdue_mail_seconds": 0}
    owe(workspace, timedelta(seconds=-90))
    owe(workspace, timedelta(minutes=9), sent_at=Now())
    assert client.get("/healthz").json()["overdue_mail_seconds"] == 0
    owe(workspace, timedelta(minutes=2))
    owe(workspace, timedelta(minutes=5))
    assert 300 <= client.get("/healthz").json()["overdue_mail_seconds"] < 330
