"""The bookings console: who sees what, in which tab, and what a host can do there."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
import time_machine
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from bookings.domain.console import safe_href
from bookings.models import Booking, RetiredToken
from bookings.services import booking as service
from scheduling.models import BookingLink, BusyTime
from tests.conftest import MONDAY_MORNING, signed_in
from tests.factories import GroupFactory, join_group, make_booking, make_link
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


def act(member: Membership, booking: Booking, action: str, **data: str) -> object:
    return signed_in(member).post(reverse(f"bookings:{action}", args=[booking.pk]), data)


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
    assert client.get(reverse("bookings:drawer", args=[booking.pk])).status_code == (200 if sees else 404)


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
    service.cancel(booking=gone, by=Booking.Party.BOOKER, reason="ill", now=NOW)
    moved = make_booking(link, TUESDAY_TEN + timedelta(hours=2), NOW, name="Moved Mona", email="m@x.example")
    service.reschedule(booking=moved, start=TUESDAY_TEN + timedelta(hours=3), now=NOW)
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
    monkeypatch.setattr("bookings.selectors.PAGE_SIZE", 2)
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
        seen += [row.booking.booker_name for _day, rows in response.context["days"] for row in rows]
        address = response.context["next_url"]
    assert seen == [f"Guest {index}" for index in range(5)]
    assert address is None


def test_the_list_takes_the_same_number_of_queries_however_long_it_is(
    alice: Membership, link: BookingLink, NOW: datetime, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client = signed_in(alice)
    for index in range(6):
        make_booking(link, TUESDAY_TEN + timedelta(hours=index), NOW, email=f"g{index}@x.example")
    with django_assert_num_queries(6):  # session, user, member, role grants, counts, rows
        client.get(CONSOLE)


def test_the_drawer_shows_everything_the_booker_sent(alice: Membership, booking: Booking) -> None:
    Booking.objects.filter(pk=booking.pk).update(answers=[{"label": "Fleet size?", "answer": "6 to 20"}])
    page = signed_in(alice).get(reverse("bookings:drawer", args=[booking.pk])).content.decode()
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
    page = signed_in(alice).get(reverse("bookings:drawer", args=[booking.pk])).content.decode()
    assert (f'href="{text}"' in page) is is_link
    assert (safe_href(text) is not None) is is_link


def test_cancelling_frees_the_time_and_tells_both(alice: Membership, booking: Booking) -> None:
    response = act(alice, booking, "cancel", reason="Customer visit")
    assert response.status_code == 302
    booking.refresh_from_db()
    assert (booking.status, booking.cancelled_by, booking.cancellation_reason) == (
        "cancelled",
        "host",
        "Customer visit",
    )
    assert booking.ics_sequence == 1
    assert not BusyTime.objects.filter(active=True).exists()
    assert set(
        OutboxMessage.objects.filter(kind__contains="cancelled").values_list("recipient", flat=True)
    ) == {
        booking.booker_email,
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


@pytest.mark.parametrize("action", ["cancel", "attendance", "manage_link"])
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
        drawer = signed_in(member).get(reverse("bookings:drawer", args=[booking.pk])).content.decode()
        assert "Cancel booking" not in drawer
        assert "manage link" not in drawer
    before = _written()
    assert act(member, booking, action, attendance="attended").status_code == status
    assert _written() == before


def test_a_past_booking_offers_attendance_and_nothing_else(alice: Membership, booking: Booking) -> None:
    with time_machine.travel(TUESDAY_TEN + timedelta(hours=1), tick=False):
        page = signed_in(alice).get(CONSOLE, {"tab": "past", "open": str(booking.pk)}).content.decode()
        assert 'value="no_show"' in page
        assert "Cancel booking" not in page
        before = _written()
        assert act(alice, booking, "cancel").status_code == 409
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
    old = booking.manage_token_hash
    page = act(alice, booking, "manage_link").content.decode()
    booking.refresh_from_db()
    assert booking.manage_token_hash != old
    assert RetiredToken.objects.filter(token_hash=old, booking=booking).exists()
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
    page = signed_in(host).get(reverse("bookings:drawer", args=[second.pk])).content.decode()
    assert f"Why {host.user.first_name}" in page
    assert "Busy" in page
