"""The console's days where pages have zones of their own, and how often its file may be fetched."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.urls import reverse

from bookings.models import Booking
from scheduling.models import BookingLink
from tests.bookings.console import plain
from tests.conftest import signed_in
from tests.factories import make_booking, make_link
from workestra.accounts.models import Membership

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("at_monday")]


def test_each_day_has_one_heading_though_its_pages_are_in_other_zones(
    alice: Membership, NOW: datetime
) -> None:
    tokyo = make_link(alice, slug="tokyo", timezone="Asia/Tokyo", title="Tokyo call")
    boston = make_link(alice, slug="boston", timezone="America/New_York", title="Boston call")
    noon = datetime(2030, 1, 10, 17, tzinfo=UTC)  # Of Thursday in New York; two at night of Friday in Tokyo.

    def listed(link: BookingLink, start: datetime) -> None:
        free = datetime(2030, 1, 14, 15 if link == boston else 1, tzinfo=UTC)
        made = make_booking(link, free + timedelta(days=Booking.objects.count()), NOW, email="g@x.example")
        Booking.objects.filter(pk=made.pk).update(starts_at=start, ends_at=start + timedelta(minutes=30))

    for hours, link in enumerate([boston, tokyo, boston]):
        listed(link, noon + timedelta(hours=hours))
    page = plain(signed_in(alice).get(reverse("bookings:console")))
    assert page.count("Thursday 10 January") == page.count("Friday 11 January") == 1
    assert "in the order they begin" not in page
    listed(tokyo, noon - timedelta(hours=10))
    page = plain(signed_in(alice).get(reverse("bookings:console")))
    assert "Thursday 10 January 3 meetings, in the order they begin" in page


def test_a_member_fetches_the_file_so_often_an_hour(
    alice: Membership, bob: Membership, settings: Any
) -> None:
    settings.LIMITS = settings.LIMITS | {"exports": "2/h"}
    browser, address = signed_in(alice), reverse("bookings:export")
    assert [browser.get(address).status_code for _ in range(3)] == [200, 200, 429]
    assert signed_in(bob).get(address).status_code == 200
