"""What each role may do in a workspace. Every change is in the audit log."""

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction

from workestra.accounts import selectors
from workestra.accounts.domain.permissions import (
    DEFAULT_GRANTS,
    EDITABLE_ROLES,
    Grants,
    Permission,
    Role,
    beyond_view,
)
from workestra.accounts.models import RoleGrant, User, Workspace
from workestra.audit import services as audit


class Unusable(Exception):
    """A role would have a permission over records that it does not see: `cells`."""

    def __init__(self, cells: list[tuple[Role, Permission]]) -> None:
        super().__init__(cells)
        self.cells = cells


class Changed(Exception):
    """The roles are not what the form was filled from any more."""


def save(
    *,
    workspace: Workspace,
    grants: Mapping[Role, Grants],
    was: Mapping[Role, Grants],
    actor: User,
    now: datetime,
) -> list[Role]:
    """Give the editable roles these permissions, from everybody's next page on; the roles for which that is new.

    `was` is what they had when this was asked for.

    Raises: Changed, Unusable.
    """
    with transaction.atomic():
        Workspace.objects.select_for_update(no_key=True).get(pk=workspace.pk)
        current = selectors.grants_of(workspace)
        if any(current[role] != was[role] for role in EDITABLE_ROLES):
            raise Changed
        bad = [(role, permission) for role in EDITABLE_ROLES for permission in beyond_view(grants[role])]
        if bad:
            raise Unusable(bad)
        changed = [role for role in EDITABLE_ROLES if grants[role] != current[role]]
        for role in changed:
            _write(workspace, role, grants[role])
            different = [name for name in Permission if grants[role][name] != current[role][name]]
            audit.record(
                workspace_id=workspace.pk,
                action="role.saved",
                target_type="role",
                target_id=workspace.pk,
                target_name=role.title(),
                at=now,
                actor=actor,
                before={name.value: current[role][name] or "none" for name in different},
                after={name.value: grants[role][name] or "none" for name in different},
            )
    return changed


def _write(workspace: Workspace, role: Role, grants: Grants) -> None:
    """What is as by default gets no row: the workspace then follows the default."""
    default = DEFAULT_GRANTS[role]
    RoleGrant.objects.filter(workspace=workspace, role=role).delete()
    RoleGrant.objects.bulk_create(
        RoleGrant(workspace=workspace, role=role, permission=permission, scope=scope or "")
        for permission, scope in grants.items()
        if scope != default.get(permission)
    )
