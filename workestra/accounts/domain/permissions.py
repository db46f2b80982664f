"""Who may do what, and over whose records: roles, permissions and data scopes."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """A member's role in a workspace, strongest first."""

    OWNER = "owner"
    ADMIN = "admin"
    MANAGER = "manager"
    MEMBER = "member"
    VIEWER = "viewer"


class Permission(StrEnum):
    VIEW = "scheduler.view"
    EDIT = "scheduler.edit"
    DELETE = "scheduler.delete"


class Scope(StrEnum):
    """Whose records a permission reaches: one's own, those of people sharing a group with one, or everybody's."""

    OWN = "own"
    TEAM = "team"
    ALL = "all"


EDITABLE_ROLES: Final = (Role.ADMIN, Role.MANAGER, Role.MEMBER, Role.VIEWER)
"""What they may do is for each workspace to say. Owners may do everything, so that nobody locks everybody out."""

ADMIN_ROLES: Final = frozenset({Role.OWNER, Role.ADMIN})

DEFAULT_GRANTS: Final[Mapping[Role, Mapping[Permission, Scope]]] = {
    Role.OWNER: {Permission.VIEW: Scope.ALL, Permission.EDIT: Scope.ALL, Permission.DELETE: Scope.ALL},
    Role.ADMIN: {Permission.VIEW: Scope.ALL, Permission.EDIT: Scope.ALL, Permission.DELETE: Scope.ALL},
    Role.MANAGER: {Permission.VIEW: Scope.TEAM, Permission.EDIT: Scope.TEAM, Permission.DELETE: Scope.TEAM},
    Role.MEMBER: {Permission.VIEW: Scope.OWN, Permission.EDIT: Scope.OWN, Permission.DELETE: Scope.OWN},
    Role.VIEWER: {Permission.VIEW: Scope.TEAM},
}

Grants = Mapping[Permission, Scope | None]
"""How far each permission reaches for one role; None, or nothing said, takes it away."""

_REACHES: Final[Sequence[Scope | None]] = (None, Scope.OWN, Scope.TEAM, Scope.ALL)


def narrower(one: Scope | None, other: Scope | None) -> bool:
    """Whether `one` reaches less far than `other`."""
    return _REACHES.index(one) < _REACHES.index(other)


def beyond_view(grants: Grants) -> list[Permission]:
    """The permissions that would reach further than one can see: nobody could use them there. Empty when all fit."""
    seen = grants.get(Permission.VIEW)
    return [permission for permission, scope in grants.items() if narrower(seen, scope)]
