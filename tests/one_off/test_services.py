"""Making, picking, withdrawing: what is written, and what a refusal leaves alone."""

from collections.abc import Callable
from datetime import datetime
from uuid import uuid4

import pytest
from django.utils import timezone

from bookings.domain.offers import BadOffer
from bookings.models import Booking
from bookings.selectors import attendee_by_token, manage_token
from one_off import services
from one_off.models import OneOff
from one_off.selectors import one_off_by_token, token_of
from one_off.services import (
    AlreadyBooked,
    NotOffered,
    OneOffClosed,
    OneOffExpired,
    OneOffWithdrawn,
    SlotPassed,
    SlotsTaken,
)
from scheduling.models import BookingLink, BusyTime
from scheduling.selectors.times import open_slots_of
from scheduling.services.busy_time import SlotTaken
from tests.factories import make_booking
from tests.one_off.making import (
    DAY,
    HOUR,
    MINUTE,
    ROSA,
    TOMAS,
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
from workestra.notifications.models import OutboxMessage


def starts_on(link: BookingLink, period: Period, now: datetime) -> bool:
    """Whether the link offers the start of this period."""
    slots = open_slots_of(link, Period(period.start, period.start + MINUTE), now)
    return any(slot.start == period.start for slot in slots)


# --- Making ---


def test_a_one_off_holds_each_of_its_times(alice: Membership, NOW: datetime) -> None:
    one_off = make_one_off(alice, NOW, expires_at=NOW + DAY)
    rows = BusyTime.objects.filter(owner_key=one_off.pk).order_by("during")
    assert [(row.during.lower, row.during.upper) for row in rows] == [
        (period.start, period.end) for period in three_times(NOW)
    ]
    assert {(row.kind, row.host_id, row.expires_at, row.active) for row in rows} == {
        ("hold", alice.user_id, NOW + DAY, True)
    }


def test_holds_block_the_hosts_normal_link(alice: Membership, link: BookingLink, NOW: datetime) -> None:
    first = three_times(NOW)[0]
    assert starts_on(link, first, NOW)
    make_one_off(alice, NOW)
    assert not starts_on(link, first, NOW)
    with pytest.raises(SlotTaken):
        make_booking(link, first.start, NOW)


def test_without_reserve_the_times_stay_open_on_the_hosts_link(
    alice: Membership, link: BookingLink, NOW: datetime
) -> None:
    make_one_off(alice, NOW, reserve=False)
    assert not BusyTime.objects.exists()
    assert starts_on(link, three_times(NOW)[0], NOW)


def test_a_time_that_is_taken_is_named_and_nothing_is_written(
    alice: Membership, link: BookingLink, NOW: datetime
) -> None:
    second = three_times(NOW)[1]
    make_booking(link, second.start, NOW)
    before = written()
    with pytest.raises(SlotsTaken) as refusal:
        make_one_off(alice, NOW)
    assert [[clash.words for clash in row] for row in refusal.value.clashes] == [
        [],
        ["You meet Priya Raman then"],
        [],
    ]
    assert written() == before


def test_a_time_held_for_another_one_off_is_named(alice: Membership, NOW: datetime) -> None:
    make_one_off(alice, NOW, title="Supplier intro", periods=three_times(NOW)[:1])
    with pytest.raises(SlotsTaken) as refusal:
        make_one_off(alice, NOW)
    assert refusal.value.clashes[0][0].words == "Held for Supplier intro"


def test_without_reserve_a_taken_time_may_be_offered(
    alice: Membership, link: BookingLink, NOW: datetime
) -> None:
    make_booking(link, three_times(NOW)[0].start, NOW)
    assert make_one_off(alice, NOW, reserve=False).slots.count() == 3


def test_offered_times_may_overlap_each_other_and_lie_outside_hours(
    alice: Membership, link: BookingLink, NOW: datetime
) -> None:
    midnight = NOW.replace(hour=23)
    periods = tuple(Period.lasting(midnight + index * 15 * MINUTE, HOUR) for index in range(3))
    one_off = make_one_off(alice, NOW, periods=periods)
    assert active_holds(one_off) == 3
    pick(one_off, NOW, 1)
    assert BusyTime.objects.filter(active=True).count() == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda now: {"periods": ()}, "at least one"),
        (
            lambda now: {"periods": tuple(Period.lasting(now + n * HOUR, HOUR) for n in range(1, 12))},
            "at most 10",
        ),
        (lambda now: {"periods": (Period.lasting(now + HOUR, HOUR),) * 2}, "once"),
        (lambda now: {"periods": (Period.lasting(now, HOUR),)}, "still to come"),
        (lambda now: {"periods": (Period.lasting(now - DAY, HOUR),)}, "still to come"),
        (lambda now: {"periods": (Period.lasting(now + 731 * DAY, HOUR),)}, "two years"),
        (lambda now: {"periods": (Period.lasting(now + HOUR, 4 * MINUTE),)}, "480"),
        (lambda now: {"periods": (Period.lasting(now + HOUR, 0 * MINUTE),)}, "480"),
        (lambda now: {"periods": (Period.lasting(now + HOUR, 481 * MINUTE),)}, "480"),
        (lambda now: {"periods": (Period.lasting(now + HOUR, 100_000 * MINUTE),)}, "480"),
        (lambda now: {"expires_at": now}, "still to come"),
        (lambda now: {"expires_at": now - DAY}, "still to come"),
    ],
)
def test_what_cannot_be_offered_is_refused_and_nothing_is_written(
    alice: Membership, NOW: datetime, change: Callable[[datetime], dict[str, object]], words: str
) -> None:
    before = written()
    with pytest.raises(BadOffer, match=words):
        make_one_off(alice, NOW, **change(NOW))
    assert written() == before


@pytest.mark.parametrize("minutes", [5, 480])
def test_the_shortest_and_the_longest_meeting_can_be_offered(
    alice: Membership, NOW: datetime, minutes: int
) -> None:
    one_off = make_one_off(alice, NOW, periods=(Period.lasting(NOW + HOUR, minutes * MINUTE),))
    assert slot_of(one_off).period.duration == minutes * MINUTE


def test_the_same_form_sent_twice_makes_one_one_off(alice: Membership, NOW: datetime) -> None:
    offer = services.Offer(title="Twice", periods=three_times(NOW), timezone="Europe/Berlin")
    nonce = uuid4()
    first = services.create(member=alice, offer=offer, nonce=nonce, now=NOW)
    before = written()
    assert services.create(member=alice, offer=offer, nonce=nonce, now=NOW) == first
    assert written() == before


def test_somebody_elses_nonce_makes_a_one_off_of_its_own(
    alice: Membership, bob: Membership, NOW: datetime
) -> None:
    offer = services.Offer(title="Copied", periods=three_times(NOW), timezone="Europe/Berlin")
    nonce = uuid4()
    hers = services.create(member=alice, offer=offer, nonce=nonce, now=NOW)
    his = services.create(member=bob, offer=offer, nonce=nonce, now=NOW)
    assert hers.pk != his.pk
    assert nonce not in {hers.pk, his.pk}


def test_only_a_hash_of_the_token_is_stored_and_the_host_can_see_it_again(
    alice: Membership, NOW: datetime
) -> None:
    one_off = make_one_off(alice, NOW)
    token = token_of(one_off)
    assert token is not None
    assert len(token) == 43  # 256 bits in base64.
    assert token not in str(OneOff.objects.values().get())
    assert one_off_by_token(token) == one_off
    assert one_off_by_token(token + "x") is None


def test_the_address_outlives_a_key_but_cannot_be_printed_without_it(
    alice: Membership, NOW: datetime, settings: object
) -> None:
    one_off = make_one_off(alice, NOW)
    token = token_of(one_off)
    assert token is not None
    settings.SECRET_KEY = "another" * 10  # type: ignore[attr-defined]
    assert token_of(one_off) is None
    assert one_off_by_token(token) == one_off


def test_making_one_is_audited(alice: Membership, NOW: datetime) -> None:
    one_off = make_one_off(alice, NOW)
    event = AuditEvent.objects.get(target_id=one_off.pk)
    assert (event.action, event.actor_id, event.target_name) == (
        "one_off.created",
        alice.user_id,
        "Contract walkthrough",
    )
    assert len(event.after["slots"]) == 3


# --- Picking ---


def test_picking_makes_a_normal_booking(alice: Membership, NOW: datetime) -> None:
    one_off = make_one_off(alice, NOW, location_type="video", location_detail="https://meet.example/7")
    booking = pick(one_off, NOW, 1)
    second = three_times(NOW)[1]
    assert (booking.starts_at, booking.ends_at) == (second.start, second.end)
    assert booking.host_id == alice.user_id
    assert booking.link is None
    assert (booking.title, booking.strategy, booking.page_slug) == (
        "Contract walkthrough",
        "individual",
        "one-off",
    )
    assert (booking.timezone, booking.booker.timezone) == ("Europe/Berlin", "Europe/Madrid")
    assert (booking.location_type, booking.location_detail) == ("video", "https://meet.example/7")
    token = manage_token(booking.booker)
    assert token is not None
    assert attendee_by_token("one-off", token) == booking.booker
    assert set(OutboxMessage.objects.values_list("kind", "recipient")) >= {
        ("booking.confirmed.booker", "tomas@cobaltfoods.example"),
        ("booking.confirmed.host", alice.user.email),
    }
    one_off.refresh_from_db()
    assert (one_off.state, one_off.booking, one_off.closed_at) == ("booked", booking, NOW)


def test_picking_one_time_frees_the_others_at_once(
    alice: Membership, link: BookingLink, NOW: datetime
) -> None:
    one_off = make_one_off(alice, NOW)
    booking = pick(one_off, NOW)
    first, second, third = three_times(NOW)
    busy = BusyTime.objects.get(active=True)
    assert (busy.kind, busy.owner_key, busy.during.lower) == ("booking", booking.pk, first.start)
    assert [starts_on(link, period, NOW) for period in (first, second, third)] == [False, True, True]
    make_booking(link, third.start, NOW)


def test_picking_is_audited_as_the_bookers_act(alice: Membership, NOW: datetime) -> None:
    one_off = make_one_off(alice, NOW)
    booking = pick(one_off, NOW)
    event = AuditEvent.objects.get(target_id=one_off.pk, action="one_off.booked")
    assert (event.actor_id, event.actor_name) == (None, "tomas@cobaltfoods.example")
    assert event.after["booking"] == str(booking.pk)


def test_the_same_form_sent_twice_gives_the_same_booking(alice: Membership, NOW: datetime) -> None:
    one_off, nonce = make_one_off(alice, NOW), uuid4()
    booking = pick(one_off, NOW, nonce=nonce)
    before = written()
    assert pick(one_off, NOW, nonce=nonce) == booking
    one_off.refresh_from_db()
    assert pick(one_off, NOW, nonce=nonce) == booking
    assert written() == before


@pytest.mark.parametrize("index", [0, 1])
def test_a_second_person_is_told_that_it_is_booked(alice: Membership, NOW: datetime, index: int) -> None:
    one_off, nonce = make_one_off(alice, NOW), uuid4()
    pick(one_off, NOW, nonce=nonce)
    before = written()
    with pytest.raises(AlreadyBooked):
        pick(one_off, NOW, index, booker=ROSA, nonce=nonce)
    with pytest.raises(AlreadyBooked):
        pick(one_off, NOW, index)
    assert written() == before


def closed(one_off: OneOff, how: str, now: datetime) -> None:
    match how:
        case "booked":
            pick(one_off, now)
        case "withdrawn":
            services.withdraw(one_off=one_off, actor=one_off.host, now=now)
        case "expired by the page's clock":
            OneOff.objects.filter(pk=one_off.pk).update(expires_at=now)
        case "expired by the database's clock":
            OneOff.objects.filter(pk=one_off.pk).update(expires_at=timezone.now() - MINUTE)
        case "marked as expired":
            OneOff.objects.filter(pk=one_off.pk).update(state="expired", expires_at=now, closed_at=now)


@pytest.mark.parametrize(
    ("how", "refusal"),
    [
        ("booked", AlreadyBooked),
        ("withdrawn", OneOffWithdrawn),
        ("expired by the page's clock", OneOffExpired),
        ("expired by the database's clock", OneOffExpired),
        ("marked as expired", OneOffExpired),
    ],
)
@pytest.mark.parametrize("page_is_stale", [True, False])
def test_a_closed_one_off_cannot_be_picked_and_nothing_is_written(
    alice: Membership, NOW: datetime, how: str, refusal: type[OneOffClosed], page_is_stale: bool
) -> None:
    one_off = make_one_off(alice, NOW, expires_at=NOW + DAY)
    closed(one_off, how, NOW)
    if not page_is_stale:
        one_off.refresh_from_db()
    before = written()
    with pytest.raises(refusal):
        pick(one_off, NOW, 2)
    assert written() == before


def test_the_databases_clock_decides_when_the_page_is_slow(alice: Membership) -> None:
    now = timezone.now()
    one_off = make_one_off(alice, now, expires_at=now + DAY)
    OneOff.objects.update(expires_at=now - MINUTE)
    one_off.refresh_from_db()
    with pytest.raises(OneOffExpired):
        pick(one_off, now - HOUR)


@pytest.mark.parametrize("reserve", [True, False])
def test_a_time_that_has_begun_cannot_be_picked(alice: Membership, NOW: datetime, reserve: bool) -> None:
    one_off = make_one_off(alice, NOW, reserve=reserve)
    before = written()
    with pytest.raises(SlotPassed):
        pick(one_off, three_times(NOW)[0].start)
    assert written() == before
    pick(one_off, three_times(NOW)[0].start, 1)


def test_a_time_of_another_one_off_cannot_be_picked(alice: Membership, NOW: datetime) -> None:
    one_off = make_one_off(alice, NOW, periods=three_times(NOW)[:1])
    other = make_one_off(alice, NOW, periods=three_times(NOW)[1:])
    before = written()
    with pytest.raises(NotOffered):
        pick(one_off, NOW, slot_id=slot_of(other).pk)
    with pytest.raises(NotOffered):
        pick(one_off, NOW, slot_id=uuid4())
    assert written() == before


def test_an_unheld_time_that_somebody_booked_is_refused_and_the_others_stay(
    alice: Membership, link: BookingLink, NOW: datetime
) -> None:
    one_off = make_one_off(alice, NOW, reserve=False)
    make_booking(link, three_times(NOW)[0].start, NOW)
    before = written()
    with pytest.raises(SlotTaken):
        pick(one_off, NOW, 0)
    assert written() == before
    pick(one_off, NOW, 1)


def test_buffers_of_the_hosts_links_do_not_stand_in_the_way(alice: Membership, NOW: datetime) -> None:
    from tests.factories import make_link

    link = make_link(alice, buffer_before_minutes=60, buffer_after_minutes=60)
    first = three_times(NOW)[0]
    make_booking(link, first.start, NOW)
    one_off = make_one_off(alice, NOW, periods=(Period.lasting(first.end, HOUR),))
    pick(one_off, NOW)


# --- Withdrawing ---


def test_withdrawing_frees_what_was_held(alice: Membership, link: BookingLink, NOW: datetime) -> None:
    one_off = make_one_off(alice, NOW)
    services.withdraw(one_off=one_off, actor=alice.user, now=NOW)
    one_off.refresh_from_db()
    assert (one_off.state, one_off.closed_at) == ("withdrawn", NOW)
    assert active_holds(one_off) == 0
    assert starts_on(link, three_times(NOW)[0], NOW)
    event = AuditEvent.objects.get(target_id=one_off.pk, action="one_off.withdrawn")
    assert event.actor_id == alice.user_id


def test_withdrawing_twice_is_withdrawing_once(alice: Membership, NOW: datetime) -> None:
    one_off = make_one_off(alice, NOW)
    services.withdraw(one_off=one_off, actor=alice.user, now=NOW)
    before = written()
    services.withdraw(one_off=one_off, actor=alice.user, now=NOW + HOUR)
    one_off.refresh_from_db()
    assert one_off.closed_at == NOW
    assert written() == before


@pytest.mark.parametrize(
    ("how", "refusal"),
    [
        ("booked", AlreadyBooked),
        ("expired by the database's clock", OneOffExpired),
        ("marked as expired", OneOffExpired),
    ],
)
def test_a_closed_one_off_cannot_be_withdrawn(
    alice: Membership, NOW: datetime, how: str, refusal: type[OneOffClosed]
) -> None:
    one_off = make_one_off(alice, NOW, expires_at=NOW + DAY)
    closed(one_off, how, NOW)
    before = written()
    with pytest.raises(refusal):
        services.withdraw(one_off=one_off, actor=alice.user, now=NOW)
    assert written() == before
    assert Booking.objects.count() == (how == "booked")


# --- Expiring, before any job has run ---


def test_holds_stop_blocking_at_the_closing_time_though_no_job_has_run(
    alice: Membership, link: BookingLink, NOW: datetime
) -> None:
    first = three_times(NOW)[0]
    make_one_off(alice, NOW, expires_at=NOW + HOUR)
    assert not starts_on(link, first, NOW + HOUR - MINUTE)
    assert starts_on(link, first, NOW + HOUR)


def test_an_expired_hold_gives_way_to_a_booking_though_no_job_has_run(
    alice: Membership, link: BookingLink, NOW: datetime
) -> None:
    first = three_times(NOW)[0]
    one_off = make_one_off(alice, NOW, expires_at=NOW + HOUR)
    BusyTime.objects.update(expires_at=timezone.now() - MINUTE)
    make_booking(link, first.start, NOW + HOUR)
    assert active_holds(one_off) == 2


def test_expired_holds_do_not_keep_a_new_one_off_out(alice: Membership, NOW: datetime) -> None:
    make_one_off(alice, NOW, expires_at=NOW + HOUR)
    past = timezone.now() - MINUTE
    OneOff.objects.update(expires_at=past)
    BusyTime.objects.update(expires_at=past)
    assert active_holds(make_one_off(alice, NOW)) == 3


def test_the_booker_is_matched_by_address_before_the_booking_is_given_again(
    alice: Membership, NOW: datetime
) -> None:
    one_off, nonce = make_one_off(alice, NOW), uuid4()
    pick(one_off, NOW, nonce=nonce, booker=TOMAS)
    with pytest.raises(AlreadyBooked):
        pick(one_off, NOW, nonce=nonce, booker=ROSA)
