"""Crowds at meetings of several: the seats of a group, and everybody that a collective meeting needs.

On the real web server, as in `test_http_races`.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from bookings.models import Attendee, Booking
from bookings.services import booking as service
from one_off.models import OneOff
from one_off.services import SlotsTaken
from one_off.services import withdraw as withdraw_one_off
from scheduling.models import BookingLink, BusyTime
from tests.concurrency.conftest import Serve, assert_invariants, no_deadlocks, sizes
from tests.concurrency.crowd import Answer, together
from tests.concurrency.test_change_races import GONE, all_press
from tests.concurrency.test_http_races import (
    AROUND_THE_CLOCK,
    BOOKED,
    LOST,
    Size,
    crowd,
    posts,
    rush,
    seconds,
    starts,
    statuses,
)
from tests.conftest import Figures
from tests.factories import make_booking, make_link
from tests.one_off.making import make_one_off
from workestra.accounts.models import Membership
from workestra.calendars.domain.period import Period

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.races]


def group(host: Membership, capacity: int) -> BookingLink:
    return make_link(
        host,
        strategy="group",
        capacity=capacity,
        slug=f"session-of-{capacity}",
        weekly_hours=AROUND_THE_CLOCK,
        reminder_enabled=False,
    )


def seats(start: datetime) -> int:
    """How many come to the one session at this start; 0 without one."""
    return sum(
        Booking.objects.filter(status="confirmed", starts_at=start).values_list("attendee_count", flat=True)
    )


@pytest.mark.parametrize(
    ("capacity", "size"),
    [
        pytest.param(5, Size(rounds=1, crowd=40), id="reduced"),
        *(
            pytest.param(capacity, Size(rounds=3, crowd=200), id=f"full-{capacity}", marks=pytest.mark.stress)
            for capacity in (1, 5, 50)
        ),
    ],
)
def test_a_session_has_as_many_as_it_has_seats(
    serve: Serve,
    transactional_db: None,
    alice: Membership,
    figures: Figures,
    capacity: int,
    size: Size,
) -> None:
    link = group(alice, capacity)
    seated = min(capacity, size.crowd)
    everybody: list[Answer] = []
    with no_deadlocks(), crowd(serve().port, size.crowd) as people:
        for start in starts(link, size.rounds):
            answers = rush(people, link, [start] * size.crowd)
            assert statuses(answers).get(BOOKED) == seated == seats(start)
            assert statuses(answers).get(LOST, 0) == size.crowd - seated
            assert Booking.objects.filter(starts_at=start).count() == 1
            assert_invariants()
            everybody += answers
    figures(
        f"R4: {size.rounds} rounds of {size.crowd} for {capacity} seats: {seated} each; {seconds(everybody)}"
    )


@sizes(Size(rounds=4, crowd=2), Size(rounds=500, crowd=2))
def test_who_joins_while_the_last_one_leaves_has_a_session_or_an_answer(
    serve: Serve, transactional_db: None, alice: Membership, figures: Figures, size: Size
) -> None:
    link = group(alice, 5)
    (start,) = starts(link, 1)
    joined = 0
    with no_deadlocks(), crowd(serve().port, size.crowd) as people:
        for turn in range(size.rounds):
            last = make_booking(link, start, timezone.now(), email=f"last{turn}@x.example")
            acts: list[Callable[[], Answer | None]] = [
                partial(leave, last.attendees.get(status="confirmed")),
                *posts(people[1:], [(link, start)]),
            ]
            left, joining = together(acts)
            assert left is None
            assert joining is not None
            assert joining.status in {BOOKED, LOST}
            assert seats(start) == (joining.status == BOOKED)
            assert BusyTime.objects.filter(active=True).count() == (joining.status == BOOKED)
            joined += joining.status == BOOKED
            assert_invariants()
            for attendee in Attendee.objects.filter(status="confirmed"):
                leave(attendee)
    figures(
        f"R4: {size.rounds} times the last one left while another joined: {joined} joined, nothing left over"
    )


def leave(attendee: Attendee) -> None:
    try:
        service.cancel_by_booker(attendee=attendee, reason="", now=timezone.now())
    finally:
        if not connection.in_atomic_block:
            connection.close()


@sizes(Size(rounds=2, crowd=6), Size(rounds=200, crowd=12))
def test_of_all_who_move_to_a_session_as_many_come_as_it_has_seats(
    serve: Serve, transactional_db: None, alice: Membership, figures: Figures, size: Size
) -> None:
    link = group(alice, size.crowd)
    first, second = starts(link, 2)
    taken = size.crowd // 2
    moved = 0
    with no_deadlocks(), crowd(serve().port, size.crowd) as people:
        for turn in range(size.rounds):
            for number in range(taken):
                make_booking(link, second, timezone.now(), email=f"there{turn}-{number}@x.example")
            for number in range(size.crowd):
                make_booking(link, first, timezone.now(), email=f"mover{turn}-{number}@x.example")
            movers = Attendee.objects.filter(booking__starts_at=first, status="confirmed")
            answers = all_press(people, [(each, second) for each in movers.select_related("booking")])
            assert set(statuses(answers)) <= {BOOKED, LOST}
            moved += statuses(answers)[BOOKED]
            assert statuses(answers)[BOOKED] == size.crowd - taken
            assert (seats(first), seats(second)) == (taken, size.crowd)
            assert_invariants()
            for attendee in Attendee.objects.filter(status="confirmed").select_related("booking"):
                leave(attendee)
            assert not BusyTime.objects.filter(active=True).exists()
    figures(f"R4: {size.rounds} rushes from one session into another: {moved} moved, never too many")


# --- Collective ----------------------------------------------------------------------------------------------------


@sizes(Size(rounds=3, crowd=9), Size(rounds=1000, crowd=12))
def test_a_meeting_that_needs_both_hosts_gets_both_or_none(
    serve: Serve,
    transactional_db: None,
    alice: Membership,
    bob: Membership,
    figures: Figures,
    size: Size,
) -> None:
    settings: dict[str, Any] = {"weekly_hours": AROUND_THE_CLOCK, "reminder_enabled": False}
    both = make_link(alice, hosts=[alice, bob], strategy="collective", slug="both", **settings)
    single = [make_link(alice, slug="only-alice", **settings), make_link(bob, slug="only-bob", **settings)]
    (start,) = starts(both, 1)
    whole = 0
    with no_deadlocks(), crowd(serve().port, size.crowd) as people:
        for turn in range(size.rounds):
            # Whoever needs both hosts hardly ever wins against those who need one: every other storm is his alone.
            is_his_alone = turn % 2 == 1
            links = [both] if is_his_alone else [both, both, *single]
            wanted = [(links[(number + turn) % len(links)], start) for number in range(size.crowd)]
            acts: list[Callable[[], Answer | OneOff | None]] = [*posts(people, wanted)]
            if not is_his_alone:
                acts.append(partial(hold, bob, start))
            outcomes = together(acts)
            held = next((each for each in outcomes if isinstance(each, OneOff)), None)
            assert set(statuses([each for each in outcomes if isinstance(each, Answer)])) <= {BOOKED, LOST}
            taken = list(BusyTime.objects.filter(active=True).values_list("host_id", flat=True))
            assert len(taken) == len(set(taken)), "nobody twice"
            meetings = Booking.objects.filter(status="confirmed", starts_at=start)
            if meetings.filter(strategy="collective").exists():
                whole += 1
                assert meetings.count() == 1
                assert held is None
                assert set(taken) == {alice.user_id, bob.user_id}
            else:
                assert not is_his_alone
                assert meetings.count() + (held is not None) == 2, "each has gone to somebody"
            assert_invariants()
            clear(alice)
    assert whole >= size.rounds // 2
    figures(f"R6: {size.rounds} storms of collective, single and held: never half, {whole} collective")


def hold(host: Membership, start: datetime) -> OneOff | None:
    """The host offers this very time in a one-off that keeps it; None when it is taken."""
    try:
        return make_one_off(
            host, timezone.now(), periods=(Period.lasting(start, timedelta(minutes=30)),), reserve=True
        )
    except SlotsTaken:
        return None
    finally:
        connection.close()


def clear(host: Membership) -> None:
    for one_off in OneOff.objects.filter(state="open"):
        withdraw_one_off(one_off=one_off, actor=host.user, now=timezone.now())
    for attendee in Attendee.objects.filter(status="confirmed").select_related("booking"):
        service.cancel_by_booker(attendee=attendee, reason="", now=timezone.now())
    assert not BusyTime.objects.filter(active=True).exists()


@sizes(Size(rounds=3, crowd=4), Size(rounds=300, crowd=4))
def test_moves_of_a_meeting_of_both_have_one_outcome(
    serve: Serve,
    transactional_db: None,
    alice: Membership,
    bob: Membership,
    figures: Figures,
    size: Size,
) -> None:
    both = make_link(
        alice,
        hosts=[alice, bob],
        strategy="collective",
        slug="both",
        weekly_hours=AROUND_THE_CLOCK,
        reminder_enabled=False,
    )
    first, second, third = starts(both, 3)
    moved = 0
    with no_deadlocks(), crowd(serve().port, size.crowd) as people:
        for turn in range(size.rounds):
            booked = make_booking(both, first, timezone.now()).booker
            wishes = [(booked, start) for start in (second, None, third, None)]
            # Who has sent first is answered first; each kind has its turn.
            answers = all_press(people, wishes[turn % 2 :] + wishes[: turn % 2])
            assert statuses(answers)[BOOKED] == 1
            assert set(statuses(answers)) <= {BOOKED, LOST, GONE}
            moved += Booking.objects.filter(status="confirmed").count()
            assert_invariants()
            clear(alice)
    figures(f"R6: {size.rounds} storms on a meeting of both: one outcome each, {moved} moved")
