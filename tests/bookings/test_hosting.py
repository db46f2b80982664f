"""What a host does with a booking in its drawer: a new time, another host, a private note."""

import re
from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from django.http import HttpResponse
from django.urls import reverse

from bookings.domain import mail_kinds as kinds
from bookings.domain.lifecycle import BookingClosed
from bookings.models import Attendee, Booking
from bookings.selectors import offer_of
from bookings.selectors.hosting import substitutes_for, times_near
from bookings.services import booking as bookings
from bookings.services import hosting as service
from scheduling.models import BookingLink, BusyTime, OutOfOffice
from scheduling.services.busy_time import SlotTaken, TryAgain
from tests.bookings.test_mails import sent
from tests.calendars.making import as_if_read, calendar_of, connect_google, mirror_busy
from tests.conftest import MONDAY_MORNING, signed_in
from tests.factories import MembershipFactory, make_booking, make_link
from workestra.accounts.models import Membership
from workestra.audit.models import AuditEvent
from workestra.calendars.domain.period import Period
from workestra.notifications.models import OutboxMessage
from workestra.notifications.registry import Skip, renderer_of

pytestmark = pytest.mark.django_db

TUESDAY_TEN = datetime(2030, 1, 8, 9, 0, tzinfo=UTC)
HTMX = {"HX-Request": "true"}
MESSAGE = "A customer visit has moved into this slot."


@pytest.fixture(autouse=True)
def _at_now() -> object:
    with time_machine.travel(MONDAY_MORNING, tick=False):
        yield


@pytest.fixture
def booking(link: BookingLink, NOW: datetime) -> Booking:
    return make_booking(link, TUESDAY_TEN, NOW)


def ask(member: Membership, booking: Booking, action: str, **data: str) -> HttpResponse:
    return signed_in(member).post(reverse(f"bookings:{action}", args=[booking.pk]), data, headers=HTMX)


def owed(kind: str) -> list[str]:
    return sorted(OutboxMessage.objects.filter(kind=kind).values_list("recipient", flat=True))


def written() -> list[int]:
    return [model.objects.count() for model in (Booking, Attendee, OutboxMessage, AuditEvent, BusyTime)]


class TestNewTime:
    def test_the_booking_moves_with_its_series_and_everybody_is_told(
        self, alice: Membership, booking: Booking, NOW: datetime
    ) -> None:
        moved = service.propose(
            booking=booking, start=TUESDAY_TEN + timedelta(days=1), message=MESSAGE, actor=alice.user, now=NOW
        )
        booking.refresh_from_db()
        before = booking.booker
        assert (booking.status, before.status, before.ended_by, before.reason) == (
            "rescheduled",
            "rescheduled",
            "host",
            MESSAGE,
        )
        assert (moved.series_id, moved.ics_sequence) == (booking.series_id, 1)
        assert (moved.booker.series_id, moved.booker.ics_sequence, moved.booker.reason) == (
            before.series_id,
            1,
            "",
        )
        assert BusyTime.objects.get(active=True).owner_key == moved.pk
        assert owed(kinds.PROPOSED_BOOKER) == [before.email]
        assert owed(kinds.PROPOSED_HOST) == [alice.user.email]
        assert AuditEvent.objects.get(action="booking.rescheduled").actor_name == alice.user.name
        mail = sent(moved, kinds.PROPOSED_BOOKER, NOW)
        assert mail.mail["Subject"] == (
            "Your host has proposed a new time: Discovery Call moved to Wed 9 Jan, 04:00 EST"
        )
        assert "your meeting was moved by Alice" in mail.text
        assert MESSAGE in mail.text
        assert MESSAGE in mail.html
        assert (mail.method, mail.event["SEQUENCE"]) == ("REQUEST", 1)
        assert str(mail.event["UID"]).startswith(str(before.series_id))

    def test_a_time_outside_the_pages_hours_is_asked_about_before_anything_moves(
        self, alice: Membership, booking: Booking
    ) -> None:
        late = {"day": "2030-01-09", "time": "21:00", "message": MESSAGE}
        before = written()
        answer = ask(alice, booking, "propose", **late)
        page = answer.content.decode()
        assert answer.status_code == 422
        assert " does not suit." in page
        assert "Outside hours" in page
        assert MESSAGE in page
        assert written() == before
        anyway = re.search(r'name="anyway" value="([^"]+)"', page)
        assert anyway
        other = ask(alice, booking, "propose", **late | {"time": "22:00"}, anyway=anyway[1])
        assert (other.status_code, written()) == (422, before)
        assert ask(alice, booking, "propose", **late, anyway=anyway[1]).status_code == 200
        assert Booking.objects.get(status="confirmed").starts_at == datetime(2030, 1, 9, 20, tzinfo=UTC)

    def test_a_host_may_go_beyond_hours_and_buffers_but_not_into_other_time(
        self, alice: Membership, link: BookingLink, booking: Booking, NOW: datetime
    ) -> None:
        BookingLink.objects.update(buffer_before_minutes=30, minimum_notice_hours=48)
        other = make_booking(make_link(alice), TUESDAY_TEN + timedelta(hours=2), NOW, email="o@x.example")
        service.propose(
            booking=booking, start=other.ends_at, message="", actor=alice.user, now=NOW
        )  # Straight after another one.
        moved = Booking.objects.get(link=link, status="confirmed")
        before = written()
        for start in (other.starts_at, moved.starts_at, NOW):
            with pytest.raises(SlotTaken):
                service.propose(booking=moved, start=start, message="", actor=alice.user, now=NOW)
        with pytest.raises(BookingClosed):
            service.propose(booking=booking, start=TUESDAY_TEN, message="", actor=alice.user, now=NOW)
        with pytest.raises(BookingClosed):
            service.propose(
                booking=moved,
                start=TUESDAY_TEN + timedelta(days=9),
                message="",
                actor=alice.user,
                now=moved.starts_at,
            )
        assert written() == before
        late = service.propose(
            booking=moved,
            start=datetime(2030, 1, 12, 21, tzinfo=UTC),
            message="",
            actor=alice.user,
            now=NOW,
        )
        assert late.duration_minutes == 30

    def test_a_session_moves_with_all_who_come_and_its_seats(self, alice: Membership, NOW: datetime) -> None:
        workshop = make_link(alice, strategy="group", capacity=4, title="Workshop")
        for name in ("noor", "emi"):
            session = make_booking(workshop, TUESDAY_TEN, NOW, email=f"{name}@x.example")
        make_booking(workshop, TUESDAY_TEN, NOW, email="leaver@x.example")
        leaver = Attendee.objects.get(email="leaver@x.example")
        bookings.cancel_by_booker(attendee=leaver, reason="", now=NOW)
        moved = service.propose(
            booking=session, start=TUESDAY_TEN + timedelta(hours=1), message="", actor=alice.user, now=NOW
        )
        assert moved.attendee_count == 2
        assert sorted(each.email for each in moved.company) == ["emi@x.example", "noor@x.example"]
        assert BusyTime.objects.get(active=True).seats_taken == 2
        assert owed(kinds.PROPOSED_BOOKER) == ["emi@x.example", "noor@x.example"]
        third = make_booking(workshop, TUESDAY_TEN + timedelta(hours=1), NOW, email="third@x.example")
        assert third == moved
        make_booking(workshop, TUESDAY_TEN, NOW, email="fourth@x.example")
        with pytest.raises(SlotTaken):
            service.propose(booking=moved, start=TUESDAY_TEN, message="", actor=alice.user, now=NOW)

    def test_the_form_takes_the_hosts_own_clock_and_the_row_moves(
        self, alice: Membership, booking: Booking
    ) -> None:
        alice.user.timezone = "America/New_York"
        alice.user.save()
        page = ask(alice, booking, "propose", day="2030-01-09", time="05:00", message=MESSAGE)
        moved = Booking.objects.get(status="confirmed")
        assert (page.status_code, page["HX-Retarget"]) == (200, "#list")
        assert moved.starts_at == datetime(2030, 1, 9, 10, tzinfo=UTC)
        assert f'id="b-{moved.pk}"' in page.content.decode()
        assert "Moved. Priya Raman is being told by mail." in page.content.decode()
        rows = signed_in(alice).get("/calendar/bookings", {"tab": "rescheduled"}).content.decode()
        assert "By the host" in rows
        assert "from the manage link" not in rows
        upcoming = signed_in(alice).get("/calendar/bookings").content.decode()
        assert "Moved once" in upcoming

    def test_a_time_that_is_taken_is_answered_with_others_and_keeps_what_was_typed(
        self, alice: Membership, booking: Booking, NOW: datetime
    ) -> None:
        make_booking(make_link(alice), TUESDAY_TEN + timedelta(days=1), NOW, email="o@x.example")
        before = written()
        answer = ask(alice, booking, "propose", day="2030-01-09", time="10:00", message=MESSAGE)
        page = answer.content.decode()
        assert answer.status_code == 409
        assert "already booked" in page
        assert MESSAGE in page
        assert 'value="2030-01-09"' in page
        assert 'data-day="2030-01-09" data-time="10:30"' in page
        assert 'data-time="10:00"' not in page.split('data-day="2030-01-09"', 1)[1].split("data-day", 1)[0]
        assert written() == before

    @pytest.mark.parametrize(
        ("typed", "said"),
        [
            ({"day": "", "time": ""}, "Pick a day."),
            ({"day": "2030-01-08", "time": "10:00"}, "That is the time it has."),
            ({"day": "2030-01-01", "time": "10:00"}, "That time has passed."),
            ({"day": "2030-03-31", "time": "02:30"}, "The clocks go forward"),
            ({"day": "9999-12-31", "time": "23:59"}, "within the next two years"),
            (
                {"day": "2030-01-09", "time": "10:00", "message": "x" * 501},
                "501 characters are too many. 500 fit.",
            ),
        ],
    )
    def test_a_mistake_is_said_beside_its_field_and_nothing_is_written(
        self, typed: dict[str, str], said: str, alice: Membership, booking: Booking
    ) -> None:
        before = written()
        answer = ask(alice, booking, "propose", **typed)
        assert (answer.status_code, said in answer.content.decode()) == (422, True)
        assert written() == before

    def test_free_times_are_near_it_and_need_no_notice(
        self, alice: Membership, link: BookingLink, booking: Booking, NOW: datetime
    ) -> None:
        BookingLink.objects.update(minimum_notice_hours=24 * 30)
        booking = Booking.objects.select_related("link").get()
        times = times_near(booking, booking.starts_at, NOW)
        assert len(times) == 6
        assert booking.starts_at not in times
        assert TUESDAY_TEN + timedelta(minutes=30) in times
        link.delete()
        booking = Booking.objects.get()
        assert times_near(booking, booking.starts_at, NOW) == []
        page = signed_in(alice).get(
            "/calendar/bookings",
            {"open": str(booking.pk), "form": "propose", "start": "2030-01-10T12:15Z"},
        )
        assert 'value="2030-01-10"' in page.content.decode()
        assert 'value="13:15"' in page.content.decode()

    @pytest.mark.parametrize("start", ["0001-01-01T00:00Z", "9999-12-31T23:59Z"])
    def test_a_proposed_start_far_out_of_range_is_left_aside(
        self, start: str, alice: Membership, booking: Booking
    ) -> None:
        asked = {"open": str(booking.pk), "form": "propose", "start": start}
        page = signed_in(alice).get("/calendar/bookings", asked)
        assert page.status_code == 200
        assert 'value="2030-01-08"' in page.content.decode()


class TestAnotherHost:
    def test_it_is_handed_over_at_its_time_and_all_three_are_told(
        self, alice: Membership, bob: Membership, booking: Booking, NOW: datetime
    ) -> None:
        given = service.reassign(booking=booking, host=bob.user, actor=alice.user, now=NOW)
        assert (given.pk, given.host, given.starts_at) == (booking.pk, bob.user, TUESDAY_TEN)
        assert BusyTime.objects.get(active=True).host == bob.user
        assert owed(kinds.REASSIGNED_BOOKER) == [given.booker.email]
        assert owed(kinds.REASSIGNED_HOST) == [bob.user.email]
        assert owed(kinds.GIVEN_AWAY_HOST) == [alice.user.email]
        told = {kind: sent(given, kind, NOW) for kind in (kinds.REASSIGNED_BOOKER, kinds.GIVEN_AWAY_HOST)}
        assert [(mail.method, mail.event["SEQUENCE"]) for mail in told.values()] == [
            ("REQUEST", 1),
            ("CANCEL", 1),
        ]
        assert bob.user.name in told[kinds.REASSIGNED_BOOKER].text
        assert told[kinds.GIVEN_AWAY_HOST].event["ATTENDEE"] == f"mailto:{alice.user.email}"
        reminders = OutboxMessage.objects.filter(kind=kinds.REMINDER_BOOKER, skipped_at=None)
        assert [reminder.seq for reminder in reminders] == [1]

    def test_a_former_host_is_told_whatever_happened_since_unless_it_is_his_again(
        self, alice: Membership, bob: Membership, booking: Booking, NOW: datetime
    ) -> None:
        given = service.reassign(booking=booking, host=bob.user, actor=alice.user, now=NOW)
        bookings.cancel_by_host(booking=given, reason="", actor=bob.user, now=NOW)
        assert sent(given, kinds.GIVEN_AWAY_HOST, NOW).event["SEQUENCE"] == 2
        again = make_booking(make_link(alice), TUESDAY_TEN + timedelta(hours=1), NOW, email="again@x.example")
        for host in (bob.user, alice.user):
            again = service.reassign(booking=again, host=host, actor=alice.user, now=NOW)
        farewell = OutboxMessage.objects.get(
            topic_id=again.pk, kind=kinds.GIVEN_AWAY_HOST, recipient=alice.user.email
        )
        assert isinstance(renderer_of(farewell.kind)(farewell, NOW), Skip)

    def test_who_is_not_free_is_refused_and_nothing_is_written(
        self, alice: Membership, bob: Membership, booking: Booking, NOW: datetime
    ) -> None:
        make_booking(make_link(bob), TUESDAY_TEN, NOW, email="o@x.example")
        before = written()
        with pytest.raises(SlotTaken):
            service.reassign(booking=booking, host=bob.user, actor=alice.user, now=NOW)
        with pytest.raises(service.NotToBeHandedOver):
            service.reassign(booking=booking, host=alice.user, actor=alice.user, now=NOW)
        assert written() == before
        assert Booking.objects.get(pk=booking.pk).host == alice.user

    def test_an_event_of_a_connected_calendar_keeps_him_from_it(
        self, alice: Membership, bob: Membership, booking: Booking, NOW: datetime
    ) -> None:
        mirror_busy(calendar_of(connect_google(bob, None, NOW)), booking.period)
        fresh = Booking.objects.select_related("link", "workspace").get()
        assert [each.taken for each in substitutes_for(fresh, {bob.user_id}, NOW)] == ["busy"]
        with pytest.raises(SlotTaken):
            service.reassign(booking=booking, host=bob.user, actor=alice.user, now=NOW)
        assert Booking.objects.get().host == alice.user

    def test_a_calendar_that_cannot_be_read_is_taken_as_the_link_says(
        self, alice: Membership, bob: Membership, booking: Booking, NOW: datetime
    ) -> None:
        account = connect_google(bob, None, NOW)
        as_if_read(NOW - timedelta(days=30), account)

        def offered() -> list[str]:
            fresh = Booking.objects.select_related("link", "workspace").get()
            return [each.taken for each in substitutes_for(fresh, {bob.user_id}, NOW)]

        assert offered() == ["calendar not read lately"]
        before = written()
        with pytest.raises(SlotTaken):
            service.reassign(booking=booking, host=bob.user, actor=alice.user, now=NOW)
        assert written() == before
        BookingLink.objects.update(unreadable_policy="open")
        assert offered() == [""]
        service.reassign(booking=booking, host=bob.user, actor=alice.user, now=NOW)
        assert Booking.objects.get().host == bob.user

    def test_the_pool_in_turn_and_those_in_reach_are_offered_with_what_keeps_them(
        self, alice: Membership, bob: Membership, dana: Membership, NOW: datetime
    ) -> None:
        workspace = alice.workspace
        away, busy = (MembershipFactory(workspace=workspace, user__name=name) for name in ("Away", "Busy"))
        pool = make_link(alice, hosts=[alice, bob], slug="team-demo")
        booking = make_booking(pool, TUESDAY_TEN, NOW)
        make_booking(make_link(busy), TUESDAY_TEN, NOW, email="o@x.example")
        OutOfOffice.objects.create(
            workspace=workspace, user=away.user, first_day=date(2030, 1, 8), last_day=date(2030, 1, 8)
        )
        other = bob.user if booking.host == alice.user else alice.user
        booking = Booking.objects.select_related("link", "workspace").get(pk=booking.pk)
        assert [each.user for each in substitutes_for(booking, {booking.host_id}, NOW)] == [other]
        assert not substitutes_for(booking, {booking.host_id}, NOW)[0].is_outsider
        everybody = substitutes_for(booking, None, NOW)
        assert [(each.user.name, each.taken) for each in everybody] == [
            (other.name, ""),
            (dana.user.name, ""),
            ("Away", "out of office"),
            ("Busy", "busy"),
        ]

    def test_a_member_hands_over_only_to_whom_he_may(
        self, alice: Membership, bob: Membership, dana: Membership, carol: Membership, booking: Booking
    ) -> None:
        before = written()
        for host in (bob, carol):
            answer = ask(alice, booking, "reassign", host=str(host.user_id))
            assert answer.status_code == 422
        assert ask(dana, booking, "reassign", host=str(carol.user_id)).status_code == 422
        assert written() == before
        answer = ask(dana, booking, "reassign", host=str(bob.user_id))
        assert (answer.status_code, "hosts it now" in answer.content.decode()) == (200, True)
        assert Booking.objects.get().host == bob.user
        assert ask(alice, booking, "reassign", host=str(alice.user_id)).status_code == 404

    def test_the_booker_is_offered_the_times_of_a_host_who_is_none_of_the_pages(
        self, alice: Membership, bob: Membership, booking: Booking, NOW: datetime
    ) -> None:
        wednesday = TUESDAY_TEN + timedelta(days=1)
        make_booking(make_link(bob), wednesday, NOW, email="noor@x.example")
        given = service.reassign(booking=booking, host=bob.user, actor=alice.user, now=NOW)
        offered = offer_of(given.link, Period(wednesday, wednesday + timedelta(hours=2)), NOW, moving=given)
        assert wednesday not in offered.starts
        later = wednesday + timedelta(hours=1)
        assert later in offered.starts
        assert later in times_near(given, later, NOW)
        moved = bookings.reschedule(attendee=given.booker, start=later, now=NOW)
        assert (moved.booking.host, moved.booking.starts_at) == (bob.user, later)
        with pytest.raises(SlotTaken):
            bookings.reschedule(attendee=moved, start=wednesday, now=NOW)

    def test_who_has_left_gets_no_mail_about_meetings(
        self, alice: Membership, bob: Membership, booking: Booking, NOW: datetime
    ) -> None:
        given = service.reassign(booking=booking, host=bob.user, actor=alice.user, now=NOW)
        Membership.objects.filter(pk=alice.pk).update(is_active=False)
        farewell = OutboxMessage.objects.get(kind=kinds.GIVEN_AWAY_HOST)
        assert renderer_of(farewell.kind)(farewell, NOW) == Skip("Whom it was for works here no longer")
        assert sent(given, kinds.REASSIGNED_HOST, NOW).mail["To"] == bob.user.email

    def test_a_meeting_of_several_hosts_is_not_handed_over(
        self, alice: Membership, bob: Membership, dana: Membership, NOW: datetime
    ) -> None:
        both = make_booking(make_link(alice, hosts=[alice, bob], strategy="collective"), TUESDAY_TEN, NOW)
        before = written()
        with pytest.raises(service.NotToBeHandedOver):
            service.reassign(booking=both, host=dana.user, actor=alice.user, now=NOW)
        assert ask(dana, both, "reassign", host=str(dana.user_id)).status_code == 422
        assert written() == before
        moved = service.propose(
            booking=both, start=TUESDAY_TEN + timedelta(hours=1), message="", actor=alice.user, now=NOW
        )
        assert moved.host_ids == {alice.user_id, bob.user_id}

    def test_what_changes_hosts_meanwhile_is_not_cancelled_behind_their_locks(
        self, alice: Membership, bob: Membership, booking: Booking, NOW: datetime
    ) -> None:
        stale = Booking.objects.select_related("host").get(pk=booking.pk)
        service.reassign(booking=booking, host=bob.user, actor=alice.user, now=NOW)
        with pytest.raises(TryAgain):
            bookings.cancel_by_host(booking=stale, reason="", actor=alice.user, now=NOW)
        assert Booking.objects.get().status == "confirmed"


def test_a_note_is_kept_through_moves_and_never_mailed(
    alice: Membership, booking: Booking, NOW: datetime
) -> None:
    answer = ask(alice, booking, "note", note="Budget owner is Marc.")
    assert (answer.status_code, answer["HX-Reswap"]) == (200, "none")
    assert f"{alice.user.name}, " in answer.content.decode()
    assert ask(alice, booking, "note", note="x" * 5001).status_code == 422
    booking.refresh_from_db()
    assert (booking.private_note, booking.noted_by, booking.noted_at) == (
        "Budget owner is Marc.",
        alice.user,
        NOW,
    )
    moved = service.propose(
        booking=booking, start=TUESDAY_TEN + timedelta(hours=1), message="", actor=alice.user, now=NOW
    )
    assert moved.private_note == "Budget owner is Marc."
    for kind in (kinds.PROPOSED_BOOKER, kinds.PROPOSED_HOST):
        assert "Marc" not in sent(moved, kind, NOW).html
    ask(alice, moved, "note", note="")
    moved.refresh_from_db()
    assert (moved.private_note, moved.noted_by, moved.noted_at) == ("", None, None)


def test_who_reads_a_colleagues_message_is_told_whose_it_is(
    booking: Booking, alice: Membership, dana: Membership, NOW: datetime
) -> None:
    hour = timedelta(hours=1)
    moved = service.propose(
        booking=booking, start=TUESDAY_TEN + hour, message=MESSAGE, actor=dana.user, now=NOW
    )
    to_host, to_booker = (sent(moved, kind, NOW) for kind in (kinds.PROPOSED_HOST, kinds.PROPOSED_BOOKER))
    assert f"By     Dana Admin\r\n\r\nMessage\r\n{MESSAGE}" in to_host.text
    assert "Dana Admin" in to_host.html
    assert ("Dana writes" in to_booker.html, "moved by Dana" in to_booker.html) == (True, True)
    assert f"Dana writes:\r\n{MESSAGE}" in to_booker.text
    again = service.propose(
        booking=moved, start=TUESDAY_TEN + 2 * hour, message=MESSAGE, actor=alice.user, now=NOW
    )
    assert "By     You\r\n" in sent(again, kinds.PROPOSED_HOST, NOW).text
    gone = bookings.cancel_by_host(booking=again, reason=MESSAGE, actor=dana.user, now=NOW)
    assert f"By     Dana Admin\r\nReason {MESSAGE}" in sent(gone, kinds.CANCELLED_HOST, NOW).text
