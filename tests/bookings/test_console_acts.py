"""What can be done with a booking in the console, with htmx and without, and what is refused."""

import json
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
import time_machine
from django.http import HttpResponse
from django.urls import reverse

from bookings.models import Booking, RetiredToken
from bookings.services import booking as service
from bookings.services import hosting
from scheduling.models import BookingLink, BusyTime
from tests.bookings.console import CONSOLE, HTMX, TUESDAY_TEN, address_of, drawer_for, ids, plain
from tests.conftest import signed_in
from tests.factories import GroupFactory, join_group, make_booking, make_link
from workestra.accounts.domain.tokens import token_hash
from workestra.accounts.models import Membership
from workestra.audit.models import AuditEvent
from workestra.crm.models import Person
from workestra.notifications.models import OutboxMessage

pytestmark = pytest.mark.usefixtures("at_monday")


def act(member: Membership, booking: Booking, action: str, **data: str) -> HttpResponse:
    return signed_in(member).post(address_of(booking, action), data)


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
        closed = act(alice, booking, "cancel")
        assert (closed.status_code, "It has begun." in plain(closed)) == (409, True)
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
        assert "Cancelled by Priya Raman at 09:00 CET." in plain(response)
    assert _written() == before


def test_who_cancelled_or_moved_it_before_is_said_with_the_time(
    alice: Membership, dana: Membership, booking: Booking, link: BookingLink, NOW: datetime
) -> None:
    hosting.propose(
        booking=booking, start=TUESDAY_TEN + timedelta(days=1), message="", actor=dana.user, now=NOW
    )
    moved = act(alice, booking, "cancel")
    assert (moved.status_code, "Moved to Wed 9 Jan, 10:00 CET by Dana Admin, at " in plain(moved)) == (
        409,
        True,
    )
    other = make_booking(link, TUESDAY_TEN + timedelta(days=2), NOW, email="o@x.example")
    service.cancel_by_host(booking=other, reason="", actor=dana.user, now=NOW - timedelta(days=1))
    late = act(alice, other, "propose", day="2030-01-20", time="10:00")
    assert (late.status_code, "Cancelled by Dana Admin on Sun 6 Jan, " in plain(late)) == (409, True)


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
