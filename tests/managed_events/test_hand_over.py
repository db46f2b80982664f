"""What people leave behind: meetings to come are listed for those who manage them, and nothing is orphaned."""

from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse

from bookings.models import Booking
from managed_events.services.standing import release_leavers
from managed_events.services.templates import delete_template
from scheduling.models import BookingLink
from scheduling.services.links import Deleted, delete_link
from tests.conftest import signed_in
from tests.factories import GroupFactory, MembershipFactory, join_group, make_booking, make_link
from tests.managed_events.making import assign_to, link_of, make_template
from workestra.accounts.models import Membership

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
        (over, {"title": "Over", "starts_at": long_ago, "ends_at": long_ago + timedelta(minutes=30)}),
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
    for title in ("Over", "Called off", "Bobs"):
        assert title not in html
    assert "<b>1 meeting to come</b> of people who have left" in page(dana, reverse("managed_events:list"))


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
