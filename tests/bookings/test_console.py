"""The bookings console: who sees what, in which tab, and what a host can do there."""

import csv
import io
import json
import re
from datetime import UTC, datetime, timedelta
from html import unescape
from uuid import UUID, uuid4

import pytest
import time_machine
from django.db import IntegrityError
from django.http import HttpResponse
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from bookings.domain.console import Marks
from bookings.models import Attendee, Booking, RetiredToken
from bookings.services import attendance as attendance_service
from bookings.services import booking as service
from scheduling.models import BookingLink, BusyTime
from tests.conftest import MONDAY_MORNING, signed_in
from tests.factories import GroupFactory, join_group, make_booking, make_link
from workestra.accounts.domain.tokens import token_hash
from workestra.accounts.models import Membership
from workestra.audit.models import AuditEvent
from workestra.crm.models import Person
from workestra.notifications.models import OutboxMessage

TUESDAY_TEN = datetime(2030, 1, 8, 9, 0, tzinfo=UTC)
CONSOLE = "/calendar/bookings"


@pytest.fixture(autouse=True)
def _at_now() -> object:
    with time_machine.travel(MONDAY_MORNING, tick=False):
        yield


@pytest.fixture
def booking(link: BookingLink, NOW: datetime) -> Booking:
    return make_booking(link, TUESDAY_TEN, NOW, phone="+49 30 1234", notes="We ship to Lisbon.")


HTMX = {"HX-Request": "true"}


def act(member: Membership, booking: Booking, action: str, **data: str) -> HttpResponse:
    return signed_in(member).post(address_of(booking, action), data)


def address_of(booking: Booking, action: str) -> str:
    """Where this is done to the booking, or to the attendee it has."""
    subject = booking.booker if action in {"attendance", "manage_link"} else booking
    return reverse(f"bookings:{action}", args=[subject.pk])


def plain(response: HttpResponse) -> str:
    """What a 24-hour reader sees of the page."""
    page = re.sub(r'<span class="t12">[^<]*</span>|<[^>]*>', "", response.content.decode())
    return re.sub(r"\s+", " ", unescape(page))


def drawer_for(member: Membership, booking: Booking) -> HttpResponse:
    return signed_in(member).get(reverse("bookings:drawer", args=[booking.pk]), headers=HTMX)


def test_a_row_shows_the_time_in_its_pages_zone(alice: Membership, booking: Booking) -> None:
    page = signed_in(alice).get(CONSOLE).content.decode()
    assert "10:00 – 10:30" in page
    assert "CET, Berlin" in page
    assert "priya@saltmarsh.example" in page
    assert "Phone · 30m" in page


@pytest.mark.parametrize(
    ("who", "scope", "sees"),
    [
        ("alice", "member", True),
        ("bob", "member", False),
        ("bob", "manager of another group", False),
        ("bob", "manager of her group", True),
        ("bob", "viewer of her group", True),
        ("dana", "admin", True),
        ("carol", "admin elsewhere", False),
    ],
)
def test_each_role_sees_as_far_as_its_scope(
    who: str, scope: str, sees: bool, booking: Booking, request: pytest.FixtureRequest, alice: Membership
) -> None:
    member: Membership = request.getfixturevalue(who)
    if "group" in scope:
        member.role = scope.split(" ")[0]
        member.save()
        group = GroupFactory(workspace=member.workspace)
        join_group(group, member)
        if "of her" in scope:
            join_group(group, alice)
    client = signed_in(member)
    assert ("Priya Raman" in client.get(CONSOLE).content.decode()) is sees
    assert drawer_for(member, booking).status_code == (200 if sees else 404)


def test_a_booking_stands_in_exactly_the_tab_of_its_state(
    alice: Membership, link: BookingLink, NOW: datetime
) -> None:
    def tabs_with(name: str) -> list[str]:
        client = signed_in(alice)
        return [
            tab
            for tab in ("upcoming", "past", "cancelled", "rescheduled")
            if name in client.get(CONSOLE, {"tab": tab}).content.decode()
        ]

    make_booking(link, TUESDAY_TEN, NOW, name="Upcoming Ulla", email="u@x.example")
    gone = make_booking(
        link, TUESDAY_TEN + timedelta(hours=1), NOW, name="Cancelled Carl", email="c@x.example"
    )
    service.cancel_by_booker(attendee=gone.booker, reason="ill", now=NOW)
    moved = make_booking(link, TUESDAY_TEN + timedelta(hours=2), NOW, name="Moved Mona", email="m@x.example")
    service.reschedule(attendee=moved.booker, start=TUESDAY_TEN + timedelta(hours=3), now=NOW)
    over = make_booking(link, TUESDAY_TEN + timedelta(hours=4), NOW, name="Past Paul", email="p@x.example")
    Booking.objects.filter(pk=over.pk).update(starts_at=NOW - timedelta(hours=1), ends_at=NOW)

    assert tabs_with("Upcoming Ulla") == ["upcoming"]
    assert tabs_with("Cancelled Carl") == ["cancelled"]
    assert tabs_with("Moved Mona") == ["upcoming", "rescheduled"]
    assert tabs_with("Past Paul") == ["past"]


def test_search_finds_by_name_and_email_and_page(alice: Membership, booking: Booking) -> None:
    client = signed_in(alice)
    for words in ("priya", "SALTMARSH", "discovery raman"):
        assert "Priya Raman" in client.get(CONSOLE, {"q": words}).content.decode()
    page = client.get(CONSOLE, {"q": "zoom friday"}).content.decode()
    assert "Nothing matches “zoom friday”." in page
    assert "Priya Raman" not in page


@pytest.mark.parametrize(
    "query", [{"tab": "nonsense"}, {"after": "x~y"}, {"open": "1"}, {"q": "\x00'%_"}, {"scope": "?"}]
)
def test_a_mistyped_address_still_shows_the_list(
    alice: Membership, booking: Booking, query: dict[str, str]
) -> None:
    assert signed_in(alice).get(CONSOLE, query).status_code == 200


def test_pages_follow_each_other_without_a_gap(
    alice: Membership, link: BookingLink, NOW: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bookings.selectors.console.PAGE_SIZE", 2)
    for index in range(5):
        make_booking(
            link,
            TUESDAY_TEN + timedelta(hours=index),
            NOW,
            name=f"Guest {index}",
            email=f"g{index}@x.example",
        )
    client = signed_in(alice)
    seen: list[str] = []
    address = CONSOLE
    for _ in range(3):
        response = client.get(address)
        seen += [row.booking.booker.name for row in response.context["rows"]]
        address = response.context["next_url"]
    assert seen == [f"Guest {index}" for index in range(5)]
    assert address is None


def test_the_list_takes_the_same_number_of_queries_however_long_it_is(
    alice: Membership, link: BookingLink, NOW: datetime, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client = signed_in(alice)
    for index in range(6):
        make_booking(link, TUESDAY_TEN + timedelta(hours=index), NOW, email=f"g{index}@x.example")
    # session, user, member, role grants, 4 counts, rows, attendees, co-hosts, moves, links, members
    with django_assert_num_queries(16):
        client.get(CONSOLE)


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


def test_cancelling_frees_the_time_and_tells_both(alice: Membership, booking: Booking) -> None:
    response = act(alice, booking, "cancel", reason="Customer visit")
    assert response.status_code == 302
    booking.refresh_from_db()
    assert (booking.status, booking.booker.ended_by, booking.booker.reason) == (
        "cancelled",
        "host",
        "Customer visit",
    )
    assert booking.ics_sequence == 1
    assert not BusyTime.objects.filter(active=True).exists()
    assert set(
        OutboxMessage.objects.filter(kind__contains="cancelled").values_list("recipient", flat=True)
    ) == {
        booking.booker.email,
        alice.user.email,
    }
    assert AuditEvent.objects.get(action="booking.cancelled").actor_name == "Alice Okafor"


def test_a_reason_of_501_characters_is_refused_and_kept(alice: Membership, booking: Booking) -> None:
    response = act(alice, booking, "cancel", reason="x" * 501)
    assert response.status_code == 422
    assert "x" * 501 in response.content.decode()
    booking.refresh_from_db()
    assert booking.status == "confirmed"


def _written() -> list[int]:
    return [
        OutboxMessage.objects.count(),
        AuditEvent.objects.count(),
        BusyTime.objects.filter(active=True).count(),
        RetiredToken.objects.count(),
        Booking.objects.filter(status="confirmed", no_show_status="").count(),
    ]


@pytest.mark.parametrize("action", ["cancel", "attendance", "manage_link", "propose", "reassign", "note"])
@pytest.mark.parametrize(
    ("who", "role", "status"), [("bob", "member", 404), ("bob", "viewer", 403), ("carol", "admin", 404)]
)
def test_what_a_role_may_not_do_is_refused_on_the_server(
    action: str,
    who: str,
    role: str,
    status: int,
    booking: Booking,
    alice: Membership,
    request: pytest.FixtureRequest,
) -> None:
    member: Membership = request.getfixturevalue(who)
    member.role = role
    member.save()
    if role == "viewer":
        group = GroupFactory(workspace=member.workspace)
        join_group(group, member)
        join_group(group, alice)
        drawer = drawer_for(member, booking).content.decode()
        assert "Cancel booking" not in drawer
        for tool in ("manage link", "Reschedule", "Reassign", "Save note"):
            assert tool not in drawer
    before = _written()
    assert act(member, booking, action, attendance="attended").status_code == status
    assert _written() == before


def test_a_past_booking_offers_attendance_and_nothing_else(alice: Membership, booking: Booking) -> None:
    with time_machine.travel(TUESDAY_TEN + timedelta(hours=1), tick=False):
        page = signed_in(alice).get(CONSOLE, {"tab": "past", "open": str(booking.pk)}).content.decode()
        assert 'value="no_show"' in page
        assert "Cancel booking" not in page
        assert "data-form" not in page
        before = _written()
        assert act(alice, booking, "cancel").status_code == 409
        assert act(alice, booking, "propose", day="2030-01-20", time="10:00").status_code == 409
        assert act(alice, booking, "reassign", host=str(uuid4())).status_code == 422
        assert act(alice, booking, "manage_link").status_code == 302
        assert _written() == before


def test_attendance_can_be_marked_and_taken_back_and_counts_no_shows(
    alice: Membership, booking: Booking
) -> None:
    with time_machine.travel(TUESDAY_TEN + timedelta(hours=1), tick=False):
        for attendance, no_shows in [
            ("no_show", 1),
            ("no_show", 1),
            ("", 0),
            ("attended", 0),
            ("no_show", 1),
        ]:
            assert act(alice, booking, "attendance", attendance=attendance).status_code == 302
            booking.refresh_from_db()
            assert booking.no_show_status == attendance
            assert Person.objects.get().no_show_count == no_shows


def test_attendance_of_an_upcoming_booking_is_refused(alice: Membership, booking: Booking) -> None:
    before = _written()
    act(alice, booking, "attendance", attendance="attended")
    assert _written() == before


def test_a_new_manage_link_is_shown_once_and_kills_the_old_one(alice: Membership, booking: Booking) -> None:
    old = booking.booker.manage_token_hash
    page = act(alice, booking, "manage_link").content.decode()
    booking.refresh_from_db()
    assert booking.booker.manage_token_hash != old
    assert RetiredToken.objects.filter(token_hash=old, attendee=booking.booker).exists()
    assert f"/b/{booking.page_slug}/manage/" in page
    assert "/manage/" not in signed_in(alice).get(
        CONSOLE, {"open": str(booking.pk)}
    ).content.decode().replace("/manage-link", "")


def test_visitors_are_asked_to_sign_in(client: object, booking: Booking) -> None:
    for address in (CONSOLE, reverse("bookings:drawer", args=[uuid4()])):
        assert client.get(address).status_code == 302  # type: ignore[attr-defined]


def test_round_robin_shows_why_this_host(alice: Membership, bob: Membership, NOW: datetime) -> None:
    pool = make_link(alice, hosts=[alice, bob], slug="team-demo")
    first = make_booking(pool, TUESDAY_TEN, NOW, email="one@x.example")
    second = make_booking(pool, TUESDAY_TEN, NOW, email="two@x.example")
    assert {first.host, second.host} == {alice.user, bob.user}
    host = alice if second.host == alice.user else bob
    page = drawer_for(host, second).content.decode()
    assert f"Why {host.user.first_name}" in page
    assert "Not free" in page


# --- The list ---


def ids(response: HttpResponse) -> list[UUID]:
    return [row.booking.pk for row in response.context["rows"]]  # type: ignore[attr-defined]


def test_today_counts_down_to_its_first_meeting(alice: Membership, link: BookingLink, NOW: datetime) -> None:
    make_booking(link, NOW + timedelta(minutes=30), NOW)
    make_booking(link, NOW + timedelta(minutes=90), NOW)
    make_booking(link, TUESDAY_TEN, NOW)
    response = signed_in(alice).get(CONSOLE)
    assert [day.note for day in response.context["days"]] == [
        "2 meetings, first in 30 minutes",
        "1 meeting",
    ]
    assert [row.minutes for row in response.context["rows"]] == [30, None, None]
    assert "In 30 min" in response.content.decode()
    assert "Today, Monday 7 January" in response.content.decode()


def test_a_day_of_another_year_says_which(alice: Membership, link: BookingLink, NOW: datetime) -> None:
    booking = make_booking(link, TUESDAY_TEN, NOW)
    with time_machine.travel(TUESDAY_TEN + timedelta(days=400), tick=False):
        page = signed_in(alice).get(CONSOLE, {"tab": "past"}).content.decode()
    assert "Tuesday 8 January 2030" in page
    assert str(booking.pk) in page


def test_cancelled_ones_are_listed_by_when_that_was(
    alice: Membership, link: BookingLink, NOW: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bookings.selectors.console.PAGE_SIZE", 1)
    first = make_booking(link, TUESDAY_TEN + timedelta(hours=3), NOW, email="a@x.example")
    second = make_booking(link, TUESDAY_TEN, NOW, email="b@x.example")
    service.cancel_by_booker(attendee=first.booker, reason="We are ill.", now=NOW)
    service.cancel_by_host(booking=second, actor=second.host, reason="", now=NOW + timedelta(minutes=5))
    client = signed_in(alice)
    newest = client.get(CONSOLE, {"tab": "cancelled"})
    older = client.get(newest.context["next_url"])
    assert (ids(newest), ids(older)) == ([second.pk], [first.pk])
    assert older.context["next_url"] is None
    assert "By the host, Mon 7 Jan" in plain(newest)
    assert "“We are ill.”" in plain(older)
    assert "By Priya, Mon 7 Jan" in plain(older)


def test_a_moved_booking_shows_where_its_series_stands_and_leads_there(
    alice: Membership, link: BookingLink, NOW: datetime
) -> None:
    old = make_booking(link, TUESDAY_TEN, NOW)
    middle = service.reschedule(attendee=old.booker, start=TUESDAY_TEN + timedelta(hours=1), now=NOW).booking
    new = service.reschedule(attendee=middle.booker, start=TUESDAY_TEN + timedelta(hours=2), now=NOW).booking
    client = signed_in(alice)
    response = client.get(CONSOLE, {"tab": "rescheduled"})
    assert {row.latest for row in response.context["rows"]} == {new}
    assert "12:00 – 12:30" in plain(response)
    assert "Moved twice." in plain(response)
    assert f"open={new.pk}" in drawer_for(alice, old).content.decode()
    assert "Moved twice" in plain(client.get(CONSOLE))
    service.cancel_by_booker(attendee=new.booker, reason="", now=NOW)
    assert "Cancelled since" in plain(client.get(CONSOLE, {"tab": "rescheduled"}))


def test_an_address_that_names_a_booking_finds_its_tab(
    alice: Membership, booking: Booking, NOW: datetime
) -> None:
    client = signed_in(alice)
    assert client.get(CONSOLE, {"open": str(booking.pk)}).context["tab"] == "upcoming"
    with time_machine.travel(TUESDAY_TEN + timedelta(hours=1), tick=False):
        past = client.get(CONSOLE, {"open": str(booking.pk)})
        assert (past.context["tab"], past.context["opened"]) == ("past", booking)
        elsewhere = client.get(CONSOLE, {"tab": "upcoming", "open": str(booking.pk)})
    assert elsewhere.context["opened"] is None
    assert "Priya Raman’s booking is under Past." in plain(elsewhere)
    service.cancel_by_booker(attendee=booking.booker, reason="", now=NOW)
    assert client.get(CONSOLE, {"open": str(booking.pk)}).context["tab"] == "cancelled"


def test_an_opened_booking_is_shown_though_it_is_on_a_later_page(
    alice: Membership, link: BookingLink, NOW: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bookings.selectors.console.PAGE_SIZE", 1)
    first = make_booking(link, TUESDAY_TEN, NOW, email="a@x.example")
    second = make_booking(link, TUESDAY_TEN + timedelta(hours=1), NOW, email="b@x.example")
    assert ids(signed_in(alice).get(CONSOLE, {"open": str(second.pk)})) == [second.pk, first.pk]


@pytest.mark.parametrize("who", ["bob", "carol"])
def test_an_address_that_names_no_booking_of_mine_says_so(
    who: str, booking: Booking, request: pytest.FixtureRequest
) -> None:
    client = signed_in(request.getfixturevalue(who))
    for named in (str(booking.pk), str(uuid4()), "1"):
        page = plain(client.get(CONSOLE, {"open": named}))
        assert "That booking is no longer here." in page
        assert "Priya" not in page


@pytest.mark.parametrize(
    ("role", "groups", "whose", "others"),
    [
        ("member", ("Sales EMEA",), "Yours.", None),
        ("manager", (), "Yours.", None),
        ("manager", ("Sales EMEA",), "Sales EMEA.", "Team"),
        ("manager", ("Sales EMEA", "Americas", "Partners"), "Americas, Partners and Sales EMEA.", "Team"),
        ("admin", (), "Everyone in Larkhill.", "Everyone"),
    ],
)
def test_the_page_says_whose_bookings_it_shows(
    role: str, groups: tuple[str, ...], whose: str, others: str | None, alice: Membership, bob: Membership
) -> None:
    bob.role = role
    bob.save()
    for name in groups:
        group = GroupFactory(workspace=bob.workspace, name=name)
        join_group(group, bob)
        join_group(group, alice)
    client = signed_in(bob)
    response = client.get(CONSOLE)
    assert f"{whose} Each time" in plain(response)
    assert ("Whose bookings" in plain(response)) is (others is not None)
    if others:
        assert response.context["others"] == others
        assert "Yours. Each time" in plain(client.get(CONSOLE, {"scope": "own"}))


def test_the_past_tab_counts_who_came_and_can_show_only_what_is_left_to_mark(
    alice: Membership, bob: Membership, link: BookingLink, NOW: datetime
) -> None:
    over = [
        make_booking(link, TUESDAY_TEN + timedelta(minutes=30 * index), NOW, email=f"g{index}@x.example")
        for index in range(3)
    ]
    make_booking(make_link(bob), TUESDAY_TEN, NOW, email="theirs@x.example")
    later = TUESDAY_TEN + timedelta(hours=3)
    attendance_service.mark(
        attendee=over[0].booker, attendance=Booking.Attendance.NO_SHOW, actor=alice.user, now=later
    )
    client = signed_in(alice)
    with time_machine.travel(later, tick=False):
        response = client.get(CONSOLE, {"tab": "past"})
        assert response.context["marks"] == Marks(attended=0, no_show=1, to_mark=2)
        assert [day.note for day in response.context["days"]] == ["2 to mark"]
        assert ids(client.get(CONSOLE, {"tab": "past", "todo": "1"})) == [over[2].pk, over[1].pk]
        address = address_of(over[1], "attendance")
        marked = client.post(f"{address}?tab=past", {"attendance": "attended"}, headers=HTMX)
        assert "1 of 3 to mark" in plain(marked)
    with time_machine.travel(later + timedelta(days=7), tick=False):
        response = client.get(CONSOLE, {"tab": "past"})
        assert "No meetings in the last 7 days" in plain(response)
        assert len(ids(response)) == 3


@pytest.mark.parametrize(("tab", "queries"), [("past", 16), ("cancelled", 15), ("rescheduled", 17)])
def test_every_tab_takes_the_same_number_of_queries_however_long_it_is(
    tab: str,
    queries: int,
    alice: Membership,
    link: BookingLink,
    NOW: datetime,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for index in range(4):
        booking = make_booking(link, TUESDAY_TEN + timedelta(hours=index), NOW, email=f"g{index}@x.example")
        if tab == "cancelled":
            service.cancel_by_booker(attendee=booking.booker, reason="", now=NOW)
        elif tab == "rescheduled":
            service.reschedule(
                attendee=booking.booker, start=TUESDAY_TEN + timedelta(hours=index, minutes=30), now=NOW
            )
    with time_machine.travel(TUESDAY_TEN + timedelta(hours=5), tick=False):
        client = signed_in(alice)
        with django_assert_num_queries(queries):
            assert len(ids(client.get(CONSOLE, {"tab": tab}))) == 4


def test_a_booking_that_no_longer_stands_has_an_end(booking: Booking) -> None:
    with pytest.raises(IntegrityError, match="booking_confirmed_or_ended"):
        Booking.objects.filter(pk=booking.pk).update(status=Booking.Status.CANCELLED, attendee_count=0)


# --- What htmx gets ---


def test_a_search_swaps_the_list_with_its_counts_and_says_how_many(
    alice: Membership, booking: Booking
) -> None:
    response = signed_in(alice).get(
        CONSOLE, {"tab": "upcoming", "q": "priya", "scope": ""}, headers=HTMX | {"HX-Target": "list"}
    )
    page = response.content.decode()
    assert "<html" not in page
    assert 'id="filters"' not in page
    assert page.count('id="list"') == page.count('id="tabs"') == page.count('id="say"') == 1
    assert '<div id="say" hx-swap-oob="innerHTML">1 booking</div>' in page
    assert response["HX-Replace-Url"] == f"{CONSOLE}?tab=upcoming&q=priya"
    assert {"HX-Request", "HX-Target"} <= set(response["Vary"].replace(" ", "").split(","))


def test_a_tab_swaps_everything_below_the_heading(alice: Membership, booking: Booking) -> None:
    headers = HTMX | {"HX-Target": "bookings"}
    page = signed_in(alice).get(CONSOLE, {"tab": "past"}, headers=headers).content.decode()
    assert "<html" not in page
    assert "<title>Past · Bookings · Workestra</title>" in page
    assert 'name="tab" value="past"' in page
    assert "Past, 0 bookings</div>" in page


def test_a_cancelled_row_leaves_its_list_and_the_focus_goes_on(
    alice: Membership, link: BookingLink, NOW: datetime
) -> None:
    first, second = (
        make_booking(link, TUESDAY_TEN + timedelta(hours=index), NOW, email=f"g{index}@x.example")
        for index in range(2)
    )
    client = signed_in(alice)

    def cancel(booking: Booking) -> HttpResponse:
        address = reverse("bookings:cancel", args=[booking.pk])
        return client.post(f"{address}?tab=upcoming", {"reason": "ill"}, headers=HTMX)

    response = cancel(first)
    assert (response.status_code, response["HX-Retarget"], response["HX-Reswap"]) == (
        200,
        "#list",
        "outerHTML",
    )
    assert ids(response) == [second.pk]
    assert response.context["focus"] == second.pk  # type: ignore[attr-defined]
    assert "<summary autofocus>" in response.content.decode()
    assert plain(response).count("Cancelled. Priya Raman is being told by mail.") == 2  # Toast and voice.
    assert 'class="empty" tabindex="-1" autofocus' in cancel(second).content.decode()


def test_what_somebody_else_cancelled_first_is_said(
    alice: Membership, booking: Booking, NOW: datetime
) -> None:
    service.cancel_by_booker(attendee=booking.booker, reason="ill", now=NOW)
    before = _written()
    for headers in ({}, HTMX):
        response = signed_in(alice).post(
            reverse("bookings:cancel", args=[booking.pk]), {"reason": "x"}, headers=headers
        )
        assert response.status_code == 409
        assert "It can no longer be cancelled" in plain(response)
    assert _written() == before


def test_undo_puts_back_what_was_marked_before(alice: Membership, booking: Booking) -> None:
    with time_machine.travel(TUESDAY_TEN + timedelta(hours=1), tick=False):
        client = signed_in(alice)
        address = f"{address_of(booking, 'attendance')}?tab=past"
        for mark, before, said in [
            ("attended", "", "Priya Raman marked attended"),
            ("no_show", "attended", "Priya Raman marked no-show"),
            ("", "no_show", "Priya Raman is to mark again"),
        ]:
            page = client.post(address, {"attendance": mark}, headers=HTMX).content.decode()
            assert f'<input type="hidden" name="attendance" value="{before}">' in page
            assert said in page
            assert f'id="mark-{booking.booker.pk}"' in page
        assert client.post(address, {"attendance": "maybe"}).status_code == 400


def test_a_new_manage_link_goes_to_the_clipboard_and_is_not_kept(alice: Membership, booking: Booking) -> None:
    response = signed_in(alice).post(address_of(booking, "manage_link"), headers=HTMX)
    address = json.loads(response["HX-Trigger"])["manage-link"]["address"]
    booking.refresh_from_db()
    assert token_hash(address.rpartition("/")[2]) == booking.booker.manage_token_hash
    assert address in response.content.decode()
    assert response["Cache-Control"] == "no-store"
    with time_machine.travel(TUESDAY_TEN + timedelta(hours=1), tick=False):
        closed = signed_in(alice).post(address_of(booking, "manage_link"), headers=HTMX)
        assert closed.status_code == 409
        assert "Only an upcoming booking has a manage link." in plain(closed)
        assert "HX-Trigger" not in closed


@pytest.mark.parametrize(
    "action", ["drawer", "cancel", "attendance", "manage_link", "propose", "reassign", "note"]
)
def test_a_booking_that_is_gone_is_said_in_its_row(action: str, alice: Membership) -> None:
    client, address = signed_in(alice), reverse(f"bookings:{action}", args=[uuid4()])
    ask = client.get if action == "drawer" else client.post
    response = ask(address, headers=HTMX)
    assert response.status_code == 404
    assert "o longer here" in plain(response)
    assert response["HX-Retarget"]
    assert ask(address).status_code == 404


def test_a_drawer_without_htmx_is_the_page_with_the_row_open(alice: Membership, booking: Booking) -> None:
    response = signed_in(alice).get(reverse("bookings:drawer", args=[booking.pk]), follow=True)
    assert response.context["opened"] == booking
    assert "We ship to Lisbon." in plain(response)


def test_what_follows_an_action_is_the_list_it_was_in(alice: Membership, booking: Booking) -> None:
    response = signed_in(alice).post(
        f"{reverse('bookings:cancel', args=[booking.pk])}?tab=upcoming&q=priya&scope=own", {"reason": ""}
    )
    assert response["Location"] == f"{CONSOLE}?tab=upcoming&scope=own&q=priya"


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
        assert (answer.status_code, "Keep the reason to 500" in answer.content.decode()) == (422, True)
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


def test_a_collective_meeting_names_its_hosts_and_is_there_for_each_of_them(
    alice: Membership, bob: Membership, NOW: datetime
) -> None:
    review = make_link(alice, hosts=[alice, bob], strategy="collective", title="Review")
    booking = make_booking(review, TUESDAY_TEN, NOW)
    for member in (alice, bob):
        page = signed_in(member).get(CONSOLE, {"scope": "own", "further": "1"}).content.decode()
        assert "Collective, 2 hosts" in page
        drawer = drawer_for(member, booking).content.decode()
        assert alice.user.name in drawer
        assert bob.user.name in drawer
    answer = signed_in(bob).post(reverse("bookings:cancel", args=[booking.pk]), {"reason": ""})
    assert answer.status_code == 302
    assert Booking.objects.get().status == "cancelled"


# --- Filters, and the file with what they let through ---


def test_nobody_counts_to_a_million(
    alice: Membership, link: BookingLink, NOW: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bookings.domain.console.MOST_COUNTED", 2)
    for hours in range(3):
        make_booking(link, TUESDAY_TEN + timedelta(hours=hours), NOW, email=f"g{hours}@x.example")
    page = plain(signed_in(alice).get(CONSOLE))
    assert "Upcoming 1+" in page
    assert "1+ bookings as CSV" in page


@pytest.mark.parametrize("few", [0, 1, 1000])
def test_words_are_found_the_same_whether_few_match_or_many(
    few: int, alice: Membership, link: BookingLink, NOW: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bookings.selectors.console.FEW", few)
    priya = make_booking(link, TUESDAY_TEN, NOW)
    noor = make_booking(
        link, TUESDAY_TEN + timedelta(hours=1), NOW, name="Noor Haddad", email="noor@saltmarsh.example"
    )
    client = signed_in(alice)
    for words, found in [
        ("saltmarsh", [priya, noor]),
        ("priya discovery", [priya]),
        ("noor raman", []),
        ("no%r", []),
        ("DISCOVERY", [priya, noor]),
    ]:
        assert ids(client.get(CONSOLE, {"q": words})) == [each.pk for each in found], words


class TestFilters:
    """Each narrows the list; the file has the rows of the list, and no others, in its order."""

    @pytest.fixture
    def rows(
        self, alice: Membership, bob: Membership, link: BookingLink, NOW: datetime
    ) -> dict[str, Booking]:
        """Of Alice's link and another one of hers, of Bob's, and of a pool; in every state."""
        second = make_link(alice, title="Second Call")
        found = {
            "first": make_booking(link, TUESDAY_TEN, NOW, email="first@x.example"),
            "second": make_booking(second, TUESDAY_TEN + timedelta(days=1), NOW, name="=cmd()"),
            "bobs": make_booking(make_link(bob), TUESDAY_TEN + timedelta(days=2), NOW, email="b@x.example"),
            "pool": make_booking(
                make_link(alice, hosts=[bob], slug="pool"),
                TUESDAY_TEN + timedelta(days=3),
                NOW,
                email="pool@x.example",
            ),
            "cancelled": make_booking(link, TUESDAY_TEN + timedelta(hours=2), NOW, email="c@x.example"),
            "moved": make_booking(link, TUESDAY_TEN + timedelta(hours=3), NOW, email="m@x.example"),
            "attended": make_booking(link, TUESDAY_TEN + timedelta(hours=4), NOW, email="a@x.example"),
            "no_show": make_booking(link, TUESDAY_TEN + timedelta(hours=5), NOW, email="n@x.example"),
        }
        service.cancel_by_booker(attendee=found["cancelled"].booker, reason="-2+3", now=NOW)
        service.reschedule(attendee=found["moved"].booker, start=TUESDAY_TEN + timedelta(days=6), now=NOW)
        for days, name in enumerate(("attended", "no_show"), 1):
            Booking.objects.filter(pk=found[name].pk).update(
                starts_at=NOW - timedelta(days=days),
                ends_at=NOW - timedelta(days=days) + timedelta(minutes=30),
                no_show_status=name,
            )
        return found

    @pytest.mark.parametrize(
        ("asked", "expected"),
        [
            ({}, ["first", "second", "bobs", "pool", None]),
            ({"scope": "own"}, []),
            ({"link": "first"}, ["first", None]),
            ({"link": "second"}, ["second"]),
            ({"host": "bobs"}, ["bobs", "pool"]),
            ({"strategy": "round_robin"}, ["pool"]),
            ({"strategy": "nonsense", "link": "x", "host": "y", "from": "z", "to": "2030-02-31"}, 5),
            ({"from": "2030-01-09", "to": "2030-01-10"}, ["second", "bobs"]),
            ({"from": "2030-01-12"}, [None]),
            ({"to": "2030-01-08"}, ["first"]),
            ({"q": "cmd"}, ["second"]),
            ({"tab": "past"}, ["attended", "no_show"]),
            ({"tab": "past", "attendance": "no_show"}, ["no_show"]),
            ({"tab": "past", "todo": "1"}, []),
            ({"tab": "cancelled"}, ["cancelled"]),
            ({"tab": "cancelled", "strategy": "group"}, []),
            ({"tab": "rescheduled", "to": "2030-01-08"}, ["moved"]),
        ],
    )
    def test_the_list_and_its_file_have_the_same_rows(
        self,
        asked: dict[str, str],
        expected: list[str | None] | int,
        dana: Membership,
        rows: dict[str, Booking],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """None is where the moved one is now; a number, how many there are."""
        keys = {"link": lambda name: rows[name].link_id, "host": lambda name: rows[name].host_id}
        query = {
            name: str(keys[name](value)) if name in keys and value in rows else value
            for name, value in asked.items()
        }
        client = signed_in(dana)
        response = client.get(CONSOLE, query)
        listed = ids(response)
        if isinstance(expected, int):
            assert len(listed) == expected
        else:
            now_at = Booking.objects.get(series_id=rows["moved"].series_id, status="confirmed").pk
            assert listed == [rows[name].pk if name else now_at for name in expected]
        monkeypatch.setattr("bookings.selectors.console.PAGE_SIZE", 1)
        file = client.get("/calendar/bookings.csv", query)
        assert [UUID(row["booking"]) for row in cells(file)] == listed

    def test_a_filter_for_somebody_out_of_reach_shows_nothing(
        self, alice: Membership, bob: Membership, rows: dict[str, Booking]
    ) -> None:
        client, query = signed_in(alice), {"host": str(bob.user_id)}
        assert ids(client.get(CONSOLE, query)) == []
        assert cells(client.get("/calendar/bookings.csv", query)) == []
        assert "Nothing matches these filters." in plain(client.get(CONSOLE, query))

    def test_the_file_is_no_program_and_its_times_name_their_zone(
        self, dana: Membership, rows: dict[str, Booking]
    ) -> None:
        client = signed_in(dana)
        (second,) = cells(client.get("/calendar/bookings.csv", {"q": "cmd"}))
        assert second["bookers"] == "'=cmd()"
        assert (second["starts"], second["time zone"]) == ("2030-01-09 10:00:00+01:00", "Europe/Berlin")
        (cancelled,) = cells(client.get("/calendar/bookings.csv", {"tab": "cancelled"}))
        assert (cancelled["reason"], cancelled["ended by"]) == ("'-2+3", "Booker")

    def test_filters_stay_in_every_address_of_the_list(
        self, dana: Membership, rows: dict[str, Booking]
    ) -> None:
        query = {
            "tab": "past",
            "attendance": "no_show",
            "from": "2030-01-01",
            "host": str(rows["first"].host_id),
        }
        response = signed_in(dana).get(CONSOLE, query | {"open": str(rows["no_show"].pk)})
        context: dict[str, str] = response.context  # type: ignore[attr-defined]
        for name, value in query.items():
            assert f"{name}={value}" in context["list_query"]
            assert f"{name}={value}" in context["export_url"]
        assert 'value="no_show" selected' in response.content.decode()
        upcoming = next(url for tab, _, url in response.context["tabs"] if tab == "upcoming")  # type: ignore[attr-defined]
        assert "attendance" not in upcoming
        assert "from=2030-01-01" in upcoming


def cells(file: HttpResponse) -> list[dict[str, str]]:
    text = b"".join(file.streaming_content).decode()  # type: ignore[attr-defined]
    return list(csv.DictReader(io.StringIO(text)))
