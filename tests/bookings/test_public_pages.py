"""`/book/<slug>` as somebody without JavaScript, and without patience, uses it."""

import html
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
import time_machine
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from bookings.models import Booking, RetiredToken
from bookings.selectors import manage_token
from bookings.services import booking as service
from scheduling.models import BookingLink, BusyTime, LinkHost
from scheduling.services.busy_time import TryAgain
from tests.conftest import MONDAY_MORNING
from tests.factories import make_booking, make_link
from tests.pages import form_posting, forms_in
from workestra.accounts.models import Membership
from workestra.audit.models import AuditEvent
from workestra.crm.models import Person
from workestra.notifications.models import OutboxMessage

pytestmark = pytest.mark.django_db(transaction=True)

TUESDAY_TEN = datetime(2030, 1, 8, 9, 0, tzinfo=UTC)
BOOK = "/book/alice-discovery-call"
DETAILS = f"{BOOK}/details"
TEN = "2030-01-08T09:00Z"
QUESTIONS = [
    {
        "key": "size",
        "label": "How many people plan?",
        "type": "select",
        "required": True,
        "options": ["Just me", "2 to 5"],
    },
    {"key": "tool", "label": "What do you use?", "type": "text", "required": False, "options": []},
    {"key": "why", "label": "Why now?", "type": "textarea", "required": True, "options": []},
    {"key": "terms", "label": "I have read the terms", "type": "checkbox", "required": True, "options": []},
]


@pytest.fixture(autouse=True)
def _at_now() -> Iterator[None]:
    with time_machine.travel(MONDAY_MORNING, tick=False):
        yield


def everything() -> list[int]:
    models = (Booking, BusyTime, OutboxMessage, AuditEvent, Person, RetiredToken)
    return [model.objects.count() for model in models]


def text_of(response: Any) -> str:
    """What the page says, without its tags and with single blanks; the 24-hour clock of the two."""
    content = re.sub(r'<span class="t12">[^<]*</span>', "", response.content.decode())
    words = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", content))
    return html.unescape(re.sub(r" (?=[.,:](?: |$))", "", words))


def typed(**changes: Any) -> dict[str, Any]:
    """The details form as Priya fills it in."""
    return {
        "start": TEN,
        "tz": "America/New_York",
        "nonce": str(uuid4()),
        "name": "Priya Raman",
        "email": "priya@saltmarsh.example",
        "phone": "+1 212 555 0142",
        "notes": "",
    } | changes


def free_days(page: str) -> list[str]:
    return re.findall(r'id="day-(\d{4}-\d{2}-\d{2})"', page)


def offered(page: str) -> list[str]:
    return re.findall(r'name="start" value="([^"]+)"', page)


def fragment(client: Client, path: str, target: str, **more: str) -> Any:
    return client.get(path, headers={"HX-Request": "true", "HX-Target": target, **more})


class TestChoosingATime:
    def test_the_page_says_who_what_and_how_long(self, client: Client, link: BookingLink) -> None:
        text = text_of(client.get(BOOK))
        assert "Alice Okafor" in text
        assert "Discovery Call" in text
        assert "30 minutes" in text
        assert "Alice calls the number you give" in text

    def test_days_with_times_are_links_and_the_first_one_is_open(
        self, client: Client, link: BookingLink
    ) -> None:
        page = client.get(BOOK).content.decode()
        assert free_days(page)[:3] == ["2030-01-07", "2030-01-08", "2030-01-09"]
        assert "2030-01-12" not in free_days(page)
        assert offered(page)[0] == "2030-01-07T08:00Z"
        assert "Monday 7 January, many times" in page

    def test_a_day_is_the_bookers_day(self, client: Client, link: BookingLink) -> None:
        """Tuesday 16:00 to 17:00 in Berlin is Wednesday morning on Kiritimati."""
        page = client.get(f"{BOOK}?tz=Pacific/Kiritimati&date=2030-01-09").content.decode()
        assert offered(page)[:2] == ["2030-01-08T10:00Z", "2030-01-08T10:30Z"]
        assert offered(page)[-1] == "2030-01-09T09:30Z"

    def test_taken_times_are_gone(self, client: Client, link: BookingLink, NOW: datetime) -> None:
        make_booking(link, TUESDAY_TEN, NOW)
        assert TEN not in offered(client.get(f"{BOOK}?date=2030-01-08").content.decode())

    def test_the_hosts_time_stands_beside_unless_it_is_the_same(
        self, client: Client, link: BookingLink
    ) -> None:
        assert "for Alice" not in text_of(client.get(BOOK))
        text = text_of(client.get(f"{BOOK}?tz=America/New_York&date=2030-01-08"))
        assert "04:00 10:00 for Alice" in text
        assert "New York time (EST)" in text

    def test_an_hour_that_comes_twice_is_told_apart(self, client: Client, alice: Membership) -> None:
        hours = [{"days": list(range(7)), "start": "00:00", "end": "24:00"}]
        make_link(alice, slug="night", weekly_hours=hours, booking_window_days=365)
        text = text_of(client.get("/book/night?date=2030-10-27"))
        assert "02:00 CEST" in text
        assert "02:00 CET" in text
        assert "03:00 CE" not in text
        times = offered(client.get("/book/night?date=2030-03-31").content.decode())
        assert len(times) == 46

    def test_the_browsers_zone_is_used_when_none_is_asked_for(
        self, client: Client, link: BookingLink
    ) -> None:
        client.cookies["tz"] = "America/New_York"
        assert "New York time (EST)" in text_of(client.get(BOOK))
        assert "Lisbon time (WET)" in text_of(client.get(f"{BOOK}?tz=Europe/Lisbon"))
        client.cookies["tz"] = "Nowhere/At_All"
        assert "Berlin time (CET)" in text_of(client.get(BOOK))

    def test_months_can_be_turned_as_far_as_there_is_something(
        self, client: Client, link: BookingLink
    ) -> None:
        page = client.get(BOOK).content.decode()
        assert "month=2030-02" in page
        assert "Previous month" in page
        assert "month=2029-12" not in page
        february = client.get(f"{BOOK}?month=2030-02").content.decode()
        assert free_days(february)[-1] == "2030-02-06"
        assert "month=2030-01" in february
        assert "month=2030-03" not in february

    def test_an_empty_month_names_the_next_free_day(self, client: Client, link: BookingLink) -> None:
        link.booking_window_days = 400
        link.date_overrides = [{"date": f"2030-02-{day:02}", "windows": []} for day in range(1, 29)]
        link.save()
        response = client.get(f"{BOOK}?month=2030-02")
        assert "No times left in February. The next free day is Friday 1 March." in text_of(response)
        assert "date=2030-03-01" in response.content.decode()

    def test_a_day_without_times_says_so(self, client: Client, link: BookingLink) -> None:
        text = text_of(client.get(f"{BOOK}?date=2030-01-12"))
        assert "Nothing is free that day. The next free day is Monday 14 January." in text

    def test_a_page_that_offers_nothing_says_so(self, client: Client, link: BookingLink) -> None:
        LinkHost.objects.all().delete()
        response = client.get(BOOK)
        assert response.status_code == 200
        assert "No free times in the next 30 days." in text_of(response)
        assert "Continue" not in text_of(response)

    def test_notice_is_explained(self, client: Client, link: BookingLink) -> None:
        link.minimum_notice_hours = 24
        link.save()
        assert "The earliest is tomorrow: Alice asks for 24 hours’ notice." in text_of(client.get(BOOK))
        assert "The earliest" not in text_of(client.get(f"{BOOK}?date=2030-01-10"))

    def test_a_round_robin_does_not_name_a_host_yet(
        self, client: Client, alice: Membership, bob: Membership
    ) -> None:
        make_link(alice, slug="team", hosts=[alice, bob])
        text = text_of(client.get("/book/team"))
        assert "The Larkhill team" in text
        assert "Alice" not in text

    def test_the_number_of_queries_is_always_the_same(
        self,
        client: Client,
        link: BookingLink,
        bob: Membership,
        NOW: datetime,
        django_assert_num_queries: DjangoAssertNumQueries,
    ) -> None:
        with django_assert_num_queries(5):
            client.get(BOOK)
        for number in range(5):
            make_booking(link, TUESDAY_TEN + timedelta(hours=number), NOW)
        LinkHost.objects.create(link=link, user=bob.user)
        BookingLink.objects.update(strategy="round_robin")
        with django_assert_num_queries(5):
            client.get(BOOK)
        with django_assert_num_queries(9):
            client.get(f"{BOOK}?month=2030-06")

    def test_picking_a_day_swaps_the_times_and_the_month(self, client: Client, link: BookingLink) -> None:
        response = fragment(client, f"{BOOK}?date=2030-01-08", "slots")
        page = response.content.decode()
        assert "HX-Request" in response["Vary"]
        assert "<html" not in page
        assert '<section class="slot-col" id="slots" aria-labelledby="slots-h">' in page
        assert '<div id="month" hx-swap-oob="true">' in page
        assert "16 times on Tuesday 8 January" in page

    def test_turning_the_month_and_the_zone_are_announced(self, client: Client, link: BookingLink) -> None:
        turned = fragment(client, f"{BOOK}?month=2030-02", "month").content.decode()
        assert '<div id="month">' in turned
        assert "February, 4 days with times" in turned
        zone = fragment(client, f"{BOOK}?tz=Europe/Lisbon", "month", **{"HX-Trigger-Name": "tz"})
        assert "Times now in Lisbon time (WET)" in zone.content.decode()

    def test_ticking_a_time_brings_the_summary_without_asking_what_is_free(
        self, client: Client, link: BookingLink, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        with django_assert_num_queries(1):
            response = fragment(client, f"{BOOK}?start={TEN}&tz=America/New_York", "bar")
        text = text_of(response)
        assert "Tue 8 Jan, 04:00 – 04:30" in text
        assert "04:00 for you is 10:00 for Alice, Berlin time (CET)." in text

    def test_going_back_in_the_browser_gives_whole_pages(self, client: Client, link: BookingLink) -> None:
        response = fragment(client, BOOK, "slots", **{"HX-History-Restore-Request": "true"})
        assert "<html" in response.content.decode()


class TestAddressesThatMakeNoSense:
    @pytest.mark.parametrize("path", ["/book/nobody", "/book/nobody/details", "/book/Nobody?month=x"])
    def test_an_unknown_page_is_a_plain_404(self, client: Client, link: BookingLink, path: str) -> None:
        response = client.get(path)
        assert response.status_code == 404
        assert "There is no page here" in text_of(response)

    @pytest.mark.parametrize(
        "query",
        [
            "tz=Mars/Base",
            "tz=../../etc/passwd",
            "tz=localtime",
            "tz=%00",
            "month=2030-13",
            "month=30-1",
            "month=9999-12",
            "month=٢٠٣٠-٠١",
            "date=2030-02-30",
            "date=0001-01-01",
            "date=9999-12-31",
            "date=x",
            "start=soon",
            "start=2030-01-08T09:00",
            "start=0001-01-01T00:00%2B23:59",
            "start=9999-12-31T23:59Z",
            "start=2030-01-08T09:00%2B99:00",
        ],
    )
    def test_what_cannot_be_read_gets_a_page_that_says_so(
        self, client: Client, link: BookingLink, query: str
    ) -> None:
        for path in (BOOK, DETAILS) if query.startswith(("tz", "start")) else (BOOK,):
            response = client.get(f"{path}?{query}")
            assert response.status_code == 400, path
            assert "This address does not work" in text_of(response)
            assert f'href="{path}"' in response.content.decode()

    @pytest.mark.parametrize(
        "changes",
        [
            {"tz": "Mars/Base"},
            {"start": "soon"},
            {"start": "2030-01-08T09:00"},
            {"nonce": "7"},
            {"nonce": ""},
        ],
    )
    def test_a_damaged_form_books_nothing(
        self, client: Client, link: BookingLink, changes: dict[str, str]
    ) -> None:
        before = everything()
        response = client.post(DETAILS, typed(**changes))
        assert response.status_code == 400
        assert everything() == before

    def test_details_without_a_time_go_back_to_choosing_one(self, client: Client, link: BookingLink) -> None:
        response = client.get(f"{DETAILS}?tz=Europe/Lisbon&name=Priya")
        assert response.status_code == 302
        assert response["Location"] == f"{BOOK}?tz=Europe%2FLisbon&name=Priya"

    @pytest.mark.parametrize("method", ["put", "patch", "delete", "options"])
    def test_other_methods_are_refused(self, client: Client, link: BookingLink, method: str) -> None:
        for path in (BOOK, DETAILS):
            assert getattr(client, method)(path).status_code == 405

    def test_what_an_address_brings_along_is_text(self, client: Client, link: BookingLink) -> None:
        page = client.get(BOOK, {"name": '"><script>alert(1)</script>'}).content.decode()
        assert "<script>alert" not in page
        assert "%22%3E%3Cscript%3Ealert%281%29" in page


class TestBooking:
    def test_from_the_page_to_the_confirmation_without_javascript(
        self, client: Client, link: BookingLink
    ) -> None:
        page = client.get(f"{BOOK}?tz=America/New_York").content.decode()
        day = re.search(r'href="([^"]+date=2030-01-08)"', page)
        assert day is not None
        page = client.get(html.unescape(day[1])).content.decode()
        chooser = next(form for form in forms_in(page) if form.action == DETAILS)
        assert chooser.method == "get"
        assert TEN in chooser.choices["start"]
        page = client.get(chooser.action, chooser.values | {"start": TEN}).content.decode()
        form = form_posting(page, "email")
        assert form.action == DETAILS
        filled = form.values | {
            "name": "Priya Raman",
            "email": "priya@saltmarsh.example",
            "phone": "+1 212 555 0142",
        }
        response = client.post(form.action, filled)
        booking = Booking.objects.get()
        assert response.status_code == 303
        assert response["Location"].startswith("/b/alice-discovery-call/manage/")
        assert (booking.starts_at, booking.booker.timezone) == (TUESDAY_TEN, "America/New_York")
        text = text_of(client.get(response["Location"]))
        assert "You’re booked with Alice" in text
        assert "04:00 – 04:30" in text
        assert "New York time (EST)" in text
        assert "Alice calls you on +1 212 555 0142" in text

    def test_the_answers_are_kept_in_the_forms_order(self, client: Client, link: BookingLink) -> None:
        link.questions = QUESTIONS
        link.save()
        answers = {"q-size": "2 to 5", "q-why": "Late\r\nchanges\x07", "q-terms": "on"}
        assert client.post(DETAILS, typed(**answers)).status_code == 422
        answers["q-why"] = "Late\r\nchanges"
        assert client.post(DETAILS, typed(**answers)).status_code == 303
        assert Booking.objects.get().booker.answers == [
            {"label": "How many people plan?", "answer": "2 to 5"},
            {"label": "Why now?", "answer": "Late\nchanges"},
            {"label": "I have read the terms", "answer": "Yes"},
        ]

    def test_the_same_form_sent_twice_leads_to_the_same_page(self, client: Client, link: BookingLink) -> None:
        form = typed()
        first, second = client.post(DETAILS, form), client.post(DETAILS, form)
        assert (second.status_code, second["Location"]) == (303, first["Location"])
        assert Booking.objects.count() == 1

    def test_an_address_can_fill_the_form_in(self, client: Client, link: BookingLink) -> None:
        link.questions = QUESTIONS
        link.save()
        query = {
            "name": "Priya",
            "email": "p@x.example",
            "size": "2 to 5",
            "why": "Because",
            "nonce": "1",
            "x": "y",
        }
        page = client.get(BOOK, query).content.decode()
        chooser = next(form for form in forms_in(page) if form.action == DETAILS)
        assert "x" not in chooser.values
        form = form_posting(client.get(DETAILS, chooser.values | {"start": TEN}).content.decode(), "email")
        assert (form.values["name"], form.values["email"]) == ("Priya", "p@x.example")
        assert (form.values["q-size"], form.values["q-why"]) == ("2 to 5", "Because")
        assert form.values["nonce"] != "1"
        day = re.search(r'href="([^"]+date=2030-01-08)"', page)
        assert day is not None
        assert parse_qs(urlsplit(html.unescape(day[1])).query)["name"] == ["Priya"]

    def test_a_phone_is_only_needed_to_be_called(self, client: Client, link: BookingLink) -> None:
        assert client.post(DETAILS, typed(phone="")).status_code == 422
        link.location_type = "in_person"
        link.save()
        assert client.post(DETAILS, typed(phone="")).status_code == 303

    def test_a_form_of_another_site_is_refused(self, link: BookingLink) -> None:
        response = Client(enforce_csrf_checks=True).post(DETAILS, typed())
        assert response.status_code == 403
        assert Booking.objects.count() == 0

    def test_the_number_of_queries_of_the_form(
        self, client: Client, link: BookingLink, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        with django_assert_num_queries(5):
            client.get(DETAILS, {"start": TEN})


class TestARefusedForm:
    @pytest.mark.parametrize(
        ("changes", "says"),
        [
            ({"name": ""}, "Add your name so Alice knows who is coming"),
            ({"name": "   "}, "Add your name"),
            ({"name": "P" * 121}, "121 characters are too many. 120 fit."),
            ({"name": "Pri\x07ya"}, "a character that cannot be shown"),
            ({"name": "Pri\u202eya"}, "a character that cannot be shown"),
            ({"name": "Pri\x00ya"}, "a character that cannot be shown"),
            ({"name": "Win at http://evil.example"}, "without a web or email address"),
            ({"email": ""}, "Add your email"),
            ({"email": "priya@saltmarsh"}, "Add the ending, such as .com"),
            ({"email": "priya"}, "Write it like name@example.com"),
            ({"email": "priya@x.example\r\nBcc: all@x.example"}, "Write it like name@example.com"),
            ({"email": "p" * 250 + "@x.example"}, "characters are too many"),
            ({"email": '"a b"@x.example'}, "Write it like name@example.com"),
            ({"email": "root@[127.0.0.1]"}, "Write it like name@example.com"),
            ({"email": "root@localhost"}, "Add the ending, such as .com"),
            ({"email": "\u017f@x.example"}, "Write it like name@example.com"),
            ({"phone": ""}, "Add the number to call"),
            ({"phone": "call me"}, "Write the number with digits"),
            ({"phone": "12"}, "Write the number with digits"),
            ({"notes": "n" * 5001}, "5001 characters are too many. 5000 fit."),
            ({"leave_empty": "http://evil.example"}, "catch programs"),
            ({"q-size": ""}, "Choose one"),
            ({"q-size": "A million"}, "Choose one of these"),
            ({"q-tool": "t" * 5001}, "5001 characters are too many. 5000 fit."),
            ({"q-tool": "line\nbreak"}, "a character that cannot be shown"),
            ({"q-why": ""}, "Answer this"),
            ({"q-why": "w" * 5001}, "5001 characters are too many. 5000 fit."),
            ({"q-terms": ""}, "Tick this to go on"),
        ],
    )
    def test_says_what_to_do_keeps_what_was_typed_and_writes_nothing(
        self, client: Client, link: BookingLink, changes: dict[str, str], says: str
    ) -> None:
        link.questions = QUESTIONS
        link.save()
        whole = typed(
            notes="About Lisbon",
            **{"q-size": "2 to 5", "q-tool": "Paper", "q-why": "Late\nchanges", "q-terms": "on"},
        )
        before = everything()
        response = client.post(DETAILS, whole | changes)
        page = response.content.decode()
        assert response.status_code == 422
        assert says in text_of(response)
        assert "<title>Error: " in page
        assert everything() == before
        again = form_posting(page, "email").values
        shown = whole | changes
        for name in ("name", "email", "phone", "notes", "q-tool", "q-why"):
            assert (
                html.unescape(again[name]).replace("\r\n", "\n").strip()
                == shown[name].replace("\r\n", "\n").strip()
            ), name
        assert again["nonce"] == whole["nonce"]
        assert again["start"] == TEN

    def test_answers_may_be_as_long_as_promised(self, client: Client, link: BookingLink) -> None:
        assert client.post(DETAILS, typed(notes="n\r\n" * 2500)).status_code == 303
        assert client.post(DETAILS, typed(start="2030-01-08T10:00Z", notes="ä" * 5000)).status_code == 303


class TestAPausedPage:
    def test_says_so_in_place_of_the_times_and_the_form(self, client: Client, link: BookingLink) -> None:
        BookingLink.objects.update(paused_at=TUESDAY_TEN)
        for path in (BOOK, f"{DETAILS}?start={TEN}"):
            response = client.get(path)
            assert "No bookings at the moment Alice has paused this page" in text_of(response)
            assert 'name="start"' not in response.content.decode()

    def test_books_nothing_and_keeps_what_was_typed(self, client: Client, link: BookingLink) -> None:
        BookingLink.objects.update(paused_at=TUESDAY_TEN)
        before = everything()
        response = client.post(DETAILS, typed(notes="About Lisbon"))
        assert response.status_code == 409
        assert everything() == before
        assert "04:00 can no longer be booked." in text_of(response)
        assert "Alice takes no bookings on this page at the moment." in text_of(response)
        assert "About Lisbon" in response.content.decode()

    def test_still_lets_a_booking_be_moved(self, client: Client, link: BookingLink, NOW: datetime) -> None:
        booking = make_booking(link, TUESDAY_TEN, NOW)
        BookingLink.objects.update(paused_at=TUESDAY_TEN)
        address = f"/b/{booking.page_slug}/manage/{manage_token(booking.booker)}/reschedule"
        assert client.post(address, {"start": "2030-01-08T13:00Z"}).status_code == 303
        assert Booking.objects.filter(starts_at="2030-01-08T13:00Z").exists()


class TestALostRace:
    def test_answers_409_with_the_nearest_times_and_keeps_the_answers(
        self, client: Client, link: BookingLink, NOW: datetime
    ) -> None:
        link.questions = QUESTIONS
        link.save()
        form = typed(
            notes="About Lisbon", **{"q-size": "2 to 5", "q-tool": "", "q-why": "Late", "q-terms": "on"}
        )
        make_booking(link, TUESDAY_TEN, NOW)
        before = everything()
        response = client.post(DETAILS, form)
        assert response.status_code == 409
        assert everything() == before
        text = text_of(response)
        assert "04:00 was just taken. Your answers are kept. Pick another time below." in text
        assert "All 7 answers kept" in text
        again = form_posting(response.content.decode(), "email")
        assert len(again.choices["start"]) == 6
        assert "2030-01-08T09:30Z" in again.choices["start"]
        assert TEN not in again.choices["start"]
        for name in ("name", "email", "phone", "notes", "q-size", "q-why", "q-terms", "nonce", "tz"):
            assert again.values[name] == form[name], name
        assert client.post(again.action, again.values).status_code == 303
        assert Booking.objects.filter(attendees__notes="About Lisbon").count() == 1

    def test_a_time_that_is_gone_before_the_form_is_shown(
        self, client: Client, link: BookingLink, NOW: datetime
    ) -> None:
        make_booking(link, TUESDAY_TEN, NOW)
        response = client.get(DETAILS, {"start": TEN, "name": "Priya"})
        assert response.status_code == 409
        assert "10:00 was just taken. Pick another time below." in text_of(response)
        assert form_posting(response.content.decode(), "email").values["name"] == "Priya"

    @pytest.mark.parametrize(
        ("start", "says"),
        [
            ("2030-01-08T09:07Z", "10:07 is not offered."),
            ("2030-01-12T09:00Z", "10:00 is not offered."),
            ("2030-06-04T08:00Z", "10:00 is not offered."),
            ("2030-01-04T09:00Z", "10:00 is past."),
            ("2024-01-08T09:00Z", "10:00 is past."),
            ("2030-01-07T09:00Z", "10:00 is too soon now."),
        ],
    )
    def test_a_time_that_was_never_offered_is_not_called_taken(
        self, client: Client, link: BookingLink, start: str, says: str
    ) -> None:
        link.minimum_notice_hours = 2
        link.save()
        before = everything()
        for response in (
            client.get(DETAILS, {"start": start}),
            client.post(DETAILS, typed(start=start, tz="Europe/Berlin")),
        ):
            assert response.status_code == 409
            assert says in text_of(response)
            assert offered(response.content.decode())
        assert everything() == before

    def test_when_nothing_is_left_the_form_is_kept_all_the_same(
        self, client: Client, link: BookingLink, NOW: datetime
    ) -> None:
        LinkHost.objects.all().delete()
        response = client.post(DETAILS, typed())
        assert response.status_code == 409
        assert "04:00 is not offered. Your answers are kept. No other time is free" in text_of(response)
        assert form_posting(response.content.decode(), "email").values["name"] == "Priya Raman"

    def test_a_crowd_gets_a_plain_try_again(
        self, client: Client, link: BookingLink, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def crowded(**_: Any) -> Booking:
            raise TryAgain

        monkeypatch.setattr(service, "book", crowded)
        response = client.post(DETAILS, typed())
        assert (response.status_code, response["Retry-After"]) == (503, "2")
        assert "Your answers are kept. Try again." in text_of(response)
        assert form_posting(response.content.decode(), "email").values["email"] == "priya@saltmarsh.example"


def test_looking_changes_nothing(client: Client, link: BookingLink, NOW: datetime) -> None:
    make_booking(link, TUESDAY_TEN, NOW)
    before = everything()
    for path in (
        BOOK,
        f"{BOOK}?date=2030-01-08&tz=Asia/Tokyo",
        f"{DETAILS}?start=2030-01-08T10:00Z",
        f"{DETAILS}?start={TEN}",
    ):
        client.get(path)
        client.head(path)
        fragment(client, path, "slots")
    assert everything() == before
