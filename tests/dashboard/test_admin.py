"""The overview at /calendar/admin: what needs a person, for those who administer."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from managed_events.models import ManagedEventTemplate
from scheduling.models import BookingLink
from tests.calendars.making import connect_caldav
from tests.conftest import MONDAY_MORNING, signed_in
from tests.factories import GroupFactory, MembershipFactory, join_group, make_booking, make_link
from tests.managed_events.making import assign_to, finish_runs, link_of, make_template, save
from workestra.accounts.models import Membership
from workestra.calendars.models import CalendarAccount, RemoteCalendar
from workestra.dashboard.domain.standing import Standing, scarcity
from workestra.notifications.models import OutboxMessage

URL = "/calendar/admin"
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture(autouse=True)
def _clock(db: None) -> Any:
    with time_machine.travel(MONDAY_MORNING, tick=False):
        yield


def page(member: Membership) -> str:
    response = signed_in(member).get(URL)
    assert response.status_code == 200
    return response.content.decode()


def test_cells_say_how_links_stand_until_there_are_too_many() -> None:
    standing = Standing(links=4, out_of_step=1, to_go=1)
    assert (standing.cells, standing.words) == (
        ("on", "on", "bad", ""),
        "2 in step, 1 out of step, 1 to go",
    )
    assert Standing(links=41).cells == ()
    assert Standing(links=0).words == "0 in step"


def test_a_link_is_scarce_with_five_times_or_fewer_and_says_when_they_are() -> None:
    def after(*hours: int) -> list[datetime]:
        return [MONDAY_MORNING + timedelta(hours=each) for each in hours]

    none = scarcity([], BERLIN, MONDAY_MORNING)
    assert none is not None
    assert (none.left, none.words) == (0, "No free time in the next 14 days")
    one_day = scarcity(after(2, 3), BERLIN, MONDAY_MORNING)
    assert one_day is not None
    assert one_day.words == "2 left, all on Monday 7 January"
    assert one_day.picture == "2 free times, on day 1 of 14"
    several = scarcity(after(2, 14 * 24), BERLIN, MONDAY_MORNING)
    assert several is not None
    assert several.words == "2 left, the first on Monday 7 January"
    assert several.by_day[0] == several.by_day[13] == 1
    assert scarcity(after(*range(6)), BERLIN, MONDAY_MORNING) is None


def test_an_empty_workspace_needs_nobody(dana: Membership) -> None:
    html = page(dana)
    assert "Nothing needs a person." in html
    assert "No templates yet" in html
    assert "Nobody has connected a calendar yet." in html
    assert "No link of a template takes bookings." in html
    assert "nothing was given up" in html


def test_what_is_wrong_is_counted_and_leads_to_where_it_is_mended(
    dana: Membership, alice: Membership, bob: Membership, NOW: datetime
) -> None:
    template = make_template(dana, minimum_notice_hours=400, booking_window_days=7)
    assign_to(template, [alice, bob], dana)
    finish_runs(NOW)
    BookingLink.objects.filter(owner=bob.user).update(title="Mine", paused_at=NOW)
    own = make_link(alice)
    booking = make_booking(own, NOW + timedelta(days=1), NOW)
    mails = OutboxMessage.objects.filter(topic_id=booking.booker.pk, recipient="priya@saltmarsh.example")
    assert mails.update(dead_at=NOW, skipped_at=None, last_error="Mailbox unknown (550)")
    connect_caldav(alice, NOW)
    CalendarAccount.objects.update(state=CalendarAccount.State.BROKEN)
    html = page(dana)
    # Bob's link is out of step, Alice's has no time; his takes no bookings by his own wish.
    assert f"{3 + mails.count()} things need a person." in html
    assert "1 out of step" in html
    assert "Their calendar cannot be read" in html
    assert reverse("scheduling:explain", args=[link_of(template, alice).pk]) in html
    assert reverse("scheduling:explain", args=[link_of(template, bob).pk]) not in html
    assert f"{reverse('managed_events:edit', args=[template.pk])}#availability" in html
    assert "Mailbox unknown (550)" in html
    assert f"Send {mails.count()} again" in html
    assert f"{alice.user.name}, CalDAV" in html


def test_a_calendar_that_was_connected_a_moment_ago_is_not_broken_yet(
    dana: Membership, alice: Membership, NOW: datetime
) -> None:
    connect_caldav(alice, NOW)
    RemoteCalendar.objects.update(synced_at=None)
    CalendarAccount.objects.update(created_at=NOW)
    assert "Nothing needs a person." in page(dana)
    with time_machine.travel(NOW + timedelta(hours=1), tick=False):
        assert "Not read in time." in page(dana)


def test_a_groups_admin_has_his_groups_templates_and_no_mails(
    dana: Membership, alice: Membership, bob: Membership, NOW: datetime
) -> None:
    lead = MembershipFactory(workspace=dana.workspace)
    group = GroupFactory(workspace=dana.workspace, name="Sales")
    join_group(group, lead, is_admin=True)
    join_group(group, alice)
    assign_to(make_template(dana, slug="of-sales", title="Of Sales", group=group), [alice], dana)
    assign_to(make_template(dana, slug="of-all", title="Of all"), [bob], dana)
    finish_runs(NOW)
    for host in (alice, bob):
        connect_caldav(host, NOW)
    CalendarAccount.objects.update(state=CalendarAccount.State.BROKEN)
    html = page(lead)
    assert "Of Sales" in html
    assert "Of all" not in html
    assert f"{alice.user.name}, CalDAV" in html
    assert f"{bob.user.name}, CalDAV" not in html
    assert "Mails and texts" not in html


def test_the_number_of_queries_does_not_grow(
    dana: Membership, alice: Membership, bob: Membership, NOW: datetime
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as found:
            page(dana)
        return len(found)

    def another(slug: str) -> ManagedEventTemplate:
        template = make_template(dana, slug=slug, title=slug, location_type="zoom")
        assign_to(template, [alice, bob], dana)
        finish_runs(NOW)
        save(template, dana, duration_minutes=45)
        return template

    another("one")
    connect_caldav(alice, NOW)
    before = queries()
    for slug in ("two", "three"):
        another(slug)
    connect_caldav(bob, NOW)
    CalendarAccount.objects.update(state=CalendarAccount.State.BROKEN)
    assert queries() == before <= 30


def test_it_is_reached_from_the_sidebar_and_the_calendar(dana: Membership, alice: Membership) -> None:
    make_template(dana)
    assert signed_in(dana).get("/calendar").content.decode().count(f'href="{URL}"') == 2
    assert f'href="{URL}"' not in signed_in(alice).get("/calendar").content.decode()
