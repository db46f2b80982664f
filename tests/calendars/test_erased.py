"""Who is erased is not in hosts' calendars any more."""

import json
from datetime import datetime

import pytest

from scheduling.models import BookingLink
from tests.bookings.making_workflows import DAY, HOUR
from tests.calendars.making import MAIN, as_if_read, connect_google
from tests.calendars.test_written import write_now
from tests.factories import make_booking
from tests.fakes.google import FakeGoogle
from tests.privacy.test_erasing import erased
from tests.sms.making import PRIYA
from workestra.accounts.models import Membership

pytestmark = pytest.mark.django_db


def test_events_in_hosts_calendars_are_written_anew(
    link: BookingLink, alice: Membership, dana: Membership, google: FakeGoogle, NOW: datetime
) -> None:
    google.events[MAIN.id].clear()
    connect_google(alice, google, NOW)
    as_if_read(NOW)
    google.calm()
    met = make_booking(link, NOW + DAY, NOW, notes="Forty lanes.", phone=PRIYA)
    make_booking(link, NOW + 9 * DAY, NOW)
    write_now(NOW)
    assert json.dumps(google.events[MAIN.id], default=str).count("Priya Raman") >= 2
    erased(dana, met.ends_at + HOUR)
    write_now(met.ends_at + HOUR)
    there = [each for each in google.events[MAIN.id].values() if each.get("status") != "cancelled"]
    assert [each["summary"] for each in there] == ["Discovery Call with Erased person"]
    said = json.dumps(there, default=str)
    for hers in ("Priya", "saltmarsh", "lanes", PRIYA):
        assert hers not in said
