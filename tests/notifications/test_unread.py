"""How many notices wait, beside their entry in the sidebar; and giving every dead mail another set of tries."""

from datetime import datetime
from uuid import uuid4

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from tests.conftest import signed_in
from workestra.accounts.models import Membership
from workestra.audit.models import AuditEvent
from workestra.notifications.models import Notice, OutboxMessage
from workestra.notifications.services import retry_all_for
from workestra.notifications.unread import unread_words

pytestmark = pytest.mark.django_db


def test_unread_notices_are_counted_in_the_sidebar(alice: Membership, NOW: datetime) -> None:
    Notice.objects.bulk_create(
        Notice(
            workspace=alice.workspace,
            user=alice.user,
            kind="briefing",
            topic_id=uuid4(),
            title="Soon",
            path="/",
        )
        for _ in range(3)
    )
    browser = signed_in(alice)
    assert 'class="count">3<' in browser.get("/calendar/notices").content.decode()
    browser.post("/calendar/notices/read")
    assert 'class="count">' not in browser.get("/calendar/notices").content.decode()


def test_nobody_counts_his_notices_beyond_a_hundred() -> None:
    assert [unread_words(number) for number in (0, 7, 99, 100)] == ["", "7", "99", "99+"]


@pytest.mark.parametrize("count", [2, 20])
def test_all_dead_mails_are_tried_again_in_as_many_queries_as_one(
    count: int, dana: Membership, NOW: datetime
) -> None:
    OutboxMessage.objects.bulk_create(
        OutboxMessage(
            workspace=dana.workspace,
            topic="booking",
            topic_id=uuid4(),
            kind="booking.confirmed.host",
            recipient=f"r{number}@x.example",
            seq=0,
            attempts=8,
            dead_at=Now(),
        )
        for number in range(count)
    )
    with CaptureQueriesContext(connection) as captured:
        assert retry_all_for(by=dana, now=NOW) == count
    assert len(captured) == 5
    assert not OutboxMessage.objects.filter(dead_at__isnull=False).exists()
    assert AuditEvent.objects.filter(action="mail.retried", actor_name=dana.user.name).count() == count
