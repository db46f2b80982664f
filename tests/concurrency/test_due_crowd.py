"""Four beats and four workers, each a process of its own, on everything that has become due at once."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from celery import Celery

from bookings.domain import mail_kinds as kinds
from bookings.models import Attendee, Booking
from scheduling.models import BookingLink
from tests.bookings.test_briefings import make_due
from tests.concurrency.conftest import sizes
from tests.conftest import Figures
from tests.servers import Installation, mail_sink, wait_until
from workestra.accounts.models import Membership
from workestra.notifications.models import Notice, OutboxMessage

pytestmark = [pytest.mark.thorough, pytest.mark.django_db(transaction=True)]


@sizes(40, 1000)
def test_of_everything_due_everybody_is_told_once(
    installation: Installation, link: BookingLink, alice: Membership, figures: Figures, size: int
) -> None:
    begun = datetime.now(UTC)
    make_due(link, size, begun)
    OutboxMessage.objects.bulk_create(
        OutboxMessage(
            workspace=link.workspace,
            topic=kinds.ATTENDEE,
            topic_id=attendee.pk,
            kind=kinds.REMINDER_BOOKER,
            recipient=attendee.email,
            seq=0,
            available_at=begun - timedelta(minutes=30),
        )
        for attendee in Attendee.objects.all()
    )
    with mail_sink() as sink:
        installation.send_mail_to(sink)
        installation.start_broker()
        for _number in range(4):
            installation.start_worker(beat=False)
            installation.start_beat()
        if size < 1000:  # The beats come for briefings every five minutes only.
            with Celery(broker=installation.environment["REDIS_URL"]) as beat:
                for _number in range(4):
                    beat.send_task("bookings.jobs.send_briefings")
        wait_until(
            lambda: (
                not Booking.objects.filter(briefing_sent_at=None).exists()
                and not OutboxMessage.objects.filter(sent_at=None).exists()
            ),
            1200,
            "everybody is told",
        )
    of_kind = OutboxMessage.objects.filter
    bookings, attendees = Booking.objects, Attendee.objects
    assert Notice.objects.count() == size
    for kind, rows in ((kinds.BRIEFING_HOST, bookings), (kinds.REMINDER_BOOKER, attendees)):
        told = of_kind(kind=kind, attempts=1).values_list("topic_id", flat=True)
        assert Counter(told) == Counter(rows.values_list("pk", flat=True))
    received = Counter(str(message["Message-ID"]) for message in sink.messages)
    owed = {f"<{pk}@localhost>" for pk in OutboxMessage.objects.values_list("pk", flat=True)}
    assert received == Counter(owed)
    seconds = (datetime.now(UTC) - begun).total_seconds()
    figures(
        f"R11: 4 beats and 4 workers on {size} due bookings: {Notice.objects.count()} notices, "
        f"{len(owed)} mails, no copy, in {seconds:.0f} s"
    )
