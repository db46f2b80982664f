"""Who is who in a workspace, and how far a role reaches."""

import pytest

from tests.conftest import signed_in
from tests.factories import GroupFactory, MembershipFactory, UserFactory, join_group
from workestra.accounts import selectors
from workestra.accounts.domain.permissions import Permission, Scope
from workestra.accounts.models import Membership, RoleGrant, User


def test_pages_work_in_the_workspace_joined_first(alice: Membership) -> None:
    MembershipFactory(user=alice.user)
    assert selectors.current_member(alice.user) == alice


@pytest.mark.parametrize("gone", ["membership", "user"])
def test_who_is_deactivated_has_no_pages(alice: Membership, gone: str) -> None:
    if gone == "membership":
        Membership.objects.filter(pk=alice.pk).update(is_active=False)
    else:
        User.objects.filter(pk=alice.user_id).update(is_active=False)
    assert selectors.current_member(alice.user) is None


def test_somebody_of_no_workspace_is_told_so(db: None) -> None:
    client = signed_in(Membership(user=UserFactory()))
    assert client.get("/calendar/bookings").status_code == 403


def test_team_reaches_who_shares_a_group_and_nobody_else(
    alice: Membership, bob: Membership, dana: Membership
) -> None:
    group = GroupFactory(workspace=alice.workspace)
    join_group(group, alice)
    join_group(group, bob)
    bob.role = "manager"
    assert selectors.reachable_user_ids(bob, Permission.VIEW) == {alice.user_id, bob.user_id}


def test_a_workspace_may_widen_a_role_or_take_a_permission_from_it(alice: Membership) -> None:
    RoleGrant.objects.create(
        workspace=alice.workspace, role="member", permission="scheduler.view", scope="all"
    )
    RoleGrant.objects.create(
        workspace=alice.workspace, role="member", permission="scheduler.delete", scope=""
    )
    member = selectors.current_member(alice.user)
    assert member is not None
    assert member.scope_of(Permission.VIEW) is Scope.ALL
    assert member.scope_of(Permission.DELETE) is None
    assert member.scope_of(Permission.EDIT) is Scope.OWN


@pytest.mark.parametrize(
    ("role", "group_admin", "sees"),
    [("owner", False, True), ("admin", False, True), ("manager", False, False), ("member", False, False),
     ("member", True, True), ("viewer", False, False)],
)  # fmt: skip
def test_the_sidebar_leads_to_managed_events_whoever_administers_something(
    role: str, group_admin: bool, sees: bool, alice: Membership
) -> None:
    Membership.objects.filter(pk=alice.pk).update(role=role)
    join_group(GroupFactory(workspace=alice.workspace), alice, is_admin=group_admin)
    assert ("Managed events" in signed_in(alice).get("/calendar/bookings").content.decode()) is sees
