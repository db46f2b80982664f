"""Group sessions: seats, and what each attendee has of his own."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.mail import EmailMessage
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from icalendar import Calendar

from bookings.domain import mail_kinds as kinds
from bookings.models import Attendee, Booking
from bookings.selectors import offer_of
from bookings.services import booking as service
from bookings.services.booking import Booker, BookingClosed, TooLate, book
from scheduling.models import BookingLink, BusyTime, LinkHost
from scheduling.selectors.times import verdict_on
from scheduling.services.busy_time import SlotTaken
from tests.factories import make_booking, make_link
from workestra.accounts.models import Membership
from workestra.calendars.domain.period import Period
from workestra.invariants.selectors import broken_invariants
from workestra.notifications.models import OutboxMessage
from workestra.notifications.registry import Skip, renderer_of

pytestmark = pytest.mark.django_db(transaction=True)

TUESDAY_TEN = datetime(2030, 1, 8, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
WEEK = Period(TUESDAY_TEN - DAY, TUESDAY_TEN + 5 * DAY)


@pytest.fixture
def workshop(alice: Membership) -> BookingLink:
    return make_link(alice, strategy="group", capacity=3, title="Workshop", slug="workshop")


@pytest.fixture
def join(workshop: BookingLink, NOW: datetime) -> Callable[..., Attendee]:
    """Takes a seat for the person of this name, on Tuesday at ten unless another start is given."""

    def take(name: str, start: datetime = TUESDAY_TEN, **more: Any) -> Attendee:
        booker = Booker(name=name, email=f"{name.lower()}@x.example", timezone="Europe/Oslo", **more)
        return book(link=workshop, start=start, booker=booker, nonce=uuid4(), now=NOW)

    return take


def owed(topic: Booking | Attendee) -> set[tuple[str, str]]:
    waiting = OutboxMessage.objects.filter(topic_id=topic.pk, skipped_at=None)
    return set(waiting.values_list("kind", "recipient"))


def busy(host: Membership) -> list[tuple[datetime, int | None]]:
    rows = BusyTime.objects.filter(host=host.user, active=True).order_by("during")
    return [(row.during.lower, row.seats_taken) for row in rows]


def mail(topic: Booking | Attendee, kind: str, now: datetime) -> EmailMessage:
    message = OutboxMessage.objects.filter(topic_id=topic.pk, kind=kind).latest("seq")
    made = renderer_of(kind)(message, now)
    assert not isinstance(made, Skip), made
    return made


def event_of(sent: EmailMessage) -> Any:
    parts = [part for part in sent.message().walk() if part.get_content_type() == "text/calendar"]
    return Calendar.from_ical(parts[0].get_payload(decode=True)).walk("VEVENT")[0] if parts else None


def test_the_seats_of_a_session_and_the_time_it_takes_are_read_at_once(
    workshop: BookingLink, join: Callable[..., Attendee], NOW: datetime
) -> None:
    join("Ann")
    with CaptureQueriesContext(connection) as asked:
        assert verdict_on(workshop, TUESDAY_TEN, NOW).offered
        assert offer_of(workshop, WEEK, NOW).seats_taken == {TUESDAY_TEN: 1}
    assert sum("FROM scheduling_busytime" in query["sql"] for query in asked) == 2
    assert not any('"scheduling_busytime"' in query["sql"] for query in asked)


def test_a_session_of_a_former_host_takes_nobody_in_and_keeps_its_start(
    workshop: BookingLink, join: Callable[..., Attendee], alice: Membership, bob: Membership, NOW: datetime
) -> None:
    join("Ann")
    workshop.hosts.all().delete()
    LinkHost.objects.create(link=workshop, user=bob.user)
    assert offer_of(workshop, WEEK, NOW).seats_taken == {TUESDAY_TEN: workshop.capacity}
    with pytest.raises(SlotTaken):
        join("Ben")
    assert busy(bob) == []


def test_the_first_seat_takes_the_hosts_time_and_the_others_join_it(
    join: Callable[..., Attendee], alice: Membership
) -> None:
    first, second = join("Priya"), join("Noor")
    assert first.booking == second.booking
    session = Booking.objects.get()
    assert (session.attendee_count, session.capacity) == (2, 3)
    assert busy(alice) == [(TUESDAY_TEN, 2)]
    assert first.series_id != second.series_id
    assert not broken_invariants()


def test_a_full_session_takes_nobody_and_another_start_is_another_session(
    join: Callable[..., Attendee],
) -> None:
    for name in ("Priya", "Noor", "Emi"):
        join(name)
    with pytest.raises(SlotTaken):
        join("Samuel")
    join("Samuel", TUESDAY_TEN + HOUR)
    assert list(Booking.objects.values_list("attendee_count", flat=True)) == [3, 1]


def test_a_started_session_is_offered_until_it_is_full_though_its_host_is_busy(
    workshop: BookingLink, join: Callable[..., Attendee], NOW: datetime
) -> None:
    join("Priya")
    assert offer_of(workshop, WEEK, NOW).seats_taken == {TUESDAY_TEN: 1}
    assert TUESDAY_TEN in offer_of(workshop, WEEK, NOW).starts
    join("Noor"), join("Emi")
    assert TUESDAY_TEN not in offer_of(workshop, WEEK, NOW).starts
    reasons = verdict_on(workshop, TUESDAY_TEN, NOW).reasons
    assert "All 3 seats are taken" in [reason.detail for reason in reasons]


def test_what_overlaps_a_session_is_not_offered(
    alice: Membership, workshop: BookingLink, join: Callable[..., Attendee], NOW: datetime
) -> None:
    BookingLink.objects.update(slot_interval_minutes=15)
    workshop.refresh_from_db()
    join("Priya")
    starts = offer_of(workshop, WEEK, NOW).starts
    assert TUESDAY_TEN in starts
    assert TUESDAY_TEN + HOUR / 4 not in starts
    other = make_link(alice, slug="alice-call")
    assert TUESDAY_TEN not in offer_of(other, WEEK, NOW).starts


def test_seats_follow_the_page(workshop: BookingLink, join: Callable[..., Attendee]) -> None:
    join("Priya"), join("Noor")
    BookingLink.objects.update(capacity=2)
    workshop.refresh_from_db()
    with pytest.raises(SlotTaken):
        join("Emi")
    BookingLink.objects.update(capacity=8)
    workshop.refresh_from_db()
    join("Emi")
    assert Booking.objects.get().capacity == 8


@pytest.mark.parametrize("change", [{"duration_minutes": 60}, {"strategy": "individual", "capacity": 1}])
def test_a_session_that_is_not_what_the_page_says_now_takes_nobody_in(
    workshop: BookingLink, join: Callable[..., Attendee], NOW: datetime, change: dict[str, Any]
) -> None:
    join("Priya")
    BookingLink.objects.update(**change)
    workshop.refresh_from_db()
    assert TUESDAY_TEN not in offer_of(workshop, WEEK, NOW).starts
    with pytest.raises(SlotTaken):
        join("Noor")


def test_a_session_of_a_host_who_left_the_page_takes_nobody_in(
    workshop: BookingLink, join: Callable[..., Attendee], bob: Membership, NOW: datetime
) -> None:
    join("Priya")
    workshop.hosts.update(user=bob.user)
    assert TUESDAY_TEN not in offer_of(workshop, WEEK, NOW).starts
    with pytest.raises(SlotTaken):
        join("Noor")


def test_one_who_cancels_leaves_the_others_and_his_seat_is_free(
    workshop: BookingLink, join: Callable[..., Attendee], alice: Membership, NOW: datetime
) -> None:
    first, second, _third = join("Priya"), join("Noor"), join("Emi")
    service.cancel_by_booker(attendee=first, reason="Ill", now=NOW)
    session = Booking.objects.get()
    assert (session.status, session.attendee_count, session.ics_sequence) == ("confirmed", 2, 0)
    assert busy(alice) == [(TUESDAY_TEN, 2)]
    assert (kinds.CANCELLED_BOOKER, "priya@x.example") in owed(first)
    assert (kinds.SEAT_LEFT_HOST, alice.user.email) in owed(first)
    assert all("cancelled" not in kind for kind, _ in owed(second) | owed(session))
    join("Samuel")
    assert not broken_invariants()


def test_with_the_last_seat_the_session_goes_and_the_time_is_free(
    alice: Membership, join: Callable[..., Attendee], NOW: datetime
) -> None:
    only = join("Priya")
    service.cancel_by_booker(attendee=only, reason="", now=NOW)
    session = Booking.objects.get()
    assert (session.status, session.attendee_count) == ("cancelled", 0)
    assert busy(alice) == []
    assert (kinds.CANCELLED_HOST, alice.user.email) in owed(session)
    assert join("Noor").booking != session
    assert not broken_invariants()


def test_the_host_cancels_for_everybody_or_for_one(
    alice: Membership, join: Callable[..., Attendee], NOW: datetime
) -> None:
    first, second, third = join("Priya"), join("Noor"), join("Emi")
    service.cancel_attendee(attendee=first, reason="Wrong workshop", actor=alice.user, now=NOW)
    session = Booking.objects.get()
    assert session.attendee_count == 2
    service.cancel_by_host(booking=session, reason="Ill", actor=alice.user, now=NOW)
    assert (kinds.CANCELLED_BOOKER, "noor@x.example") in owed(second)
    assert (kinds.CANCELLED_BOOKER, "emi@x.example") in owed(third)
    assert {attendee.reason for attendee in Attendee.objects.all()} == {"Wrong workshop", "Ill"}
    assert busy(alice) == []
    for call in (
        lambda: service.cancel_attendee(attendee=second, reason="", actor=alice.user, now=NOW),
        lambda: service.cancel_by_host(booking=session, reason="", actor=alice.user, now=NOW),
    ):
        with pytest.raises(BookingClosed):
            call()
    assert not broken_invariants()


def test_who_moves_from_others_opens_a_session_or_joins_one(
    alice: Membership, join: Callable[..., Attendee], NOW: datetime
) -> None:
    first, second, third = join("Priya"), join("Noor"), join("Emi")
    moved = service.reschedule(attendee=first, start=TUESDAY_TEN + HOUR, now=NOW)
    assert (moved.series_id, moved.ics_sequence) == (first.series_id, 1)
    assert busy(alice) == [(TUESDAY_TEN, 2), (TUESDAY_TEN + HOUR, 1)]
    joined = service.reschedule(attendee=second, start=TUESDAY_TEN + HOUR, now=NOW)
    assert joined.booking == moved.booking
    assert busy(alice) == [(TUESDAY_TEN, 1), (TUESDAY_TEN + HOUR, 2)]
    assert (kinds.SEAT_MOVED_HOST, alice.user.email) in owed(joined)
    # The last one takes the session along with him, into one that has a seat left.
    service.reschedule(attendee=third, start=TUESDAY_TEN + HOUR, now=NOW)
    assert busy(alice) == [(TUESDAY_TEN + HOUR, 3)]
    assert sorted(Booking.objects.values_list("status", flat=True)) == ["cancelled", "confirmed"]
    assert not broken_invariants()


def test_who_is_alone_in_a_session_moves_it(
    alice: Membership, join: Callable[..., Attendee], NOW: datetime
) -> None:
    only = join("Priya")
    moved = service.reschedule(attendee=only, start=TUESDAY_TEN + HOUR, now=NOW)
    assert busy(alice) == [(TUESDAY_TEN + HOUR, 1)]
    assert moved.booking.series_id == only.booking.series_id
    assert (kinds.MOVED_HOST, alice.user.email) in owed(moved.booking)
    assert join("Noor", TUESDAY_TEN + HOUR).booking == moved.booking
    assert not broken_invariants()


def test_nobody_moves_into_a_full_session_or_into_his_own(
    join: Callable[..., Attendee], NOW: datetime
) -> None:
    for name in ("Priya", "Noor", "Emi"):
        join(name)
    late = join("Samuel", TUESDAY_TEN + HOUR)
    with pytest.raises(SlotTaken):
        service.reschedule(attendee=late, start=TUESDAY_TEN, now=NOW)
    join("Aisha", TUESDAY_TEN + HOUR)
    with pytest.raises(SlotTaken):
        service.reschedule(attendee=late, start=TUESDAY_TEN + HOUR, now=NOW)
    assert list(Booking.objects.values_list("attendee_count", flat=True)) == [3, 2]


def test_a_cut_off_binds_each_attendee(
    workshop: BookingLink, join: Callable[..., Attendee], NOW: datetime
) -> None:
    BookingLink.objects.update(cancel_cutoff_hours=2, reschedule_cutoff_hours=2)
    seat = join("Priya")
    late = TUESDAY_TEN - HOUR
    with pytest.raises(TooLate):
        service.cancel_by_booker(attendee=seat, reason="", now=late)
    with pytest.raises(TooLate):
        service.reschedule(attendee=seat, start=TUESDAY_TEN + HOUR, now=late)


def test_attendees_are_never_told_of_each_other(join: Callable[..., Attendee], NOW: datetime) -> None:
    join("Priya", guests=["guest-of-priya@x.example"])
    noor = join("Noor", phone="+47 1")
    sent = mail(noor, kinds.CONFIRMED_BOOKER, NOW)
    whole = sent.message().as_string() + str(event_of(sent).to_ical())
    assert "priya" not in whole.lower()
    invited = {str(each) for each in event_of(sent)["ATTENDEE"]}
    assert invited == {"mailto:noor@x.example", "mailto:alice@larkhill.example"}


def test_the_host_gets_one_event_without_addresses_then_who_joins_and_leaves(
    alice: Membership, join: Callable[..., Attendee], NOW: datetime
) -> None:
    first, second = join("Priya"), join("Noor")
    session = Booking.objects.get()
    assert owed(session) == {(kinds.CONFIRMED_HOST, alice.user.email)}
    event = event_of(mail(session, kinds.CONFIRMED_HOST, NOW))
    assert str(event["ATTENDEE"]) == "mailto:alice@larkhill.example"
    assert str(event["SUMMARY"]) == "Workshop"
    assert "x.example" not in event.to_ical().decode()
    joined = mail(second, kinds.SEAT_TAKEN_HOST, NOW)
    assert event_of(joined) is None
    assert "Noor joined" in joined.body
    assert "2 of 3 taken" in joined.body
    service.cancel_by_booker(attendee=first, reason="Ill", now=NOW)
    left = mail(first, kinds.SEAT_LEFT_HOST, NOW)
    assert "Priya is not coming" in left.body
    assert left.subject.startswith("Seat free")
    service.cancel_by_booker(attendee=second, reason="", now=NOW)
    gone = event_of(mail(session, kinds.CANCELLED_HOST, NOW))
    assert (str(gone["STATUS"]), int(gone["SEQUENCE"])) == ("CANCELLED", 1)
    assert gone["UID"] == event["UID"]


def test_guests_get_the_invitation_and_nothing_to_change_it_by(link: BookingLink, NOW: datetime) -> None:
    booking = make_booking(link, TUESDAY_TEN, NOW, guests=["sam@x.example"])
    attendee = booking.booker
    made = mail(attendee, kinds.CONFIRMED_GUEST, NOW)
    assert made.to == ["sam@x.example"]
    assert "/manage/" not in made.message().as_string() + event_of(made).to_ical().decode()
    moved = service.reschedule(attendee=attendee, start=TUESDAY_TEN + HOUR, now=NOW)
    assert int(event_of(mail(moved, kinds.MOVED_GUEST, NOW))["SEQUENCE"]) == 1
    service.cancel_by_booker(attendee=moved, reason="", now=NOW)
    gone = event_of(mail(moved, kinds.CANCELLED_GUEST, NOW))
    assert (str(gone["STATUS"]), int(gone["SEQUENCE"])) == ("CANCELLED", 2)


def test_the_questions_asked_of_the_database_do_not_grow_with_the_seats(
    workshop: BookingLink,
    join: Callable[..., Attendee],
    NOW: datetime,
    django_assert_num_queries: Callable[[int], Any],
) -> None:
    with django_assert_num_queries(4):
        offer_of(workshop, WEEK, NOW)
    for name in ("Priya", "Noor"):
        join(name)
    join("Emi", TUESDAY_TEN + HOUR)
    with django_assert_num_queries(4):
        offer_of(workshop, WEEK, NOW)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.sampled_from(["join", "leave", "move", "host"]), st.integers(0, 5)), max_size=14)
)
def test_whatever_people_do_everybody_has_a_seat_and_no_seat_two(
    alice: Membership, NOW: datetime, steps: list[tuple[str, int]]
) -> None:
    """Against a plain model: which of three sessions with two seats each person sits in."""
    link = make_link(alice, strategy="group", capacity=2)
    OutboxMessage.objects.all().delete()
    BusyTime.objects.all().delete()
    Booking.objects.all().delete()
    sits: dict[Any, int] = {}
    seats: list[Attendee] = []
    for number, (step, pick) in enumerate(steps):
        start = TUESDAY_TEN + (pick % 3) * HOUR
        has_room = list(sits.values()).count(pick % 3) < 2
        seat = seats[pick % len(seats)] if seats else None
        try:
            if step == "join":
                booker = Booker(name="Priya", email=f"p{number}@x.example", timezone="Europe/Oslo")
                seats.append(book(link=link, start=start, booker=booker, nonce=uuid4(), now=NOW))
                sits[seats[-1].series_id] = pick % 3
            elif seat and step == "move":
                seats[seats.index(seat)] = service.reschedule(attendee=seat, start=start, now=NOW)
                assert sits[seat.series_id] != pick % 3 or list(sits.values()).count(pick % 3) == 1
                sits[seat.series_id] = pick % 3
            elif seat and step == "leave":
                service.cancel_by_booker(attendee=seat, reason="", now=NOW)
                seats.remove(seat)
                del sits[seat.series_id]
            elif seat:
                service.cancel_by_host(booking=seat.booking, reason="", actor=alice.user, now=NOW)
                gone = sits[seat.series_id]
                seats = [each for each in seats if sits[each.series_id] != gone]
                sits = {series: session for series, session in sits.items() if session != gone}
        except SlotTaken:
            assert not has_room or (seat and sits[seat.series_id] == pick % 3)
        assert not broken_invariants()
        live = Attendee.objects.filter(status="confirmed").select_related("booking")
        assert {each.series_id: (each.booking.starts_at - TUESDAY_TEN) // HOUR for each in live} == sits
