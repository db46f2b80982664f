"""What bookers see of group sessions, collective meetings and round robins."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from bookings.models import Attendee, Booking
from bookings.selectors import manage_token
from scheduling.models import BookingLink
from tests.conftest import MONDAY_MORNING
from tests.factories import make_booking, make_link
from workestra.accounts.models import Membership

pytestmark = pytest.mark.django_db(transaction=True)

TUESDAY_TEN = datetime(2030, 1, 8, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
TEN, ELEVEN = "2030-01-08T09:00Z", "2030-01-08T10:00Z"


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(MONDAY_MORNING, tick=False) as clock:
        yield clock


@pytest.fixture
def workshop(alice: Membership) -> BookingLink:
    return make_link(alice, strategy="group", capacity=3, title="Workshop", slug="workshop")


@pytest.fixture
def join(workshop: BookingLink, NOW: datetime) -> Callable[[str], Attendee]:
    def take(name: str) -> Attendee:
        email = f"{name.lower()}@x.example"
        session = make_booking(workshop, TUESDAY_TEN, NOW, name=name, email=email, timezone="Europe/Berlin")
        return session.attendees.get(email=email)

    return take


def own(attendee: Attendee, page: str = "manage") -> str:
    return reverse(f"bookings:{page}", args=[attendee.booking.page_slug, manage_token(attendee)])


def offered(page: str) -> list[str]:
    return re.findall(r'name="start" value="([^"]+)"', page)


def test_the_details_say_how_many_seats_are_left(
    client: Client, workshop: BookingLink, join: Callable[[str], Attendee]
) -> None:
    address = f"/book/{workshop.slug}/details?start={TEN}"
    assert ">3 seats<" in client.get(address).content.decode()
    join("Priya")
    assert ">2 of 3 seats left<" in client.get(address).content.decode()


def test_the_page_counts_the_seats_that_are_left(
    client: Client, workshop: BookingLink, join: Callable[[str], Attendee]
) -> None:
    address = f"/book/{workshop.slug}?date=2030-01-08&tz=Europe/Berlin"
    assert "seats left" not in client.get(address).content.decode()
    join("Priya")
    page = client.get(address).content.decode()
    assert page.count("2 of 3 seats left") == 1
    assert "Priya" not in page
    join("Noor"), join("Emi")
    assert TEN not in offered(client.get(address).content.decode())


def test_a_form_for_the_last_seat_that_somebody_else_got_answers_409_with_other_times(
    client: Client, workshop: BookingLink, join: Callable[[str], Attendee]
) -> None:
    for name in ("Priya", "Noor", "Emi"):
        join(name)
    typed = {"name": "Samuel", "email": "s@x.example", "phone": "+49 30 1", "notes": "Kept, I hope"}
    number = "0d8a3a10-0000-4000-8000-000000000001"
    answer = client.post(
        f"/book/{workshop.slug}/details", typed | {"start": TEN, "tz": "Europe/Berlin", "nonce": number}
    )
    page = answer.content.decode()
    assert (answer.status_code, "Kept, I hope" in page, ELEVEN in page) == (409, True, True)


def test_each_attendee_has_a_page_that_knows_nothing_of_the_others(
    client: Client, join: Callable[[str], Attendee]
) -> None:
    first, second = join("Priya"), join("Noor")
    for mine, other in ((first, second), (second, first)):
        for name in ("manage", "confirmed", "invite"):
            page = client.get(own(mine, name)).content.decode()
            assert other.name not in page
            assert other.email not in page


def test_one_moves_and_one_cancels_on_their_own_pages(
    client: Client, join: Callable[[str], Attendee]
) -> None:
    first, second, third = join("Priya"), join("Noor"), join("Emi")
    page = client.get(f"{own(first)}?open=reschedule&date=2030-01-08").content.decode()
    assert ELEVEN in offered(page)
    answer = client.post(own(first, "reschedule"), {"start": ELEVEN})
    assert answer.status_code == 303
    assert client.get(own(first)).status_code == 410
    assert client.post(own(second, "manage_cancel"), {"reason": "Ill"}).status_code == 303
    assert "This booking is cancelled" in client.get(own(second)).content.decode()
    assert "Move to another time" in client.get(own(third)).content.decode()
    assert list(Booking.objects.values_list("attendee_count", flat=True)) == [1, 1]


def test_a_full_session_is_not_offered_to_who_wants_to_move_and_refused(
    client: Client, workshop: BookingLink, join: Callable[[str], Attendee], NOW: datetime
) -> None:
    for name in ("Priya", "Noor", "Emi"):
        join(name)
    late = make_booking(workshop, TUESDAY_TEN + HOUR, NOW, email="late@x.example").booker
    page = client.get(f"{own(late)}?open=reschedule&date=2030-01-08").content.decode()
    assert TEN not in offered(page)
    assert client.post(own(late, "reschedule"), {"start": TEN}).status_code == 409


def test_a_collective_page_and_its_confirmation_name_every_host(
    client: Client, alice: Membership, bob: Membership, NOW: datetime
) -> None:
    review = make_link(alice, hosts=[alice, bob], strategy="collective", slug="review")
    booking = make_booking(review, TUESDAY_TEN, NOW)
    for address in ("/book/review", own(booking.booker, "confirmed"), own(booking.booker)):
        page = client.get(address).content.decode()
        assert alice.user.name in page
        assert bob.user.name in page


def test_the_page_of_a_round_robin_booking_offers_what_its_own_host_can_give(
    client: Client, alice: Membership, bob: Membership, NOW: datetime
) -> None:
    pool = make_link(alice, hosts=[alice, bob])
    booking = make_booking(pool, TUESDAY_TEN, NOW)
    host = alice if booking.host == alice.user else bob
    make_booking(make_link(host, slug="own"), TUESDAY_TEN + HOUR, NOW, email="other@x.example")
    page = client.get(f"{own(booking.booker)}?open=reschedule&date=2030-01-08").content.decode()
    starts = offered(page)
    assert ELEVEN not in starts
    assert client.post(own(booking.booker, "reschedule"), {"start": ELEVEN}).status_code == 409
    assert client.post(own(booking.booker, "reschedule"), {"start": starts[-1]}).status_code == 303
