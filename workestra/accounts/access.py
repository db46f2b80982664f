"""Gates that views of every app go through before they fetch anything."""

from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import Http404

from workestra.accounts import selectors
from workestra.accounts.domain.permissions import Permission
from workestra.accounts.models import Group, Membership


def require_admin(member: Membership) -> None:
    """Let only admins and owners of the workspace pass.

    Raises: PermissionDenied.
    """
    if not member.is_admin:
        raise PermissionDenied("Only workspace admins can open this page.")


def require(member: Membership, permission: Permission) -> set[UUID] | None:
    """The users whose records `permission` reaches for this member; None means everybody in the workspace.

    Raises: PermissionDenied when the member's role does not have the permission at all.
    """
    reach = selectors.reachable_user_ids(member, permission)
    if reach is not None and not reach:
        raise PermissionDenied(f"Your role does not include {permission}.")
    return reach


def person_for(member: Membership, member_id: UUID) -> Membership:
    """Somebody who is, was or is to be a member of this admin's workspace.

    Raises: PermissionDenied for who is no admin; Http404.
    """
    require_admin(member)
    person = selectors.people_of(member.workspace).filter(pk=member_id).first()
    if person is None:
        raise Http404("Nobody of this workspace has this address.")
    return person


def group_for(member: Membership, group_id: UUID) -> Group:
    """A group of this admin's workspace.

    Raises: PermissionDenied for who is no admin; Http404.
    """
    require_admin(member)
    group = selectors.groups_of(member.workspace).filter(pk=group_id).first()
    if group is None:
        raise Http404("No group of this workspace has this address.")
    return group
