"""The worker killed in the middle of a batch of mails: nothing is missing afterwards, and nothing is told twice."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db.models import F

from scheduling.models import BookingLink
from scheduling.selectors.times import open_slots_of
from tests.factories import make_booking, make_link
from tests.servers import Installation, MailSink, mail_sink, wait_until
from workestra.accounts.models import Membership
from workestra.calendars.domain.period import Period
from workestra.notifications.effects import LEASE
from workestra.notifications.models import OutboxMessage

BOOKINGS = 40
KILLS = 3


def as_if_the_leases_had_run_out() -> None:
    """What a minute of waiting does, without the minute."""
    OutboxMessage.objects.filter(leased_until__isnull=False).update(leased_until=F("leased_until") - LEASE)


@pytest.fixture
def link(transactional_db: None, alice: Membership) -> BookingLink:
    hours = [{"days": list(range(7)), "start": "00:00", "end": "24:00"}]
    return make_link(alice, weekly_hours=hours)


def book_many(link: BookingLink) -> None:
    now = datetime.now(UTC)
    slots = open_slots_of(link, Period(now, now + timedelta(hours=23)), now)
    for number, slot in enumerate(slots[:BOOKINGS]):
        make_booking(link, slot.start, now, name=f"Guest {number}", email=f"guest{number}@x.example")


@pytest.mark.thorough
def test_a_worker_killed_in_mid_batch_loses_no_mail_and_repeats_none(
    installation: Installation, link: BookingLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    receive = MailSink.handle_DATA

    async def slowly(sink: MailSink, server: Any, session: Any, envelope: Any) -> str:
        await asyncio.sleep(0.03)  # So that a batch takes long enough to be killed in its middle.
        return await receive(sink, server, session, envelope)

    monkeypatch.setattr(MailSink, "handle_DATA", slowly)
    book_many(link)
    owed = {f"<{pk}@localhost>" for pk in OutboxMessage.objects.values_list("pk", flat=True)}
    assert len(owed) == 2 * BOOKINGS
    with mail_sink() as sink:
        installation.send_mail_to(sink)
        installation.start_broker()
        for kill in range(1, KILLS + 1):
            worker = installation.start_worker()
            wait_until(lambda wanted=15 * kill: len(sink.messages) >= wanted, 60, "mails arrive")
            installation.kill(worker)
            as_if_the_leases_had_run_out()
        assert OutboxMessage.objects.filter(sent_at__isnull=True).exists(), "killed in the middle"
        installation.start_worker()
        wait_until(
            lambda: not OutboxMessage.objects.filter(sent_at__isnull=True).exists(),
            60,
            "the rest is delivered",
        )
        received = Counter(str(message["Message-ID"]) for message in sink.messages)
    assert set(received) == owed, "each once by its Message-ID"
    # Between the server's 250 and the mark no sender can know: one raw copy a kill at the most.
    assert sum(received.values()) - len(received) <= KILLS
