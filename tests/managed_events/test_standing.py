"""Links for people to come, and what becomes of the links of people who leave."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from managed_events.jobs import follow_people
from managed_events.models import ManagedEventTemplate, StandingAssignment
from managed_events.services.assignment import detach
from managed_events.services.standing import release_leavers, set_standing, welcome
from scheduling.models import BookingLink
from tests.conftest import signed_in
from tests.factories import GroupFactory, MembershipFactory, UserFactory, join_group, make_booking
from tests.managed_events.making import assign_to, filled, link_of, make_template
from workestra.accounts.models import Group, GroupMembership, Membership
from workestra.audit.models import AuditEvent


@pytest.fixture
def template(dana: Membership) -> ManagedEventTemplate:
    return make_template(dana)


@pytest.fixture
def sales(dana: Membership) -> Group:
    return GroupFactory(workspace=dana.workspace, name="Sales")


def stand(template: ManagedEventTemplate, dana: Membership, NOW: datetime, *scopes: Group | None) -> None:
    every = [None, *Group.objects.filter(workspace=template.workspace)]
    set_standing(template=template, wanted=scopes, among=every, actor=dana.user, now=NOW)


def joiner(dana: Membership, name: str = "kemi") -> Membership:
    member: Membership = MembershipFactory(workspace=dana.workspace, user=UserFactory(username=name))
    return member


def owners(template: ManagedEventTemplate) -> set[Any]:
    return {link.owner for link in template.links.all()}


def test_who_joins_the_workspace_gets_a_link_and_who_was_there_does_not(
    template: ManagedEventTemplate, dana: Membership, alice: Membership, carol: Membership, NOW: datetime
) -> None:
    stand(template, dana, NOW, None)
    assert welcome(NOW) == 0
    kemi = joiner(dana)
    MembershipFactory(workspace=carol.workspace)
    assert welcome(NOW) == 1
    assert owners(template) == {kemi.user}
    assert link_of(template, kemi).slug == "kemi-discovery-call"
    assert welcome(NOW) == 0
    event = AuditEvent.objects.get(action="template.assigned")
    assert (event.actor_id, event.actor_name) == (None, "Workestra")


def test_who_joins_a_group_gets_a_link_wherever_he_was_before(
    template: ManagedEventTemplate, sales: Group, dana: Membership, alice: Membership, NOW: datetime
) -> None:
    bruno = joiner(dana, "bruno")
    join_group(sales, bruno)
    stand(template, dana, NOW, sales)
    joiner(dana)
    join_group(sales, alice)
    assert welcome(NOW) == 1
    assert owners(template) == {alice.user}


def test_one_who_is_in_two_of_the_groups_gets_one_link(
    template: ManagedEventTemplate, sales: Group, dana: Membership, NOW: datetime
) -> None:
    stand(template, dana, NOW, None, sales)
    kemi = joiner(dana)
    join_group(sales, kemi)
    assert welcome(NOW) == 1
    assert template.links.count() == 1


def test_one_whose_link_was_taken_off_is_no_newcomer_again(
    template: ManagedEventTemplate, sales: Group, dana: Membership, NOW: datetime
) -> None:
    stand(template, dana, NOW, sales)
    kemi = joiner(dana)
    join_group(sales, kemi)
    welcome(NOW)
    detach(template=template, link_id=link_of(template, kemi).pk, delete=True, actor=dana.user, now=NOW)
    GroupMembership.objects.all().delete()
    join_group(sales, kemi)
    assert welcome(NOW) == 0
    assert owners(template) == set()


def test_it_ends_when_it_is_switched_off_or_its_group_is_deleted(
    template: ManagedEventTemplate, sales: Group, dana: Membership, NOW: datetime
) -> None:
    stand(template, dana, NOW, None, sales)
    sales.delete()
    assert [row.group for row in template.standing.all()] == [None]
    stand(template, dana, NOW)
    joiner(dana)
    assert welcome(NOW) == 0
    events = AuditEvent.objects.filter(action="template.newcomers_set")
    # Of one instant, so in no order.
    assert sorted(event.after["newcomers"] for event in events) == [[], ["Everybody", "Sales"]]


def test_looking_for_newcomers_takes_one_query_when_there_are_none(
    template: ManagedEventTemplate, dana: Membership, NOW: datetime
) -> None:
    stand(template, dana, NOW, None)
    for slug in ("a", "b", "c"):
        stand(make_template(dana, slug=slug), dana, NOW, None)
    with CaptureQueriesContext(connection) as captured:
        welcome(NOW)
    assert len(captured) == 1


def test_the_page_sets_it_and_leaves_alone_what_nobody_changed(
    template: ManagedEventTemplate, sales: Group, dana: Membership, NOW: datetime
) -> None:
    browser, url = signed_in(dana), reverse("managed_events:assign", args=[template.pk])
    html = browser.get(url).content.decode()
    stand(template, dana, NOW, None)
    sent = filled(html, "was", later=str(sales.pk))
    assert (
        "Whoever joins Sales from now on gets a link."
        in browser.post(url, sent, follow=True).content.decode()
    )
    assert {row.group for row in template.standing.all()} == {None, sales}


def test_a_groups_admin_sets_it_for_his_group_only(sales: Group, dana: Membership) -> None:
    lead = joiner(dana, "lead")
    join_group(sales, lead, is_admin=True)
    template = make_template(dana, group=sales)
    other = GroupFactory(workspace=dana.workspace)
    browser, url = signed_in(lead), reverse("managed_events:assign", args=[template.pk])
    sent = filled(browser.get(url).content.decode(), "was")
    browser.post(url, sent | {"later": ["everybody", str(other.pk), str(sales.pk)]})
    assert [row.group for row in StandingAssignment.objects.all()] == [sales]


# --- Leaving ---


def test_who_leaves_keeps_the_link_and_the_bookings_and_nothing_is_locked(
    template: ManagedEventTemplate, dana: Membership, alice: Membership, bob: Membership, NOW: datetime
) -> None:
    assign_to(template, [alice, bob], dana)
    link = link_of(template, alice)
    booking = make_booking(link, NOW + timedelta(days=1), NOW)
    assert release_leavers(NOW) == 0
    Membership.objects.filter(pk=alice.pk).update(is_active=False)
    assert release_leavers(NOW) == 1
    assert release_leavers(NOW) == 0
    link.refresh_from_db()
    booking.refresh_from_db()
    assert (link.is_managed, link.locked_sections) == (False, [])
    assert (booking.status, booking.link_id) == ("confirmed", link.pk)
    assert owners(template) == {bob.user}
    assert AuditEvent.objects.get(action="template.detached").actor is None


def test_the_job_does_both(
    template: ManagedEventTemplate, dana: Membership, alice: Membership, NOW: datetime
) -> None:
    assign_to(template, [alice], dana)
    stand(template, dana, NOW, None)
    Membership.objects.filter(pk=alice.pk).update(is_active=False)
    kemi = joiner(dana)
    follow_people()
    assert owners(template) == {kemi.user}
    assert BookingLink.objects.get(owner=alice.user).managed_event_template is None
