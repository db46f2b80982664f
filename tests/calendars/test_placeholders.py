"""Held times stand as placeholders in the host's own calendar, and none is left behind."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db.models.functions import Now

from one_off import effects, services
from one_off.models import OneOff
from tests.calendars.making import MAIN, connect_google
from tests.calendars.test_writing import as_if_read, events, start_of, write_now
from tests.fakes.google import FakeGoogle
from tests.fakes.server import Answer
from tests.one_off.making import make_one_off, pick, slot_of
from workestra.accounts.models import Membership
from workestra.calendars.models import OwnEvent

pytestmark = pytest.mark.django_db

MARK = "[Workestra: hold for one-off]"


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
        assert effects.expire_over(NOW) == 1
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
