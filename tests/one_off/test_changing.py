"""Changing a one-off that is out already: what it holds follows, pages that were opened before go on."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from bookings.domain.offers import BadOffer
from one_off import services
from one_off.domain.offers import Offer
from one_off.models import OneOff
from one_off.selectors import token_of
from tests.calendars.making import connect_caldav
from tests.one_off.making import (
    DAY,
    HOUR,
    MINUTE,
    active_holds,
    make_one_off,
    pick,
    slot_of,
    three_times,
    written,
)
from workestra.accounts.models import Membership
from workestra.audit.models import AuditEvent
from workestra.calendars.domain.period import Period
from workestra.calendars.models import OwnEvent
from workestra.invariants.selectors import broken_invariants

pytestmark = pytest.mark.django_db


def offer_of(one_off: OneOff, **fields: Any) -> Offer:
    """What the one-off offers, with these changes."""
    offer = Offer(
        title=one_off.title,
        description=one_off.description,
        periods=tuple(slot.period for slot in one_off.slots.filter(withdrawn_at=None)),
        timezone=one_off.timezone,
        reserve=one_off.reserve,
    )
    return replace(offer, **fields)


def change(one_off: OneOff, now: datetime, **fields: Any) -> OneOff:
    return services.change(one_off=one_off, offer=offer_of(one_off, **fields), actor=one_off.host, now=now)


def test_holds_follow_the_times_and_the_address_stays(alice: Membership, NOW: datetime) -> None:
    one_off = make_one_off(alice, NOW)
    first, second, third = three_times(NOW)
    later = Period.lasting(third.start + DAY, 30 * MINUTE)
    kept = slot_of(one_off, 1).pk
    token = token_of(one_off)
    changed = change(one_off, NOW, title="Renamed", periods=(second, later), expires_at=NOW + 2 * DAY)
    assert (changed.title, token_of(changed)) == ("Renamed", token)
    standing = changed.slots.filter(withdrawn_at=None)
    assert [slot.period for slot in standing] == [second, later]
    assert standing[0].pk == kept
    assert changed.slots.filter(withdrawn_at=NOW).count() == 2
    assert active_holds(one_off) == 2
    # What was freed is anybody's again, what was added is not.
    make_one_off(alice, NOW, periods=(first,))
    with pytest.raises(services.SlotsTaken):
        make_one_off(alice, NOW, periods=(later,))
    assert broken_invariants() == []
    (event,) = AuditEvent.objects.filter(action="one_off.changed")
    assert event.before["title"] == "Contract walkthrough"


def test_a_time_taken_out_is_refused_and_comes_back_under_its_old_id(
    alice: Membership, NOW: datetime
) -> None:
    one_off = make_one_off(alice, NOW)
    times, slot = three_times(NOW), slot_of(one_off)
    change(one_off, NOW, periods=times[1:])
    with pytest.raises(services.SlotTakenOut):
        pick(one_off, NOW, slot_id=slot.pk)
    change(one_off, NOW, periods=times)
    assert pick(one_off, NOW, slot_id=slot.pk).period == times[0]


def test_without_reserve_everything_held_is_free(alice: Membership, NOW: datetime) -> None:
    one_off = make_one_off(alice, NOW)
    change(one_off, NOW, reserve=False)
    assert active_holds(one_off) == 0
    change(one_off, NOW, reserve=True)
    assert active_holds(one_off) == 3


def test_placeholders_follow(alice: Membership, NOW: datetime) -> None:
    connect_caldav(alice, NOW)
    one_off = make_one_off(alice, NOW)
    version = dict(OwnEvent.objects.values_list("topic_id", "version"))
    assert len(version) == 3
    times = three_times(NOW)
    change(one_off, NOW, periods=(times[1], Period.lasting(times[2].start + DAY, HOUR)))
    now_there = dict(OwnEvent.objects.values_list("topic_id", "version"))
    assert len(now_there) == 4
    assert all(now_there[slot] > before for slot, before in version.items())


def test_what_cannot_be_offered_changes_nothing(alice: Membership, NOW: datetime) -> None:
    one_off = make_one_off(alice, NOW)
    before = written()
    for fields in ({"periods": ()}, {"expires_at": NOW - MINUTE}):
        with pytest.raises(BadOffer):
            change(one_off, NOW, **fields)
    assert written() == before


def test_taken_times_change_nothing(alice: Membership, NOW: datetime) -> None:
    one_off = make_one_off(alice, NOW)
    elsewhere = Period.lasting(three_times(NOW)[2].start + 5 * DAY, HOUR)
    make_one_off(alice, NOW, periods=(elsewhere,))
    before = written()
    with pytest.raises(services.SlotsTaken) as taken:
        change(one_off, NOW, periods=(three_times(NOW)[0], elsewhere))
    assert [len(met) for met in taken.value.clashes] == [0, 1]
    assert written() == before


def test_one_that_is_over_is_not_changed(alice: Membership, NOW: datetime) -> None:
    booked, gone = make_one_off(alice, NOW), make_one_off(alice, NOW, reserve=False)
    pick(booked, NOW)
    services.withdraw(one_off=gone, actor=alice.user, now=NOW)
    stale = OneOff.objects.get(pk=booked.pk)
    stale.state = OneOff.State.OPEN  # As a page read it before.
    before = written()
    with pytest.raises(services.AlreadyBooked):
        change(stale, NOW, title="Late")
    with pytest.raises(services.OneOffWithdrawn):
        change(OneOff.objects.get(pk=gone.pk), NOW, title="Late")
    assert written() == before


def test_times_that_have_begun_stay_as_they_are(alice: Membership, NOW: datetime) -> None:
    one_off = make_one_off(alice, NOW)
    times = three_times(NOW)
    change(one_off, times[0].start + MINUTE, periods=times[1:])
    assert not one_off.slots.filter(withdrawn_at__isnull=False).exists()


def test_a_time_that_has_begun_under_another_meeting_keeps_nobody_from_holding_the_others(
    alice: Membership, NOW: datetime
) -> None:
    one_off = make_one_off(alice, NOW, reserve=False)
    first, *others = three_times(NOW)
    pick(make_one_off(alice, NOW, title="Other", reserve=False, periods=(first,)), NOW)
    change(one_off, first.start + 5 * MINUTE, reserve=True, periods=tuple(others))
    assert active_holds(one_off) == len(others)
    assert broken_invariants() == []
