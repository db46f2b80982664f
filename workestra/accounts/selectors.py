"""Reads about members and groups."""

from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet

from workestra.accounts.domain.permissions import Permission, Scope
from workestra.accounts.models import GroupMembership, Membership, User, Workspace


def current_member(user: User) -> Membership | None:
    """The user's membership that his pages work in: the active one he joined first; None when there is none."""
    return (
        Membership.objects.filter(user=user, is_active=True, user__is_active=True)
        .select_related("workspace", "user")
        .prefetch_related("workspace__role_grants")
        .annotate(
            administers_a_group=Exists(
                GroupMembership.objects.filter(membership=OuterRef("pk"), is_admin=True)
            )
        )
        .order_by("joined_at", "pk")
        .first()
    )


def active_members(workspace: Workspace) -> QuerySet[Membership]:
    """The workspace's active members with their users, by name."""
    return (
        Membership.objects.filter(workspace=workspace, is_active=True, user__is_active=True)
        .select_related("user")
        .order_by("user__name", "pk")
    )


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
