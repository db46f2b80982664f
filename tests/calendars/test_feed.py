"""A member's bookings at a secret address, for programs that we do not write to."""

import logging
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.conf import settings as django_settings
from django.test import Client
from django.urls import reverse
from icalendar import Calendar

from bookings.services import booking as bookings
from scheduling.models import BookingLink
from tests.conftest import signed_in
from tests.factories import make_booking, make_link
from tests.pages import forms_in
from tests.security.test_secrets import everything_stored, log_lines
from workestra.accounts.models import Membership
from workestra.audit.models import AuditEvent
from workestra.calendars import selectors, services
from workestra.calendars.models import Feed

pytestmark = pytest.mark.django_db

PAGE = reverse("calendars:accounts")
HALF = timedelta(minutes=30)


@pytest.fixture
def ten(NOW: datetime) -> datetime:
    return NOW.replace(hour=9) + timedelta(days=1)


def address_of(member: Membership) -> str:
    feed = selectors.feed_of(member)
    assert feed
    token = selectors.feed_token(feed)
    assert token
    return reverse("bookings:feed", args=[token])


def events_at(address: str, now: datetime) -> list[Any]:
    with time_machine.travel(now, tick=False):
        response = Client().get(address)
    assert response.status_code == 200
    assert response["Content-Type"] == "text/calendar; charset=utf-8"
    calendar = Calendar.from_ical(response.content)
    assert calendar["METHOD"] == "PUBLISH"
    return list(calendar.walk("VEVENT"))


def test_it_has_the_bookings_that_stand_and_nobody_elses(
    alice: Membership, bob: Membership, link: BookingLink, ten: datetime, NOW: datetime
) -> None:
    services.new_feed_address(alice, NOW)
    address = address_of(alice)
    assert events_at(address, NOW) == []
    booking = make_booking(link, ten, NOW)
    make_booking(make_link(bob, slug="bobs"), ten, NOW)
    both = make_link(alice, slug="both", hosts=[alice, bob], strategy=BookingLink.Strategy.COLLECTIVE)
    make_booking(both, ten + HALF, NOW, name="Jonas Weber")
    first, second = events_at(address, NOW)
    assert str(first["SUMMARY"]) == "Discovery Call with Priya Raman"
    assert first["DTSTART"].dt == ten
    assert "ATTENDEE" not in first
    assert "Jonas Weber" in str(second["SUMMARY"])
    moved = bookings.reschedule(attendee=booking.booker, start=ten + 4 * HALF, now=NOW)
    after = {str(event["UID"]): event for event in events_at(address, NOW)}
    assert after[str(first["UID"])]["DTSTART"].dt == ten + 4 * HALF
    assert after[str(first["UID"])]["SEQUENCE"] == 1
    bookings.cancel_by_booker(attendee=moved, reason="", now=NOW)
    assert len(events_at(address, NOW)) == 1
    assert events_at(address, NOW + timedelta(days=40)) == []


def test_the_page_makes_shows_renews_and_closes_the_address(alice: Membership, NOW: datetime) -> None:
    browser = signed_in(alice)
    assert "Make an address" in browser.get(PAGE).content.decode()
    assert browser.post(reverse("calendars:feed_new")).status_code == 302
    old = address_of(alice)
    page = browser.get(PAGE).content.decode()
    assert f"{django_settings.SITE_URL}{old}" in page
    assert any(form.action == reverse("calendars:feed_new") for form in forms_in(page))
    browser.post(reverse("calendars:feed_new"))
    assert Client().get(old).status_code == 404
    new = address_of(alice)
    assert Client().get(new).status_code == 200
    browser.post(reverse("calendars:feed_close"))
    assert Client().get(new).status_code == 404
    assert not Feed.objects.exists()
    said = list(AuditEvent.objects.order_by("at", "pk").values_list("action", flat=True))
    assert said == ["feed.made", "feed.renewed", "feed.closed"]


def test_it_ends_with_the_membership(alice: Membership, NOW: datetime) -> None:
    services.new_feed_address(alice, NOW)
    address = address_of(alice)
    Membership.objects.filter(pk=alice.pk).update(is_active=False)
    assert Client().get(address).status_code == 404


def test_its_address_is_in_no_table_and_no_log(alice: Membership, NOW: datetime) -> None:
    services.new_feed_address(alice, NOW)
    path = address_of(alice)
    record = logging.LogRecord("x", logging.WARNING, "x.py", 1, "Not Found: %s", (path,), None)
    assert log_lines([record])[0].endswith("Not Found: /feed/…")
    token = path.removeprefix("/feed/").removesuffix(".ics")
    assert not any(token in text for _place, text in everything_stored())


def test_who_tries_many_addresses_opens_none(alice: Membership, NOW: datetime, settings: Any) -> None:
    services.new_feed_address(alice, NOW)
    settings.LIMITS = settings.LIMITS | {"wrong_links": "2/h"}
    for _ in range(2):
        assert Client().get("/feed/guess.ics").status_code == 404
    assert Client().get(address_of(alice)).status_code == 429
