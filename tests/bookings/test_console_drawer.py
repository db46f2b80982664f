"""What the console's drawer says of a booking, of a session and of a collective meeting."""

from datetime import datetime, timedelta

import pytest
import time_machine
from django.db import IntegrityError
from django.urls import reverse

from bookings.models import Attendee, Booking
from tests.bookings.console import CONSOLE, TUESDAY_TEN, drawer_for, plain
from tests.conftest import signed_in
from tests.factories import make_booking, make_link
from workestra.accounts.models import Membership
from workestra.notifications.models import OutboxMessage

pytestmark = pytest.mark.usefixtures("at_monday")


def test_the_drawer_shows_everything_the_booker_sent(alice: Membership, booking: Booking) -> None:
    booking.attendees.update(answers=[{"label": "Fleet size?", "answer": "6 to 20"}])
    page = drawer_for(alice, booking).content.decode()
    for text in (
        "We ship to Lisbon.",
        "+49 30 1234",
        "Fleet size?",
        "6 to 20",
        "EST, New York",
        "Individual",
        "Confirmation",
    ):
        assert text in page


@pytest.mark.parametrize(
    ("text", "is_link"),
    [
        ("https://meet.example/abc", True),
        ("http://meet.example/abc", True),
        ("javascript:alert(1)", False),
        ("+49 30 1234", False),
        ("//evil.example", False),
        ("https://", False),
        ("http://[broken", False),
    ],
)
def test_a_meeting_address_is_a_link_only_for_http_and_https(
    text: str, is_link: bool, alice: Membership, booking: Booking
) -> None:
    Booking.objects.filter(pk=booking.pk).update(location_type="video", location_detail=text)
    page = drawer_for(alice, booking).content.decode()
    assert (f'href="{text}"' in page) is is_link


def test_round_robin_shows_why_this_host(alice: Membership, bob: Membership, NOW: datetime) -> None:
    pool = make_link(alice, hosts=[alice, bob], slug="team-demo")
    first = make_booking(pool, TUESDAY_TEN, NOW, email="one@x.example")
    second = make_booking(pool, TUESDAY_TEN, NOW, email="two@x.example")
    assert {first.host, second.host} == {alice.user, bob.user}
    host = alice if second.host == alice.user else bob
    page = drawer_for(host, second).content.decode()
    assert f"Why {host.user.first_name}" in page
    assert "Not free" in page


def test_a_booking_that_no_longer_stands_has_an_end(booking: Booking) -> None:
    with pytest.raises(IntegrityError, match="booking_confirmed_or_ended"):
        Booking.objects.filter(pk=booking.pk).update(status=Booking.Status.CANCELLED, attendee_count=0)


def test_for_you_and_for_the_booker_are_shown_where_they_differ(
    alice: Membership, bob: Membership, booking: Booking
) -> None:
    assert "For you" not in plain(drawer_for(alice, booking))
    assert "For Priya" in plain(drawer_for(alice, booking))
    assert "04:00 – 04:30" in plain(drawer_for(alice, booking))
    alice.user.timezone = "Pacific/Honolulu"
    alice.user.save()
    assert "Mon 7 Jan, 23:00 – 23:30" in plain(drawer_for(alice, booking))
    alice.user.timezone = "America/New_York"
    alice.user.save()
    assert "For Priya" not in plain(drawer_for(alice, booking))


def test_deliveries_show_what_failed_and_how_often_it_was_tried(
    alice: Membership, booking: Booking, NOW: datetime
) -> None:
    messages = OutboxMessage.objects.all()
    messages.filter(recipient=booking.booker.email).update(
        dead_at=NOW, attempts=3, last_error="Mailbox unavailable"
    )
    messages.filter(recipient=alice.user.email).update(sent_at=NOW, attempts=2)
    response = drawer_for(alice, booking)
    tries = {each.message.recipient: each.tries.cells for each in response.context["d"]["deliveries"]}  # type: ignore[attr-defined]
    assert tries == {booking.booker.email: ["f", "f", "f"], alice.user.email: ["f", "k"]}
    assert "2 failed" in plain(response)  # Confirmation and reminder.
    assert "Mailbox unavailable" in plain(response)


class TestSessions:
    """A group session in the list and in its drawer."""

    @pytest.fixture
    def session(self, alice: Membership, NOW: datetime) -> Booking:
        workshop = make_link(alice, strategy="group", capacity=4, title="Workshop")
        names = ("Noor Haddad", "Emi Tanaka", "Samuel Adeyemi")
        made = [
            make_booking(workshop, TUESDAY_TEN, NOW, name=name, email=f"{name[:4].lower().strip()}@x.example")
            for name in names
        ]
        return made[0]

    def test_the_row_counts_who_comes(self, alice: Membership, session: Booking) -> None:
        page = signed_in(alice).get(CONSOLE).content.decode()
        assert " and 2 more</span>" in page
        assert "Group, 3 attendees" in page

    def test_the_drawer_names_everybody_with_what_can_be_done(
        self, alice: Membership, session: Booking
    ) -> None:
        page = drawer_for(alice, session).content.decode()
        assert "3 of 4 seats" in page
        for attendee in session.attendees.all():
            assert attendee.email in page
            for name in ("manage_link", "cancel_attendee"):
                assert reverse(f"bookings:{name}", args=[attendee.pk]) in page

    def test_one_attendee_is_cancelled_and_the_drawer_stays(
        self, alice: Membership, session: Booking
    ) -> None:
        first, second, third = session.attendees.all()
        client = signed_in(alice)
        address = reverse("bookings:cancel_attendee", args=[first.pk])
        answer = client.post(address, {"reason": "x" * 501}, headers={"HX-Request": "true"})
        assert (answer.status_code, "501 characters are too many. 500 fit." in answer.content.decode()) == (
            422,
            True,
        )
        answer = client.post(address, {"reason": "Wrong one"}, headers={"HX-Request": "true"})
        page = answer.content.decode()
        assert (answer.status_code, "2 of 4 seats" in page) == (200, True)
        assert f"{first.name} is being told by mail" in page
        assert client.post(address, {"reason": ""}, headers={"HX-Request": "true"}).status_code == 409
        for attendee in (second, third):
            answer = client.post(reverse("bookings:cancel_attendee", args=[attendee.pk]), {"reason": ""})
            assert answer.status_code == 302
        assert Booking.objects.get().status == "cancelled"
        assert client.get(CONSOLE, {"tab": "cancelled"}).status_code == 200

    def test_the_session_is_cancelled_for_all(self, alice: Membership, session: Booking) -> None:
        answer = signed_in(alice).post(
            reverse("bookings:cancel", args=[session.pk]), {"reason": ""}, headers={"HX-Request": "true"}
        )
        assert "All 3 attendees are being told by mail" in answer.content.decode()

    def test_attendance_is_marked_for_each(self, alice: Membership, session: Booking, NOW: datetime) -> None:
        client = signed_in(alice)
        with time_machine.travel(TUESDAY_TEN + timedelta(hours=2), tick=False):
            assert "3 of 3 to mark" in client.get(CONSOLE, {"tab": "past"}).content.decode()
            for left, attendee in zip(
                ("2 of 3 to mark", "1 of 3 to mark", ""), session.attendees.all(), strict=True
            ):
                address = reverse("bookings:attendance", args=[attendee.pk])
                answer = client.post(address, {"attendance": "no_show"}, headers={"HX-Request": "true"})
                assert f"{attendee.name} marked no-show" in answer.content.decode()
                assert left in answer.content.decode()
        assert Booking.objects.get().no_show_status == "no_show"

    def test_a_new_manage_link_is_of_one_attendee(self, alice: Membership, session: Booking) -> None:
        first, second, _ = session.attendees.all()
        client = signed_in(alice)
        answer = client.post(reverse("bookings:manage_link", args=[second.pk]))
        assert f"New manage link for {second.name}" in answer.content.decode()
        assert first.manage_token_hash == Attendee.objects.get(pk=first.pk).manage_token_hash
