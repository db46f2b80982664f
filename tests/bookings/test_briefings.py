"""Briefings: about an hour ahead, of what is known by then, once, and never of a meeting that is off or under way."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.core.mail import EmailMessage
from django.urls import reverse

from bookings import jobs
from bookings.domain import mail_kinds as kinds
from bookings.models import Attendee, Booking
from bookings.services import booking as service
from bookings.services import briefings, hosting
from scheduling.models import BookingLink
from tests.concurrency.conftest import at_once
from tests.conftest import signed_in
from tests.factories import make_booking, make_link
from workestra.accounts.models import Membership
from workestra.crm import services as crm
from workestra.crm.models import Person
from workestra.notifications import services as notifications
from workestra.notifications import tasks
from workestra.notifications.models import Notice, OutboxMessage
from workestra.notifications.registry import Skip, renderer_of

pytestmark = pytest.mark.django_db

TICK = timedelta(minutes=5)


@pytest.fixture
def booking(link: BookingLink, NOW: datetime) -> Booking:
    """Tomorrow at the hour of NOW."""
    return make_booking(link, NOW + timedelta(days=1), NOW, notes="Can you show carriers?")


def mails() -> list[OutboxMessage]:
    return list(OutboxMessage.objects.filter(kind=kinds.BRIEFING_HOST).order_by("recipient"))


def rendered(message: OutboxMessage, now: datetime) -> EmailMessage | Skip:
    return renderer_of(message.kind)(message, now)


def met_before(booking: Booking, by: Membership, now: datetime) -> Person:
    """Priya, of whom a stage, activities and deals are known."""
    person = booking.booker.person
    assert person
    values = {"name": person.name, "email": person.email, "phone": "", "company": "Saltmarsh Foods"}
    crm.update_person(person_id=person.pk, by=by, values=values | {"lifecycle_stage": "evaluating"}, now=now)
    for text in ("Asked for prices.", "Saw the demo."):
        crm.add_activity(person=person, kind="call", text=text, at=now, by=by, now=now)
    for title, outcome in (("Cold-chain pilot", ""), ("Old deal", "lost")):
        deal = {"title": title, "stage": "proposal", "amount": 18_000, "currency": "GBP", "outcome": outcome}
        crm.create_opportunity(person=person, by=by, values=deal | {"closes_on": None}, now=now)
    return person


def test_the_host_is_told_within_five_minutes_of_an_hour_before_and_once(booking: Booking) -> None:
    hour_before = booking.starts_at - timedelta(hours=1)
    assert briefings.send_due(hour_before - timedelta(seconds=1)) == 0
    assert not mails()
    sent = [briefings.send_due(hour_before + tick * TICK) for tick in range(14)]
    assert sent == [1] + 13 * [0]
    assert len(mails()) == Notice.objects.count() == 1
    booking.refresh_from_db()
    assert booking.briefing_sent_at == hour_before


def test_it_says_what_the_team_knows_in_the_notice_and_the_mail(
    booking: Booking, alice: Membership, NOW: datetime
) -> None:
    met_before(booking, alice, NOW)
    now = booking.starts_at - timedelta(minutes=58)
    briefings.send_due(now)
    notice = Notice.objects.get(user=alice.user)
    told = dict(notice.rows)
    assert told["Stage"] == "Evaluating"
    assert told["Open deal"] == "Cold-chain pilot, GBP 18,000, proposal"
    assert "Saw the demo. (Yesterday" in told["Lately"]
    assert "Old deal" not in str(notice.rows)
    assert notice.title == "09:00 CET: Discovery Call with Priya Raman"
    mail = rendered(mails()[0], now)
    assert isinstance(mail, EmailMessage)
    assert mail.subject == "Briefing: Tue 8 Jan, 09:00 CET, Discovery Call"
    assert mail.to == [alice.user.email]
    for text in (
        "Evaluating",
        "Cold-chain pilot",
        "Saw the demo.",
        "Can you show carriers?",
        "09:00 – 09:30",
    ):
        assert text in mail.body
        assert text in str(mail.alternatives[0].content)  # type: ignore[attr-defined]
    assert "03:00 – 03:30 for Priya Raman in New York (EST)" in mail.body
    listed = signed_in(alice).get(reverse("notifications:notices")).content.decode()
    assert "Cold-chain pilot" in listed


def test_the_drawer_of_a_meeting_to_come_briefs_at_any_time(
    alice: Membership, link: BookingLink, NOW: datetime
) -> None:
    booking = make_booking(link, NOW + timedelta(days=3), NOW)
    met_before(booking, alice, NOW)
    for now, shown in ((NOW, True), (booking.starts_at, False)):
        with time_machine.travel(now, tick=False):
            drawer = signed_in(alice).get(
                reverse("bookings:drawer", args=[booking.pk]), headers={"HX-Request": "true"}
            )
        assert ("Cold-chain pilot, GBP 18,000, proposal" in drawer.content.decode()) == shown


def test_after_the_beat_stood_still_whatever_is_useful_is_told_late_and_nothing_of_what_began(
    link: BookingLink, NOW: datetime
) -> None:
    first, second, third = (
        make_booking(link, NOW + timedelta(days=1, minutes=minutes), NOW) for minutes in (0, 30, 60)
    )
    later = first.starts_at + timedelta(minutes=10)
    assert briefings.send_due(later) == 2
    assert {message.topic_id for message in mails()} == {second.pk, third.pk}
    first.refresh_from_db()
    assert first.briefing_sent_at is None


@pytest.mark.parametrize(("minutes", "told"), [(61, 1), (60, 1), (59, 0), (5, 0)])
def test_a_booking_made_less_than_an_hour_ahead_gets_none(
    link: BookingLink, NOW: datetime, minutes: int, told: int
) -> None:
    start = NOW + timedelta(days=1)
    make_booking(link, start, start - timedelta(minutes=minutes))
    assert sum(briefings.send_due(start - timedelta(minutes=left)) for left in (60, 55, 4, 1)) == told


def test_nothing_is_told_of_a_cancelled_or_moved_meeting(
    booking: Booking, link: BookingLink, alice: Membership, NOW: datetime
) -> None:
    other = make_booking(link, booking.starts_at + timedelta(minutes=30), NOW)
    service.cancel_by_host(booking=booking, reason="", actor=alice.user, now=NOW)
    moved = service.reschedule(attendee=other.booker, start=NOW + timedelta(days=2), now=NOW)
    assert briefings.send_due(booking.starts_at - timedelta(minutes=20)) == 0
    assert not Notice.objects.exists()
    assert briefings.send_due(moved.booking.starts_at - timedelta(minutes=20)) == 1
    assert [message.topic_id for message in mails()] == [moved.booking_id]


def test_a_meeting_cancelled_after_the_mail_was_owed_is_not_told_of(
    booking: Booking, alice: Membership, NOW: datetime
) -> None:
    now = booking.starts_at - timedelta(minutes=50)
    briefings.send_due(now)
    service.cancel_by_host(booking=booking, reason="", actor=alice.user, now=now)
    assert rendered(mails()[0], now) == Skip("The booking is cancelled by now")


def test_who_takes_a_meeting_over_is_told_and_who_gave_it_away_is_not_any_more(
    booking: Booking, alice: Membership, bob: Membership
) -> None:
    now = booking.starts_at - timedelta(minutes=50)
    briefings.send_due(now)
    hosting.reassign(booking=booking, host=bob.user, actor=alice.user, now=now)
    assert briefings.send_due(now) == 1
    first, second = mails()
    assert (first.recipient, second.recipient) == (alice.user.email, bob.user.email)
    assert isinstance(rendered(first, now), Skip)
    assert isinstance(rendered(second, now), EmailMessage)
    assert set(Notice.objects.values_list("user", flat=True)) == {alice.user_id, bob.user_id}


def test_who_has_left_is_told_nothing_and_who_takes_his_meeting_over_is(
    booking: Booking, alice: Membership, bob: Membership, NOW: datetime
) -> None:
    Membership.objects.filter(pk=alice.pk).update(is_active=False)
    assert briefings.send_due(booking.starts_at - timedelta(minutes=55)) == 0
    assert not mails()
    assert not Notice.objects.exists()
    late = booking.starts_at - timedelta(minutes=50)
    hosting.reassign(booking=booking, host=bob.user, actor=bob.user, now=late)
    assert briefings.send_due(late) == 1
    assert [message.recipient for message in mails()] == [bob.user.email]


def test_a_mail_that_comes_too_late_is_not_sent(booking: Booking) -> None:
    briefings.send_due(booking.starts_at - timedelta(minutes=50))
    assert rendered(mails()[0], booking.starts_at) == Skip("The meeting has begun")


def test_a_page_may_have_briefings_off_and_a_one_off_has_them_on(
    booking: Booking, link: BookingLink, NOW: datetime
) -> None:
    now = booking.starts_at - timedelta(minutes=50)
    BookingLink.objects.filter(pk=link.pk).update(briefing_enabled=False)
    assert briefings.send_due(now) == 0
    Booking.objects.filter(pk=booking.pk).update(link=None)
    assert briefings.send_due(now) == 1


@pytest.mark.parametrize(("in_app", "by_mail"), [(True, False), (False, True), (False, False)])
def test_a_member_is_told_only_in_the_ways_he_chose(
    booking: Booking, alice: Membership, in_app: bool, by_mail: bool
) -> None:
    sent = {name: "on" for name, on in (("in_app", in_app), ("by_mail", by_mail)) if on}
    assert signed_in(alice).post(reverse("notifications:notices"), sent).status_code == 302
    now = booking.starts_at - timedelta(minutes=50)
    assert briefings.send_due(now) == (in_app or by_mail)
    assert (Notice.objects.count(), len(mails())) == (in_app, by_mail)
    booking.refresh_from_db()
    assert (booking.briefing_sent_at is not None) == (in_app or by_mail)
    assert briefings.send_due(now) == 0


def test_every_host_of_a_collective_meeting_is_told_and_of_a_session_everybody_is_named(
    alice: Membership, bob: Membership, NOW: datetime
) -> None:
    start = NOW + timedelta(days=1)
    both = make_link(alice, hosts=[alice, bob], slug="both")
    BookingLink.objects.filter(pk=both.pk).update(strategy="collective")
    both.refresh_from_db()
    make_booking(both, start, NOW)
    briefings.send_due(start - timedelta(minutes=50))
    assert [mail.recipient for mail in mails()] == [alice.user.email, bob.user.email]
    session = make_link(alice, slug="session", strategy="group", capacity=20)
    for number in range(12):
        booked = make_booking(
            session,
            start + timedelta(hours=1),
            NOW + timedelta(seconds=number),
            name=f"Guest {number:02}",
            email=f"g{number}@x.example",
        )
    briefings.send_due(start + timedelta(minutes=10))
    rows = Notice.objects.get(topic_id=booked.pk).rows
    assert rows[0] == ["Guest 00", "Stage: Lead"]
    assert [label for label, _text in rows] == [*(f"Guest {number:02}" for number in range(10)), "And"]
    assert rows[-1] == ["And", "2 others"]
    message = OutboxMessage.objects.get(kind=kinds.BRIEFING_HOST, topic_id=booked.pk)
    mail = rendered(message, start)
    assert isinstance(mail, EmailMessage)
    assert "Your session is next" in mail.body
    assert "g0@x.example" not in mail.body


def test_reading_notices_marks_ones_own(booking: Booking, alice: Membership, bob: Membership) -> None:
    briefings.send_due(booking.starts_at - timedelta(minutes=50))
    read = reverse("notifications:notices_read")
    signed_in(bob).post(read)
    assert Notice.objects.get().read_at is None
    assert b"Discovery Call" not in signed_in(bob).get(reverse("notifications:notices")).content
    signed_in(alice).post(read)
    assert Notice.objects.get().read_at is not None


# --- Several workers ----------------------------------------------------------------------------------------------


def make_due(link: BookingLink, count: int, now: datetime) -> datetime:
    """That many bookings within the hour, made yesterday; returns the time at which they are due."""
    made = now - timedelta(days=1)
    bookings = [
        Booking(
            workspace=link.workspace,
            link=link,
            host=link.owner,
            title=link.title,
            strategy="individual",
            starts_at=now + timedelta(minutes=30, seconds=number),
            ends_at=now + timedelta(minutes=60, seconds=number),
            timezone="Europe/Berlin",
            page_slug=link.slug,
            created_at=made,
        )
        for number in range(count)
    ]
    Booking.objects.bulk_create(bookings)
    Attendee.objects.bulk_create(
        Attendee(
            booking=booking,
            name="Priya Raman",
            email="priya@saltmarsh.example",
            timezone="Europe/London",
            series_id=booking.series_id,
            manage_token_hash=uuid4().hex,
            idempotency_key=uuid4(),
            created_at=made,
        )
        for booking in bookings
    )
    return now


def told_by(workers: int, work: Any) -> Sequence[Any]:
    results = at_once(workers, work)
    for result in results:
        if isinstance(result, Exception):
            raise result
    return results


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("count", [60, pytest.param(1000, marks=pytest.mark.stress)])
def test_eight_workers_brief_of_every_meeting_once(link: BookingLink, NOW: datetime, count: int) -> None:
    now = make_due(link, count, NOW)
    # Rows that another one holds are left to the next tick, so everybody ticks twice.
    told_by(8, lambda number: briefings.send_due(now) + briefings.send_due(now))
    briefings.send_due(now)
    assert Counter(mail.topic_id for mail in mails()) == Counter(Booking.objects.values_list("pk", flat=True))
    assert Notice.objects.count() == count
    assert not Booking.objects.filter(briefing_sent_at=None).exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("wrong_by", [timedelta(minutes=-10), timedelta(minutes=10)])
def test_a_worker_whose_clock_is_wrong_briefs_and_reminds_of_the_same_meetings_at_the_same_time(
    link: BookingLink, wrong_by: timedelta
) -> None:
    now = datetime.now(UTC)
    make_due(link, 4, now)
    to_start = {-5: False, 5: True, 55: True, 65: False}
    for booking, minutes in zip(Booking.objects.order_by("starts_at"), to_start, strict=True):
        start = now + timedelta(minutes=minutes)
        Booking.objects.filter(pk=booking.pk).update(starts_at=start, ends_at=start + timedelta(hours=1))
        OutboxMessage.objects.create(
            workspace=link.workspace,
            topic=kinds.ATTENDEE,
            topic_id=booking.booker.pk,
            kind=kinds.REMINDER_BOOKER,
            recipient="priya@saltmarsh.example",
            seq=0,
            # That of the last one is for five minutes on.
            available_at=start - timedelta(hours=1),
        )
    with time_machine.travel(now + wrong_by):
        jobs.send_briefings()
        tasks.deliver_outbox()
    sent = OutboxMessage.objects.filter(sent_at__isnull=False)
    for kind, about in ((kinds.BRIEFING_HOST, "pk"), (kinds.REMINDER_BOOKER, "attendees")):
        topics = set(sent.filter(kind=kind).values_list("topic_id", flat=True))
        told = {start for start, *ids in Booking.objects.values_list("starts_at", about) if ids[0] in topics}
        assert {round((start - now) / timedelta(minutes=1)) for start in told} == {
            minutes for minutes, is_told in to_start.items() if is_told
        }, kind
    last = OutboxMessage.objects.order_by("available_at").last()
    assert last is not None
    assert (last.sent_at, last.skipped_at) == (None, None), "its time has not come"


@pytest.mark.django_db(transaction=True)
def test_control_without_the_rows_held_the_same_meeting_is_told_of_by_several(
    link: BookingLink, NOW: datetime
) -> None:
    """What would happen if it were looked up, told, and marked afterwards."""
    make_due(link, 40, NOW)
    told: list[Any] = []

    def careless(number: int) -> None:
        for booking in Booking.objects.filter(briefing_sent_at=None):
            told.append(booking.pk)
            Booking.objects.filter(pk=booking.pk).update(briefing_sent_at=NOW)

    told_by(4, careless)
    assert max(Counter(told).values()) > 1


def test_a_worker_that_dies_before_its_commit_has_told_nothing(
    booking: Booking, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = booking.starts_at - timedelta(minutes=50)

    class Died(BaseException):
        pass

    def die(**mail: Any) -> None:
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr(notifications, "enqueue", die)
        with pytest.raises(Died):
            briefings.send_due(now)
    assert not Notice.objects.exists()
    assert briefings.send_due(now) == 1
