"""The overview at /calendar: today, what waits, and figures as far as the role reaches."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.utils import timezone

from bookings.models import Attendee, Booking
from one_off.models import Proposal
from one_off.services import proposals
from scheduling.models import BookingLink
from tests.calendars.making import calendar_of, connect_caldav, mirror_busy
from tests.conftest import MONDAY_MORNING, signed_in
from tests.factories import GroupFactory, MembershipFactory, join_group, make_booking, make_link
from tests.managed_events.making import assign_to, finish_runs, make_template
from tests.one_off.making import TOMAS, make_one_off
from workestra.accounts.domain.permissions import Permission
from workestra.accounts.models import Membership, RoleGrant
from workestra.calendars.domain.period import Period
from workestra.calendars.models import CalendarAccount, RemoteBusy
from workestra.calendars.selectors import seen_calendars
from workestra.dashboard import selectors
from workestra.notifications.models import OutboxMessage

URL = "/calendar"


@pytest.fixture(autouse=True)
def _clock(db: None) -> Any:
    with time_machine.travel(MONDAY_MORNING, tick=False):
        yield


def page(member: Membership) -> str:
    response = signed_in(member).get(URL)
    assert response.status_code == 200
    return response.content.decode()


def make_past(booking: Booking, ago: timedelta, attendance: str = "") -> None:
    end = MONDAY_MORNING - ago
    Booking.objects.filter(pk=booking.pk).update(
        starts_at=end - timedelta(minutes=30), ends_at=end, no_show_status=attendance
    )
    Attendee.objects.filter(booking=booking).update(no_show_status=attendance)


def test_a_day_without_anything_says_what_to_do(alice: Membership) -> None:
    html = page(alice)
    assert "Nothing left today." in html
    assert "Nothing is booked" in html
    assert "All done." in html
    assert "No meeting was over" in html
    assert "No round robin" in html
    assert "No booking links yet" in html


def test_the_home_page_and_signing_in_lead_here(alice: Membership, settings: Any) -> None:
    assert signed_in(alice).get("/")["Location"] == URL
    assert settings.LOGIN_REDIRECT_URL == "dashboard:calendar"


def test_todays_meetings_are_ones_own_and_the_next_one_comes_first(
    alice: Membership, bob: Membership, link: BookingLink, NOW: datetime
) -> None:
    BookingLink.objects.filter(pk=link.pk).update(
        location_type="video", location_detail="https://zoom.us/j/1"
    )
    link.refresh_from_db()
    soon = make_booking(link, NOW + timedelta(minutes=30), NOW, notes="Bring the <map>.")
    make_booking(link, NOW + timedelta(hours=3), NOW, name="Tom Lee", email="tom@x.example")
    make_booking(link, NOW + timedelta(days=1), NOW, name="Next Day", email="day@x.example")
    make_booking(make_link(bob), NOW + timedelta(hours=1), NOW, name="Bobs Guest", email="guest@x.example")
    html = page(alice)
    assert "2 meetings left today." in html
    assert "Next: Priya Raman" in html
    assert "In 30 minutes" in html
    assert 'href="https://zoom.us/j/1"' in html
    assert "Bring the &lt;map&gt;." in html
    assert f"?open={soon.pk}" in html
    assert "Tom Lee" in html
    assert "Next Day" not in html
    assert "Bobs Guest" not in html


def test_a_meeting_that_is_on_says_so(alice: Membership, link: BookingLink, NOW: datetime) -> None:
    booking = make_booking(link, NOW + timedelta(minutes=30), NOW)
    with time_machine.travel(booking.starts_at + timedelta(minutes=5), tick=False):
        assert "Now: Priya Raman" in page(alice)


def test_what_waits_is_listed_until_it_is_dealt_with(
    alice: Membership, link: BookingLink, NOW: datetime
) -> None:
    booking = make_booking(link, NOW + timedelta(days=1), NOW)
    make_past(make_booking(link, NOW + timedelta(days=2), NOW), timedelta(days=1))
    make_past(make_booking(link, NOW + timedelta(days=3), NOW), timedelta(days=20))
    mails = OutboxMessage.objects.filter(topic_id=booking.booker.pk, recipient="priya@saltmarsh.example")
    mails.update(dead_at=NOW - timedelta(hours=1), skipped_at=None)
    one_off = make_one_off(alice, NOW, title="Contract", expires_at=NOW + timedelta(hours=30))
    connect_caldav(alice, NOW)
    CalendarAccount.objects.update(state=CalendarAccount.State.BROKEN)
    html = page(alice)
    assert "A mail did not arrive" in html
    assert "To priya@saltmarsh.example" in html
    assert "1 meeting of the last two weeks" in html
    assert "Contract, no reply yet" in html
    assert "1 calendar cannot be read" in html
    dead = mails.first()
    assert dead is not None
    for mail in mails:
        OutboxMessage.objects.create(
            workspace=mail.workspace,
            topic=mail.topic,
            topic_id=mail.topic_id,
            kind=mail.kind,
            recipient=mail.recipient,
            seq=mail.seq,
            resend_of=mail,
            sent_at=NOW,
        )
    Booking.objects.update(no_show_status="attended")
    one_off.expires_at = NOW + timedelta(days=3)
    one_off.save()
    CalendarAccount.objects.update(state=CalendarAccount.State.CONNECTED)
    assert "All done." in page(alice)


def test_proposed_times_wait_for_the_host_alone_until_he_answers(
    alice: Membership, bob: Membership, NOW: datetime
) -> None:
    proposals.propose(
        one_off=make_one_off(alice, NOW, title="Contract"),
        starts=(NOW + timedelta(days=5),),
        length=timedelta(minutes=30),
        booker=TOMAS,
        message="",
        nonce=uuid4(),
        now=NOW,
    )
    assert f"{TOMAS.name} proposes other times" in page(alice)
    assert "All done." in page(bob)
    Proposal.objects.update(state=Proposal.State.DECLINED, answered_at=NOW)
    assert "All done." in page(alice)


def test_links_out_of_step_wait_for_who_manages_their_template(
    alice: Membership, bob: Membership, dana: Membership, carol: Membership
) -> None:
    sales = GroupFactory(workspace=dana.workspace)
    join_group(sales, bob, is_admin=True)
    template = make_template(dana, group=sales, title="Intro Call")
    assign_to(template, [alice, bob], dana)
    assign_to(make_template(dana, slug="other", title="Other"), [alice], dana)
    finish_runs()
    assert '<b class="num">0</b> out of step' in page(bob)
    BookingLink.objects.filter(owner=alice.user).update(title="Crooked")
    for member, count in ((dana, 2), (bob, 1)):
        html = page(member)
        assert f'<b class="num">{count}</b> out of step' in html
        assert "Alice Okafor’s link is out of step" in html
    for member in (alice, carol):
        assert "Alice Okafor’s link" not in page(member)


def test_figures_reach_as_far_as_the_role_does(
    alice: Membership, bob: Membership, dana: Membership, carol: Membership, NOW: datetime
) -> None:
    lead = MembershipFactory(workspace=dana.workspace, role="manager")
    sales = GroupFactory(workspace=dana.workspace)
    join_group(sales, lead)
    join_group(sales, alice)
    for host, attendance in ((alice, "attended"), (bob, "no_show")):
        booking = make_booking(make_link(host), NOW + timedelta(days=1), NOW)
        make_past(booking, timedelta(days=7), attendance)
    seen = {}
    for member in (alice, bob, lead, dana, carol):
        response = signed_in(member).get(URL)
        showing = response.context["showing"]
        seen[member.user.username] = (
            sum(week.meetings for week in response.context["weeks"]),
            showing.attended,
            showing.no_show,
        )
    assert seen == {
        "alice": (1, 1, 0),
        "bob": (1, 0, 1),
        lead.user.username: (1, 1, 0),
        "dana": (2, 1, 1),
        "carol": (0, 0, 0),
    }


def test_a_role_that_sees_no_bookings_is_shown_none(
    alice: Membership, link: BookingLink, NOW: datetime
) -> None:
    make_booking(link, NOW + timedelta(minutes=30), NOW)
    OutboxMessage.objects.update(dead_at=NOW - timedelta(hours=1), skipped_at=None)
    for permission in Permission:
        RoleGrant.objects.create(workspace=alice.workspace, role="member", permission=permission, scope="")
    response = signed_in(alice).get(URL)
    html = response.content.decode()
    assert "Priya" not in html
    assert "priya@" not in html
    assert "New one-off" not in html
    assert not {"next", "lane", "weeks", "showing", "turns"} & {
        name for layer in response.context for each in layer for name in each
    }


def test_an_even_share_counts_only_who_was_free(
    alice: Membership, bob: Membership, dana: Membership, NOW: datetime
) -> None:
    pool = make_link(alice, hosts=[alice, bob])
    make_booking(make_link(bob), NOW + timedelta(days=1), NOW, email="other@x.example")
    for hours in (0, 1, 2):
        make_booking(pool, NOW + timedelta(days=1, hours=hours), NOW, email=f"p{hours}@x.example")
    today = timezone.localdate()
    zone = timezone.get_current_timezone()
    found = selectors.round_robin(dana, None, today, zone)
    assert {turn.name: (turn.actual, turn.expected) for turn in found} == {
        "Alice Okafor": (2, 2.0),
        "Bob Lindqvist": (1, 1.0),
    }
    assert [turn.name for turn in selectors.round_robin(bob, {bob.user_id}, today, zone)] == ["Bob Lindqvist"]


def test_what_connected_calendars_have_today_is_on_the_lane(
    alice: Membership, bob: Membership, link: BookingLink, NOW: datetime
) -> None:
    nine = NOW.replace(hour=8)
    make_booking(link, nine, NOW)
    mine = calendar_of(connect_caldav(alice, NOW))
    mirror_busy(
        mine,
        Period.lasting(nine + timedelta(hours=2), timedelta(hours=1)),
        Period.lasting(nine + timedelta(hours=2, minutes=30), timedelta(hours=1)),
        Period.lasting(nine, timedelta(minutes=15)),
        Period.lasting(nine + timedelta(hours=11), timedelta(hours=1)),
        Period.lasting(nine + timedelta(days=1), timedelta(hours=1)),
    )
    html = page(alice)
    assert html.count('class="lev busy') == 2
    assert "lev busy at-44 len-6" in html
    assert "lev busy slim beneath at-36 len-1" in html
    assert "Busy in Alice Okafor" in html
    assert "20:00" in html
    assert "Busy all day" not in html
    assert "last read" not in html
    assert "lev busy" not in page(bob)


def test_whole_days_and_calendars_that_cannot_be_believed_are_said(alice: Membership, NOW: datetime) -> None:
    account = connect_caldav(alice, NOW)
    mine = calendar_of(account)
    midnight = NOW.replace(hour=0) - timedelta(hours=1)
    mirror_busy(
        mine, Period.lasting(midnight, timedelta(days=1)), Period.lasting(midnight, timedelta(days=2))
    )
    RemoteBusy.objects.filter(remote_id="event-0").update(all_day=True)
    html = page(alice)
    assert html.count("Busy all day in Alice Okafor") == 1
    assert "lev busy" not in html
    with time_machine.travel(NOW + timedelta(hours=2), tick=False):
        assert "Alice Okafor was last read" in page(alice)
    account.calendars.update(synced_at=None)
    assert "Alice Okafor was never read" in page(alice)


def test_what_we_wrote_ourselves_and_what_is_free_is_not_busy_twice(
    alice: Membership, NOW: datetime, django_assert_num_queries: Any
) -> None:
    mine = calendar_of(connect_caldav(alice, NOW))
    mirror_busy(mine, *[Period.lasting(NOW + timedelta(hours=n), timedelta(minutes=30)) for n in range(3)])
    RemoteBusy.objects.filter(remote_id="event-0").update(own_key=uuid4())
    RemoteBusy.objects.filter(remote_id="event-1").update(is_busy=False)
    with django_assert_num_queries(1):
        (seen,) = seen_calendars(alice.user_id, Period.lasting(NOW, timedelta(days=1)))
    assert [event.start for event in seen.events] == [NOW + timedelta(hours=2)]
    assert page(alice).count('class="lev busy') == 1


def test_it_takes_as_many_queries_on_a_full_day_as_on_a_quiet_one(
    alice: Membership, bob: Membership, dana: Membership, NOW: datetime, django_assert_max_num_queries: Any
) -> None:
    client = signed_in(dana)
    pool = make_link(dana, hosts=[dana, alice])
    template = make_template(dana)
    assign_to(template, [alice], dana)
    make_one_off(dana, NOW, expires_at=NOW + timedelta(hours=30))

    def fill(n: int) -> None:
        make_booking(pool, NOW + timedelta(hours=n), NOW, email=f"a{n}@x.example")
        make_past(
            make_booking(pool, NOW + timedelta(days=7, hours=n), NOW, email=f"b{n}@x.example"),
            timedelta(days=n),
        )
        OutboxMessage.objects.filter(skipped_at=None, sent_at=None).update(dead_at=NOW)

    fill(1)
    client.get(URL)
    with django_assert_max_num_queries(100) as quiet:
        client.get(URL)
    for n in (2, 3, 4):
        fill(n)
    assign_to(make_template(dana, slug="other"), [alice, bob], dana)
    with django_assert_max_num_queries(len(quiet)):
        client.get(URL)
    assert len(quiet) <= 33
