"""The console's list: who sees what, and in which tab."""

from datetime import datetime, timedelta
from uuid import uuid4

import pytest
import time_machine
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from bookings.domain.console import Marks
from bookings.models import Booking
from bookings.services import attendance as attendance_service
from bookings.services import booking as service
from scheduling.models import BookingLink
from tests.bookings.console import CONSOLE, HTMX, TUESDAY_TEN, address_of, drawer_for, ids, plain
from tests.conftest import signed_in
from tests.factories import GroupFactory, join_group, make_booking, make_link
from workestra.accounts.models import Membership

pytestmark = pytest.mark.usefixtures("at_monday")


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
    # session, user, member, role grants, 4 counts, rows, attendees, co-hosts, moves, offers, links, members
    with django_assert_num_queries(17):
        client.get(CONSOLE)


def test_visitors_are_asked_to_sign_in(client: object, booking: Booking) -> None:
    for address in (CONSOLE, reverse("bookings:drawer", args=[uuid4()])):
        assert client.get(address).status_code == 302  # type: ignore[attr-defined]


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
