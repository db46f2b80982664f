"""The booker's own page: what it shows in every state, what it lets him do, and what it refuses."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
import vobject
from django.test import Client
from icalendar import Calendar
from pytest_django import DjangoAssertNumQueries

from bookings.domain import mail_kinds as kinds
from bookings.models import Booking, RetiredToken
from bookings.selectors import manage_token
from bookings.services import booking as service
from scheduling.models import BookingLink, BusyTime
from scheduling.services.busy_time import TryAgain
from tests.bookings.test_mails import sent
from tests.bookings.test_public_pages import everything, fragment, offered, text_of
from tests.conftest import MONDAY_MORNING
from tests.factories import make_booking
from tests.pages import form_posting
from workestra.accounts.models import Membership

pytestmark = pytest.mark.django_db(transaction=True)

THURSDAY_TEN = datetime(2030, 1, 10, 9, 0, tzinfo=UTC)
FRIDAY_TEN = "2030-01-11T09:00Z"


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(MONDAY_MORNING, tick=False) as traveller:
        yield traveller


@pytest.fixture
def booking(link: BookingLink, NOW: datetime) -> Booking:
    return make_booking(link, THURSDAY_TEN, NOW, phone="+1 212 555 0142")


def address_of(booking: Booking, page: str = "") -> str:
    return f"/b/{booking.page_slug}/manage/{manage_token(booking.booker)}{page}"


def set_cutoffs(booking: Booking, *, cancel: int, move: int) -> None:
    BookingLink.objects.filter(pk=booking.link_id).update(
        cancel_cutoff_hours=cancel, reschedule_cutoff_hours=move
    )


class TestThePage:
    def test_it_shows_the_booking_in_the_bookers_zone(self, client: Client, booking: Booking) -> None:
        response = client.get(address_of(booking))
        text = text_of(response)
        assert response.status_code == 200
        assert "Thursday 10 January 04:00 – 04:30 New York time (EST)" in text
        assert "for you is 10:00 for Alice, Berlin time (CET)" in text
        assert "Priya Raman priya@saltmarsh.example" in text
        assert "Move or cancel up to the start" in text

    def test_it_is_kept_out_of_caches_indexes_and_history(self, client: Client, booking: Booking) -> None:
        for page in ("", "/confirmed", "/invite.ics"):
            response = client.get(address_of(booking, page))
            assert response["Cache-Control"] == "no-store, private"
            assert response["X-Robots-Tag"] == "noindex, nofollow"
            assert response["Referrer-Policy"] == "same-origin"
        assert 'hx-history="false"' in client.get(address_of(booking)).content.decode()

    @pytest.mark.parametrize("page", ["", "/confirmed", "/reschedule", "/cancel", "/invite.ics"])
    def test_a_wrong_token_or_page_is_a_plain_404(self, client: Client, booking: Booking, page: str) -> None:
        for path in (
            f"/b/{booking.page_slug}/manage/wrong{page}",
            f"/b/other/manage/{manage_token(booking.booker)}{page}",
        ):
            response = client.get(path)
            assert response.status_code == 404
            assert "Alice" not in text_of(response)
            assert "no-store" in response["Cache-Control"]

    @pytest.mark.parametrize(
        "query", ["tz=Mars/Base", "open=reschedule&date=x", "month=2030-99", "start=soon", "open=%00"]
    )
    def test_what_cannot_be_read_never_breaks_it(self, client: Client, booking: Booking, query: str) -> None:
        response = client.get(f"{address_of(booking)}?{query}")
        assert response.status_code == (200 if query.startswith("open=%") else 400)

    def test_looking_changes_nothing(self, client: Client, booking: Booking) -> None:
        before = everything()
        for page in ("", "/confirmed", "/reschedule", "/cancel", "/invite.ics"):
            client.get(address_of(booking, page))
            client.head(address_of(booking, page))
            client.get(address_of(booking, page), headers={"HX-Request": "true", "HX-Target": "slots"})
        assert everything() == before
        booking.refresh_from_db()
        assert booking.status == Booking.Status.CONFIRMED

    def test_actions_asked_for_by_a_get_open_their_form(self, client: Client, booking: Booking) -> None:
        for action in ("reschedule", "cancel"):
            response = client.get(address_of(booking, f"/{action}"), follow=True)
            assert response.redirect_chain == [(f"{address_of(booking)}?open={action}", 302)]
            assert re.search(rf'<details class="[^"]+" id="{action}" open>', response.content.decode())

    def test_the_number_of_queries_is_always_the_same(
        self, client: Client, booking: Booking, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        manage, confirmed = address_of(booking), address_of(booking, "/confirmed")
        with django_assert_num_queries(6):
            client.get(manage)
        with django_assert_num_queries(3):
            client.get(confirmed)


class TestMoving:
    def test_the_page_offers_what_the_link_offers_and_its_own_time(
        self, client: Client, booking: Booking
    ) -> None:
        page = client.get(f"{address_of(booking)}?open=reschedule&date=2030-01-10").content.decode()
        assert "2030-01-10T09:00Z" in offered(page)
        assert "your booking is on this day" in page

    def test_moving_leads_to_the_new_bookings_page(self, client: Client, booking: Booking) -> None:
        page = client.get(f"{address_of(booking)}?open=reschedule&date=2030-01-11").content.decode()
        form = form_posting(page, "tz")
        assert FRIDAY_TEN in form.choices["start"]
        response = client.post(form.action, form.values | {"start": FRIDAY_TEN})
        moved = Booking.objects.get(status="confirmed")
        assert (response.status_code, response["Location"]) == (303, address_of(moved, "/confirmed"))
        assert "Your new time with Alice" in text_of(client.get(response["Location"]))
        assert moved.series_id == booking.series_id

    def test_the_zone_it_was_picked_in_is_kept(self, client: Client, booking: Booking) -> None:
        client.post(address_of(booking, "/reschedule"), {"start": FRIDAY_TEN, "tz": "Asia/Tokyo"})
        assert Booking.objects.get(status="confirmed").booker.timezone == "Asia/Tokyo"

    def test_a_word_for_the_host_is_in_his_mail_and_nobody_elses(
        self, client: Client, booking: Booking, NOW: datetime
    ) -> None:
        word = "My <b>train</b> is late.\nSorry."
        client.post(address_of(booking, "/reschedule"), {"start": FRIDAY_TEN, "message": word})
        moved = Booking.objects.get(status="confirmed")
        to_host, to_booker = (sent(moved, kind, NOW) for kind in (kinds.MOVED_HOST, kinds.MOVED_BOOKER))
        assert word in to_host.text.replace("\r\n", "\n")
        assert "My &lt;b&gt;train&lt;/b&gt; is late.<br>Sorry." in to_host.html
        assert "train" not in to_booker.text + to_booker.html
        assert Booking.objects.get(status="rescheduled").booker.reason == word

    @pytest.mark.parametrize(
        ("word", "says"),
        [
            ("w" * 501, "501 characters are too many. 500 fit."),
            ("bell\x07", "a character that cannot be shown"),
        ],
    )
    def test_a_word_that_will_not_do_is_kept_with_the_time_that_was_picked(
        self, client: Client, booking: Booking, word: str, says: str
    ) -> None:
        before = everything()
        response = client.post(address_of(booking, "/reschedule"), {"start": FRIDAY_TEN, "message": word})
        page = response.content.decode()
        assert response.status_code == 422
        assert says in text_of(response)
        form = form_posting(page, "message")
        assert form.values["message"].startswith(word[:4])
        assert form.values["start"] == FRIDAY_TEN
        assert everything() == before

    def test_a_taken_time_answers_409_and_the_booking_stands(
        self, client: Client, booking: Booking, link: BookingLink, NOW: datetime
    ) -> None:
        make_booking(link, datetime(2030, 1, 11, 9, 0, tzinfo=UTC), NOW, email="other@x.example")
        before = everything()
        response = client.post(address_of(booking, "/reschedule"), {"start": FRIDAY_TEN, "message": "Sorry"})
        assert response.status_code == 409
        assert everything() == before
        assert form_posting(response.content.decode(), "message").values["message"] == "Sorry"
        text = text_of(response)
        assert "04:00 is not free any more. Your booking stands as it was." in text
        assert "Friday 11 January" in text
        assert FRIDAY_TEN not in offered(response.content.decode())

    @pytest.mark.parametrize(
        ("start", "status"),
        [
            ("", 422),
            ("2030-01-10T09:00Z", 422),
            ("soon", 400),
            ("2030-01-11T09:07Z", 409),
            ("2030-01-12T09:00Z", 409),
            ("2029-01-12T09:00Z", 409),
            ("2199-01-12T09:00Z", 409),
        ],
    )
    def test_a_start_that_will_not_do_changes_nothing(
        self, client: Client, booking: Booking, start: str, status: int
    ) -> None:
        before = everything()
        assert client.post(address_of(booking, "/reschedule"), {"start": start}).status_code == status
        assert everything() == before

    def test_the_old_address_says_that_it_was_replaced_and_nothing_else(
        self, client: Client, booking: Booking
    ) -> None:
        old = address_of(booking)
        client.post(f"{old}/reschedule", {"start": FRIDAY_TEN})
        before = everything()
        for response in (client.get(old), client.post(f"{old}/cancel"), client.get(f"{old}/invite.ics")):
            assert response.status_code == 410
            assert "A newer link replaced this one" in text_of(response)
            assert "Alice" not in text_of(response)
        assert everything() == before

    def test_so_does_one_that_the_host_renewed(
        self, client: Client, booking: Booking, alice: Membership, NOW: datetime
    ) -> None:
        old = address_of(booking)
        service.renew_manage_token(attendee=booking.booker, actor=alice.user, now=NOW)
        assert client.get(old).status_code == 410
        booking.refresh_from_db()
        assert client.get(address_of(booking)).status_code == 200

    def test_fragments_are_swapped(self, client: Client, booking: Booking) -> None:
        day = fragment(client, f"{address_of(booking)}?open=reschedule&date=2030-01-11", "slots")
        assert FRIDAY_TEN in offered(day.content.decode())
        assert "<html" not in day.content.decode()
        bar = fragment(client, f"{address_of(booking)}?start={FRIDAY_TEN}", "bar")
        assert "From Thu 10 Jan, 04:00 to Fri 11 Jan, 04:00 EST" in text_of(bar)

    def test_a_crowd_gets_a_plain_try_again(
        self, client: Client, booking: Booking, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def crowded(**_: Any) -> Booking:
            raise TryAgain

        monkeypatch.setattr(service, "reschedule", crowded)
        monkeypatch.setattr(service, "cancel_by_booker", crowded)
        moved = client.post(address_of(booking, "/reschedule"), {"start": FRIDAY_TEN})
        assert moved.status_code == 503
        assert "Your booking stands as it was. Try again." in text_of(moved)
        cancelled = client.post(address_of(booking, "/cancel"), {"reason": "A long story"})
        assert cancelled.status_code == 503
        assert "A long story" in cancelled.content.decode()


class TestCancelling:
    def test_cancelling_frees_the_time_and_shows_how_it_stands(
        self, client: Client, booking: Booking
    ) -> None:
        response = client.post(address_of(booking, "/cancel"), {"reason": "No longer\r\nneeded"})
        assert (response.status_code, response["Location"]) == (303, address_of(booking))
        assert not BusyTime.objects.filter(active=True).exists()
        text = text_of(client.get(address_of(booking)))
        assert "This booking is cancelled" in text
        assert "By You, Mon 7 Jan, 03:00 EST" in text
        assert "No longer needed" in text
        assert Booking.objects.get().booker.reason == "No longer\nneeded"

    def test_no_reason_is_needed(self, client: Client, booking: Booking) -> None:
        assert client.post(address_of(booking, "/cancel")).status_code == 303
        assert Booking.objects.get().status == "cancelled"

    @pytest.mark.parametrize(
        ("reason", "says"),
        [
            ("r" * 501, "501 characters are too many. 500 fit."),
            ("bell\x07", "a character that cannot be shown"),
        ],
    )
    def test_a_reason_that_will_not_do_is_kept_in_its_form(
        self, client: Client, booking: Booking, reason: str, says: str
    ) -> None:
        before = everything()
        response = client.post(address_of(booking, "/cancel"), {"reason": reason})
        page = response.content.decode()
        assert response.status_code == 422
        assert says in text_of(response)
        assert form_posting(page, "reason").values["reason"].startswith(reason[:5])
        assert 'id="cancel" open' in page
        assert everything() == before

    def test_a_second_click_shows_how_it_stands(self, client: Client, booking: Booking) -> None:
        client.post(address_of(booking, "/cancel"), {"reason": "Once"})
        before = everything()
        for action in ("/cancel", "/reschedule"):
            response = client.post(address_of(booking, action), {"reason": "Twice", "start": FRIDAY_TEN})
            assert response.status_code == 409
            assert "This booking is cancelled" in text_of(response)
        assert everything() == before

    def test_the_host_is_named_when_he_did_it(self, client: Client, booking: Booking, NOW: datetime) -> None:
        service.cancel_by_host(booking=booking, actor=booking.host, reason="Ill today", now=NOW)
        text = text_of(client.get(address_of(booking)))
        assert "By Alice, Mon 7 Jan, 03:00 EST" in text
        assert "Book a new time" in text

    def test_a_form_of_another_site_is_refused(self, booking: Booking) -> None:
        client = Client(enforce_csrf_checks=True)
        for action in ("/cancel", "/reschedule"):
            assert client.post(address_of(booking, action), {"start": FRIDAY_TEN}).status_code == 403
        booking.refresh_from_db()
        assert booking.status == "confirmed"


class TestStates:
    @pytest.mark.parametrize(
        ("later", "says"),
        [
            (timedelta(0), "Your meeting has started"),
            (timedelta(minutes=29), "Your meeting has started"),
            (timedelta(minutes=30), "This meeting is in the past"),
            (timedelta(days=300), "This meeting is in the past"),
        ],
    )
    def test_from_the_start_on_it_is_read_only(
        self, client: Client, booking: Booking, clock: time_machine.Traveller, later: timedelta, says: str
    ) -> None:
        clock.move_to(booking.starts_at + later)
        before = everything()
        response = client.get(address_of(booking))
        assert says in text_of(response)
        assert "<form" not in re.sub(r'<form class="theme.*?</form>', "", response.content.decode())
        for action in ("/cancel", "/reschedule"):
            refused = client.post(address_of(booking, action), {"start": FRIDAY_TEN, "reason": "x"})
            assert refused.status_code == 409
            assert says in text_of(refused)
        assert everything() == before

    def test_behind_both_cut_offs_it_says_why_and_what_to_do(
        self, client: Client, booking: Booking, clock: time_machine.Traveller
    ) -> None:
        set_cutoffs(booking, cancel=24, move=24)
        clock.move_to(booking.starts_at - timedelta(hours=23))
        before = everything()
        text = text_of(client.get(address_of(booking)))
        assert "Too late to change this here" in text
        assert "Changes closed Wed 9 Jan, 04:00 EST 24 hours before the meeting" in text
        assert "Email Alice" in text
        for action in ("/cancel", "/reschedule"):
            response = client.post(address_of(booking, action), {"start": FRIDAY_TEN})
            assert response.status_code == 403
            assert "Too late to change this here" in text_of(response)
        assert everything() == before

    def test_behind_one_cut_off_the_other_action_stays(
        self, client: Client, booking: Booking, clock: time_machine.Traveller
    ) -> None:
        set_cutoffs(booking, cancel=1, move=24)
        clock.move_to(booking.starts_at - timedelta(hours=23))
        response = client.get(address_of(booking))
        assert "Moving it here closed Wed 9 Jan, 04:00 EST, 24 hours before the meeting." in text_of(response)
        assert 'id="reschedule"' not in response.content.decode()
        assert client.post(address_of(booking, "/reschedule"), {"start": FRIDAY_TEN}).status_code == 403
        assert client.post(address_of(booking, "/cancel")).status_code == 303

    def test_each_cut_off_is_printed(self, client: Client, booking: Booking) -> None:
        set_cutoffs(booking, cancel=2, move=0)
        text = text_of(client.get(address_of(booking)))
        assert "Move it up to the start Cancel it until Thu 10 Jan, 02:00 EST" in text

    def test_without_a_page_it_can_be_cancelled_and_says_how_to_get_another_time(
        self, client: Client, booking: Booking, link: BookingLink
    ) -> None:
        link.delete()
        response = client.get(address_of(booking))
        assert "Write to alice@larkhill.example and Alice can offer you one." in text_of(response)
        assert 'id="reschedule"' not in response.content.decode()
        assert client.post(address_of(booking, "/reschedule"), {"start": FRIDAY_TEN}).status_code == 409
        assert client.post(address_of(booking, "/cancel")).status_code == 303

    def test_the_confirmation_of_something_cancelled_leads_to_how_it_stands(
        self, client: Client, booking: Booking, NOW: datetime
    ) -> None:
        service.cancel_by_booker(attendee=booking.booker, reason="", now=NOW)
        response = client.get(address_of(booking, "/confirmed"))
        assert (response.status_code, response["Location"]) == (302, address_of(booking))


class TestConfirmed:
    def test_it_says_what_happens_next(self, client: Client, booking: Booking) -> None:
        text = text_of(client.get(address_of(booking, "/confirmed")))
        assert "Sent to priya@saltmarsh.example" in text
        assert "Reminder Wed 9 Jan, 04:00 EST" in text
        assert "These also work from your email, up to the start time." in text

    def test_links_to_other_calendars_carry_no_secret(self, client: Client, booking: Booking) -> None:
        page = client.get(address_of(booking, "/confirmed")).content.decode()
        outside = re.findall(r'href="(https://[^"]+)"', page)
        assert len(outside) == 2
        assert all(str(manage_token(booking.booker)) not in address for address in outside)
        assert "20300110T090000Z%2F20300110T093000Z" in outside[0]

    def test_the_file_is_read_by_two_parsers(self, client: Client, booking: Booking) -> None:
        response = client.get(address_of(booking, "/invite.ics"))
        assert response["Content-Type"] == "text/calendar; charset=utf-8; method=PUBLISH"
        assert response["Content-Disposition"] == 'attachment; filename="invite.ics"'
        calendar = Calendar.from_ical(response.content)
        event = calendar.walk("VEVENT")[0]
        assert (calendar["METHOD"], event["UID"]) == ("PUBLISH", f"{booking.series_id}@localhost")
        assert event.start == vobject.readOne(response.content.decode()).vevent.dtstart.value == THURSDAY_TEN
        assert "ATTENDEE" not in event

    def test_there_is_no_file_of_something_cancelled(
        self, client: Client, booking: Booking, NOW: datetime
    ) -> None:
        service.cancel_by_booker(attendee=booking.booker, reason="", now=NOW)
        assert client.get(address_of(booking, "/invite.ics")).status_code == 404


def test_tokens_are_stored_only_as_hashes(booking: Booking, NOW: datetime) -> None:
    token = str(manage_token(booking.booker))
    service.reschedule(attendee=booking.booker, start=datetime(2030, 1, 11, 9, 0, tzinfo=UTC), now=NOW)
    for model in (Booking, RetiredToken):
        assert token not in repr(list(model.objects.values()))
