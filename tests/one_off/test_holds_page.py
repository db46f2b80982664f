"""What blocks a host's time besides bookings, and how it stands in his calendar."""

from datetime import datetime, timedelta

import pytest
import time_machine
from django.db.models import F
from django.db.models.functions import Now
from django.urls import reverse

from bookings.placeholders import PLACEHOLDERS
from bookings.services import alternatives
from one_off import services
from scheduling.models import BookingLink
from tests.bookings.test_alternatives import offer
from tests.calendars.making import connect_caldav
from tests.conftest import signed_in
from tests.factories import make_booking
from tests.one_off.making import make_one_off
from workestra.accounts.models import Membership
from workestra.calendars import mirror
from workestra.calendars.models import OwnEvent

pytestmark = pytest.mark.django_db

PAGE = reverse("one_off:holds")


def page_of(member: Membership, now: datetime) -> str:
    with time_machine.travel(now, tick=False):
        return signed_in(member).get(PAGE).content.decode()


def test_held_times_are_named_with_their_end(alice: Membership, bob: Membership, NOW: datetime) -> None:
    make_one_off(alice, NOW, title="Contract", expires_at=NOW + timedelta(days=1))
    make_one_off(alice, NOW, title="Loose offer", reserve=False)
    page = page_of(alice, NOW)
    assert "Contract" in page
    assert "Slot 1 of" in page
    assert "Then it is free again" in page
    assert "In no calendar of yours" in page
    assert "Loose offer" not in page
    assert "Contract" not in page_of(bob, NOW)
    assert "No time is held" in page_of(alice, NOW + timedelta(days=2))


def test_a_placeholder_is_written_then_there(alice: Membership, NOW: datetime) -> None:
    connect_caldav(alice, NOW)
    make_one_off(alice, NOW)
    assert "Writing" in page_of(alice, NOW)
    OwnEvent.objects.update(written_version=1, written_at=Now(), is_there=True)
    page = page_of(alice, NOW)
    assert "In CalDAV" in page
    assert "Stuck" not in page


def test_what_lingers_in_the_calendar_is_shown_as_stuck_and_can_be_tried_again(
    alice: Membership, NOW: datetime
) -> None:
    account = connect_caldav(alice, NOW)
    one_off = make_one_off(alice, NOW, title="Contract")
    OwnEvent.objects.update(written_version=1, written_at=Now(), is_there=True)
    services.withdraw(one_off=one_off, actor=alice.user, now=NOW)
    assert "Stuck" not in page_of(alice, NOW)
    OwnEvent.objects.update(dead_at=Now(), last_error="The server refused it.")
    page = page_of(alice, NOW)
    assert "Still in CalDAV" in page
    assert "The server refused it." in page
    assert "Released here" in page
    assert signed_in(alice).post(reverse("one_off:holds_retry")).status_code == 302
    assert not OwnEvent.objects.filter(dead_at__isnull=False).exists()
    assert "Stuck" not in page_of(alice, NOW)
    mirror.mark_broken(account, "Refused.", NOW)
    assert "needs reconnecting" in page_of(alice, NOW)


def test_what_lingers_of_other_times_for_a_booking_is_named_too(
    alice: Membership, link: BookingLink, NOW: datetime
) -> None:
    connect_caldav(alice, NOW)
    booking = make_booking(link, NOW + timedelta(days=1, hours=1), NOW)
    offer(booking, alice, NOW)
    OwnEvent.objects.update(written_version=F("version"), written_at=Now(), is_there=True)
    page = page_of(alice, NOW)
    assert "2 times are held" in page
    assert page.count("In CalDAV") == 2
    alternatives.withdraw(booking=booking, actor=alice.user, now=NOW)
    assert "Nothing is held" in page_of(alice, NOW)
    OwnEvent.objects.filter(topic=PLACEHOLDERS.topic).update(dead_at=Now(), last_error="Refused.")
    page = page_of(alice, NOW)
    assert page.count("Still in CalDAV") == 2
    assert page.count("<small>To Priya Raman, one of 2") == 2
    signed_in(alice).post(reverse("one_off:holds_retry"))
    assert "Stuck" not in page_of(alice, NOW)
