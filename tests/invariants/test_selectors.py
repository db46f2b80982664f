"""Each invariant notices what it is there for: the row is spoiled behind the product's back."""

from datetime import datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from bookings.models import Attendee, Booking
from scheduling.models import BookingLink, BusyTime, LinkHost
from tests.concurrency.conftest import without_the_constraint
from tests.factories import make_booking
from tests.managed_events.making import assign_to, make_template
from tests.one_off.making import make_one_off, pick
from workestra.accounts.models import Membership, Workspace
from workestra.crm.models import Person
from workestra.invariants.selectors import DELIVERIES, INVARIANTS, broken_invariants
from workestra.notifications.models import OutboxMessage

pytestmark = pytest.mark.django_db


@pytest.fixture
def booking(link: BookingLink, NOW: datetime) -> Booking:
    return make_booking(link, NOW + timedelta(days=1, hours=1), NOW)


def broken() -> set[str]:
    return {each.invariant.key for each in broken_invariants()}


def test_nothing_is_broken_in_a_house_in_use(booking: Booking, alice: Membership, NOW: datetime) -> None:
    pick(make_one_off(alice, NOW + timedelta(days=7)), NOW)
    make_one_off(alice, NOW + timedelta(days=14))
    assert broken_invariants() == []


def test_every_query_can_be_asked(db: None) -> None:
    assert broken_invariants(with_deliveries=True) == []


def test_time_that_is_missing_short_or_left_behind_is_noticed(booking: Booking) -> None:
    time = BusyTime.objects.get()
    BusyTime.objects.update(active=False)
    assert broken() == {"meeting"}
    BusyTime.objects.update(active=True, during=(time.during.lower, time.during.upper - timedelta(minutes=5)))
    assert broken() == {"meeting"}
    BusyTime.objects.update(during=time.during)
    Booking.objects.update(status="cancelled", ended_at=booking.created_at, attendee_count=0)
    assert "orphan" in broken()


@pytest.mark.django_db(transaction=True)
def test_a_host_taken_twice_is_noticed(booking: Booking) -> None:
    with without_the_constraint():
        time = BusyTime.objects.get()
        time.pk, time.owner_key = None, booking.series_id
        time.save(force_insert=True)
        assert broken() == {"time", "orphan"}


def test_seats_counted_wrong_are_noticed(booking: Booking) -> None:
    Attendee.objects.update(status="cancelled", ended_at=booking.created_at)
    assert "seats" in broken()


def test_a_hold_that_nobody_freed_is_noticed(alice: Membership, NOW: datetime) -> None:
    one_off = make_one_off(alice, NOW)
    long_ago = datetime(2020, 1, 1, tzinfo=NOW.tzinfo)
    BusyTime.objects.filter(owner_key=one_off.pk).update(expires_at=long_ago)
    assert broken() == {"hold"}


def test_a_hold_of_a_closed_one_off_and_one_that_is_booked_by_nobody_are_noticed(
    alice: Membership, NOW: datetime
) -> None:
    one_off = make_one_off(alice, NOW)
    one_off.state, one_off.closed_at = "booked", NOW
    one_off.save()
    assert broken() == {"orphan", "one-off"}


def test_a_mail_that_nobody_owes_or_is_owed_twice_is_noticed(booking: Booking) -> None:
    OutboxMessage.objects.update(seq=7)
    for message in OutboxMessage.objects.all():
        message.pk, message.seq = None, 8
        message._state.adding = True
        message.save()
    assert broken() == {"told of a booking"}
    OutboxMessage.objects.all().delete()
    assert broken() == {"told of a booking", "told the host"}


def test_a_cancellation_that_nobody_is_told_of_is_noticed(booking: Booking) -> None:
    Attendee.objects.update(status="cancelled", ended_at=booking.created_at)
    Booking.objects.update(status="cancelled", ended_at=booking.created_at, attendee_count=0)
    BusyTime.objects.update(active=False)
    assert broken() == {"told of a cancellation", "told the host"}


def test_a_sequence_that_comes_twice_is_noticed(booking: Booking, link: BookingLink, NOW: datetime) -> None:
    other = make_booking(link, NOW + timedelta(days=2, hours=1), NOW, email="other@x.example")
    other.status, other.ended_at, other.attendee_count = "rescheduled", NOW, 0
    other.series_id = booking.series_id
    other.save()
    assert "series" in broken()


def test_one_turn_had_by_two_is_noticed(link: BookingLink, bob: Membership) -> None:
    LinkHost.objects.create(link=link, user=bob.user)
    LinkHost.objects.update(rotation=3)
    assert broken() == {"turns"}


def test_a_booking_of_another_workspace_is_noticed(booking: Booking, carol: Membership) -> None:
    assert Workspace.objects.count() == 2
    Booking.objects.update(workspace=carol.workspace)
    assert broken() == {"workspace"}


def test_a_meeting_of_somebody_who_was_merged_is_noticed(booking: Booking, NOW: datetime) -> None:
    kept = Person.objects.create(workspace=booking.workspace, email="kept@x.example", created_at=NOW)
    Person.objects.exclude(pk=kept.pk).update(merged_into=kept)
    assert broken() == {"merged"}


def test_a_link_that_left_its_template_is_noticed(dana: Membership, alice: Membership) -> None:
    template = make_template(dana, locks=["title"])
    assign_to(template, [alice], dana)
    assert broken() == set()
    BookingLink.objects.update(title="Crooked")
    assert broken() == {"locks"}


def test_the_command_fails_and_says_what_is_broken(booking: Booking) -> None:
    said, complained = StringIO(), StringIO()
    call_command("check_invariants", stdout=said)
    assert said.getvalue() == f"All {len(INVARIANTS) + len(DELIVERIES)} invariants hold.\n"
    BusyTime.objects.update(active=False)
    with pytest.raises(CommandError, match="1 of"):
        call_command("check_invariants", stderr=complained)
    assert str(booking.pk) in complained.getvalue()
