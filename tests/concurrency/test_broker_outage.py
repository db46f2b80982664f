"""Bookings made while there is no broker: pages answer as ever, limits hold, and every mail follows in its order."""

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any, Final

import pytest
from django.conf import settings

from bookings.models import Attendee
from bookings.services import alternatives
from bookings.services import booking as service
from scheduling.models import BookingLink
from scheduling.selectors.times import open_slots_of
from tests.concurrency.conftest import assert_invariants, sizes
from tests.concurrency.crowd import Answer, Person, percentile
from tests.concurrency.test_delivery_crash import BOOKED, DRAINED_WITHIN, House, forms, send
from tests.conftest import Figures, signed_in
from tests.factories import make_link
from tests.servers import Installation, MailSink, mail_sink, wait_until
from workestra.accounts.models import Membership
from workestra.calendars.domain.period import Period
from workestra.notifications.models import OutboxMessage

pytestmark = [pytest.mark.thorough, pytest.mark.django_db(transaction=True)]

WRONG_LINKS: Final = 3
SLOWEST: Final = 5.0


@pytest.fixture
def link(transactional_db: None, alice: Membership) -> BookingLink:
    hours = [{"days": list(range(7)), "start": "00:00", "end": "24:00"}]
    return make_link(alice, slug="alice-discovery-call", weekly_hours=hours, reminder_enabled=False)


@pytest.fixture
def sink() -> Iterator[MailSink]:
    with mail_sink() as sink:
        yield sink


@pytest.fixture
def house(installation: Installation, sink: MailSink) -> House:
    installation.send_mail_to(sink)
    installation.environment["LIMIT_WRONG_LINKS"] = f"{WRONG_LINKS}/h"
    return House.built(installation)


@pytest.fixture
def visitor(installation: Installation) -> Iterator[Person]:
    with closing(Person(installation.port)) as person:
        yield person


@pytest.fixture
def host(installation: Installation, alice: Membership) -> Iterator[Person]:
    """Alice, signed in."""
    with closing(Person(installation.port)) as person:
        name = settings.SESSION_COOKIE_NAME
        person._cookies[name] = signed_in(alice).cookies[name].value
        yield person


class Pages:
    """What a visitor and a host look at, and how long it took."""

    def __init__(self, link: BookingLink, visitor: Person, host: Person) -> None:
        self._looks = [
            (visitor, f"/book/{link.slug}"),
            (host, "/calendar/bookings"),
            (host, "/calendar"),
        ]
        self.seconds: dict[str, list[float]] = defaultdict(list)

    def look(self, times: int = 1) -> None:
        for person, path in self._looks * times:
            answer = person.get(path)
            assert answer.status == 200, f"{path}: {answer.status}"
            self.seconds[path].append(answer.seconds)


def wrong_links(visitor: Person, link: BookingLink, count: int) -> list[int]:
    """How that many secret addresses that lead nowhere are answered."""
    return [visitor.get(f"/b/{link.slug}/manage/{number:043}").status for number in range(count)]


def change(attendee: Attendee, number: int, free: datetime, now: datetime) -> None:
    """What the host does with every fifth and every seventh booking: another time is offered, it is called off."""
    booking = attendee.booking
    if number % 5 == 0:
        alternatives.offer(
            booking=booking, actor=booking.host, now=now, starts=[free], message="", closes=timedelta(0)
        )
    if number % 7 == 0:
        service.cancel_by_host(booking=booking, reason="", actor=booking.host, now=now)


def arrived_in_order(sink: MailSink) -> int:
    """How many people were told several things about one booking; fails where they were not in the order owed."""
    at = {str(mail["Message-ID"]): number for number, mail in enumerate(sink.messages)}
    told: dict[Any, list[int]] = defaultdict(list)
    for message in OutboxMessage.objects.filter(sent_at__isnull=False).order_by("created_at"):
        told[message.topic_id, message.recipient].append(at[f"<{message.pk}@localhost>"])
    assert all(arrived == sorted(arrived) for arrived in told.values())
    return sum(len(arrived) > 1 for arrived in told.values())


@sizes((25, 2), (600, 6))
def test_while_the_broker_is_away_bookings_are_taken_and_pages_answer_and_afterwards_all_mails_go_out(
    house: House,
    link: BookingLink,
    sink: MailSink,
    visitor: Person,
    host: Person,
    figures: Figures,
    size: tuple[int, int],
) -> None:
    seconds_away, every = size
    port, count = house.installation.port, seconds_away // every
    typed = forms(visitor, link, count + 1, 0)
    now = datetime.now(UTC)
    ahead = Period(now + timedelta(hours=2), now + timedelta(days=link.booking_window_days))
    free = [slot.start for slot in open_slots_of(link, ahead, now)][-count:]
    assert send(port, link, typed[count], visitor), "warm"
    usual = Pages(link, visitor, host)
    usual.look(times=2)
    usual.seconds.clear()
    usual.look(times=5)
    assert wrong_links(visitor, link, WRONG_LINKS + 1) == [404] * WRONG_LINKS + [429]
    wait_until(house.has_told_everything, DRAINED_WITHIN, "all is told as usual")
    time.sleep(2)  # What the broker was told is on its disk.

    house.kill("broker")
    gone = time.monotonic()
    assert wrong_links(visitor, link, WRONG_LINKS + 1) == [404] * WRONG_LINKS + [429], "counted anew"
    pages, answers = Pages(link, visitor, host), list[Answer]()
    for number, form in enumerate(typed[:count]):
        answer = send(port, link, form, visitor)
        assert answer is not None
        assert answer.status == BOOKED, answer.text[:300]
        answers.append(answer)
        attendee = Attendee.objects.select_related("booking__host").get(email=form["email"])
        change(attendee, number, free[number], datetime.now(UTC))
        pages.look()
        house.begin_what_ended(without="broker")
        time.sleep(max(0.0, gone + (number + 1) * every - time.monotonic()))
    waited = OutboxMessage.objects.filter(sent_at=None, skipped_at=None).count()
    assert waited > count
    for path, seconds in pages.seconds.items():
        assert median(seconds) < 2 * median(usual.seconds[path]) + 0.25, path
        assert max(seconds) < SLOWEST, path
    assert max(answer.seconds for answer in answers) < SLOWEST
    away = time.monotonic() - gone

    house.begin("broker")
    returned, back = datetime.now(UTC), time.monotonic()
    wait_until(house.has_told_everything, DRAINED_WITHIN, "all mails go out when the broker is back")
    drained = time.monotonic() - back
    first = OutboxMessage.objects.filter(sent_at__gt=returned).earliest("sent_at").sent_at
    assert first is not None
    assert wrong_links(visitor, link, 1) == [429]
    sent = OutboxMessage.objects.filter(sent_at__isnull=False)
    ids = sorted(str(message["Message-ID"]) for message in sink.messages)
    assert ids == sorted(f"<{pk}@localhost>" for pk in sent.values_list("pk", flat=True)), "each once"
    assert not OutboxMessage.objects.filter(dead_at__isnull=False).exists()
    several = arrived_in_order(sink)
    assert several
    assert_invariants()
    slowest = percentile((answer.seconds for answer in answers), 0.99)
    looks = ", ".join(
        f"{path} {median(seconds):.2f} s ({median(usual.seconds[path]):.2f} s before)"
        for path, seconds in pages.seconds.items()
    )
    figures(
        f"R10: no broker for {away:.0f} s: {count} bookings, p99 {slowest:.2f} s; pages at the median: {looks}; "
        f"{waited} mails waited; the first went out {(first - returned).total_seconds():.0f} s after its return, the "
        f"last {drained:.0f} s; {several} people told in order"
    )
