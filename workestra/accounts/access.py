"""Gates that views of every app go through before they fetch anything."""

from uuid import UUID

from django.core.exceptions import PermissionDenied

from workestra.accounts import selectors
from workestra.accounts.domain.permissions import Permission
from workestra.accounts.models import Membership


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
