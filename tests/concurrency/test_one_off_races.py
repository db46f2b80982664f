"""One one-off, many hands: whoever is first, there is one outcome, and everything in the database agrees with it."""

import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import requests
from django.utils import timezone

from bookings.models import Attendee, Booking
from bookings.services import booking as bookings
from bookings.services.booking import Booker, Draft, enter
from one_off import effects, services
from one_off.domain.offers import Offer
from one_off.models import OneOff, Proposal
from one_off.selectors import token_of
from one_off.services import proposals
from scheduling.models import BookingLink, BusyTime
from scheduling.selectors.times import open_slots_of
from scheduling.services import busy_time
from scheduling.services.busy_time import LockedHosts
from tests.concurrency.conftest import at_once, outcome, sizes
from tests.factories import make_booking, make_link
from tests.one_off.making import DAY, HOUR, MINUTE, active_holds, make_one_off, slot_of
from tests.pages import form_posting
from tests.servers import Installation
from workestra.accounts.models import Membership
from workestra.audit.models import AuditEvent
from workestra.calendars.domain.period import Period
from workestra.invariants.selectors import broken_invariants
from workestra.notifications.models import OutboxMessage

pytestmark = pytest.mark.django_db(transaction=True)

CROWD = 60
FULL_CROWD = 200


def ten_times(now: datetime) -> tuple[Period, ...]:
    return tuple(Period.lasting(now + DAY + index * HOUR, 30 * MINUTE) for index in range(10))


def rush(one_off: OneOff, now: datetime, count: int) -> list[Attendee | Exception]:
    """What a crowd gets that picks at the same moment, each the next of the offered times."""
    slots = list(one_off.slots.all())

    def one(number: int) -> Attendee:
        booker = Booker(name=f"Guest {number}", email=f"guest{number}@x.example", timezone="Europe/Berlin")
        slot = slots[number % len(slots)]
        # Each has read the row before anybody picked, as a page has.
        seen = OneOff.objects.select_related("booking").get(pk=one_off.pk)
        return services.pick(one_off=seen, slot_id=slot.pk, booker=booker, nonce=uuid4(), now=now)

    return at_once(count, one)


@pytest.fixture
def entered(monkeypatch: pytest.MonkeyPatch) -> list[Draft]:
    """The drafts of those who have passed every check and begin to write."""
    drafts: list[Draft] = []

    def watched(locked: LockedHosts, draft: Draft, booker: Booker, nonce: UUID, now: datetime) -> Attendee:
        drafts.append(draft)
        return enter(locked, draft, booker, nonce, now)

    monkeypatch.setattr(services, "enter", watched)
    return drafts


def without_the_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the host nor the one-off is locked: what is left is the check, made again just before the write."""
    monkeypatch.setattr(busy_time, "_lock", lambda host_ids: None)
    monkeypatch.setattr(
        services, "locked_row", lambda pk: OneOff.objects.select_related("host", "booking").get(pk=pk)
    )


@sizes(CROWD, FULL_CROWD)
@pytest.mark.parametrize("times", [1, 10])
def test_of_a_crowd_of_picks_one_passes_the_check_and_is_booked(
    alice: Membership, NOW: datetime, times: int, size: int, entered: list[Draft]
) -> None:
    one_off = make_one_off(alice, NOW, periods=ten_times(NOW)[:times])
    results = rush(one_off, NOW, size)
    assert outcome(results) == {"Attendee": 1, "AlreadyBooked": size - 1}
    assert len(entered) == 1
    booking = Booking.objects.get()
    one_off.refresh_from_db()
    assert (one_off.state, one_off.booking) == ("booked", booking)
    assert BusyTime.objects.get(active=True).owner_key == booking.pk
    assert OutboxMessage.objects.filter(kind__contains="confirmed").count() == 2
    assert AuditEvent.objects.filter(action="one_off.booked").count() == 1


def test_control_without_the_locks_many_pass_the_check_and_only_the_unique_key_is_left(
    alice: Membership, NOW: datetime, monkeypatch: pytest.MonkeyPatch, entered: list[Draft]
) -> None:
    one_off = make_one_off(alice, NOW, periods=ten_times(NOW), reserve=False)
    without_the_locks(monkeypatch)
    results = rush(one_off, NOW, 10)
    assert len(entered) > 1
    assert outcome(results)["Attendee"] == 1
    assert outcome(results)["IntegrityError"] == len(entered) - 1


@sizes(10, FULL_CROWD)
def test_control_without_locks_and_unique_key_the_same_rush_books_twice(
    alice: Membership, NOW: datetime, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    def keyless(locked: LockedHosts, draft: Draft, booker: Booker, nonce: UUID, now: datetime) -> Attendee:
        return enter(locked, draft, booker, uuid4(), now)

    one_off = make_one_off(alice, NOW, periods=ten_times(NOW), reserve=False)
    without_the_locks(monkeypatch)
    monkeypatch.setattr(services, "enter", keyless)
    rush(one_off, NOW, size)
    assert Booking.objects.count() > 1


def test_a_form_sent_twice_at_once_books_once_and_gives_both_the_same(
    alice: Membership, NOW: datetime
) -> None:
    one_off, nonce = make_one_off(alice, NOW), uuid4()
    booker = Booker(name="Tomás", email="tomas@x.example", timezone="Europe/Madrid")
    slot = slot_of(one_off)
    results = at_once(
        8, lambda _: services.pick(one_off=one_off, slot_id=slot.pk, booker=booker, nonce=nonce, now=NOW)
    )
    assert outcome(results) == {"Attendee": 8}
    assert Booking.objects.count() == 1


def test_of_twenty_offers_of_the_same_times_one_holds_them_all(alice: Membership, NOW: datetime) -> None:
    periods = ten_times(NOW)
    results = at_once(20, lambda number: make_one_off(alice, NOW, periods=periods[number % 3 :]))
    assert outcome(results) == {"OneOff": 1, "SlotsTaken": 19}
    one_off = OneOff.objects.get()
    assert active_holds(one_off) == one_off.slots.count() == BusyTime.objects.count()


def test_a_new_form_sent_twice_at_once_makes_one(alice: Membership, NOW: datetime) -> None:
    offer = services.Offer(title="Twice", periods=ten_times(NOW), timezone="Europe/Berlin")
    nonce = uuid4()
    results = at_once(8, lambda _: services.create(member=alice, offer=offer, nonce=nonce, now=NOW))
    assert outcome(results) == {"OneOff": 8}
    assert OneOff.objects.count() == 1


@pytest.fixture
def link(alice: Membership) -> BookingLink:
    """Alice's link, open around the clock."""
    return make_link(alice, weekly_hours=[{"days": list(range(7)), "start": "00:00", "end": "24:00"}])


def offered_by(link: BookingLink, now: datetime, index: int) -> Period:
    slot = open_slots_of(link, Period(now + DAY, now + 7 * DAY), now)[index]
    return Period(slot.start, slot.end)


def test_a_hold_and_a_booking_of_the_same_time_never_both_get_it(
    alice: Membership, link: BookingLink, NOW: datetime
) -> None:
    for index in range(10):
        period = offered_by(link, NOW, 3 * index)

        def act(number: int, period: Period = period) -> Any:
            if number % 2:
                return make_one_off(alice, NOW, periods=(period,))
            return make_booking(link, period.start, NOW, email=f"guest{number}@x.example")

        results = outcome(at_once(8, act))
        assert results.get("OneOff", 0) + results.get("Booking", 0) == 1, results
        assert results.get("SlotTaken", 0) + results.get("SlotsTaken", 0) == 7, results


def test_pick_withdrawal_expiry_and_a_normal_booking_have_one_outcome(
    alice: Membership, link: BookingLink
) -> None:
    dice = random.Random(20300107)
    seen: Counter[str] = Counter()
    for index in range(16):
        now = timezone.now()
        period, other = offered_by(link, now, 4 * index), offered_by(link, now, 4 * index + 1)
        closes = now + timedelta(milliseconds=dice.choice([40, 120, 5_000]))
        one_off = make_one_off(alice, now, periods=(period, other), expires_at=closes)
        slots = list(one_off.slots.all())
        waits = [dice.uniform(0, 0.12) for _ in range(12)]

        def act(
            number: int,
            index: int = index,
            one_off: OneOff = one_off,
            slots: list[Any] = slots,
            waits: list[float] = waits,
            period: Period = period,
        ) -> Any:
            time.sleep(waits[number])
            booker = Booker(name="Guest", email=f"guest{index}-{number}@x.example", timezone="Europe/Berlin")
            match number % 4:
                case 0 | 1:
                    slot = slots[number % 2]
                    return services.pick(
                        one_off=one_off, slot_id=slot.pk, booker=booker, nonce=uuid4(), now=timezone.now()
                    )
                case 2:
                    return make_booking(link, period.start, timezone.now(), email=booker.email)
            if number % 8 == 3:
                return services.withdraw(one_off=one_off, actor=alice.user, now=timezone.now())
            return effects.expire_over(timezone.now())

        results = outcome(at_once(12, act))
        assert set(results) <= {
            "Attendee",
            "Booking",
            "OneOff",
            "int",
            "AlreadyBooked",
            "OneOffExpired",
            "OneOffWithdrawn",
            "SlotTaken",
        }, results
        seen[settled(one_off, period)] += 1
    assert len(seen) > 1, f"the dice never let the outcome change: {seen}"


def settled(one_off: OneOff, period: Period) -> str:
    """The one-off's final state, after making sure that everything agrees with it."""
    picked = Booking.objects.filter(attendees__idempotency_key=one_off.pk)
    one_off.refresh_from_db()
    if one_off.state == "open":
        # Its closing time has passed, or comes while this waits; then the job marks it.
        OneOff.objects.filter(pk=one_off.pk).update(expires_at=timezone.now() - MINUTE)
        BusyTime.objects.filter(owner_key=one_off.pk).update(expires_at=timezone.now() - MINUTE)
        effects.expire_over(timezone.now())
        one_off.refresh_from_db()
    effects.expire_over(timezone.now())
    assert one_off.state in {"booked", "expired", "withdrawn"}
    assert active_holds(one_off) == 0
    assert picked.count() == (one_off.state == "booked")
    assert one_off.booking == picked.first()
    closings = AuditEvent.objects.filter(target_id=one_off.pk).exclude(action="one_off.created")
    assert [event.action for event in closings] == [f"one_off.{one_off.state}"]
    at_that_time = Booking.objects.filter(starts_at=period.start)
    assert at_that_time.count() <= 1
    for booking in [*picked, *at_that_time]:
        assert BusyTime.objects.filter(owner_key=booking.pk, active=True).count() == 1
        assert (
            OutboxMessage.objects.filter(
                topic_id__in=[booking.pk, booking.booker.pk], kind__contains="confirmed"
            ).count()
            == 2
        )
    return str(one_off.state)


def test_picks_changes_and_an_accepted_proposal_at_once_have_one_outcome(
    alice: Membership, NOW: datetime
) -> None:
    times = ten_times(NOW)
    for turn in range(4):
        one_off = make_one_off(alice, NOW, periods=times)
        guest = Booker(name="Rosa", email="rosa@x.example", timezone="Europe/Oslo")
        proposal = proposals.propose(
            one_off=one_off,
            booker=guest,
            starts=[NOW + (20 + turn) * DAY],
            length=HOUR,
            message="",
            nonce=uuid4(),
            now=NOW,
        )

        def one(number: int, one_off: OneOff = one_off, proposal: Proposal = proposal) -> str:
            seen = OneOff.objects.select_related("booking").get(pk=one_off.pk)
            if number % 4 == 3:
                proposals.accept(proposal=proposal, start=proposal.starts[0], actor=alice.user, now=NOW)
                return "booked"
            if number % 4 == 2:
                offer = Offer(title="Changed", periods=times[number % 5 :], timezone="Europe/Berlin")
                services.change(one_off=seen, offer=offer, actor=alice.user, now=NOW)
                return "changed"
            booker = Booker(name=f"Guest {number}", email=f"g{number}@x.example", timezone="Europe/Berlin")
            slot = slot_of(one_off, number % len(times))
            services.pick(one_off=seen, slot_id=slot.pk, booker=booker, nonce=uuid4(), now=NOW)
            return "booked"

        results = at_once(12, one)
        assert Counter(result for result in results if isinstance(result, str))["booked"] == 1
        refused = {type(result).__name__ for result in results if isinstance(result, Exception)}
        assert refused <= {"AlreadyBooked", "SlotTakenOut", "ProposalAnswered"}
        assert active_holds(one_off) == 0
        booking = OneOff.objects.get(pk=one_off.pk).booking
        assert booking is not None
        assert BusyTime.objects.get(active=True).owner_key == booking.pk
        assert broken_invariants() == []
        bookings.cancel_by_host(booking=booking, reason="", actor=alice.user, now=NOW)


def test_four_expiry_jobs_at_once_mark_each_one_once(alice: Membership, NOW: datetime) -> None:
    past = timezone.now() - MINUTE
    for index in range(30):
        period = Period.lasting(NOW + (index + 1) * HOUR, HOUR)
        make_one_off(alice, NOW, periods=(period,), expires_at=NOW + 7 * DAY)
    OneOff.objects.update(expires_at=past)
    BusyTime.objects.update(expires_at=past)
    results = at_once(4, lambda _: effects.expire_over(NOW))
    assert sum(result for result in results if isinstance(result, int)) == 30, results
    assert OneOff.objects.filter(state="expired").count() == 30
    assert AuditEvent.objects.filter(action="one_off.expired").count() == 30
    assert not BusyTime.objects.filter(active=True).exists()


@pytest.mark.races
def test_of_two_hundred_posts_one_is_confirmed_and_the_rest_are_told_that_it_is_booked(
    installation: Installation, alice: Membership
) -> None:
    now = timezone.now()
    one_off = make_one_off(alice, now, periods=ten_times(now), location_type="video")
    address = f"{installation.url}/one-off/{token_of(one_off)}"
    installation.start_web(processes=4, threads=4)
    ready = threading.Barrier(FULL_CROWD)

    def one(number: int) -> tuple[int, str]:
        with requests.Session() as browser:
            form = form_posting(browser.get(address, timeout=60).text, "nonce")
            slots = form.choices["slot"]
            values = form.values | {
                "slot": slots[number % len(slots)],
                "name": f"Guest {chr(97 + number % 26)}",
                "email": f"guest{number}@x.example",
            }
            ready.wait(timeout=120)
            answer = browser.post(address, data=values, timeout=60, headers={"Referer": address})
            return answer.status_code, answer.text

    with ThreadPoolExecutor(FULL_CROWD) as threads:
        answers = list(threads.map(one, range(FULL_CROWD)))
    assert Counter(status for status, _ in answers) == {200: 1, 410: FULL_CROWD - 1}
    assert all("This one-off was already booked" in text for status, text in answers if status == 410)
    assert Booking.objects.count() == BusyTime.objects.filter(active=True).count() == 1
