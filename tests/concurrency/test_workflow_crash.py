"""Workers of workflows killed in the middle of a batch, and a crowd of them: every message that is due, once."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db.models import F

from tests.bookings.making_workflows import make_due_runs
from tests.concurrency.conftest import sizes
from tests.conftest import Figures
from tests.servers import CELERY, Installation, MailSink, mail_sink, wait_until
from workestra.accounts.models import Membership
from workestra.notifications.effects import LEASE
from workestra.notifications.models import OutboxMessage

pytestmark = [pytest.mark.thorough, pytest.mark.django_db(transaction=True)]

RUNS, KILLS = 80, 3
MARKED_FIRST = "tests.concurrency.marked_first:app"


@pytest.fixture
def sink(monkeypatch: pytest.MonkeyPatch) -> Iterator[MailSink]:
    """A mail server that takes its time, so that a batch has a middle to be killed in."""
    receive = MailSink.handle_DATA

    async def slowly(sink: MailSink, server: Any, session: Any, envelope: Any) -> str:
        await asyncio.sleep(0.03)
        return await receive(sink, server, session, envelope)

    monkeypatch.setattr(MailSink, "handle_DATA", slowly)
    with mail_sink() as sink:
        yield sink


def received(sink: MailSink) -> Counter[str]:
    """How often each mail arrived, by its Message-ID."""
    return Counter(str(message["Message-ID"]) for message in sink.messages)


def owed() -> set[str]:
    return {f"<{pk}@localhost>" for pk in OutboxMessage.objects.values_list("pk", flat=True)}


def everything_has_ended() -> bool:
    return not OutboxMessage.objects.filter(sent_at=None).exists()


def kill_in_mid_batch(installation: Installation, sink: MailSink, application: str) -> None:
    """Start a worker and kill it after some mails, so many times; its leases run out without the minute of waiting."""
    for kill in range(1, KILLS + 1):
        worker = installation.start_worker(application)
        wait_until(lambda wanted=15 * kill: len(sink.messages) >= wanted, 60, "mails arrive")
        installation.kill(worker)
        leased = OutboxMessage.objects.filter(leased_until__isnull=False)
        leased.update(leased_until=F("leased_until") - LEASE)


def test_workers_killed_in_mid_batch_of_runs_forget_none_and_repeat_one_a_kill_at_the_most(
    installation: Installation, sink: MailSink, alice: Membership, dana: Membership, figures: Figures
) -> None:
    make_due_runs(alice, dana, RUNS, datetime.now(UTC))
    installation.send_mail_to(sink)
    installation.start_broker()
    kill_in_mid_batch(installation, sink, CELERY)
    assert not everything_has_ended(), "killed in the middle"
    installation.start_worker()
    wait_until(everything_has_ended, 60, "the rest goes out")
    came = received(sink)
    assert set(came) == owed(), "none is missing"
    copies = came.total() - len(came)
    assert copies <= KILLS, "one between the server's answer and its mark, for each kill"
    figures(f"{KILLS} kills in the middle of {RUNS} runs of workflows: none missing, {copies} raw copies")


def test_control_workers_that_mark_a_batch_before_they_send_it_forget_what_was_left_of_it(
    installation: Installation, sink: MailSink, alice: Membership, dana: Membership
) -> None:
    make_due_runs(alice, dana, RUNS, datetime.now(UTC))
    installation.send_mail_to(sink)
    installation.start_broker()
    kill_in_mid_batch(installation, sink, MARKED_FIRST)
    installation.start_worker()
    wait_until(everything_has_ended, 60, "the rest goes out")
    assert set(received(sink)) < owed()


@sizes(100, 1000)
def test_four_beats_and_four_workers_send_what_is_due_once_each(
    installation: Installation, alice: Membership, dana: Membership, figures: Figures, size: int
) -> None:
    make_due_runs(alice, dana, size, datetime.now(UTC))
    with mail_sink() as sink:
        installation.send_mail_to(sink)
        installation.start_broker()
        begun = datetime.now(UTC)
        for _one in range(4):
            installation.start_worker()
        wait_until(everything_has_ended, 60 + size / 5, "all go out")
        assert received(sink) == Counter(dict.fromkeys(owed(), 1))
    seconds = (datetime.now(UTC) - begun).total_seconds()
    figures(f"{size} due runs, four beats, four workers: {size} messages in {seconds:.0f} s")
