"""Many people, few seats; one host, two kinds of meetings."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from bookings.models import Attendee, Booking
from bookings.services import booking as service
from bookings.services import hosting
from bookings.services.booking import Booker, book
from scheduling.models import BookingLink, BusyTime
from tests.concurrency.conftest import at_once, outcome, without_the_locks
from tests.factories import MembershipFactory, make_booking, make_link
from workestra.accounts.models import Membership
from workestra.invariants.selectors import broken_invariants

pytestmark = pytest.mark.django_db(transaction=True)

TUESDAY_TEN = datetime(2030, 1, 8, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
SEATS = 5
CROWD = 40


@pytest.fixture
def workshop(alice: Membership) -> BookingLink:
    return make_link(alice, strategy="group", capacity=SEATS)


def join(link: BookingLink, number: int, now: datetime, start: datetime = TUESDAY_TEN) -> Attendee:
    booker = Booker(name=f"Guest {number}", email=f"guest{number}@x.example", timezone="Europe/Berlin")
    return book(link=link, start=start, booker=booker, nonce=uuid4(), now=now)


def test_of_forty_for_five_seats_five_get_one(workshop: BookingLink, NOW: datetime) -> None:
    results = at_once(CROWD, lambda number: join(workshop, number, NOW))
    assert outcome(results).get("Attendee") == SEATS, outcome(results)
    assert set(outcome(results)) <= {"Attendee", "SlotTaken", "TryAgain"}
    session = Booking.objects.get()
    assert session.attendee_count == session.attendees.count() == SEATS
    assert BusyTime.objects.get().seats_taken == SEATS
    assert not broken_invariants()


def test_control_without_locks_seats_are_lost_or_given_twice(
    workshop: BookingLink, NOW: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "session_at", _session_without_lock)
    without_the_locks(monkeypatch)
    join(workshop, 99, NOW)
    at_once(CROWD, lambda number: join(workshop, number, NOW))
    session = Booking.objects.get()
    assert session.attendees.count() > SEATS or session.attendee_count != session.attendees.count()


def _session_without_lock(link: BookingLink, start: datetime) -> Booking | None:
    return Booking.objects.filter(link=link, starts_at=start, status="confirmed").first()


def test_who_joins_while_the_last_one_leaves_has_a_seat_of_a_session_that_stands(
    workshop: BookingLink, NOW: datetime
) -> None:
    for hour in range(5):
        start = TUESDAY_TEN + hour * HOUR
        only = join(workshop, 100 + hour, NOW, start)

        def act(number: int, only: Attendee = only, start: datetime = start) -> Attendee:
            if number:
                return join(workshop, start.hour * 10 + number, NOW, start)
            return service.cancel_by_booker(attendee=only, reason="", now=NOW)

        results = at_once(4, act)
        assert outcome(results) == {"Attendee": 4}, results
        session = Booking.objects.get(starts_at=start, status="confirmed")
        assert session.attendee_count == 3
        assert not broken_invariants()


def test_all_of_a_session_move_into_one_at_once_and_no_seat_is_given_twice(
    workshop: BookingLink, NOW: datetime
) -> None:
    seats = [join(workshop, number, NOW, TUESDAY_TEN + (number % 2) * HOUR) for number in range(10)]
    service.cancel_by_booker(attendee=seats[1], reason="", now=NOW)
    movers = [seat for seat in seats if seat.booking.starts_at == TUESDAY_TEN]
    results = at_once(
        5, lambda number: service.reschedule(attendee=movers[number], start=TUESDAY_TEN + HOUR, now=NOW)
    )
    assert outcome(results) == {"Attendee": 1, "SlotTaken": 4}
    assert not broken_invariants()


def test_a_collective_meeting_and_one_with_a_single_host_share_no_time(
    alice: Membership, bob: Membership, NOW: datetime
) -> None:
    """The two take their hosts in different numbers and orders: neither deadlock nor double booking."""
    both = make_link(alice, hosts=[alice, bob], strategy="collective")
    links = [both, make_link(bob), make_link(alice)]
    for round_ in range(4):
        start = TUESDAY_TEN + round_ * HOUR
        results = at_once(
            12,
            lambda number, start=start: make_booking(
                links[number % 3], start, NOW, email=f"g{number}@x.example"
            ),
        )
        counts = outcome(results)
        made = Booking.objects.filter(starts_at=start)
        assert counts["Booking"] == made.count()
        assert sorted(len(booking.hosts) for booking in made) in ([2], [1, 1])
        assert set(counts) == {"Booking", "SlotTaken"}
        assert not broken_invariants()


def test_of_meetings_handed_to_one_host_while_he_is_booked_one_gets_his_time(
    alice: Membership, bob: Membership, NOW: datetime
) -> None:
    owners = [alice, *(MembershipFactory(workspace=alice.workspace) for _ in range(3))]
    given = [
        make_booking(make_link(owner), TUESDAY_TEN, NOW, email=f"{owner.pk}@x.example") for owner in owners
    ]
    his = make_link(bob)

    def act(number: int) -> Attendee | Booking:
        if number < len(given):
            return hosting.reassign(booking=given[number], host=bob.user, actor=alice.user, now=NOW)
        return join(his, number, NOW)

    results = at_once(2 * len(given), act)
    assert sum(isinstance(each, Attendee | Booking) for each in results) == 1, outcome(results)
    assert set(outcome(results)) <= {"Attendee", "Booking", "SlotTaken", "TryAgain"}
    assert BusyTime.objects.filter(active=True, host=bob.user).count() == 1
    assert not broken_invariants()
