"""Who belongs to a workspace: inviting, joining, changing, leaving, coming back. Every change is in the audit log."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F

from workestra.accounts import selectors
from workestra.accounts.domain.invites import Invitee, base_of_username, free_username
from workestra.accounts.domain.permissions import Role
from workestra.accounts.models import Membership, User, Workspace
from workestra.audit import services as audit


class LastOwner(Exception):
    """The workspace would be left without an owner."""


class OwnersOnly(Exception):
    """Only owners make owners, and change or deactivate them."""


class Yourself(Exception):
    """Nobody deactivates himself: there would be nobody to hand his meetings over to."""


class NotWaiting(Exception):
    """There is no invitation to this membership: it was accepted, or withdrawn."""


class AlreadyHere(Exception):
    """These addresses sign in here already, in this workspace or another: `emails`."""

    def __init__(self, emails: Sequence[str]) -> None:
        super().__init__(", ".join(emails))
        self.emails = emails


def invite(
    *, workspace: Workspace, people: Sequence[Invitee], role: Role, by: Membership, now: datetime
) -> list[Membership]:
    """Memberships that wait for these people to choose a password, in their order; nobody is invited or all are.

    Sending the mails is for the caller, in the same transaction.

    Raises: AlreadyHere, OwnersOnly.
    """
    with transaction.atomic():
        _lock(workspace.pk)
        _ensure_may_give(by, role)
        if known := selectors.known_emails([person.email for person in people]):
            raise AlreadyHere(known)
        invited = []
        for person in people:
            user = _create(person, by.user.timezone)
            member = Membership.objects.create(
                workspace=workspace, user=user, role=role, is_active=False, invited_at=now
            )
            _record("user.invited", member, by, now, after={"role": role.value, "email": user.email})
            invited.append(member)
    return invited


def invite_again(*, member: Membership, by: Membership, now: datetime) -> Membership:
    """The invitation, as of now. Sending the mail is for the caller, in the same transaction.

    Raises: NotWaiting, OwnersOnly.
    """
    with transaction.atomic():
        current = _waiting(member)
        _ensure_may_give(by, Role(current.role))
        current.invited_at = now
        current.save(update_fields=["invited_at"])
        _record("user.invited", current, by, now, after={"role": current.role, "email": current.user.email})
    return current


def withdraw_invite(*, member: Membership, by: Membership, now: datetime) -> None:
    """The invitation is gone, and with it the account nobody has used.

    Raises: NotWaiting, OwnersOnly.
    """
    with transaction.atomic():
        current = _waiting(member)
        _ensure_may_give(by, Role(current.role))
        _record(
            "user.withdrawn", current, by, now, before={"role": current.role, "email": current.user.email}
        )
        current.user.delete()


def accept_invites(user: User, now: datetime) -> int:
    """The user has shown that the address is his: he is a member wherever he was invited. How many workspaces."""
    with transaction.atomic():
        waiting = (
            Membership.objects.select_for_update(of=("self",), no_key=True)
            .filter(user=user)
            .exclude(invited_at=None)
            .select_related("user")
        )
        found = list(waiting)
        for member in found:
            member.is_active, member.invited_at, member.joined_at = True, None, now
            member.save(update_fields=["is_active", "invited_at", "joined_at"])
            _record("user.joined", member, member, now, after={"role": member.role})
    return len(found)


def change(*, member: Membership, name: str, role: Role, by: Membership, now: datetime) -> bool:
    """Give the member this name and role, from his next page on; whether that is new.

    Raises: LastOwner; OwnersOnly.
    """
    with transaction.atomic():
        _lock(member.workspace_id)
        current = Membership.objects.select_related("user").get(pk=member.pk)
        before = {"name": current.user.name, "role": current.role}
        after = {"name": name, "role": role.value}
        changed = [key for key in after if before[key] != after[key]]
        if not changed:
            return False
        _ensure_may_give(by, Role(current.role))
        if "role" in changed:
            _ensure_may_give(by, role)
            if role is not Role.OWNER:
                _ensure_owned_without(current)
            Membership.objects.filter(pk=current.pk).update(role=role)
        if "name" in changed:
            User.objects.filter(pk=current.user_id).update(name=name)
        _record(
            "user.saved",
            current,
            by,
            now,
            before={key: before[key] for key in changed},
            after={key: after[key] for key in changed},
        )
    return True


def deactivate(*, member: Membership, by: Membership, now: datetime) -> bool:
    """Let the member leave: he is signed out everywhere at once. Whether he was active until now.

    What is his stays: whoever shows it decides what people who have left mean there.

    Raises: LastOwner; OwnersOnly; Yourself.
    """
    with transaction.atomic():
        _lock(member.workspace_id)
        current = Membership.objects.select_related("user").get(pk=member.pk)
        if not current.is_active:
            return False
        _ensure_may_give(by, Role(current.role))
        if current.pk == by.pk:
            raise Yourself
        _ensure_owned_without(current)
        Membership.objects.filter(pk=current.pk).update(is_active=False)
        User.objects.filter(pk=current.user_id).update(sessions_ended=F("sessions_ended") + 1)
        _record("user.deactivated", current, by, now, before={"role": current.role})
    return True


def reactivate(*, member: Membership, by: Membership, now: datetime) -> bool:
    """Let somebody who has left come back, in his old role and groups; whether he was away.

    Raises: OwnersOnly.
    """
    with transaction.atomic():
        _lock(member.workspace_id)
        current = Membership.objects.select_related("user").get(pk=member.pk)
        if current.is_active or current.invited_at:
            return False
        _ensure_may_give(by, Role(current.role))
        Membership.objects.filter(pk=current.pk).update(is_active=True)
        _record("user.reactivated", current, by, now, after={"role": current.role})
    return True


def _lock(workspace_id: UUID) -> None:
    # One change of people at a time: two owners must not take the role from each other at once.
    Workspace.objects.select_for_update(no_key=True).get(pk=workspace_id)


def _create(person: Invitee, timezone: str) -> User:
    wanted = base_of_username(person.email)
    while True:
        taken = set(User.objects.filter(username__startswith=wanted).values_list("username", flat=True))
        username = free_username(wanted, taken)
        try:
            with transaction.atomic():
                return User.objects.create_user(
                    person.email, username=username, name=person.name, timezone=timezone
                )
        except IntegrityError as error:
            # Another workspace may have invited the same person this very moment, or somebody of his name.
            if known := selectors.known_emails([person.email]):
                raise AlreadyHere(known) from error
            if not User.objects.filter(username=username).exists():
                raise


def _waiting(member: Membership) -> Membership:
    _lock(member.workspace_id)
    # Whoever is accepting it at this moment holds the row, and not the workspace.
    waiting = Membership.objects.select_for_update(of=("self",), no_key=True).exclude(invited_at=None)
    current = waiting.select_related("user").filter(pk=member.pk).first()
    if current is None:
        raise NotWaiting
    return current


def _ensure_may_give(by: Membership, role: Role) -> None:
    if role is Role.OWNER and by.role != Role.OWNER:
        raise OwnersOnly


def _ensure_owned_without(member: Membership) -> None:
    owners = selectors.active_members_of(member.workspace_id).filter(role=Role.OWNER)
    if member.role == Role.OWNER and member.is_active and not owners.exclude(pk=member.pk).exists():
        raise LastOwner


def _record(action: str, member: Membership, by: Membership, now: datetime, **values: Any) -> None:
    audit.record(
        workspace_id=member.workspace_id,
        action=action,
        target_type="user",
        target_id=member.user_id,
        target_name=member.user.name,
        at=now,
        actor=by.user,
        **values,
    )
