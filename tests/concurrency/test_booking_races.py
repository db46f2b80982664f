"""Many bookers, one time. Each race has a control: with the guards gone, the very same race double-books."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from bookings.models import Attendee, Booking
from bookings.services import booking as service
from bookings.services.booking import Booker, book
from scheduling.models import BookingLink, BusyTime
from scheduling.services.busy_time import SlotTaken
from tests.concurrency.conftest import at_once, outcome, without_the_constraint, without_the_locks
from tests.factories import MembershipFactory, UserFactory, make_booking, make_link
from workestra.accounts.models import Membership
from workestra.notifications.models import OutboxMessage

pytestmark = pytest.mark.django_db(transaction=True)

TUESDAY_TEN = datetime(2030, 1, 8, 9, 0, tzinfo=UTC)
CROWD = 60


def try_to_book(link: BookingLink, now: datetime, count: int = CROWD) -> list[Attendee | Exception]:
    def one(number: int) -> Attendee:
        booker = Booker(name=f"Guest {number}", email=f"guest{number}@x.example", timezone="Europe/Berlin")
        return book(link=link, start=TUESDAY_TEN, booker=booker, nonce=uuid4(), now=now)

    return at_once(count, one)


def test_of_sixty_bookers_of_one_time_one_gets_it(link: BookingLink, NOW: datetime) -> None:
    results = try_to_book(link, NOW)
    assert outcome(results) == {"Attendee": 1, "SlotTaken": CROWD - 1}
    assert Booking.objects.count() == BusyTime.objects.count() == 1
    assert OutboxMessage.objects.filter(kind__contains="confirmed").count() == 2


def test_control_without_locks_and_constraint_the_same_race_double_books(
    link: BookingLink, NOW: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_the_locks(monkeypatch)
    with without_the_constraint():
        results = try_to_book(link, NOW)
        assert outcome(results)["Attendee"] > 1, outcome(results)


def test_the_locks_alone_hold(link: BookingLink, NOW: datetime) -> None:
    with without_the_constraint():
        assert outcome(try_to_book(link, NOW))["Attendee"] == 1


def test_the_constraint_alone_holds(
    link: BookingLink, NOW: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It never double-books; what it costs in deadlocks is why there are locks. Few bookers, for that reason."""
    without_the_locks(monkeypatch)
    try_to_book(link, NOW, count=6)
    assert Booking.objects.filter(status="confirmed").count() == 1


def test_a_pool_of_five_takes_five_of_sixty_each_by_another_host(alice: Membership, NOW: datetime) -> None:
    pool = [
        MembershipFactory(workspace=alice.workspace, user=UserFactory(username=f"host{number}"))
        for number in range(5)
    ]
    link = make_link(alice, hosts=pool)
    assert outcome(try_to_book(link, NOW)) == {"Attendee": 5, "SlotTaken": CROWD - 5}
    assert set(Counter(Booking.objects.values_list("host_id", flat=True)).values()) == {1}
    assert sorted(link.hosts.values_list("rotation", flat=True)) == [1, 2, 3, 4, 5]


def test_a_form_sent_twice_at_once_books_once_and_gives_both_the_same(
    link: BookingLink, NOW: datetime
) -> None:
    nonce = uuid4()
    booker = Booker(name="Priya", email="priya@x.example", timezone="Europe/Berlin")
    results = at_once(8, lambda _: book(link=link, start=TUESDAY_TEN, booker=booker, nonce=nonce, now=NOW))
    assert outcome(results) == {"Attendee": 8}
    assert len({made.pk for made in results if isinstance(made, Attendee)}) == 1
    assert Booking.objects.count() == 1


def test_reschedule_and_cancel_of_one_booking_leave_one_final_state(link: BookingLink, NOW: datetime) -> None:
    for day in range(5):
        start = TUESDAY_TEN + timedelta(days=7 * day)
        BookingLink.objects.update(booking_window_days=60)
        link.refresh_from_db()
        booking = make_booking(link, start, NOW, email=f"guest{day}@x.example")
        target = start + timedelta(hours=1)

        def act(number: int, booking: Booking = booking, target: datetime = target) -> Attendee:
            if number % 2:
                return service.cancel_by_booker(attendee=booking.booker, reason="", now=NOW)
            return service.reschedule(attendee=booking.booker, start=target, now=NOW)

        results = at_once(6, act)
        assert outcome(results) == {"Attendee": 1, "BookingClosed": 5}
        series = Booking.objects.filter(series_id=booking.series_id)
        active = BusyTime.objects.filter(owner_key__in=series.values("pk"), active=True)
        assert active.count() == series.filter(status="confirmed").count() <= 1
        assert sorted(series.values_list("ics_sequence", flat=True)) in ([1], [0, 1])


def test_two_bookings_that_swap_times_never_meet(link: BookingLink, NOW: datetime) -> None:
    first = make_booking(link, TUESDAY_TEN, NOW, email="one@x.example")
    second = make_booking(link, TUESDAY_TEN + timedelta(hours=1), NOW, email="two@x.example")
    targets = [(first, second.starts_at), (second, first.starts_at)]
    results = at_once(
        2,
        lambda number: service.reschedule(
            attendee=targets[number][0].booker, start=targets[number][1], now=NOW
        ),
    )
    assert all(isinstance(result, SlotTaken) for result in results)
    assert Booking.objects.filter(status="confirmed").count() == 2
