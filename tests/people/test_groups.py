"""Groups: making, changing and deleting one, and what ends with it."""

from typing import Any

import pytest
import time_machine
from django.urls import reverse

from managed_events.services.standing import set_standing
from tests.conftest import MONDAY_MORNING, signed_in
from tests.factories import GroupFactory, join_group
from tests.managed_events.making import assign_to, link_of, make_template
from workestra.accounts.models import Group, GroupMembership, Membership
from workestra.audit.models import AuditEvent


@pytest.fixture(autouse=True)
def _clock(db: None) -> Any:
    with time_machine.travel(MONDAY_MORNING, tick=False):
        yield


@pytest.fixture
def sales(dana: Membership, alice: Membership, bob: Membership) -> Group:
    """Alice leads it; Bob was in it before he left."""
    group = GroupFactory(workspace=dana.workspace, name="Sales")
    join_group(group, alice, is_admin=True)
    join_group(group, bob)
    Membership.objects.filter(pk=bob.pk).update(is_active=False)
    return group


def url(name: str, group: Group) -> str:
    return reverse(f"people:{name}", args=[group.pk])


def inside(group: Group) -> dict[str, bool]:
    return dict(
        GroupMembership.objects.filter(group=group).values_list("membership__user__username", "is_admin")
    )


def test_a_group_is_made_with_its_people_and_admins(
    dana: Membership, alice: Membership, bob: Membership
) -> None:
    typed = {"name": "Success", "members": [str(alice.pk)], "admins": [str(bob.pk)]}
    assert signed_in(dana).post("/settings/groups/new", typed).status_code == 302
    group = Group.objects.get(name="Success")
    assert inside(group) == {"alice": False, "bob": True}
    event = AuditEvent.objects.get()
    assert (event.action, event.after["group admins"]) == ("group.created", ["Bob Lindqvist"])
    page = signed_in(dana).get("/settings/groups").content.decode()
    assert "2 people, 0 templates" in page
    assert "Bob Lindqvist" in page


def test_a_group_is_changed_and_people_who_have_left_stay_in_it(
    sales: Group, dana: Membership, alice: Membership
) -> None:
    typed = {"name": "Sales EMEA", "members": [str(dana.pk), str(alice.pk)]}
    signed_in(dana).post(url("group", sales), typed)
    sales.refresh_from_db()
    assert sales.name == "Sales EMEA"
    assert inside(sales) == {"alice": False, "bob": False, "dana": False}
    event = AuditEvent.objects.get()
    assert event.action == "group.saved"
    assert event.before == {
        "name": "Sales",
        "members": ["Alice Okafor", "Bob Lindqvist"],
        "group admins": ["Alice Okafor"],
    }
    signed_in(dana).post(url("group", sales), typed)
    assert AuditEvent.objects.count() == 1


def test_a_bad_form_keeps_what_was_typed_and_saves_nothing(
    sales: Group, dana: Membership, alice: Membership, carol: Membership
) -> None:
    GroupFactory(workspace=dana.workspace, name="Support")
    for name, members, words in (
        ("", [str(dana.pk)], "Give the group a name."),
        ("Support", [str(dana.pk)], "Another group has this name."),
        ("Sales", [str(dana.pk), str(carol.pk)], "Select a valid choice."),
        ("Sales", [str(dana.pk), "nonsense"], "Select a valid choice."),
    ):
        response = signed_in(dana).post(url("group", sales), {"name": name, "members": members})
        html = response.content.decode()
        assert response.status_code == 422
        assert words in html
        assert f'name="members" value="{dana.pk}" checked' in html
    assert inside(sales) == {"alice": True, "bob": False}
    assert not AuditEvent.objects.exists()


def test_deleting_a_group_says_what_ends_and_ends_it(
    sales: Group, dana: Membership, alice: Membership
) -> None:
    template = make_template(dana, group=sales, title="Intro Call")
    assign_to(template, [alice], dana)
    set_standing(template=template, wanted=[sales], among=[sales], actor=dana.user, now=MONDAY_MORNING)
    admin = signed_in(dana)
    page = admin.get(url("group_delete", sales)).content.decode()
    assert "Newcomers of Sales get no more links" in page
    assert "This template goes" in page
    assert "1 link<" in page
    assert admin.post(url("group_delete", sales)).status_code == 302
    template.refresh_from_db()
    assert template.group is None
    assert not template.standing.exists()
    assert link_of(template, alice).managed_event_template == template
    ended = AuditEvent.objects.get(action="template.newcomers_set", after__newcomers=[])
    assert ended.before == {"newcomers": ["Sales"]}
    assert AuditEvent.objects.get(action="group.deleted").before["name"] == "Sales"
    assert admin.post(url("group_delete", sales)).status_code == 404


def test_a_group_nothing_depends_on_says_so(sales: Group, dana: Membership) -> None:
    assert "No template depends on it." in signed_in(dana).get(url("group_delete", sales)).content.decode()
