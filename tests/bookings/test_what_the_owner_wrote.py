"""The owner's description of the bookings page, row by row of its tables and answer by answer of its Troubleshooting.

Here is what a row says of several pages at once, or of several kinds of bookings; the rest of the description is held
by the tests of what it speaks of.
"""

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.conf import settings
from django.test import Client
from django.urls import reverse

from bookings.domain import mail_kinds as kinds
from bookings.models import Booking
from bookings.plans import NOT_YOURS
from bookings.services import attendance
from bookings.services import booking as service
from scheduling.models import BookingLink, BusyTime
from tests.bookings.test_mails import sent
from tests.conftest import MONDAY_MORNING, signed_in
from tests.factories import GroupFactory, MembershipFactory, join_group, make_booking, make_link
from tests.pages import form_posting
from tests.security.world import rolled_back
from workestra.accounts.models import Membership
from workestra.audit.models import AuditEvent
from workestra.crm.models import Person
from workestra.notifications.models import OutboxMessage

pytestmark = pytest.mark.django_db

TUESDAY_TEN = datetime(2030, 1, 8, 9, 0, tzinfo=UTC)
AFTERWARDS = TUESDAY_TEN + timedelta(days=1)
HTMX = {"HX-Request": "true"}
CONSOLE, CSV, ROLES = "/calendar/bookings", "/calendar/bookings.csv", "/settings/roles"

EDITS = ("propose", "offer", "reassign", "manage_link", "note")
"""What takes scheduler.edit before a meeting begins; afterwards it is to mark who came."""


@pytest.fixture(autouse=True)
def _at_now() -> Iterator[None]:
    with time_machine.travel(MONDAY_MORNING, tick=False):
        yield


@pytest.fixture
def booking(link: BookingLink, NOW: datetime) -> Booking:
    return make_booking(link, TUESDAY_TEN, NOW)


def address(action: str, booking: Booking) -> str:
    """Where this is done to the booking, or to who booked it."""
    subject = booking.booker if action in {"attendance", "manage_link"} else booking
    return reverse(f"bookings:{action}", args=[subject.pk])


def drawer(client: Client, booking: Booking) -> str:
    """The row's drawer with the row itself, without the address of the drawer."""
    return client.get(CONSOLE, {"open": str(booking.pk)}).content.decode()


def listed(client: Client, **asked: str) -> set[Any]:
    return {row.booking.pk for row in client.get(CONSOLE, asked).context["rows"]}


def in_file(client: Client, **asked: str) -> set[str]:
    answer: Any = client.get(CSV, asked)
    return {
        row["booking"] for row in csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode()))
    }


# --- "Tabs" ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("seconds", "tab"), [(-1, "upcoming"), (0, "past"), (3600, "past")])
def test_a_confirmed_booking_is_upcoming_until_it_starts_and_past_from_then_on(
    seconds: int, tab: str, alice: Membership, booking: Booking
) -> None:
    """Upcoming hides past bookings, Past hides future ones; Upcoming is what the page begins with."""
    with time_machine.travel(TUESDAY_TEN + timedelta(seconds=seconds), tick=False):
        client = signed_in(alice)
        found = {each: booking.pk in listed(client, tab=each) for each in ("upcoming", "past")}
        assert found == {"upcoming": tab == "upcoming", "past": tab == "past"}
        assert (booking.pk in listed(client)) is (tab == "upcoming")


@dataclass
class State:
    """What has become of a booking, by when, and what an admin is offered in its drawer."""

    reach: Callable[[Booking, Membership], object]
    now: datetime
    offered: set[str]


STATES = {
    "Upcoming": State(lambda booking, host: None, MONDAY_MORNING, {"cancel", *EDITS}),
    "Past": State(lambda booking, host: None, AFTERWARDS, {"attendance", "note"}),
    "Cancelled": State(
        lambda booking, host: service.cancel_by_host(
            booking=booking, reason="", actor=host.user, now=MONDAY_MORNING
        ),
        MONDAY_MORNING,
        {"note"},
    ),
    "Cancelled, and over": State(
        lambda booking, host: service.cancel_by_booker(
            attendee=booking.booker, reason="", now=MONDAY_MORNING
        ),
        AFTERWARDS,
        {"note"},
    ),
    "Rescheduled": State(
        lambda booking, host: service.reschedule(
            attendee=booking.booker, start=AFTERWARDS, now=MONDAY_MORNING
        ),
        MONDAY_MORNING,
        {"note"},
    ),
}


def written() -> list[Any]:
    """Whatever an action leaves: every one is in the audit log."""
    return [
        AuditEvent.objects.count(),
        OutboxMessage.objects.count(),
        list(BusyTime.objects.order_by("pk").values_list("pk", "host", "during", "active")),
        list(Booking.objects.order_by("pk").values_list("pk", "status", "no_show_status", "ics_sequence")),
    ]


@pytest.mark.parametrize("state", STATES)
def test_a_drawer_offers_what_the_state_of_its_booking_allows_and_the_server_refuses_the_rest(
    state: str, alice: Membership, dana: Membership, booking: Booking
) -> None:
    """Past meetings cannot be rescheduled or cancelled, nor those that were cancelled or rescheduled already."""
    forms = {
        "propose": {"day": "2030-01-10", "time": "10:00"},
        "offer": {"day1": "2030-01-10", "time1": "10:00", "closes": "0"},
        "reassign": {"host": str(dana.user_id)},
        "cancel": {"reason": "Ill"},
        "manage_link": {},
        "attendance": {"attendance": "attended"},
    }
    row = STATES[state]
    row.reach(booking, alice)
    with time_machine.travel(row.now, tick=False):
        client = signed_in(dana)
        page = drawer(client, booking)
        assert {action for action in {*forms, "note"} if address(action, booking) in page} == row.offered
        before, done = written(), set()
        for action, form in forms.items():
            with rolled_back():
                client.post(address(action, booking), form, headers=HTMX)
                if written() != before:
                    done.add(action)
        assert done == row.offered - {"note"}


# --- "What Each Row Shows" and "The Detail Drawer" ------------------------------------------------------------------


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Pacific/Honolulu"])
def test_a_row_is_in_the_pages_zone_whatever_that_of_its_host(
    zone: str, alice: Membership, booking: Booking
) -> None:
    alice.user.timezone = zone
    alice.user.save()
    row = signed_in(alice).get(CONSOLE).content.decode().partition('class="drawer"')[0]
    assert "Tuesday 8 January" in row
    assert "10:00 – 10:30" in row
    assert "CET, Berlin" in row


@pytest.mark.parametrize(
    ("mark", "badge"),
    [
        (Booking.Attendance.ATTENDED, ("badge ok", "Attended")),
        (Booking.Attendance.NO_SHOW, ("badge bad", "No-show")),
        (Booking.Attendance.UNMARKED, None),
    ],
)
def test_a_past_row_has_the_badge_of_what_its_host_marked_until_that_is_undone(
    mark: Booking.Attendance, badge: tuple[str, str] | None, alice: Membership, booking: Booking
) -> None:
    with time_machine.travel(AFTERWARDS, tick=False):
        for each in (Booking.Attendance.NO_SHOW, mark):
            attendance.mark(attendee=booking.booker, attendance=each, actor=alice.user, now=AFTERWARDS)
        page = signed_in(alice).get(CONSOLE, {"tab": "past"}).content.decode()
    mark_of = page.partition(f'id="mark-{booking.booker.pk}"')[2].partition("</form>")[0]
    assert ("badge" in mark_of) is (badge is not None)
    for part in badge or ():
        assert part in mark_of
    booking.refresh_from_db()
    assert booking.no_show_status == mark
    assert Person.objects.get().no_show_count == (mark == Booking.Attendance.NO_SHOW)


@pytest.mark.parametrize("is_matched", [True, False])
def test_a_row_names_the_person_who_is_known_or_else_whoever_was_typed(
    is_matched: bool, alice: Membership, booking: Booking
) -> None:
    Person.objects.update(name="Dr Priya Raman-Silva")
    if not is_matched:
        booking.attendees.update(person=None)
    page = signed_in(alice).get(CONSOLE, {"open": str(booking.pk)}).content.decode()
    summary = page.partition('class="c-who two">')[2].partition("</span></span>")[0]
    assert ("Dr Priya Raman-Silva" in summary) is is_matched
    assert "priya@saltmarsh.example" in page
    assert (reverse("crm:person", args=[Person.objects.get().pk]) in page) is is_matched


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "Individual, host Alice Okafor"),
        ({"strategy": "round_robin"}, "Round robin, host "),
        ({"strategy": "collective"}, "Collective, 2 hosts"),
        ({"strategy": "group", "capacity": 5}, "Group, 2 attendees, host Alice Okafor"),
    ],
)
def test_the_drawer_says_how_the_booking_was_assigned(
    fields: dict[str, Any], said: str, alice: Membership, bob: Membership, dana: Membership, NOW: datetime
) -> None:
    several = fields.get("strategy") in {"round_robin", "collective"}
    link = make_link(alice, hosts=[alice, bob] if several else None, **fields)
    booking = make_booking(link, TUESDAY_TEN, NOW)
    if "capacity" in fields:
        make_booking(link, TUESDAY_TEN, NOW, email="noor@x.example")
    assert f"<dt>Strategy</dt><dd>{said}" in drawer(signed_in(dana), booking)
    if fields.get("strategy") == "collective":
        assert booking.host_id == min(alice.user_id, bob.user_id)


@pytest.mark.parametrize("by", ["Priya, from the manage link", "the host"])
def test_the_drawer_says_who_cancelled_and_why(by: str, alice: Membership, booking: Booking) -> None:
    if by == "the host":
        service.cancel_by_host(booking=booking, reason="We moved.", actor=alice.user, now=MONDAY_MORNING)
    else:
        service.cancel_by_booker(attendee=booking.booker, reason="We moved.", now=MONDAY_MORNING)
    page = drawer(signed_in(alice), booking)
    assert f"<dt>Cancelled</dt><dd>By {by}<br>" in page
    assert "<dt>Reason</dt><dd>“We moved.”</dd>" in page


# --- "Row Actions" and "Pre-Meeting Briefing" -----------------------------------------------------------------------


def test_a_reason_of_500_characters_is_in_the_mail_that_takes_the_event_away(
    alice: Membership, booking: Booking
) -> None:
    uid = sent(booking, kinds.CONFIRMED_BOOKER, MONDAY_MORNING).event["UID"]
    reason = "We move house. " * 33 + "Sorry"
    assert len(reason) == 500
    signed_in(alice).post(address("cancel", booking), {"reason": reason})
    booking = Booking.objects.get()
    mail = sent(booking, kinds.CANCELLED_BOOKER, MONDAY_MORNING)
    assert (mail.method, mail.event["UID"], mail.event["SEQUENCE"]) == ("CANCEL", uid, 1)
    assert reason in mail.html
    assert reason in " ".join(mail.text.split())


def test_hosts_are_briefed_unless_their_page_says_otherwise_and_looked_for_every_five_minutes(
    alice: Membership,
) -> None:
    assert make_link(alice).briefing_enabled
    assert settings.CELERY_BEAT_SCHEDULE["brief hosts"]["schedule"] == 5 * 60


# --- "Permissions", and the first answers of "Troubleshooting" ------------------------------------------------------


@pytest.mark.parametrize("strategy", ["round_robin", "collective"])
def test_with_own_scope_what_is_assigned_to_a_teammate_does_not_appear(
    strategy: str, alice: Membership, bob: Membership, dana: Membership, NOW: datetime
) -> None:
    """Not even to the owner of the page, when the meeting is none of his."""
    pool = make_link(alice, hosts=[bob] if strategy == "round_robin" else [bob, dana], strategy=strategy)
    booking = make_booking(pool, NOW + timedelta(minutes=30), NOW)
    hers = signed_in(alice)
    assert (listed(hers), in_file(hers)) == (set(), set())
    assert hers.get(reverse("bookings:drawer", args=[booking.pk]), headers=HTMX).status_code == 404
    assert b"Priya" not in hers.get("/calendar").content
    assigned = next(member for member in (bob, dana) if member.user == booking.host)
    assert listed(signed_in(assigned), scope="own") == {booking.pk}


def test_nor_does_what_has_one_beside_the_teammate_it_is_assigned_to_until_that_is_asked_for(
    alice: Membership, bob: Membership, NOW: datetime
) -> None:
    both = make_link(alice, hosts=[alice, bob], strategy="collective")
    booking = make_booking(both, NOW + timedelta(minutes=30), NOW)
    first, further = (alice, bob) if booking.host == alice.user else (bob, alice)
    his, hers = signed_in(first), signed_in(further)
    assert listed(his) == {booking.pk}
    assert not his.get(CONSOLE).context["has_further"]
    assert (listed(hers), in_file(hers)) == (set(), set())
    page = hers.get(CONSOLE).context
    assert page["has_further"]
    assert {row.booking.pk for row in hers.get(page["further_url"]).context["rows"]} == {booking.pk}
    assert in_file(hers, further="1") == {str(booking.pk)}
    # It takes her time, so her own day has it all the same.
    assert b"Priya" in hers.get("/calendar").content


# What members may do when the admin gives them these scopes, of their own bookings, their teammate's and another's:
# v sees it, e edits it, d deletes it, - does not know of it.
MAY = """
    view edit delete   hers team others
    own  none own      vd   -    -
    own  own  none     ve   -    -
    team own  team     ved  vd   -
    all  team none     ve   ve   v
    none none none     -    -    -
"""


@pytest.mark.parametrize("line", MAY.strip().splitlines()[1:], ids=lambda line: "-".join(line.split()[:3]))
def test_what_a_role_is_given_on_its_page_holds_in_every_page_and_on_the_server(
    line: str, alice: Membership, bob: Membership, dana: Membership, link: BookingLink, NOW: datetime
) -> None:
    view, edit, delete, *cells = line.split()
    group = GroupFactory(workspace=alice.workspace)
    for member in (alice, bob):
        join_group(group, member)
    stranger = MembershipFactory(workspace=alice.workspace)
    of = [
        make_booking(each, TUESDAY_TEN + timedelta(hours=hour), NOW, email=f"g{hour}@x.example")
        for hour, each in enumerate((link, make_link(bob), make_link(stranger)))
    ]
    admin = signed_in(dana)
    form = form_posting(admin.get(ROLES).content.decode(), "member-view").values
    given = {"member-view": view, "member-edit": edit, "member-delete": delete}
    assert admin.post(ROLES, form | given).status_code == 302
    client = signed_in(alice)
    seen = {booking.pk for booking, may in zip(of, cells, strict=True) if "v" in may}
    if not seen:
        assert {client.get(url).status_code for url in (CONSOLE, CSV)} == {403}
    else:
        assert listed(client) == seen
        assert in_file(client) == {str(pk) for pk in seen}
    before = written()
    for booking, may in zip(of, cells, strict=True):
        assert _may(client, booking, view) == may
    assert _bulk(client, "cancel") == _mays("d", of, cells, seen, delete)
    assert _bulk(client, "reassign") == _mays("e", of, cells, seen, edit)
    assert written() == before
    with time_machine.travel(AFTERWARDS, tick=False):
        page = client.get(CONSOLE, {"tab": "past"}).content.decode()
        marks = [address("attendance", booking) in page for booking in of]
        assert marks == ["e" in may for may in cells]
        assert ("/bulk/attendance" in page) is (edit != "none")
        overview = client.get("/calendar")
        assert ("Mark attendance" in overview.content.decode()) is (edit != "none")
        assert sum(week.meetings for week in overview.context.get("weeks", ())) == len(seen)


WRONG: dict[str, dict[str, str]] = {
    "propose": {},
    "offer": {},
    "reassign": {},
    "manage_link": {},
    "note": {"note": "x" * 5001},
    "attendance": {"attendance": "?"},
    "cancel": {"reason": "x" * 501},
}
"""Every form of a drawer with a mistake in it: who may send it is told of that. A new manage link asks for nothing."""


def _may(client: Client, booking: Booking, view: str) -> str:
    """What the booking's drawer offers, as far as the server agrees to each of it and to nothing that is hidden."""
    answer = client.get(reverse("bookings:drawer", args=[booking.pk]), headers=HTMX)
    with rolled_back():
        codes = {
            name: client.post(address(name, booking), form, headers=HTMX).status_code
            for name, form in WRONG.items()
        }
    if answer.status_code != 200:
        assert {answer.status_code, *codes.values()} == {403 if view == "none" else 404}
        return "-"
    page = answer.content.decode()
    offered = {name for name in WRONG if address(name, booking) in page}
    agreed = {name for name, code in codes.items() if code != 403}
    # It has not begun, and there may be nobody to give it to.
    assert offered <= agreed <= offered | {"attendance", "reassign"}
    rights = {_letter(name) for name in agreed}
    assert agreed == {name for name in WRONG if _letter(name) in rights}
    return "v" + "".join(letter for letter in "ed" if letter in rights)


def _letter(action: str) -> str:
    return "d" if action == "cancel" else "e"


def _mays(
    letter: str, of: list[Booking], cells: list[str], seen: set[Any], scope: str
) -> dict[Any, bool] | None:
    if scope == "none":
        return None
    return {each.pk: letter in may for each, may in zip(of, cells, strict=True) if each.pk in seen}


def _bulk(client: Client, action: str) -> dict[Any, bool] | None:
    """Of every booking listed for it, whether the check before the run lets it be done; None where there is no such
    page, nor a way to it."""
    url = reverse("bookings:bulk", args=[action])
    console = client.get(CONSOLE)
    page = client.get(url)
    assert (url in console.content.decode()) is (page.status_code == 200)
    if page.status_code != 200:
        assert page.status_code == 403
        assert client.post(url).status_code == 403
        return None
    every = [str(row.booking.pk) for row in page.context["rows"]]
    checked = client.post(url, {"id": str(uuid4()), "pick": every}, follow=True)
    return {line.item.booking_id: line.item.problem != NOT_YOURS for line in checked.context["lines"]}


def test_who_may_edit_and_not_delete_gets_the_new_manage_link_of_each_of_a_session(
    alice: Membership, dana: Membership, NOW: datetime
) -> None:
    session = make_booking(make_link(alice, strategy="group", capacity=3), TUESDAY_TEN, NOW)
    admin = signed_in(dana)
    form = form_posting(admin.get(ROLES).content.decode(), "member-view").values
    admin.post(ROLES, form | {"member-delete": "none"})
    client = signed_in(alice)
    page = drawer(client, session)
    assert reverse("bookings:cancel_attendee", args=[session.booker.pk]) not in page
    assert f'hx-target="#nl-{session.booker.pk}"' in page
    assert f'id="nl-{session.booker.pk}"' in page
    renewed = client.post(address("manage_link", session)).content.decode()
    assert f"/b/{session.page_slug}/manage/" in renewed
