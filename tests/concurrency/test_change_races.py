"""Several hands on one booking's page at once, on the real web server: it is moved or cancelled, once."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from urllib.parse import urlsplit

import pytest
from django.urls import reverse
from django.utils import timezone

from bookings.models import Attendee, Booking
from bookings.selectors import manage_token
from bookings.services import booking as service
from scheduling.models import BookingLink, BusyTime
from tests.concurrency.conftest import Serve, assert_invariants, no_deadlocks, sizes
from tests.concurrency.crowd import Answer, Person, together
from tests.concurrency.test_http_races import AROUND_THE_CLOCK, BOOKED, LOST, Size, crowd, starts, statuses
from tests.conftest import Figures
from tests.factories import make_booking, make_link
from tests.pages import form_posting
from workestra.accounts.models import Membership

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.races]

GONE = 410


@pytest.fixture
def link(transactional_db: None, alice: Membership) -> BookingLink:
    return make_link(
        alice, slug="alice-discovery-call", weekly_hours=AROUND_THE_CLOCK, reminder_enabled=False
    )


def address(attendee: Attendee, view: str) -> str:
    return reverse(f"bookings:{view}", args=[attendee.booking.page_slug, manage_token(attendee)])


def all_press(people: Sequence[Person], wishes: Sequence[tuple[Attendee, datetime | None]]) -> list[Answer]:
    """What each is answered who moves his booking to a time, or cancels it (None); all have its page open before."""
    acts = []
    for person, (attendee, start) in zip(people, wishes, strict=True):
        page = person.get(address(attendee, "manage"), open="cancel")
        form = form_posting(page.text, "reason")
        if start is None:
            acts.append(partial(person.post, address(attendee, "manage_cancel"), form.values))
        else:
            values = {"csrfmiddlewaretoken": form.values["csrfmiddlewaretoken"], "start": start.isoformat()}
            acts.append(partial(person.post, address(attendee, "reschedule"), values))
    return together(acts)


def clear() -> None:
    for attendee in Attendee.objects.filter(status="confirmed"):
        service.cancel_by_booker(attendee=attendee, reason="", now=timezone.now())
    assert not BusyTime.objects.filter(active=True).exists()


@sizes(Size(rounds=4, crowd=6), Size(rounds=1000, crowd=6))
def test_moves_and_cancellations_of_one_booking_at_once_have_one_outcome(
    serve: Serve, link: BookingLink, figures: Figures, size: Size
) -> None:
    first, second, third = starts(link, 3)
    moved = 0
    with no_deadlocks(), crowd(serve().port, size.crowd) as people:
        for turn in range(size.rounds):
            booked = make_booking(link, first, timezone.now()).booker
            wishes = [(booked, start) for start in (second, None, third, second, None, None)]
            # Who has sent first is answered first; each kind has its turn.
            answers = all_press(people, wishes[turn % 2 :] + wishes[: turn % 2])
            (won,) = (answer for answer in answers if answer.status == BOOKED)
            assert {answer.status for answer in answers if answer is not won} <= {LOST, GONE}, statuses(
                answers
            )
            series = Attendee.objects.filter(series_id=booked.series_id).order_by("ics_sequence")
            assert len(series) == 1 + series.filter(status="confirmed").count()
            moved += len(series) == 2
            assert urlsplit(won.location).path.endswith("/confirmed") == (len(series) == 2)
            assert_invariants()
            clear()
    figures(f"R6: {size.rounds} storms of moves and cancellations: one outcome each, {moved} moved")


@sizes(Size(rounds=3, crowd=4), Size(rounds=1000, crowd=4))
def test_bookings_that_want_each_others_times_both_stand_afterwards(
    serve: Serve, link: BookingLink, figures: Figures, size: Size
) -> None:
    first, second, third = starts(link, 3)
    moves = 0
    with no_deadlocks(), crowd(serve().port, size.crowd) as people:
        for _ in range(size.rounds):
            one, two = (make_booking(link, start, timezone.now()).booker for start in (first, second))
            answers = all_press(people, [(one, second), (two, first), (one, third), (two, third)])
            assert set(statuses(answers)) <= {BOOKED, LOST, GONE}, statuses(answers)
            standing = Booking.objects.filter(status="confirmed").values_list("series_id", "starts_at")
            assert {series for series, _start in standing} == {one.booking.series_id, two.booking.series_id}
            moves += statuses(answers).get(BOOKED, 0)
            assert_invariants()
            clear()
    figures(f"R6: {size.rounds} swaps at once: both bookings stood after each, {moves} moves")
