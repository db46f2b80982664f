"""What people leave behind: meetings to come are listed for those who manage them, and nothing is orphaned."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.urls import reverse

from bookings.models import Booking
from managed_events.services.standing import release_leavers
from managed_events.services.templates import delete_template
from scheduling.models import BookingLink
from scheduling.services.links import Deleted, delete_link
from tests.conftest import MONDAY_MORNING, signed_in
from tests.factories import GroupFactory, MembershipFactory, join_group, make_booking, make_link
from tests.managed_events.making import assign_to, link_of, make_template
from workestra.accounts.models import Membership
from workestra.audit.models import AuditEvent
from workestra.notifications.models import OutboxMessage

URL = "/calendar/admin/hand-over"


@pytest.fixture
def left(alice: Membership, bob: Membership, dana: Membership, NOW: datetime) -> Booking:
    """Alice has left with a meeting to come, one that is over and a cancelled one; Bob is still here with one."""
    template = make_template(dana)
    assign_to(template, [alice, bob], dana)
    link, tomorrow = link_of(template, alice), NOW + timedelta(days=1)
    meeting, over, cancelled = (
        make_booking(link, tomorrow + timedelta(hours=hours), NOW) for hours in range(3)
    )
    bobs = make_booking(link_of(template, bob), tomorrow, NOW)
    long_ago = datetime(2020, 1, 6, 9, 0, tzinfo=UTC)
    for booking, changes in (
        (meeting, {"title": "Quarterly"}),
        (over, {"title": "Long gone", "starts_at": long_ago, "ends_at": long_ago + timedelta(minutes=30)}),
        (cancelled, {"title": "Called off", "status": "cancelled", "attendee_count": 0, "ended_at": NOW}),
        (bobs, {"title": "Bobs"}),
    ):
        Booking.objects.filter(pk=booking.pk).update(**changes)
    Membership.objects.filter(pk=alice.pk).update(is_active=False)
    release_leavers(NOW)
    return meeting


def page(member: Membership, url: str = URL) -> str:
    return signed_in(member).get(url).content.decode()


def test_meetings_to_come_of_who_left_are_listed_and_no_others(left: Booking, dana: Membership) -> None:
    html = page(dana)
    assert "Alice Okafor" in html
    assert "1 meeting<" in html
    assert f"?open={left.pk}" in html
    for title in ("Long gone", "Called off", "Bobs"):
        assert title not in html
    assert "<b>1 meeting to come and 1 booking link</b> of people who have left" in page(
        dana, reverse("managed_events:list")
    )


def test_it_is_for_admins_of_the_workspace_and_of_the_persons_group(
    left: Booking, alice: Membership, carol: Membership
) -> None:
    group, other = (GroupFactory(workspace=alice.workspace) for _ in range(2))
    join_group(group, alice)
    leads = [MembershipFactory(workspace=alice.workspace) for _ in range(2)]
    for lead, led in zip(leads, (group, other), strict=True):
        join_group(led, lead, is_admin=True)
    assert "Alice Okafor" in page(leads[0])
    for somebody_else in (leads[1], carol):
        assert "Nothing to hand over" in page(somebody_else)
        assert "Alice Okafor" not in page(somebody_else)


def test_a_template_says_what_meetings_stand_before_it_is_deleted(
    left: Booking, dana: Membership, bob: Membership
) -> None:
    template = BookingLink.objects.get(owner=bob.user).managed_event_template
    assert template is not None
    assert "1 meeting to come" in page(dana, reverse("managed_events:delete", args=[template.pk]))


def test_a_template_of_a_deleted_group_goes_to_the_workspace_with_its_links(
    dana: Membership, alice: Membership, NOW: datetime
) -> None:
    group = GroupFactory(workspace=dana.workspace)
    lead = MembershipFactory(workspace=dana.workspace)
    join_group(group, lead, is_admin=True)
    template = make_template(dana, group=group)
    assign_to(template, [alice], dana)
    booking = make_booking(link_of(template, alice), NOW + timedelta(days=1), NOW)
    group.delete()
    template.refresh_from_db()
    detail = reverse("managed_events:detail", args=[template.pk])
    assert template.group is None
    assert signed_in(lead).get(detail).status_code == 403
    assert "Alice Okafor" in page(dana, detail)
    link = link_of(template, alice)
    assert delete_link(link_id=link.pk, by=alice, now=NOW) == Deleted.DETACHED
    assert delete_link(link_id=link.pk, by=alice, now=NOW) == Deleted.GONE
    booking.refresh_from_db()
    assert booking.status == "confirmed"
    delete_template(template=template, actor=dana.user, now=NOW)


def test_what_is_left_of_a_person_is_no_link_of_another(
    alice: Membership, bob: Membership, dana: Membership, NOW: datetime
) -> None:
    own = make_link(alice, slug="own")
    Membership.objects.filter(pk=alice.pk).update(is_active=False)
    assert release_leavers(NOW) == 0
    assert BookingLink.objects.get(pk=own.pk).owner == alice.user


def hand_over(member: Membership, **hosts: Membership) -> Any:
    """Send the page's form with these new hosts, by the key of the meeting."""
    sent = {f"host-{key}": str(host.user_id) for key, host in hosts.items()}
    with time_machine.travel(MONDAY_MORNING, tick=False):
        return signed_in(member).post(URL, sent)


def test_a_meeting_is_handed_over_and_everybody_is_told(
    left: Booking, dana: Membership, NOW: datetime
) -> None:
    OutboxMessage.objects.all().delete()
    with time_machine.travel(NOW, tick=False):
        assert f'name="host-{left.pk}"' in page(dana)
    assert hand_over(dana, **{str(left.pk): dana}).status_code == 302
    left.refresh_from_db()
    assert left.host == dana.user
    assert AuditEvent.objects.get(action="booking.reassigned").after == {"host": "Dana Admin"}
    told = set(OutboxMessage.objects.values_list("recipient", flat=True))
    assert {"priya@saltmarsh.example", dana.user.email} <= told
    assert f"?open={left.pk}" not in page(dana)


def test_who_is_not_free_is_named_and_cannot_be_chosen(
    left: Booking, dana: Membership, bob: Membership, alice: Membership
) -> None:
    with time_machine.travel(MONDAY_MORNING, tick=False):
        assert "Bob Lindqvist (busy)" in page(dana)
    for host in (bob, alice):
        response = hand_over(dana, **{str(left.pk): host})
        assert response.status_code == 422
        assert "Choose somebody who is free." in response.content.decode()
    left.refresh_from_db()
    assert left.host == alice.user


def test_of_two_meetings_at_once_the_one_that_cannot_be_given_keeps_no_other_back(
    left: Booking, dana: Membership, alice: Membership, NOW: datetime
) -> None:
    link = BookingLink.objects.get(owner=alice.user)
    Membership.objects.filter(pk=alice.pk).update(is_active=True)
    second = make_booking(link, NOW + timedelta(days=1, hours=4), NOW, email="tom@x.example")
    Membership.objects.filter(pk=alice.pk).update(is_active=False)
    Booking.objects.filter(pk=second.pk).update(starts_at=left.starts_at, ends_at=left.ends_at)
    response = hand_over(dana, **{str(left.pk): dana, str(second.pk): dana})
    assert response.status_code == 409
    html = response.content.decode()
    assert "Dana Admin was booked just now." in html
    assert "1 meeting handed over." in html
    assert Booking.objects.filter(pk__in=[left.pk, second.pk], host=dana.user).count() == 1


def test_a_choice_whose_meeting_has_gone_from_the_page_is_not_lost_silently(
    left: Booking, dana: Membership
) -> None:
    sent = {f"host-{key}": str(dana.user_id) for key in (left.pk, uuid4())}
    with time_machine.travel(MONDAY_MORNING, tick=False):
        html = signed_in(dana).post(URL, sent, follow=True).content.decode()
    assert "1 meeting handed over." in html
    assert "1 choice was not used: the list has changed meanwhile." in html


def test_a_groups_admin_gives_only_what_his_role_lets_him_change(left: Booking, alice: Membership) -> None:
    group = GroupFactory(workspace=alice.workspace)
    join_group(group, alice)
    lead = MembershipFactory(workspace=alice.workspace)
    join_group(group, lead, is_admin=True)
    with time_machine.travel(MONDAY_MORNING, tick=False):
        assert f"host-{left.pk}" not in page(lead)
    assert hand_over(lead, **{str(left.pk): lead}).status_code == 302
    Membership.objects.filter(pk=lead.pk).update(role="manager")
    left.refresh_from_db()
    assert left.host == alice.user
    hand_over(lead, **{str(left.pk): lead})
    left.refresh_from_db()
    assert left.host == lead.user


def test_the_list_takes_as_many_queries_for_many_as_for_few(
    left: Booking, dana: Membership, alice: Membership, NOW: datetime, django_assert_max_num_queries: Any
) -> None:
    with time_machine.travel(NOW, tick=False):
        client = signed_in(dana)
        with django_assert_max_num_queries(19) as few:
            client.get(URL)
    link = BookingLink.objects.get(owner=alice.user)
    Membership.objects.filter(pk=alice.pk).update(is_active=True)
    for hours in (5, 6, 7):
        make_booking(link, NOW + timedelta(days=1, hours=hours), NOW, email=f"p{hours}@x.example")
    Membership.objects.filter(pk=alice.pk).update(is_active=False)
    with time_machine.travel(NOW, tick=False), django_assert_max_num_queries(len(few)):
        client.get(URL)
