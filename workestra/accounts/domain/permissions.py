"""Who may do what, and over whose records: roles, permissions and data scopes."""

from collections.abc import Mapping
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


ADMIN_ROLES: Final = frozenset({Role.OWNER, Role.ADMIN})

DEFAULT_GRANTS: Final[Mapping[Role, Mapping[Permission, Scope]]] = {
    Role.OWNER: {Permission.VIEW: Scope.ALL, Permission.EDIT: Scope.ALL, Permission.DELETE: Scope.ALL},
    Role.ADMIN: {Permission.VIEW: Scope.ALL, Permission.EDIT: Scope.ALL, Permission.DELETE: Scope.ALL},
    Role.MANAGER: {Permission.VIEW: Scope.TEAM, Permission.EDIT: Scope.TEAM, Permission.DELETE: Scope.TEAM},
    Role.MEMBER: {Permission.VIEW: Scope.OWN, Permission.EDIT: Scope.OWN, Permission.DELETE: Scope.OWN},
    Role.VIEWER: {Permission.VIEW: Scope.TEAM},
}
