from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.db.models.functions import Now
from django.db.transaction import TransactionManagementError

from tests.notifications.conftest import KIND, Owe
from workestra.accounts.models import Workspace
from workestra.notifications import selectors, services
from workestra.notifications.models import OutboxMessage

RING = "workestra.notifications.tasks.deliver_outbox"

pytestmark = pytest.mark.django_db


def enqueue_in(workspace: Workspace) -> OutboxMessage:
    return services.enqueue(
        workspace_id=workspace.pk, topic="note", topic_id=uuid4(), kind=KIND, recipient="a@b.example", seq=0
    )


@pytest.mark.django_db(transaction=True)
def test_a_mail_is_owed_only_inside_a_transaction(workspace: Workspace) -> None:
    with pytest.raises(TransactionManagementError):
        enqueue_in(workspace)
    with pytest.raises(TransactionManagementError):
        services.cancel_pending(uuid4())
    assert not OutboxMessage.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_mail_goes_with_the_transaction_that_owed_it(workspace: Workspace, bell: list[str]) -> None:
    with transaction.atomic():
        enqueue_in(workspace)
        transaction.set_rollback(True)
    assert not OutboxMessage.objects.exists()
    assert bell == []


@pytest.mark.django_db(transaction=True)
def test_a_transaction_rings_once_however_many_mails_it_owes(workspace: Workspace, bell: list[str]) -> None:
    with transaction.atomic():
        with transaction.atomic():
            enqueue_in(workspace)
        enqueue_in(workspace)
        enqueue_in(workspace)
    assert bell == [RING]


@pytest.mark.django_db(transaction=True)
def test_the_bell_rings_for_what_is_left_after_a_savepoint_is_undone(
    workspace: Workspace, bell: list[str]
) -> None:
    with transaction.atomic():
        with transaction.atomic():
            enqueue_in(workspace)
            transaction.set_rollback(True)
        enqueue_in(workspace)
    assert bell == [RING]


@pytest.mark.django_db(transaction=True)
def test_owing_the_same_mail_twice_is_owing_it_once(owe: Owe) -> None:
    topic = uuid4()
    assert owe(topic_id=topic) == owe(topic_id=topic)
    assert OutboxMessage.objects.count() == 1
    owe(topic_id=topic, seq=1)
    owe("somebody@else.example", topic_id=topic)
    assert OutboxMessage.objects.count() == 3


def test_a_mail_is_due_at_once_by_the_database_clock_or_when_it_is_told(owe: Owe) -> None:
    at_once = owe()
    later = owe(available_at=datetime.now(UTC) + timedelta(hours=1))
    earlier = owe(available_at=datetime.now(UTC) - timedelta(hours=1))
    assert list(selectors.due()) == [earlier, at_once]
    assert later in selectors.waiting()


def test_pending_mails_of_a_topic_can_be_called_off_by_kind(owe: Owe) -> None:
    topic = uuid4()
    reminder = owe(topic_id=topic, kind="test.reminder")
    note = owe(topic_id=topic)
    other = owe(kind="test.reminder")
    assert services.cancel_pending(topic, "test.reminder", reason="The meeting was cancelled") == 1
    reminder.refresh_from_db()
    assert (reminder.skip_reason, reminder.skipped_at is None) == ("The meeting was cancelled", False)
    assert set(selectors.waiting()) == {note, other}
    assert services.cancel_pending(topic) == 1
    assert set(selectors.waiting()) == {other}


def test_what_was_sent_is_not_called_off(owe: Owe) -> None:
    sent = owe()
    OutboxMessage.objects.update(sent_at=Now())
    assert services.cancel_pending(sent.topic_id) == 0


def test_a_dead_mail_is_due_again_after_a_retry(owe: Owe) -> None:
    dead = owe()
    OutboxMessage.objects.update(dead_at=Now(), attempts=7, available_at=datetime(2000, 1, 1, tzinfo=UTC))
    services.retry(dead)
    assert list(selectors.due()) == [dead]


def test_only_a_dead_mail_can_be_retried(owe: Owe) -> None:
    waiting = owe()
    with pytest.raises(services.NotDead):
        services.retry(waiting)
    OutboxMessage.objects.update(sent_at=Now())
    with pytest.raises(services.NotDead):
        services.retry(waiting)


def test_a_resend_is_a_new_mail_about_the_same_thing(owe: Owe) -> None:
    first = owe()
    OutboxMessage.objects.update(sent_at=Now())
    second = services.resend(first)
    third = services.resend(second)
    assert len({first.pk, second.pk, third.pk}) == 3
    assert second.resend_of == third.resend_of == first
    assert (second.topic_id, second.kind, second.recipient, second.seq) == (
        first.topic_id,
        first.kind,
        first.recipient,
        first.seq,
    )
    first.refresh_from_db()
    assert first.sent_at
    assert set(selectors.waiting()) == {second, third}


def test_a_mail_ends_in_one_way_only(owe: Owe) -> None:
    owe()
    with pytest.raises(Exception, match="outbox_ends_once"), transaction.atomic():
        OutboxMessage.objects.update(sent_at=Now(), dead_at=Now())
    connection.check_constraints()
