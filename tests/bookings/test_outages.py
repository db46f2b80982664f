"""Bookings that live on while the mail server is away for two hours, or does not take one mail: everybody is told once,
and in order.
"""

import random
import smtplib
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.db.models import F, Q
from django.db.models.functions import Now

from bookings.domain import mail_kinds as kinds
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
    not_now: set[str] = set()
    accepted: list[str] = []

    def open(self) -> None:
        if self.is_away:
            raise ConnectionRefusedError(111, "Connection refused")

    def send_messages(self, messages: Sequence[EmailMessage]) -> int:
        ids = [str(message.message()["Message-ID"]) for message in messages]
        if self.not_now.intersection(ids):
            raise smtplib.SMTPDataError(451, b"4.7.1 Try again later")
        self.accepted.extend(ids)
        return len(messages)


@pytest.fixture
def server(settings: Any) -> type[Server]:
    settings.EMAIL_BACKEND = f"{__name__}.Server"
    Server.is_away, Server.accepted, Server.not_now = True, [], set()
    return Server


def let_pass(time: timedelta) -> None:
    """The outbox after that time: nothing in it goes by any clock but the database's."""
    OutboxMessage.objects.update(
        **{name: F(name) - time for name in ("created_at", "available_at", "failing_since")}
    )


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


def test_a_confirmation_that_is_not_taken_holds_back_what_follows_for_twenty_minutes_and_a_cancellation_not_at_all(
    alice: Membership, server: type[Server]
) -> None:
    now = datetime.now(UTC)
    hours = [{"days": list(range(7)), "start": "00:00", "end": "24:00"}]
    link = make_link(alice, weekly_hours=hours, reminder_enabled=False)
    start, other, *_more = [
        slot.start
        for slot in open_slots_of(link, Period(now + timedelta(days=2), now + timedelta(days=4)), now)
    ]
    booking = make_booking(link, start, now)
    of_kind = OutboxMessage.objects.get
    server.is_away, server.not_now = False, {f"<{of_kind(kind=kinds.CONFIRMED_BOOKER).pk}@localhost>"}
    effects.deliver_due(now)
    alternatives.offer(
        booking=booking, actor=alice.user, now=now, starts=[other], message="", closes=timedelta(0)
    )
    minutes = 0
    while of_kind(kind=kinds.ALTERNATIVES_BOOKER).sent_at is None:
        assert minutes < 25
        effects.deliver_due(now)
        let_pass(timedelta(minutes=1))
        minutes += 1
    assert minutes > 15, "as long as gray-listing takes they are told in order"
    assert "451" in of_kind(kind=kinds.CONFIRMED_BOOKER).last_error
    booking.refresh_from_db()
    service.cancel_by_host(booking=booking, reason="", actor=alice.user, now=now)
    effects.deliver_due(now)
    assert of_kind(kind=kinds.CANCELLED_BOOKER).sent_at
    told = len(server.accepted)
    server.not_now = set()
    let_pass(effects.LONGEST_PAUSE)
    effects.deliver_due(now)
    assert of_kind(kind=kinds.CONFIRMED_BOOKER).skipped_at, "he is not invited after all"
    assert len(server.accepted) == told
