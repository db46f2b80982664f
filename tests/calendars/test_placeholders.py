"""Held times stand as placeholders in their hosts' own calendars, and none is left behind."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db.models.functions import Now

from bookings.models import Alternatives
from bookings.services import alternatives
from one_off import effects as one_off_effects
from one_off import services
from one_off.models import OneOff
from scheduling.models import BookingLink
from tests.bookings.test_alternatives import (
    THURSDAY_TEN,
    TUESDAY_TEN,
    WEDNESDAY_TEN,
    is_free,
    offer,
    picked,
)
from tests.calendars.making import MAIN, TEAM, connect_google
from tests.calendars.test_writing import as_if_read, events, start_of, write_now
from tests.factories import make_booking, make_link
from tests.fakes.google import FakeGoogle
from tests.fakes.server import Answer
from tests.one_off.making import make_one_off, pick, slot_of
from workestra.accounts.models import Membership
from workestra.calendars import effects
from workestra.calendars.models import OwnEvent, RemoteBusy, RemoteCalendar

pytestmark = pytest.mark.django_db

MARK = "[Workestra: hold for "


@pytest.fixture(autouse=True)
def _connected(alice: Membership, google: FakeGoogle, NOW: datetime) -> None:
    google.events[MAIN.id].clear()
    connect_google(alice, google, NOW)
    as_if_read(NOW)
    google.calm()


def placeholders(google: FakeGoogle) -> list[dict[str, Any]]:
    return [event for event in events(google) if event["summary"].startswith(MARK)]


def test_each_offered_time_is_there_until_one_is_picked(
    alice: Membership, google: FakeGoogle, NOW: datetime
) -> None:
    one_off = make_one_off(alice, NOW)
    assert google.requests == []
    write_now(NOW)
    assert sorted(map(start_of, placeholders(google))) == [slot.starts_at for slot in one_off.slots.all()]
    assert {event["summary"] for event in placeholders(google)} == {
        "[Workestra: hold for one-off] Contract walkthrough"
    }
    pick(one_off, NOW)
    write_now(NOW)
    assert placeholders(google) == []
    (booked,) = events(google)
    assert start_of(booked) == slot_of(one_off).starts_at
    assert write_now(NOW) == 0


@pytest.mark.parametrize("end", ["withdrawn", "expired", "both before it was written"])
def test_none_is_left_when_it_is_over(alice: Membership, google: FakeGoogle, NOW: datetime, end: str) -> None:
    one_off = make_one_off(alice, NOW, expires_at=NOW + timedelta(days=1))
    if end != "both before it was written":
        write_now(NOW)
        assert placeholders(google)
    if end == "expired":
        OneOff.objects.update(expires_at=Now() - timedelta(hours=1))
        assert one_off_effects.expire_over(NOW) == 1
    else:
        services.withdraw(one_off=one_off, actor=alice.user, now=NOW)
    write_now(NOW)
    assert events(google) == []
    assert not OwnEvent.objects.filter(is_there=True).exists()


def test_they_are_gone_within_one_run_after_the_provider_is_back(
    alice: Membership, google: FakeGoogle, NOW: datetime
) -> None:
    one_off = make_one_off(alice, NOW)
    write_now(NOW)
    services.withdraw(one_off=one_off, actor=alice.user, now=NOW)
    google.fail(answer=Answer(503, {}), times=99)
    write_now(NOW)
    assert placeholders(google)
    google.faults.clear()
    write_now(NOW)
    assert placeholders(google) == []


def test_times_that_are_not_held_have_none(alice: Membership, google: FakeGoogle, NOW: datetime) -> None:
    make_one_off(alice, NOW, reserve=False)
    assert write_now(NOW) == 0
    assert not OwnEvent.objects.exists()


class TestOtherTimesForABooking:
    def test_each_is_there_until_one_is_picked(
        self, link: BookingLink, alice: Membership, google: FakeGoogle, NOW: datetime
    ) -> None:
        booking = make_booking(link, TUESDAY_TEN, NOW)
        offered = offer(booking, alice, NOW)
        write_now(NOW)
        assert {(start_of(event), event["summary"]) for event in placeholders(google)} == {
            (start, "[Workestra: hold for Discovery Call]") for start in (WEDNESDAY_TEN, THURSDAY_TEN)
        }
        (said,) = {event["description"] for event in placeholders(google)}
        assert "Offered to Priya Raman in place of Tue 8 Jan, 10:00 CET." in said
        picked(offered, booking, alice, NOW)
        write_now(NOW)
        (booked,) = events(google)
        assert (start_of(booked), placeholders(google)) == (THURSDAY_TEN, [])
        assert write_now(NOW) == 0

    def test_they_are_in_the_calendar_of_each_host_of_a_collective_meeting(
        self, alice: Membership, bob: Membership, google: FakeGoogle, NOW: datetime
    ) -> None:
        google.calendars.pop(TEAM.id, None)
        google.add_calendar(TEAM.id, TEAM.name)
        connect_google(bob, google, NOW, TEAM)
        as_if_read(NOW)
        both = make_link(alice, hosts=[alice, bob], strategy="collective")
        booking = make_booking(both, TUESDAY_TEN, NOW)
        offer(booking, alice, NOW)
        write_now(NOW)
        for calendar in (MAIN, TEAM):
            assert sum(event["summary"].startswith(MARK) for event in events(google, calendar.id)) == 2
        alternatives.withdraw(booking=booking, actor=bob.user, now=NOW)
        write_now(NOW)
        assert (len(events(google)), len(events(google, TEAM.id))) == (1, 1)

    def test_ours_that_lingers_is_no_busy_time_when_the_calendar_is_read_back(
        self, link: BookingLink, alice: Membership, google: FakeGoogle, NOW: datetime
    ) -> None:
        booking = make_booking(link, TUESDAY_TEN, NOW)
        offered = offer(booking, alice, NOW)
        write_now(NOW)
        RemoteCalendar.objects.update(due_at=Now() - timedelta(hours=1))
        effects.read_due(NOW)
        seen = RemoteBusy.objects.filter(own_key__in=keys_of(offered))
        assert sorted(each.during.lower for each in seen) == [WEDNESDAY_TEN, THURSDAY_TEN]
        assert not is_free(link, THURSDAY_TEN, NOW)
        alternatives.withdraw(booking=booking, actor=alice.user, now=NOW)
        assert is_free(link, THURSDAY_TEN, NOW)
        assert len(placeholders(google)) == 2

    def test_a_page_that_writes_no_events_has_none(
        self, alice: Membership, google: FakeGoogle, NOW: datetime
    ) -> None:
        silent = make_link(alice, calendar_provider="none")
        offer(make_booking(silent, TUESDAY_TEN, NOW), alice, NOW)
        assert write_now(NOW) == 0


def keys_of(offered: Alternatives) -> list[UUID]:
    times = offered.times.values_list("pk", flat=True)
    return list(OwnEvent.objects.filter(topic_id__in=times).values_list("key", flat=True))
