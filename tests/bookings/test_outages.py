"""Bookings that live on while the mail server is away for two hours: everybody is told once, and in order."""

import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.db.models import F, Q
from django.db.models.functions import Now

from bookings.models import Attendee, Booking
from bookings.services import alternatives
from bookings.services import booking as service
from scheduling.selectors.times import open_slots_of
from tests.concurrency.conftest import sizes
from tests.factories import make_booking, make_link
from workestra.accounts.models import Membership
from workestra.calendars.domain.period import Period
from workestra.notifications import effects
from workestra.notifications.models import OutboxMessage

pytestmark = [pytest.mark.thorough, pytest.mark.django_db(transaction=True)]

AWAY = timedelta(hours=2)
TICK = timedelta(minutes=5)


class Server(BaseEmailBackend):
    is_away = True
    accepted: list[str] = []

    def open(self) -> None:
        if self.is_away:
            raise ConnectionRefusedError(111, "Connection refused")

    def send_messages(self, messages: Sequence[EmailMessage]) -> int:
        self.accepted.extend(str(message.message()["Message-ID"]) for message in messages)
        return len(messages)


@pytest.fixture
def server(settings: Any) -> type[Server]:
    settings.EMAIL_BACKEND = f"{__name__}.Server"
    Server.is_away, Server.accepted = True, []
    return Server


def let_pass(time: timedelta) -> None:
    """The outbox after that time: nothing in it goes by any clock but the database's."""
    OutboxMessage.objects.update(created_at=F("created_at") - time, available_at=F("available_at") - time)


@sizes(6, 100)
def test_mails_of_two_hours_without_a_mail_server_all_arrive_once_and_in_order(
    alice: Membership, server: type[Server], size: int
) -> None:
    dice = random.Random(size)
    now = datetime.now(UTC)
    hours = [{"days": list(range(7)), "start": "00:00", "end": "24:00"}]
    link = make_link(alice, weekly_hours=hours, duration_minutes=15, booking_window_days=60)
    # A day and something ahead: their reminders become due while the mail server is away.
    ahead = Period(now + timedelta(hours=24, minutes=20), now + timedelta(days=40))
    starts = [slot.start for slot in open_slots_of(link, ahead, now)]
    free = starts[size:]
    booked: list[Booking] = []
    for tick in range(AWAY // TICK):
        while len(booked) < size * (tick + 1) * TICK / AWAY:
            number = len(booked)
            email = f"guest{number}@x.example"
            booked.append(make_booking(link, starts[number], now, name=f"Guest {number}", email=email))
        changed = dice.choice(booked)
        changed.refresh_from_db()
        if changed.is_upcoming(now):
            match dice.randrange(4):
                case 0:
                    moved = service.reschedule(attendee=changed.booker, start=free.pop(), now=now)
                    booked[booked.index(changed)] = moved.booking
                case 1 if not alternatives.Alternatives.objects.filter(booking=changed).exists():
                    alternatives.offer(
                        booking=changed,
                        actor=alice.user,
                        now=now,
                        starts=[free.pop()],
                        message="",
                        closes=timedelta(0),
                    )
                case 2:
                    service.cancel_by_host(booking=changed, reason="", actor=alice.user, now=now)
        effects.deliver_due(now)
        let_pass(TICK)
    assert server.accepted == []
    server.is_away = False
    waited = timedelta()
    due = Q(available_at__lte=Now()) | Q(attempts__gt=0)
    while waiting := OutboxMessage.objects.filter(due, sent_at=None, skipped_at=None).count():
        assert waited <= effects.LONGEST_PAUSE + TICK, f"{waiting} mails still wait"
        effects.deliver_due(now)
        let_pass(timedelta(minutes=1))
        waited += timedelta(minutes=1)
    assert not OutboxMessage.objects.filter(dead_at__isnull=False).exists()
    sent = OutboxMessage.objects.filter(sent_at__isnull=False)
    assert Counter(server.accepted) == Counter(f"<{message.pk}@localhost>" for message in sent)
    told: dict[Any, list[datetime]] = defaultdict(list)
    for message in sent.order_by("sent_at"):
        told[message.topic_id, message.recipient].append(message.created_at)
    assert max(map(len, told.values())) > 1
    assert all(owed == sorted(owed) for owed in told.values())
    # Whoever is still expected has been told of it, and whoever is not any more of that.
    for attendee in Attendee.objects.exclude(status=Booking.Status.RESCHEDULED):
        last = sent.filter(topic_id=attendee.pk).exclude(kind__contains="reminder").order_by("sent_at").last()
        assert last is not None
        assert ("cancelled" in last.kind) == (attendee.status == Booking.Status.CANCELLED)
