"""Groups: who is in them, and who administers them. Every change is in the audit log."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from workestra.accounts import selectors
from workestra.accounts.models import Group, GroupMembership, User, Workspace
from workestra.audit import services as audit


class NameTaken(Exception):
    """Another group of the workspace has this name."""


class GroupGone(Exception):
    """The group was deleted in the meantime."""


def create(
    *,
    workspace: Workspace,
    name: str,
    members: Collection[UUID],
    admins: Collection[UUID],
    actor: User,
    now: datetime,
) -> Group:
    """A new group of these memberships; who administers it is in it, too.

    Raises: NameTaken.
    """
    with transaction.atomic():
        group = Group(workspace=workspace, name=name)
        _save_name(group)
        _put(group, members, admins)
        _record("group.created", group, actor, now, after=_state(group))
    return group


def save(
    *,
    group: Group,
    name: str,
    members: Collection[UUID],
    admins: Collection[UUID],
    actor: User,
    now: datetime,
) -> bool:
    """Give the group this name and these active members; whether that is new. People who have left stay in it.

    Raises: NameTaken, GroupGone.
    """
    with transaction.atomic():
        current = _locked(group)
        before = _state(current)
        current.name = name
        _save_name(current)
        _put(current, members, admins)
        after = _state(current)
        changed = [key for key in after if before[key] != after[key]]
        if not changed:
            return False
        _record(
            "group.saved",
            current,
            actor,
            now,
            before={key: before[key] for key in changed},
            after={key: after[key] for key in changed},
        )
    return True


def delete(*, group: Group, actor: User, now: datetime) -> None:
    """The group is gone; its people and what was its own stay with the workspace.

    Raises: GroupGone.
    """
    with transaction.atomic():
        current = _locked(group)
        _record("group.deleted", current, actor, now, before=_state(current))
        current.delete()


def _locked(group: Group) -> Group:
    current = Group.objects.select_for_update().filter(pk=group.pk).first()
    if current is None:
        raise GroupGone
    return current


def _save_name(group: Group) -> None:
    try:
        with transaction.atomic():
            group.save()
    except IntegrityError as error:
        raise NameTaken from error


def _put(group: Group, members: Collection[UUID], admins: Collection[UUID]) -> None:
    active = set(selectors.active_members_of(group.workspace_id).values_list("pk", flat=True))
    wanted = {key: key in admins for key in active & {*members, *admins}}
    rows = GroupMembership.objects.filter(group=group)
    rows.filter(membership__in=active - wanted.keys()).delete()
    GroupMembership.objects.bulk_create(
        [GroupMembership(group=group, membership_id=key, is_admin=leads) for key, leads in wanted.items()],
        update_conflicts=True,
        unique_fields=["group", "membership"],
        update_fields=["is_admin"],
    )


def _state(group: Group) -> dict[str, Any]:
    rows = GroupMembership.objects.filter(group=group).order_by("membership__user__name", "pk")
    named = list(rows.values_list("membership__user__name", "is_admin"))
    return {
        "name": group.name,
        "members": [name for name, _leads in named],
        "group admins": [name for name, leads in named if leads],
    }


def _record(action: str, group: Group, actor: User, now: datetime, **values: Any) -> None:
    audit.record(
        workspace_id=group.workspace_id,
        action=action,
        target_type="group",
        target_id=group.pk,
        target_name=group.name,
        at=now,
        actor=actor,
        **values,
    )
