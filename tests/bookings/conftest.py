from collections.abc import Iterator
from datetime import datetime

import pytest
import time_machine

from bookings.models import Booking
from scheduling.models import BookingLink
from tests.bookings.console import TUESDAY_TEN
from tests.conftest import MONDAY_MORNING
from tests.factories import make_booking


@pytest.fixture
def at_monday() -> Iterator[None]:
    """The clock stands still."""
    with time_machine.travel(MONDAY_MORNING, tick=False):
        yield


@pytest.fixture
def booking(link: BookingLink, NOW: datetime) -> Booking:
    """One of Tuesday, by somebody who has told all he could."""
    return make_booking(link, TUESDAY_TEN, NOW, phone="+49 30 1234", notes="We ship to Lisbon.")
