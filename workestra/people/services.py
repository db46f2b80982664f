"""Changes to people that more apps have a part in: who is invited gets a mail, who leaves lets go of templates."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from django.db import transaction

from managed_events import jobs
from managed_events.services import standing
from one_off.services.leaving import withdraw_all
from scheduling.services import workflows
from scheduling.services.busy_time import lock_hosts
from workestra.accounts.domain.invites import Invitee
from workestra.accounts.domain.permissions import Role
from workestra.accounts.models import Group, Membership, User
from workestra.accounts.services import groups, members
from workestra.notifications import services as notifications
from workestra.notifications.doorbell import ring_on_commit
from workestra.notifications.selectors import messages_about
from workestra.people import selectors

INVITED: Final = "member.invited"


def invite(*, people: Sequence[Invitee], role: Role, by: Membership, now: datetime) -> list[Membership]:
    """Invite these people into the workspace of `by`, each with a mail; nobody or all of them.

    Raises: AlreadyHere, OwnersOnly.
    """
    with transaction.atomic():
        invited = members.invite(workspace=by.workspace, people=people, role=role, by=by, now=now)
        for member in invited:
            _owe_mail(member)
    return invited


def invite_again(*, member: Membership, by: Membership, now: datetime) -> None:
    """Send the invitation once more; the link sent before goes on working as long as it would have.

    Raises: NotWaiting, OwnersOnly.
    """
    with transaction.atomic():
        _owe_mail(members.invite_again(member=member, by=by, now=now))


def withdraw_invite(*, member: Membership, by: Membership, now: datetime) -> None:
    """The invitation is gone; its link leads nowhere, and a mail that waits is not sent.

    Raises: NotWaiting, OwnersOnly.
    """
    with transaction.atomic():
        notifications.cancel_pending(member.pk, reason="The invitation was withdrawn")
        members.withdraw_invite(member=member, by=by, now=now)


def deactivate(*, member: Membership, by: Membership, now: datetime) -> bool:
    """Let the member leave; templates let go of his links as soon as a worker comes. Whether he was active until now.

    The one-offs he offers here are withdrawn: elsewhere he may be booked at those times at once. His own workflows
    stop.

    Raises: LastOwner, OwnersOnly, Yourself; TryAgain.
    """
    with transaction.atomic():
        left = members.deactivate(member=member, by=by, now=now)
        if left:
            withdraw_all(
                lock_hosts([member.user_id]),
                workspace_id=member.workspace_id,
                host_id=member.user_id,
                now=now,
                actor=by.user,
            )
            workflows.stop_of(
                workspace_id=member.workspace_id, owner_id=member.user_id, actor=by.user, now=now
            )
        ring_on_commit(jobs.follow_people)
    return left


def delete_group(*, group: Group, actor: User, now: datetime) -> None:
    """Delete the group. What it owned of templates goes to the workspace, and its newcomers get no links any more.

    Raises: GroupGone.
    """
    with transaction.atomic():
        for template in selectors.templates_standing_for(group):
            standing.set_standing(template=template, wanted=[], among=[group], actor=actor, now=now)
        groups.delete(group=group, actor=actor, now=now)


def _owe_mail(member: Membership) -> None:
    notifications.enqueue(
        workspace_id=member.workspace_id,
        topic="membership",
        topic_id=member.pk,
        kind=INVITED,
        recipient=member.user.email,
        seq=messages_about(member.pk).count(),
    )
