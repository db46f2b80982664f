"""Meetings that hosts' accounts make of their bookings: one each, told to everybody, as long as the booking stands."""

import logging
from contextlib import nullcontext
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db.models.functions import Now
from django.urls import reverse

from bookings.models import Booking
from bookings.services import booking as bookings
from bookings.services import hosting
from managed_events.domain.lint import lint
from managed_events.selectors import surroundings_of
from one_off.services import pick
from scheduling.models import BookingLink
from tests.calendars.making import connect_meetings
from tests.calendars.test_accounts import come_back, start
from tests.calendars.test_meeting_links import HALF, PRIYA, deliver
from tests.conftest import signed_in
from tests.factories import make_booking, make_link
from tests.fakes.meetings import FakeMeetings
from tests.fakes.server import Answer
from tests.fakes.zoom import FakeZoom
from tests.managed_events.making import assign_to, make_template
from tests.one_off.making import TOMAS, make_one_off, slot_of
from tests.pages import form_posting
from tests.security.test_secrets import everything_stored, log_lines
from workestra.accounts.models import Membership
from workestra.audit.models import AuditEvent
from workestra.calendars import making, owing, selectors
from workestra.calendars.domain.kinds import MEETING_KINDS, ProviderKind
from workestra.calendars.models import CalendarAccount, OwnMeeting
from workestra.notifications.models import OutboxMessage

pytestmark = pytest.mark.django_db

PAGE = reverse("calendars:accounts")


@pytest.fixture
def ten(NOW: datetime) -> datetime:
    return NOW.replace(hour=9) + timedelta(days=1)


@pytest.fixture
def link(alice: Membership, zoom: FakeZoom, NOW: datetime) -> BookingLink:
    """Alice's, met in the Zoom account that she has connected."""
    connect_meetings(alice, ProviderKind.ZOOM, zoom, NOW)
    return make_link(alice, slug="meet", location_type="zoom", location_detail="typed by hand")


def make_now(now: datetime) -> int:
    """A turn of the worker in which everything is due."""
    OwnMeeting.objects.update(due_at=Now() - HALF, leased_until=None)
    return making.make_due(now)


def place_of(booking: Booking) -> str:
    return Booking.objects.get(pk=booking.pk).location_detail


def drawer(member: Membership, booking: Booking) -> str:
    address = reverse("bookings:drawer", args=[booking.pk])
    return signed_in(member).get(address, headers={"HX-Request": "true"}).content.decode()


class TestLife:
    def test_everybody_is_told_the_link_once_it_is_made(
        self, link: BookingLink, alice: Membership, zoom: FakeZoom, ten: datetime, NOW: datetime
    ) -> None:
        booking = make_booking(link, ten, NOW)
        assert (booking.location_detail, zoom.requests, deliver(NOW)) == ("", [], [])
        assert make_now(NOW) == 1
        (made,) = zoom.meetings.values()
        assert made["topic"] == "Discovery Call with Priya Raman"
        assert zoom.start_of(made) == ten
        assert place_of(booking) == made["join_url"]
        told = {message.to[0]: message for message in deliver(NOW)}
        assert set(told) == {PRIYA, alice.user.email}
        for message in told.values():
            assert made["join_url"].removeprefix("https://") in str(message.message())
        page = drawer(alice, booking)
        assert made["join_url"].replace("&", "&amp;") in page
        assert "Zoom meeting, Alice Okafor" in page
        assert "Made" in page
        assert make_now(NOW) == 0

    def test_it_moves_with_the_booking_and_goes_with_it(
        self, link: BookingLink, zoom: FakeZoom, ten: datetime, NOW: datetime
    ) -> None:
        booking = make_booking(link, ten, NOW)
        make_now(NOW)
        first = place_of(booking)
        moved = bookings.reschedule(attendee=booking.booker, start=ten + 2 * HALF, now=NOW).booking
        make_now(NOW)
        (meeting,) = zoom.meetings.values()
        assert (zoom.start_of(meeting), place_of(moved)) == (ten + 2 * HALF, first)
        bookings.cancel_by_host(booking=moved, reason="", actor=link.owner, now=NOW)
        make_now(NOW)
        assert zoom.meetings == {}
        kept = OwnMeeting.objects.get()
        assert (kept.is_there, kept.remote_id, kept.is_current) == (False, "", True)

    def test_changes_before_it_was_made_need_no_order(
        self, link: BookingLink, zoom: FakeZoom, ten: datetime, NOW: datetime
    ) -> None:
        booking = make_booking(link, ten, NOW)
        moved = bookings.reschedule(attendee=booking.booker, start=ten + 2 * HALF, now=NOW)
        bookings.cancel_by_booker(attendee=moved, reason="Ill", now=NOW)
        make_now(NOW)
        assert not zoom.asked("POST", "meetings")

    def test_who_takes_it_over_makes_his_own_and_the_old_one_is_deleted(
        self, link: BookingLink, bob: Membership, zoom: FakeZoom, ten: datetime, NOW: datetime
    ) -> None:
        connect_meetings(bob, ProviderKind.ZOOM, zoom, NOW)
        booking = make_booking(link, ten, NOW)
        make_now(NOW)
        first = place_of(booking)
        handed_over = hosting.reassign(booking=booking, host=bob.user, actor=link.owner, now=NOW)
        assert handed_over.location_detail == ""
        make_now(NOW)
        (meeting,) = zoom.meetings.values()
        assert first != meeting["join_url"] == place_of(booking)

    def test_of_several_hosts_the_first_one_makes_it(
        self, alice: Membership, bob: Membership, zoom: FakeZoom, ten: datetime, NOW: datetime
    ) -> None:
        for member in (alice, bob):
            connect_meetings(member, ProviderKind.ZOOM, zoom, NOW)
        link = make_link(alice, slug="both", hosts=[alice, bob], strategy="collective", location_type="zoom")
        booking = make_booking(link, ten, NOW)
        make_now(NOW)
        assert len(zoom.meetings) == 1
        assert OwnMeeting.objects.get().user == booking.host

    def test_a_one_off_has_one_as_soon_as_a_time_is_picked(
        self, link: BookingLink, alice: Membership, zoom: FakeZoom, NOW: datetime
    ) -> None:
        one_off = make_one_off(alice, NOW, location_type="zoom")
        make_now(NOW)
        assert zoom.meetings == {}
        pick(one_off=one_off, slot_id=slot_of(one_off).pk, booker=TOMAS, nonce=one_off.pk, now=NOW)
        make_now(NOW)
        assert len(zoom.meetings) == 1

    def test_a_meeting_that_is_over_is_asked_for_no_more(
        self, link: BookingLink, zoom: FakeZoom, ten: datetime, NOW: datetime
    ) -> None:
        make_booking(link, ten, NOW)
        make_now(ten + timedelta(days=1))
        assert zoom.requests == []
        assert OwnMeeting.objects.get().is_current


class TestTrouble:
    @pytest.mark.parametrize("fault", ["silent", "died before it was noted", "died before it was told"])
    def test_one_that_was_made_unheard_is_found_and_not_made_twice(
        self,
        link: BookingLink,
        zoom: FakeZoom,
        ten: datetime,
        NOW: datetime,
        monkeypatch: pytest.MonkeyPatch,
        fault: str,
    ) -> None:
        booking = make_booking(link, ten, NOW)
        with monkeypatch.context() as patch:
            if fault == "silent":
                zoom.fail(methods="POST", path="meetings", answer=Answer(502), after=True)
            else:
                name = "ours" if fault == "died before it was noted" else "mark"
                patch.setattr(making.owing, "renew", lambda row: True)
                patch.setattr(making.owing, name, _die)
            with nullcontext() if fault == "silent" else pytest.raises(KeyboardInterrupt):
                make_now(NOW)
        assert len(zoom.meetings) == 1
        make_now(NOW)
        (meeting,) = zoom.meetings.values()
        assert place_of(booking) == meeting["join_url"]
        assert OwnMeeting.objects.get().is_current

    def test_who_lost_his_lease_to_another_worker_makes_nothing(
        self, link: BookingLink, zoom: FakeZoom, ten: datetime, NOW: datetime
    ) -> None:
        make_booking(link, ten, NOW)
        (slow,) = owing.lease(selectors.due_to_make(), "user")
        OwnMeeting.objects.update(leased_until=Now() - HALF)
        (fast,) = owing.lease(selectors.due_to_make(), "user")
        making.make(slow, NOW)
        assert zoom.requests == []
        making.make(fast, NOW)
        assert len(zoom.meetings) == 1
        assert OwnMeeting.objects.get().is_current

    @pytest.mark.parametrize(
        "address", ["javascript:alert(1)", "us02web.zoom.us/j/1", "https://", "https://a b"]
    )
    def test_a_link_that_nobody_can_follow_is_told_to_nobody_and_said(
        self,
        link: BookingLink,
        alice: Membership,
        zoom: FakeZoom,
        ten: datetime,
        NOW: datetime,
        address: str,
    ) -> None:
        booking = make_booking(link, ten, NOW)
        made = {"id": 7, "join_url": address}
        zoom.fail(methods="POST", path="meetings", answer=Answer(201, made))
        make_now(NOW)
        assert place_of(booking) == ""
        kept = OwnMeeting.objects.get()
        assert (kept.is_current, kept.join_url) == (False, "")
        assert "Zoom made no link that can be used." in drawer(alice, booking)

    def test_without_an_account_the_booking_is_made_and_says_why_it_has_no_link(
        self, alice: Membership, zoom: FakeZoom, ten: datetime, NOW: datetime
    ) -> None:
        booking = make_booking(make_link(alice, slug="meet", location_type="zoom"), ten, NOW)
        assert {message.to[0] for message in deliver(NOW)} == {PRIYA, alice.user.email}
        make_now(NOW)
        page = drawer(alice, booking)
        assert "Alice Okafor has no Zoom account connected." in page
        assert "1 failed" in page
        retry = reverse("bookings:write_again", args=[booking.pk, OwnMeeting.objects.get().pk])
        form_posting(page, "csrfmiddlewaretoken")
        assert retry in page
        assert signed_in(alice).post(retry).status_code == 302
        assert AuditEvent.objects.filter(action="booking.meeting_retried").count() == 1
        make_now(NOW)
        assert OwnMeeting.objects.get().dead_at is not None
        connect_meetings(alice, ProviderKind.ZOOM, zoom, NOW)
        make_now(NOW)
        assert place_of(booking).startswith("https://us02web.zoom.us/")
        (again,) = [message for message in deliver(NOW) if message.to == [PRIYA]]
        assert "us02web.zoom.us" in str(again.body)
        assert signed_in(alice).post(retry).status_code == 302
        assert AuditEvent.objects.filter(action="booking.meeting_retried").count() == 1

    def test_access_that_was_taken_away_breaks_the_account_and_its_owner_gets_one_mail(
        self, link: BookingLink, alice: Membership, zoom: FakeZoom, ten: datetime, NOW: datetime
    ) -> None:
        booking = make_booking(link, ten, NOW)
        make_now(NOW)
        zoom.revoke_all()
        bookings.reschedule(attendee=booking.booker, start=ten + 2 * HALF, now=NOW)
        for _turn in range(4):
            make_now(NOW)
        account = CalendarAccount.objects.get()
        assert account.is_broken
        assert OutboxMessage.objects.filter(kind="calendars.account_broken").count() == 1
        (told,) = [message for message in deliver(NOW) if "reconnecting" in message.subject]
        assert "New bookings get no link from Zoom" in str(told.body)
        page = signed_in(alice).get(PAGE).content.decode()
        assert "Needs reconnecting" in page
        assert "A calendar of yours cannot be read" not in signed_in(alice).get("/calendar").content.decode()
        connect_meetings(alice, ProviderKind.ZOOM, zoom, NOW)
        make_now(NOW)
        (meeting,) = zoom.meetings.values()
        assert zoom.start_of(meeting) == ten + 2 * HALF

    def test_when_the_account_is_to_wait_all_its_meetings_do(
        self, link: BookingLink, zoom: FakeZoom, ten: datetime, NOW: datetime
    ) -> None:
        for hours in range(3):
            make_booking(link, ten + timedelta(hours=hours), NOW)
        zoom.fail(methods="POST", path="meetings", answer=zoom.problem(429, Retry_After="60"), times=9)
        assert make_now(NOW) == 3
        assert make_now(NOW) == 0
        assert len(zoom.asked("POST", "meetings")) == 1
        zoom.calm()
        CalendarAccount.objects.update(quiet_until=None)
        assert make_now(NOW) == 3
        assert len(zoom.meetings) == 3


class TestPages:
    def test_who_says_yes_has_his_meetings_made_there(
        self, alice: Membership, zoom: FakeZoom, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        browser = signed_in(alice)
        assert reverse("calendars:connect", args=["zoom"]) in browser.get(PAGE).content.decode()
        asked = start(browser, "zoom")
        assert asked["redirect_uri"].endswith(reverse("calendars:callback", args=["zoom"]))
        answer = zoom.consent(asked)
        shown = come_back(browser, "zoom", answer)
        assert "Zoom is connected. It makes the links." in shown
        assert zoom.email in shown
        zoom.email = "other@larkhill.example"
        try:
            shown += come_back(browser, "zoom", zoom.consent(start(browser, "zoom")))
        finally:
            del zoom.email
        account = CalendarAccount.objects.get()
        assert account.name == "other@larkhill.example"
        written = [text for _place, text in everything_stored()] + log_lines(list(caplog.records)) + [shown]
        assert [text for text in written if "planted-" in text or answer["code"] in text] == []
        disconnect = reverse("calendars:disconnect", args=[account.pk])
        assert "stay at Zoom" in browser.get(disconnect).content.decode()
        browser.post(disconnect)
        assert not CalendarAccount.objects.exists()
        assert len(zoom.revoked) == 1

    @pytest.mark.parametrize("kind", MEETING_KINDS)
    def test_every_service_is_connected_and_chosen_in_the_same_way(
        self,
        alice: Membership,
        ten: datetime,
        NOW: datetime,
        request: pytest.FixtureRequest,
        kind: ProviderKind,
    ) -> None:
        fake: FakeMeetings = request.getfixturevalue(kind.value)
        browser = signed_in(alice)
        come_back(browser, kind, fake.consent(start(browser, kind)))
        assert CalendarAccount.objects.get().name == fake.email
        booking = make_booking(make_link(alice, slug="meet", location_type=kind), ten, NOW)
        make_now(NOW)
        assert place_of(booking).startswith("https://")
        page = drawer(alice, booking)
        assert f"{kind.label} meeting, Alice Okafor" in page
        stored = "".join(text for _place, text in everything_stored())
        assert "planted-" not in stored + page

    def test_what_is_not_granted_is_said_and_nothing_kept(self, alice: Membership, zoom: FakeZoom) -> None:
        browser = signed_in(alice)
        zoom.declines = {"meeting:write:meeting"}
        try:
            page = come_back(browser, "zoom", zoom.consent(start(browser, "zoom")))
        finally:
            zoom.declines = set()
        assert "missing: meeting:write:meeting" in page
        assert not CalendarAccount.objects.exists()

    def test_without_its_credentials_it_says_what_to_set(self, alice: Membership, settings: Any) -> None:
        settings.ZOOM_CLIENT_ID = settings.ZOOM_CLIENT_SECRET = ""
        browser = signed_in(alice)
        assert "Not set up on this server yet" in browser.get(PAGE).content.decode()
        page = browser.get(reverse("calendars:connect", args=["zoom"])).content.decode()
        for words in ("ZOOM_CLIENT_ID", "docs/connect-zoom.md", reverse("calendars:callback", args=["zoom"])):
            assert words in page

    def test_a_place_that_needs_an_account_says_who_has_none(
        self, alice: Membership, bob: Membership, dana: Membership, zoom: FakeZoom, NOW: datetime
    ) -> None:
        browser, lacks = signed_in(alice), "Alice Okafor has no Zoom account connected."
        link = make_link(alice, slug="meet", location_type="zoom")
        edit = reverse("scheduling:link_edit", args=[link.pk])
        assert lacks in browser.get(edit).content.decode()
        one_off = make_one_off(alice, NOW, location_type="zoom")
        change = reverse("one_off:edit", args=[one_off.pk])
        assert lacks in browser.get(change).content.decode()
        assert lacks in browser.get(reverse("one_off:detail", args=[one_off.pk])).content.decode()
        new = browser.get(reverse("one_off:new")).content.decode()
        assert "Zoom, Webex and GoTo need an account that the host has connected." in new
        assert "Connected:" not in new
        template = make_template(alice, location_type="zoom")
        unassigned = signed_in(dana).get(reverse("managed_events:edit", args=[template.pk])).content.decode()
        assert "Whoever hosts needs a Zoom account connected." in unassigned
        assign_to(template, [alice, bob], alice, NOW)
        template.refresh_from_db()
        (finding,) = [each for each in lint(template.state, surroundings_of(template)) if "Zoom" in each.text]
        assert finding.section == "calendar"
        assert finding.text.startswith("Alice Okafor and Bob Lindqvist have no Zoom account")
        connect_meetings(alice, ProviderKind.ZOOM, zoom, NOW)
        html = browser.get(edit).content.decode()
        assert lacks not in html
        # What the other places would need is there as well, for when they are chosen.
        assert "Alice Okafor has no Webex account connected. Bookings are taken all the same" in html
        assert "Alice Okafor has no Google or Microsoft 365 calendar that new bookings go to." in html
        assert "Connected: Zoom." in browser.get(reverse("one_off:new")).content.decode()
        assert lacks not in browser.get(change).content.decode()

    @pytest.mark.parametrize("whose", ["another booking's", "somebody else's"])
    def test_only_a_meeting_of_this_booking_is_tried_again(
        self,
        link: BookingLink,
        alice: Membership,
        carol: Membership,
        ten: datetime,
        NOW: datetime,
        whose: str,
    ) -> None:
        booking = make_booking(link, ten, NOW)
        other = make_booking(link, ten + 2 * HALF, NOW)
        OwnMeeting.objects.update(dead_at=NOW)
        meeting = OwnMeeting.objects.get(topic_id=booking.series_id)
        if whose == "another booking's":
            browser, booking = signed_in(alice), other
        else:
            browser = signed_in(carol)
        sent = browser.post(reverse("bookings:write_again", args=[booking.pk, meeting.pk]))
        assert sent.status_code == 404
        assert OwnMeeting.objects.filter(dead_at=None).count() == 0


def _die(*_args: object, **_how: object) -> None:
    raise KeyboardInterrupt
