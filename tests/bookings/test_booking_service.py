"""Making, moving and cancelling bookings: what is written together, and what a refusal leaves alone."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from bookings.domain import mail_kinds as kinds
from bookings.models import Attendee, Booking, RetiredToken
from bookings.selectors import (
    attendee_by_token,
    is_retired,
    manage_token,
    offer_of,
    reminder_due,
    starts_near,
)
from bookings.services import booking as service
from bookings.services.booking import (
    Booker,
    BookingClosed,
    TooLate,
    book,
    cancel_by_booker,
    cancel_by_host,
    reschedule,
)
from scheduling import selectors as scheduling
from scheduling.models import BookingLink, BusyTime, LinkHost
from scheduling.services.busy_time import LockedHosts, SlotTaken
from tests.factories import make_booking, make_link
from workestra.accounts.models import Membership
from workestra.audit.models import AuditEvent
from workestra.calendars.domain.period import Period
from workestra.crm.models import Person
from workestra.notifications.models import OutboxMessage

pytestmark = pytest.mark.django_db(transaction=True)

TUESDAY_TEN = datetime(2030, 1, 8, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
PRIYA = Booker(
    name="Priya Raman", email="priya@saltmarsh.example", timezone="America/New_York", phone="+1 212 5550"
)


def everything() -> list[int]:
    """How many rows of each kind there are: what a refusal must not change."""
    return [
        model.objects.count()
        for model in (Booking, Attendee, BusyTime, OutboxMessage, AuditEvent, Person, RetiredToken)
    ]


def owed(booking: Booking) -> set[tuple[str, str, int]]:
    topics = [booking.pk, *booking.attendees.values_list("pk", flat=True)]
    waiting = OutboxMessage.objects.filter(topic_id__in=topics, skipped_at=None)
    return set(waiting.values_list("kind", "recipient", "seq"))


def busy(booking: Booking) -> list[Period]:
    rows = BusyTime.objects.filter(owner_key=booking.pk, active=True)
    return [Period(row.during.lower, row.during.upper) for row in rows]


def test_a_booking_comes_with_its_time_its_mails_its_person_and_its_trace(
    link: BookingLink, NOW: datetime
) -> None:
    booking = make_booking(link, TUESDAY_TEN + DAY, NOW, phone="+1 212 5550")
    assert busy(booking) == [booking.period]
    assert booking.host_id == link.owner_id
    assert (booking.timezone, booking.booker.timezone) == ("Europe/Berlin", "America/New_York")
    assert owed(booking) == {
        (kinds.CONFIRMED_BOOKER, "priya@saltmarsh.example", 0),
        (kinds.CONFIRMED_HOST, "alice@larkhill.example", 0),
        (kinds.REMINDER_BOOKER, "priya@saltmarsh.example", 0),
    }
    assert reminder_due(booking.booker) == booking.starts_at - DAY
    assert booking.booker.person == Person.objects.get(email="priya@saltmarsh.example")
    event = AuditEvent.objects.get()
    assert (event.action, event.actor_name, event.target_id) == (
        "booking.made",
        booking.booker.email,
        booking.pk,
    )


def test_no_reminder_is_owed_for_a_meeting_within_a_day_or_where_the_page_has_none(
    link: BookingLink, NOW: datetime
) -> None:
    soon = make_booking(link, NOW + HOUR, NOW)
    assert reminder_due(soon.booker) is None
    link.reminder_enabled = False
    link.save()
    assert reminder_due(make_booking(link, TUESDAY_TEN + DAY, NOW).booker) is None


def test_the_same_form_sent_twice_books_once(link: BookingLink, NOW: datetime) -> None:
    nonce = uuid4()
    first = book(link=link, start=TUESDAY_TEN, booker=PRIYA, nonce=nonce, now=NOW)
    before = everything()
    assert book(link=link, start=TUESDAY_TEN, booker=PRIYA, nonce=nonce, now=NOW) == first
    assert everything() == before


def test_a_form_sent_again_with_another_address_is_another_booking(link: BookingLink, NOW: datetime) -> None:
    """Somebody goes back, corrects his address and sends the form again: its number is still the same."""
    nonce = uuid4()
    book(link=link, start=TUESDAY_TEN, booker=PRIYA, nonce=nonce, now=NOW)
    corrected = Booker(name="Priya Raman", email="priya@salt.example", timezone="America/New_York")
    with pytest.raises(SlotTaken):
        book(link=link, start=TUESDAY_TEN, booker=corrected, nonce=nonce, now=NOW)
    again = book(link=link, start=TUESDAY_TEN + HOUR, booker=corrected, nonce=nonce, now=NOW)
    assert again.email == "priya@salt.example"
    assert Booking.objects.count() == 2


def test_the_number_of_one_links_form_means_nothing_on_another(
    link: BookingLink, alice: Membership, NOW: datetime
) -> None:
    nonce, other = uuid4(), make_link(alice)
    book(link=link, start=TUESDAY_TEN, booker=PRIYA, nonce=nonce, now=NOW)
    with pytest.raises(SlotTaken):
        book(link=other, start=TUESDAY_TEN, booker=PRIYA, nonce=nonce, now=NOW)


@pytest.mark.parametrize(
    "start",
    [
        pytest.param(TUESDAY_TEN + timedelta(minutes=7), id="off the grid"),
        pytest.param(TUESDAY_TEN - 4 * HOUR, id="before hours"),
        pytest.param(TUESDAY_TEN + 8 * HOUR, id="after hours"),
        pytest.param(TUESDAY_TEN + 4 * DAY, id="on Saturday"),
        pytest.param(TUESDAY_TEN - 7 * DAY, id="past"),
        pytest.param(TUESDAY_TEN + 70 * DAY, id="beyond the window"),
        pytest.param(TUESDAY_TEN, id="within the notice"),
    ],
)
def test_what_the_page_does_not_offer_cannot_be_booked(
    link: BookingLink, NOW: datetime, start: datetime
) -> None:
    if start == TUESDAY_TEN:
        link.minimum_notice_hours = 48
        link.save()
    before = everything()
    with pytest.raises(SlotTaken):
        book(link=link, start=start, booker=PRIYA, nonce=uuid4(), now=NOW)
    assert everything() == before


def test_a_change_of_the_page_counts_for_forms_that_were_open(link: BookingLink, NOW: datetime) -> None:
    opened = scheduling.public_link(link.slug)
    assert opened is not None
    BookingLink.objects.filter(pk=link.pk).update(minimum_notice_hours=48)
    before = everything()
    with pytest.raises(SlotTaken):
        book(link=opened, start=TUESDAY_TEN, booker=PRIYA, nonce=uuid4(), now=NOW)
    assert everything() == before


def test_a_deleted_page_books_nothing(link: BookingLink, NOW: datetime) -> None:
    opened = scheduling.public_link(link.slug)
    assert opened is not None
    BookingLink.objects.filter(pk=link.pk).delete()
    before = everything()
    with pytest.raises(SlotTaken):
        book(link=opened, start=TUESDAY_TEN, booker=PRIYA, nonce=uuid4(), now=NOW)
    assert everything() == before


def test_buffers_are_kept_between_bookings(link: BookingLink, NOW: datetime) -> None:
    make_booking(link, TUESDAY_TEN, NOW)
    link.buffer_before_minutes = 30
    link.save()
    with pytest.raises(SlotTaken):
        make_booking(link, TUESDAY_TEN + timedelta(minutes=30), NOW)
    assert make_booking(link, TUESDAY_TEN + HOUR, NOW).buffer_before_minutes == 30


def test_a_round_robin_takes_turns_and_says_why(alice: Membership, bob: Membership, NOW: datetime) -> None:
    pool = make_link(alice, hosts=[alice, bob])
    first, second, third = (make_booking(pool, TUESDAY_TEN + HOUR * number, NOW) for number in range(3))
    assert first.host_id != second.host_id
    assert third.host_id == first.host_id
    rotations = LinkHost.objects.filter(link=pool).values_list("rotation", flat=True)
    assert len(set(rotations)) == 2
    receipt = third.assignment_receipt
    assert receipt is not None
    assert receipt["chosen"] == str(third.host_id)
    assert [candidate["free"] for candidate in receipt["candidates"]] == [True, True]


def test_a_busy_host_is_passed_over_and_keeps_his_turn(
    alice: Membership, bob: Membership, NOW: datetime
) -> None:
    make_booking(make_link(alice), TUESDAY_TEN, NOW)
    pool = make_link(alice, hosts=[alice, bob])
    LinkHost.objects.filter(link=pool, user=bob.user).update(rotation=5)
    booking = make_booking(pool, TUESDAY_TEN, NOW)
    assert booking.host_id == bob.user_id
    assert booking.assignment_receipt is not None
    passed_over = booking.assignment_receipt["candidates"][0]
    assert (passed_over["name"], passed_over["free"]) == ("Alice Okafor", False)
    assert passed_over["reasons"] == ["Discovery Call 10:00–10:30 (CET, Berlin)"]
    assert make_booking(pool, TUESDAY_TEN + HOUR, NOW).host_id == alice.user_id


def test_weights_decide_among_those_who_have_waited_as_long(
    alice: Membership, bob: Membership, NOW: datetime
) -> None:
    pool = make_link(alice, hosts=[alice, bob])
    LinkHost.objects.filter(link=pool, user=bob.user).update(weight=2)
    assert make_booking(pool, TUESDAY_TEN, NOW).host_id == bob.user_id


def test_two_hosts_can_be_booked_at_once_and_no_third_time(
    alice: Membership, bob: Membership, NOW: datetime
) -> None:
    pool = make_link(alice, hosts=[alice, bob])
    hosts = {make_booking(pool, TUESDAY_TEN, NOW).host_id for _ in range(2)}
    assert hosts == {alice.user_id, bob.user_id}
    before = everything()
    with pytest.raises(SlotTaken):
        make_booking(pool, TUESDAY_TEN, NOW)
    assert everything() == before


def test_a_host_who_joins_while_somebody_books_is_left_out_this_time(
    alice: Membership, bob: Membership, NOW: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """His row is not locked, so nothing may be taken of his time."""
    pool = make_link(alice, hosts=[alice])
    locked: Callable[..., Booking] = service.with_hosts_locked

    def joined_first(host_ids: list[UUID], work: Callable[[LockedHosts], Booking]) -> Booking:
        LinkHost.objects.create(link=pool, user=bob.user, weight=9)
        return locked(host_ids, work)

    monkeypatch.setattr(service, "with_hosts_locked", joined_first)
    assert make_booking(pool, TUESDAY_TEN, NOW).host_id == alice.user_id


def test_cancelling_frees_the_time_tells_both_and_drops_the_reminder(
    link: BookingLink, NOW: datetime
) -> None:
    booking = make_booking(link, TUESDAY_TEN + DAY, NOW)
    gone = cancel_by_booker(attendee=booking.booker, reason="No longer needed", now=NOW).booking
    assert busy(booking) == []
    assert (gone.status, gone.booker.ended_by, gone.booker.reason) == (
        "cancelled",
        "booker",
        "No longer needed",
    )
    assert (gone.ended_at, gone.ics_sequence) == (NOW, 1)
    assert {kind for kind, _, _ in owed(gone)} >= {kinds.CANCELLED_BOOKER, kinds.CANCELLED_HOST}
    assert reminder_due(gone.booker) is None
    assert AuditEvent.objects.filter(action="booking.cancelled").count() == 1
    assert make_booking(link, TUESDAY_TEN + DAY, NOW).starts_at == booking.starts_at


def test_what_is_cancelled_stays_so(link: BookingLink, NOW: datetime) -> None:
    booking = make_booking(link, TUESDAY_TEN, NOW)
    cancel_by_booker(attendee=booking.booker, reason="", now=NOW)
    before = everything()
    with pytest.raises(BookingClosed):
        cancel_by_booker(attendee=booking.booker, reason="", now=NOW)
    with pytest.raises(BookingClosed):
        reschedule(attendee=booking.booker, start=TUESDAY_TEN + HOUR, now=NOW)
    assert everything() == before


def test_moving_keeps_the_series_and_the_answers_and_takes_the_new_time_only(
    link: BookingLink, NOW: datetime
) -> None:
    booking = make_booking(link, TUESDAY_TEN, NOW, answers=[{"label": "How many?", "answer": "6"}])
    moved = reschedule(
        attendee=booking.booker, start=TUESDAY_TEN + DAY, now=NOW, timezone="Europe/Lisbon"
    ).booking
    booking.refresh_from_db()
    assert (booking.status, moved.status) == ("rescheduled", "confirmed")
    assert (moved.series_id, moved.ics_sequence, moved.host_id) == (booking.series_id, 1, booking.host_id)
    assert (moved.booker.answers, moved.booker.timezone) == (booking.booker.answers, "Europe/Lisbon")
    assert (busy(booking), busy(moved)) == ([], [moved.period])
    assert reminder_due(booking.booker) is None
    assert reminder_due(moved.booker) == TUESDAY_TEN
    assert owed(moved) >= {
        (kinds.MOVED_BOOKER, "priya@saltmarsh.example", 1),
        (kinds.MOVED_HOST, "alice@larkhill.example", 1),
    }


def test_moving_replaces_the_token(link: BookingLink, NOW: datetime) -> None:
    booking = make_booking(link, TUESDAY_TEN, NOW)
    old = manage_token(booking.booker)
    moved = reschedule(attendee=booking.booker, start=TUESDAY_TEN + HOUR, now=NOW).booking
    new = manage_token(moved.booker)
    assert old is not None
    assert new is not None
    assert old != new
    assert is_retired(link.slug, old)
    assert not is_retired(link.slug, new)
    assert attendee_by_token(link.slug, new) == moved.booker
    assert attendee_by_token("another-page", new) is None


def test_a_booking_may_move_into_time_of_its_own(alice: Membership, NOW: datetime) -> None:
    link = make_link(alice, duration_minutes=60, slot_interval_minutes=30)
    booking = make_booking(link, TUESDAY_TEN, NOW)
    moved = reschedule(attendee=booking.booker, start=TUESDAY_TEN + timedelta(minutes=30), now=NOW).booking
    assert busy(moved) == [moved.period]


def test_a_move_to_a_taken_time_leaves_everything_as_it_was(link: BookingLink, NOW: datetime) -> None:
    make_booking(link, TUESDAY_TEN + HOUR, NOW, email="other@x.example")
    booking = make_booking(link, TUESDAY_TEN, NOW)
    before = everything()
    with pytest.raises(SlotTaken):
        reschedule(attendee=booking.booker, start=TUESDAY_TEN + HOUR, now=NOW)
    assert everything() == before
    assert busy(booking) == [booking.period]


def test_a_round_robin_booking_moves_with_its_host(alice: Membership, bob: Membership, NOW: datetime) -> None:
    pool = make_link(alice, hosts=[alice, bob])
    booking = make_booking(pool, TUESDAY_TEN, NOW)
    moved = reschedule(attendee=booking.booker, start=TUESDAY_TEN + HOUR, now=NOW).booking
    assert moved.host_id == booking.host_id


def test_nothing_changes_after_the_start(link: BookingLink, NOW: datetime) -> None:
    booking = make_booking(link, TUESDAY_TEN, NOW)
    before = everything()
    with pytest.raises(BookingClosed):
        cancel_by_booker(attendee=booking.booker, reason="", now=TUESDAY_TEN)
    with pytest.raises(BookingClosed):
        reschedule(attendee=booking.booker, start=TUESDAY_TEN + DAY, now=TUESDAY_TEN)
    assert everything() == before


def test_a_cut_off_binds_the_booker_and_not_the_host(link: BookingLink, NOW: datetime) -> None:
    link.cancel_cutoff_hours, link.reschedule_cutoff_hours = 24, 12
    link.save()
    booking = make_booking(link, TUESDAY_TEN + DAY, NOW)
    late = booking.starts_at - timedelta(hours=24) + timedelta(seconds=1)
    before = everything()
    with pytest.raises(TooLate):
        cancel_by_booker(attendee=booking.booker, reason="", now=late)
    with pytest.raises(TooLate):
        reschedule(attendee=booking.booker, start=booking.starts_at + HOUR, now=late + timedelta(hours=12))
    assert everything() == before
    moved = reschedule(attendee=booking.booker, start=booking.starts_at + HOUR, now=late).booking
    gone = cancel_by_host(booking=moved, actor=moved.host, reason="Ill", now=late + DAY / 4)
    assert gone.booker.ended_by == "host"


def test_a_cut_off_ends_with_its_last_instant(link: BookingLink, NOW: datetime) -> None:
    link.cancel_cutoff_hours = 24
    link.save()
    booking = make_booking(link, TUESDAY_TEN + DAY, NOW)
    assert (
        cancel_by_booker(attendee=booking.booker, reason="", now=booking.starts_at - DAY).status
        == "cancelled"
    )


def test_a_booking_without_its_page_can_be_cancelled_and_not_moved(link: BookingLink, NOW: datetime) -> None:
    booking = make_booking(link, TUESDAY_TEN, NOW)
    link.delete()
    with pytest.raises(BookingClosed):
        reschedule(attendee=booking.booker, start=TUESDAY_TEN + HOUR, now=NOW)
    assert cancel_by_booker(attendee=booking.booker, reason="", now=NOW).status == "cancelled"


class TestOffer:
    """What the pages ask for: the starts of a period, or the next one to come."""

    JANUARY = Period(datetime(2029, 12, 31, 23, tzinfo=UTC), datetime(2030, 1, 31, 23, tzinfo=UTC))

    def test_it_begins_now(self, link: BookingLink, NOW: datetime) -> None:
        offer = offer_of(link, self.JANUARY, NOW)
        assert offer.starts[0] == NOW
        assert offer.starts[-1] < self.JANUARY.end
        assert (offer.next_start, offer.notice_matters) == (None, False)

    def test_an_empty_period_names_the_next_start(self, link: BookingLink, NOW: datetime) -> None:
        sunday = Period(NOW + 6 * DAY, NOW + 6 * DAY + HOUR)
        assert offer_of(link, sunday, NOW).next_start == NOW + 7 * DAY
        beyond = Period(NOW + 60 * DAY, NOW + 90 * DAY)
        assert offer_of(link, beyond, NOW).next_start == NOW

    def test_a_page_without_hosts_offers_nothing(self, link: BookingLink, NOW: datetime) -> None:
        LinkHost.objects.all().delete()
        offer = offer_of(link, self.JANUARY, NOW)
        assert (offer.starts, offer.next_start) == ([], None)
        with pytest.raises(SlotTaken):
            book(link=link, start=TUESDAY_TEN, booker=PRIYA, nonce=uuid4(), now=NOW)

    def test_notice_is_named_only_where_it_alone_stands_in_the_way(
        self, link: BookingLink, NOW: datetime
    ) -> None:
        link.minimum_notice_hours = 24
        assert offer_of(link, self.JANUARY, NOW).notice_matters
        saturday = NOW + 5 * DAY
        assert not offer_of(link, self.JANUARY, saturday).notice_matters

    def test_the_booking_that_moves_is_not_in_its_own_way(self, link: BookingLink, NOW: datetime) -> None:
        booking = make_booking(link, TUESDAY_TEN, NOW)
        assert TUESDAY_TEN not in offer_of(link, self.JANUARY, NOW).starts
        assert TUESDAY_TEN in offer_of(link, self.JANUARY, NOW, moving=booking).starts

    def test_near_a_time_without_others_come_all_there_are(self, link: BookingLink, NOW: datetime) -> None:
        assert starts_near(link, TUESDAY_TEN, NOW)[0] == NOW
        assert starts_near(link, TUESDAY_TEN + 100 * DAY, NOW)[0] == NOW
