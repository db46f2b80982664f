"""Crowds who press Book at the same moment, on the real web server with four workers, on real PostgreSQL.

What everybody relies on is what is left over afterwards: after every round all invariants are asked for. The controls
show that the same crowd double-books once the guards are gone, and that each of the two guards is enough.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import uuid4

import pytest

from bookings.models import Booking
from scheduling.models import BookingLink, BusyTime, LinkHost
from scheduling.selectors.times import open_slots_of
from tests.concurrency.conftest import (
    Serve,
    assert_invariants,
    no_deadlocks,
    sizes,
    without_the_constraint,
)
from tests.concurrency.crowd import Answer, Person, percentile, together
from tests.conftest import Figures
from tests.factories import MembershipFactory, UserFactory, make_link
from tests.pages import form_posting
from tests.servers import GUARDED
from workestra.accounts.models import Membership
from workestra.calendars.domain.period import Period
from workestra.notifications.models import OutboxMessage

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.races]

UNGUARDED = "tests.concurrency.unguarded:application"
AROUND_THE_CLOCK = [{"days": list(range(7)), "start": "00:00", "end": "24:00"}]
BOOKED, LOST = 303, 409


@dataclass(frozen=True)
class Size:
    rounds: int
    crowd: int


@contextmanager
def crowd(port: int, count: int) -> Iterator[list[Person]]:
    with ExitStack() as stack:
        people = [Person(port) for _ in range(count)]
        for person in people:
            stack.callback(person.close)
        yield people


def starts(link: BookingLink, count: int) -> list[datetime]:
    """Free starts, at least two hours away."""
    now = datetime.now(UTC)
    window = Period(now + timedelta(hours=2), now + timedelta(days=link.booking_window_days))
    slots = open_slots_of(link, window, now)
    assert len(slots) >= count
    return [slot.start for slot in slots[:count]]


def form_of(person: Person, link: BookingLink, start: datetime) -> dict[str, str]:
    """What the page with the details would send as it came."""
    page = person.get(f"/book/{link.slug}/details", start=start.isoformat(), tz="Europe/Berlin")
    assert page.status == 200, page.text[:500]
    return dict(form_posting(page.text, "nonce").values)


def filled(form: dict[str, str], number: int) -> dict[str, str]:
    return form | {
        "nonce": str(uuid4()),
        "name": f"Guest {number}",
        "email": f"guest{number}-{uuid4().hex[:8]}@x.example",
        "phone": "+49 30 1234",
        "notes": f"Typed by guest {number}",
    }


def rush(people: Sequence[Person], link: BookingLink, wanted: Sequence[datetime]) -> list[Answer]:
    """What each is answered: all have the form open, each for his start, before the first one sends it."""
    return together(posts(people, [(link, start) for start in wanted]))


def posts(
    people: Sequence[Person], wanted: Sequence[tuple[BookingLink, datetime]]
) -> list[Callable[[], Answer]]:
    """Each one's press on Book; all have the form of their link and start open."""
    forms = {wish: form_of(people[0], *wish) for wish in dict.fromkeys(wanted)}
    return [
        partial(person.like(people[0]).post, f"/book/{wish[0].slug}/details", filled(forms[wish], number))
        for number, (person, wish) in enumerate(zip(people, wanted, strict=True))
    ]


def statuses(answers: Sequence[Answer]) -> dict[int, int]:
    return dict(Counter(answer.status for answer in answers))


def confirmed(start: datetime) -> int:
    return Booking.objects.filter(starts_at=start, status="confirmed").count()


def seconds(answers: Sequence[Answer]) -> str:
    times = [answer.seconds for answer in answers]
    p50, p99 = percentile(times, 0.5), percentile(times, 0.99)
    return f"p50 {p50:.2f} s, p99 {p99:.2f} s, longest {max(times):.2f} s"


@pytest.fixture
def link(transactional_db: None, alice: Membership) -> BookingLink:
    return make_link(
        alice, slug="alice-discovery-call", weekly_hours=AROUND_THE_CLOCK, reminder_enabled=False
    )


@sizes(Size(rounds=1, crowd=60), Size(rounds=20, crowd=200))
def test_of_all_who_want_one_time_one_gets_it_and_the_rest_keep_what_they_typed_and_see_other_times(
    serve: Serve, link: BookingLink, figures: Figures, size: Size
) -> None:
    everybody: list[Answer] = []
    with no_deadlocks(), crowd(serve().port, size.crowd) as people:
        for start in starts(link, size.rounds):
            mails = OutboxMessage.objects.count()
            answers = rush(people, link, [start] * size.crowd)
            assert statuses(answers) == {BOOKED: 1, LOST: size.crowd - 1}
            assert confirmed(start) == 1
            assert OutboxMessage.objects.count() == mails + 2, "one mail to each side"
            for number, answer in enumerate(answers):
                if answer.status == LOST:
                    assert "was just taken" in answer.text
                    assert f"Typed by guest {number}" in answer.text
                    assert f'value="Guest {number}"' in answer.text
                    assert len(set(re.findall(r'datetime="([^"]+)"', answer.text))) > 1, "other times"
            assert_invariants()
            everybody += answers
    assert BusyTime.objects.filter(active=True).count() == size.rounds
    figures(
        f"R1: {size.rounds} rounds of {size.crowd} posts for one time: {size.rounds} booked, no 5xx, no deadlock, "
        f"{seconds(everybody)}"
    )


# --- Controls ------------------------------------------------------------------------------------------------------


def rounds_with_doubles(serve: Serve, application: str, link: BookingLink, size: Size) -> int:
    """In how many rounds more than one was confirmed at the time that all wanted."""
    doubled = 0
    with crowd(serve(application).port, size.crowd) as people:
        for start in starts(link, size.rounds):
            answers = rush(people, link, [start] * size.crowd)
            assert all(answer.status < 500 or answer.status == 503 for answer in answers), statuses(answers)
            doubled += confirmed(start) > 1
    return doubled


@sizes(Size(rounds=2, crowd=12), Size(rounds=20, crowd=60))
def test_control_with_both_guards_gone_the_rush_double_books(
    serve: Serve, link: BookingLink, figures: Figures, size: Size
) -> None:
    with without_the_constraint():
        doubled = rounds_with_doubles(serve, UNGUARDED, link, size)
    figures(f"R3: locks and constraint gone: {doubled} of {size.rounds} rounds doubled")
    assert doubled >= 0.9 * size.rounds


@sizes(Size(rounds=1, crowd=12), Size(rounds=20, crowd=60))
def test_the_locks_alone_are_enough(serve: Serve, link: BookingLink, figures: Figures, size: Size) -> None:
    with without_the_constraint():
        doubled = rounds_with_doubles(serve, GUARDED, link, size)
    figures(f"R3: only the constraint gone: {doubled} of {size.rounds} rounds doubled")
    assert doubled == 0


@sizes(Size(rounds=1, crowd=6), Size(rounds=20, crowd=8))
def test_the_constraint_alone_is_enough(
    serve: Serve, link: BookingLink, figures: Figures, size: Size
) -> None:
    """It never double-books; what it costs in deadlocks is why there are locks. Few people, for that reason."""
    doubled = rounds_with_doubles(serve, UNGUARDED, link, size)
    assert_invariants()
    figures(f"R3: only the locks gone: {doubled} of {size.rounds} rounds doubled")
    assert doubled == 0


# --- Pools ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def pool(transactional_db: None, alice: Membership) -> BookingLink:
    """Five hosts of equal weight."""
    hosts = [
        MembershipFactory(workspace=alice.workspace, user=UserFactory(username=f"host{number}"))
        for number in range(5)
    ]
    return make_link(
        alice,
        hosts=hosts,
        slug="pool",
        weekly_hours=AROUND_THE_CLOCK,
        duration_minutes=15,
        slot_interval_minutes=15,
        booking_window_days=60,
        reminder_enabled=False,
    )


def bookings_by_host(link: BookingLink) -> list[int]:
    counts = Counter(Booking.objects.filter(link=link, status="confirmed").values_list("host_id", flat=True))
    return [counts[host.user_id] for host in link.hosts.all()]


@sizes(Size(rounds=1, crowd=20), Size(rounds=20, crowd=60))
def test_a_pool_of_five_takes_five_of_sixty_each_by_another_host(
    serve: Serve, pool: BookingLink, figures: Figures, size: Size
) -> None:
    everybody: list[Answer] = []
    with no_deadlocks(), crowd(serve().port, size.crowd) as people:
        for start in starts(pool, size.rounds):
            answers = rush(people, pool, [start] * size.crowd)
            assert statuses(answers) == {BOOKED: 5, LOST: size.crowd - 5}
            hosts = Booking.objects.filter(starts_at=start).values_list("host_id", flat=True)
            assert len(set(hosts)) == len(hosts) == 5
            assert_invariants()
            everybody += answers
    figures(f"R5: {size.rounds} rounds of {size.crowd} for five hosts: 5 each; {seconds(everybody)}")


@sizes(Size(rounds=1, crowd=20), Size(rounds=32, crowd=32))
def test_bookings_of_free_times_at_once_are_spread_evenly(
    serve: Serve, pool: BookingLink, figures: Figures, size: Size
) -> None:
    """Nobody is in anybody's way: each wants a time of his own, at which all hosts are free."""
    wanted = starts(pool, size.rounds * size.crowd)
    with no_deadlocks(), crowd(serve().port, size.crowd) as people:
        for turn in range(size.rounds):
            answers = rush(people, pool, wanted[turn * size.crowd : (turn + 1) * size.crowd])
            assert statuses(answers) == {BOOKED: size.crowd}
    counts = bookings_by_host(pool)
    assert_invariants()
    figures(f"R5: {sum(counts)} bookings of free times at {size.crowd} clients: {counts} by host")
    assert max(counts) - min(counts) <= 1


@sizes(Size(rounds=12, crowd=1), Size(rounds=1000, crowd=1))
def test_bookings_one_after_another_go_in_turn_and_ties_by_weight_then_by_user_id(
    serve: Serve, pool: BookingLink, figures: Figures, size: Size
) -> None:
    heavy = pool.hosts.order_by("user_id")[2]
    LinkHost.objects.filter(pk=heavy.pk).update(weight=2)
    others = list(pool.hosts.order_by("user_id").exclude(pk=heavy.pk).values_list("user_id", flat=True))
    order = [heavy.user_id, *others]
    wanted = starts(pool, size.rounds)
    with crowd(serve().port, 1) as people:
        for start in wanted:
            assert statuses(rush(people, pool, [start])) == {BOOKED: 1}
    got = list(Booking.objects.order_by("created_at").values_list("host_id", flat=True))
    assert got == [order[number % 5] for number in range(size.rounds)]
    counts = bookings_by_host(pool)
    assert_invariants()
    figures(f"R5: {size.rounds} bookings one after another: {sorted(counts)} by host, in turn")
    assert max(counts) - min(counts) <= 1
