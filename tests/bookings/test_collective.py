"""Collective meetings: all hosts or none."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from django.test import Client
from icalendar import Calendar

from bookings import access
from bookings.domain import mail_kinds as kinds
from bookings.models import Booking
from bookings.selectors import offer_of
from bookings.services import booking as service
from scheduling.models import BookingLink, BusyTime, LinkHost, OutOfOffice
from scheduling.services.busy_time import LockedHosts, SlotTaken, TryAgain
from tests.factories import make_booking, make_link
from workestra.accounts.models import Membership
from workestra.calendars.domain.period import Period
from workestra.invariants.selectors import broken_invariants
from workestra.notifications.models import OutboxMessage
from workestra.notifications.registry import Skip, renderer_of

pytestmark = pytest.mark.django_db(transaction=True)

TUESDAY_TEN = datetime(2030, 1, 8, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
TUESDAY = Period(TUESDAY_TEN - HOUR, TUESDAY_TEN + 10 * HOUR)


@pytest.fixture
def review(alice: Membership, bob: Membership) -> BookingLink:
    return make_link(alice, hosts=[alice, bob], strategy="collective", title="Review", slug="review")


def taken(member: Membership) -> list[datetime]:
    rows = BusyTime.objects.filter(host=member.user, active=True).order_by("during")
    return [row.during.lower for row in rows]


def test_every_hosts_time_is_taken_under_one_key_and_the_lowest_id_comes_first(
    review: BookingLink, alice: Membership, bob: Membership, NOW: datetime
) -> None:
    booking = make_booking(review, TUESDAY_TEN, NOW)
    ids = sorted([alice.user_id, bob.user_id])
    assert [host.pk for host in booking.hosts] == ids
    assert booking.host_id == ids[0]
    assert set(BusyTime.objects.values_list("owner_key", "host_id")) == {(booking.pk, pk) for pk in ids}
    receipt = booking.assignment_receipt
    assert receipt is not None
    assert [each["host_id"] for each in receipt["candidates"]] == [str(pk) for pk in ids]
    assert not broken_invariants()


def test_one_busy_host_is_enough_to_refuse_and_nothing_is_written(
    review: BookingLink, bob: Membership, NOW: datetime
) -> None:
    make_booking(make_link(bob, slug="bob-call"), TUESDAY_TEN, NOW)
    assert TUESDAY_TEN not in offer_of(review, TUESDAY, NOW).starts
    with pytest.raises(SlotTaken):
        make_booking(review, TUESDAY_TEN, NOW)
    assert Booking.objects.count() == BusyTime.objects.count() == 1


def test_every_host_is_told_with_all_of_them_in_the_event(
    review: BookingLink, alice: Membership, bob: Membership, NOW: datetime
) -> None:
    booking = make_booking(review, TUESDAY_TEN, NOW)
    messages = OutboxMessage.objects.filter(topic_id=booking.pk, kind=kinds.CONFIRMED_HOST)
    assert {each.recipient for each in messages} == {alice.user.email, bob.user.email}
    for message in messages:
        made = renderer_of(message.kind)(message, NOW)
        assert not isinstance(made, Skip)
        (part,) = [each for each in made.message().walk() if each.get_content_type() == "text/calendar"]
        (event,) = Calendar.from_ical(part.get_payload(decode=True)).walk("VEVENT")
        assert {str(each) for each in event["ATTENDEE"]} == {
            "mailto:priya@saltmarsh.example",
            f"mailto:{alice.user.email}",
            f"mailto:{bob.user.email}",
        }


def test_moving_needs_all_hosts_and_counts_its_own_time_as_free(
    alice: Membership, bob: Membership, NOW: datetime
) -> None:
    review = make_link(alice, hosts=[alice, bob], strategy="collective", slot_interval_minutes=15)
    booking = make_booking(review, TUESDAY_TEN, NOW)
    moved = service.reschedule(attendee=booking.booker, start=TUESDAY_TEN + HOUR / 4, now=NOW).booking
    assert taken(alice) == taken(bob) == [TUESDAY_TEN + HOUR / 4]
    assert moved.host_ids == booking.host_ids
    make_booking(make_link(bob, slug="bob-call"), TUESDAY_TEN + 2 * HOUR, NOW)
    with pytest.raises(SlotTaken):
        service.reschedule(attendee=moved.booker, start=TUESDAY_TEN + 2 * HOUR, now=NOW)
    assert not broken_invariants()


def test_cancelling_frees_all_hosts_and_tells_them(
    review: BookingLink, alice: Membership, bob: Membership, NOW: datetime
) -> None:
    booking = make_booking(review, TUESDAY_TEN, NOW)
    service.cancel_by_booker(attendee=booking.booker, reason="", now=NOW)
    assert taken(alice) == taken(bob) == []
    told = OutboxMessage.objects.filter(topic_id=booking.pk, kind=kinds.CANCELLED_HOST)
    assert {each.recipient for each in told} == {alice.user.email, bob.user.email}


def test_a_host_who_joins_while_somebody_books_makes_him_try_again(
    review: BookingLink, dana: Membership, NOW: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked_first = service.with_hosts_locked

    def joined_first(host_ids: list[UUID], work: Callable[[LockedHosts], Booking]) -> Booking:
        LinkHost.objects.create(link=review, user=dana.user)
        return locked_first(host_ids, work)

    monkeypatch.setattr(service, "with_hosts_locked", joined_first)
    with pytest.raises(TryAgain):
        make_booking(review, TUESDAY_TEN, NOW)
    assert not Booking.objects.exists()


def test_each_host_sees_it_as_his_own(
    review: BookingLink, alice: Membership, bob: Membership, client: Client, NOW: datetime
) -> None:
    booking = make_booking(review, NOW + 25 * HOUR, NOW)
    for member in (alice, bob):
        assert access.booking_for(member, booking.pk) == booking


class TestRoundRobin:
    @pytest.fixture
    def pool(self, alice: Membership, bob: Membership) -> BookingLink:
        return make_link(alice, hosts=[alice, bob])

    def test_who_moves_is_offered_the_times_of_his_own_host_and_gets_them(
        self, pool: BookingLink, alice: Membership, bob: Membership, NOW: datetime
    ) -> None:
        booking = make_booking(pool, TUESDAY_TEN, NOW)
        other = TUESDAY_TEN + HOUR
        own = make_link(alice if booking.host == alice.user else bob, slug="own")
        make_booking(own, other, NOW)
        assert other in offer_of(pool, TUESDAY, NOW).starts
        offered = offer_of(pool, TUESDAY, NOW, moving=booking).starts
        assert other not in offered
        with pytest.raises(SlotTaken):
            service.reschedule(attendee=booking.booker, start=other, now=NOW)
        moved = service.reschedule(attendee=booking.booker, start=offered[-1], now=NOW)
        assert moved.booking.host == booking.host

    def test_the_receipt_names_caps_and_days_out_of_office(
        self, pool: BookingLink, alice: Membership, bob: Membership, dana: Membership, NOW: datetime
    ) -> None:
        LinkHost.objects.create(link=pool, user=dana.user)
        LinkHost.objects.filter(user=alice.user).update(max_per_day=1)
        day = TUESDAY_TEN.date()
        OutOfOffice.objects.create(
            workspace=bob.workspace, user=bob.user, first_day=day, last_day=day, note="Ski"
        )
        LinkHost.objects.filter(user=dana.user).update(rotation=9)
        first = make_booking(pool, TUESDAY_TEN, NOW, email="a@x.example")
        second = make_booking(pool, TUESDAY_TEN + HOUR, NOW, email="b@x.example")
        assert (first.host, second.host) == (alice.user, dana.user)
        assert second.assignment_receipt is not None
        why = {each["name"]: " ".join(each["reasons"]) for each in second.assignment_receipt["candidates"]}
        assert "Out of office" in why[bob.user.name]
        assert "1" in why[alice.user.name]
        assert why[dana.user.name] == ""
