"""Reads about members and groups."""

from collections.abc import Collection, Sequence
from typing import Final
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Prefetch, Q, QuerySet
from django.db.models.expressions import BaseExpression
from django.db.models.functions import Lower

from workestra.accounts.domain.permissions import DEFAULT_GRANTS, Permission, Role, Scope
from workestra.accounts.models import Group, GroupMembership, Membership, RoleGrant, User, Workspace

_WITH_MEMBER: Final[dict[str, BaseExpression]] = {}


def with_member(name: str, expression: BaseExpression) -> None:
    """Have `current_member` carry this annotation of its membership as well, in its one query.

    For what an app above needs on every page. Its outer reference is the membership.
    """
    _WITH_MEMBER[name] = expression


def current_member(user: User) -> Membership | None:
    """The user's membership that his pages work in: the active one he joined first; None when there is none."""
    return (
        Membership.objects.filter(user=user, is_active=True, user__is_active=True)
        .select_related("workspace", "user")
        .prefetch_related("workspace__role_grants")
        .annotate(
            administers_a_group=Exists(
                GroupMembership.objects.filter(membership=OuterRef("pk"), is_admin=True)
            ),
            **_WITH_MEMBER,
        )
        .order_by("joined_at", "pk")
        .first()
    )


def active_members(workspace: Workspace) -> QuerySet[Membership]:
    """The workspace's active members with their users, by name."""
    return active_members_of(workspace.pk)


def active_members_of(workspace_id: UUID) -> QuerySet[Membership]:
    """The active members, with their users, of the workspace with this key, by name."""
    return (
        Membership.objects.filter(workspace=workspace_id, is_active=True, user__is_active=True)
        .select_related("user")
        .order_by("user__name", "pk")
    )


def people_of(workspace: Workspace) -> QuerySet[Membership]:
    """Everybody who is, was or is to be a member, by name, each with his user and his `in_groups`, by name."""
    inside = GroupMembership.objects.select_related("group").order_by("group__name")
    return (
        Membership.objects.filter(workspace=workspace)
        .select_related("user")
        .prefetch_related(Prefetch("groupmembership_set", queryset=inside, to_attr="in_groups"))
        .order_by("user__name", "pk")
    )


def found_among(people: QuerySet[Membership], words: str, role: str) -> QuerySet[Membership]:
    """Those of them with all of these words in name or address, and with this role; empty ones let all through."""
    for word in words.split():
        people = people.filter(Q(user__name__icontains=word) | Q(user__email__icontains=word))
    return people.filter(role=role) if role in tuple(Role) else people


def groups_of(workspace: Workspace) -> QuerySet[Group]:
    """The workspace's groups by name, each with its `people`: the rows of active members, by name, with their users."""
    people = (
        GroupMembership.objects.filter(membership__is_active=True, membership__user__is_active=True)
        .select_related("membership__user")
        .order_by("membership__user__name", "pk")
    )
    return Group.objects.filter(workspace=workspace).prefetch_related(
        Prefetch("groupmembership_set", queryset=people, to_attr="people")
    )


def known_emails(emails: Collection[str]) -> Sequence[str]:
    """Those of these addresses, in lower case, that somebody signs in with here, or is invited to, in any workspace."""
    known = User.objects.annotate(lowered=Lower("email")).filter(lowered__in=emails)
    return sorted(known.values_list("lowered", flat=True))


def grants_of(workspace: Workspace) -> dict[Role, dict[Permission, Scope | None]]:
    """For every role how far each permission reaches in this workspace; None where the role does not have it."""
    grants: dict[Role, dict[Permission, Scope | None]] = {
        role: {permission: DEFAULT_GRANTS[role].get(permission) for permission in Permission} for role in Role
    }
    for row in RoleGrant.objects.filter(workspace=workspace):
        grants[Role(row.role)][Permission(row.permission)] = Scope(row.scope) if row.scope else None
    return grants


def counts_by_role(workspace: Workspace) -> dict[Role, int]:
    """How many active members each role has, none included."""
    counted = active_members(workspace).order_by().values_list("role").annotate(count=Count("pk"))
    found = dict(counted)
    return {role: found.get(role.value, 0) for role in Role}


def reachable_user_ids(member: Membership, permission: Permission) -> set[UUID] | None:
    """Users whose records `permission` reaches for `member`; None means everybody of the workspace, empty nobody."""
    scope = member.scope_of(permission)
    match scope:
        case None:
            return set()
        case Scope.ALL:
            return None
        case Scope.OWN:
            return {member.user_id}
        case Scope.TEAM:
            groups = GroupMembership.objects.filter(membership=member).values("group")
            shared = Membership.objects.filter(workspace=member.workspace, groupmembership__group__in=groups)
            return {member.user_id, *shared.values_list("user_id", flat=True)}
