"""Links, fetched with permission."""

from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404

from scheduling import selectors
from scheduling.models import BookingLink, OutOfOffice, Schedule, Workflow
from workestra.accounts import selectors as accounts
from workestra.accounts.access import require
from workestra.accounts.domain.permissions import Permission
from workestra.accounts.models import Group, Membership


def own_link(member: Membership, link_id: UUID, permission: Permission = Permission.EDIT) -> BookingLink:
    """A link of this member, with its template; nobody else edits it, no admin either.

    Raises: Http404, the same for a link that does not exist and for one of somebody else; PermissionDenied when the
    member's role lacks `permission`.
    """
    link = selectors.links_of(member).filter(pk=link_id).first()
    if link is None:
        raise Http404("No booking link of yours has this address.")
    require(member, permission)
    return link


def explained_link(member: Membership, link_id: UUID) -> tuple[BookingLink, set[UUID] | None]:
    """A link whose times this member may have explained, and the users whose meetings he may know (None: everybody's).

    These are its owner, and whoever may view the owner's calendar.

    Raises: Http404, the same for a link that does not exist and for one out of reach.
    """
    reach = accounts.reachable_user_ids(member, Permission.VIEW)
    link = selectors.link_around(member, link_id)
    if link is None or (link.owner_id != member.user_id and reach is not None and link.owner_id not in reach):
        raise Http404("No booking link that you may look into has this address.")
    return link, None if reach is None else reach | {member.user_id}


def own_schedule(member: Membership, schedule_id: UUID, permission: Permission = Permission.EDIT) -> Schedule:
    """A schedule of this member.

    Raises: Http404, the same for one that does not exist and for one of somebody else; PermissionDenied when the
    member's role lacks `permission`.
    """
    schedule = Schedule.objects.filter(
        workspace=member.workspace, owner=member.user_id, pk=schedule_id
    ).first()
    if schedule is None:
        raise Http404("No schedule of yours has this address.")
    require(member, permission)
    return schedule


def absence(member: Membership, absence_id: UUID) -> OutOfOffice:
    """Days out of office that this member may take back: his own, and of whom his editing reaches.

    Raises: Http404, the same for days that do not exist and for those out of reach; PermissionDenied when the member's
    role does not let him edit.
    """
    found = OutOfOffice.objects.filter(workspace=member.workspace, pk=absence_id).first()
    reach = accounts.reachable_user_ids(member, Permission.EDIT)
    if found is None or (reach is not None and found.user_id not in reach | {member.user_id}):
        raise Http404("No days out of office have this address.")
    require(member, Permission.EDIT)
    return found


def may(member: Membership, permission: Permission) -> bool:
    """Whether the member's role has `permission` at all."""
    return member.scope_of(permission) is not None


def workflow_groups(member: Membership) -> QuerySet[Group]:
    """The groups whose workflows this member makes, by name: every group for an admin of the workspace."""
    groups = Group.objects.filter(workspace=member.workspace_id)
    if not member.is_admin:
        groups = groups.filter(groupmembership__membership=member, groupmembership__is_admin=True)
    return groups.order_by("name")


def workflows_seen(member: Membership) -> QuerySet[Workflow]:
    """The workflows this member may read, by name, with steps, group and owner: the workspace's and its groups', and
    his own; admins of the workspace read everybody's.

    Raises: PermissionDenied for who sees no bookings.
    """
    require(member, Permission.VIEW)
    found = Workflow.objects.filter(workspace=member.workspace_id, deleted_at=None)
    if not member.is_admin:
        found = found.filter(Q(owner=None) | Q(owner=member.user_id))
    return found.select_related("workspace", "group", "owner").prefetch_related("steps")


def workflow_seen(member: Membership, workflow_id: UUID) -> Workflow:
    """A workflow that this member may read.

    Raises: Http404, the same for one that does not exist, one of another workspace and one of another member;
    PermissionDenied.
    """
    workflow = workflows_seen(member).filter(pk=workflow_id).first()
    if workflow is None:
        raise Http404("There is no such workflow. It may have been deleted.")
    return workflow


def may_change(member: Membership, workflow: Workflow) -> bool:
    """Whether the workflow is this member's to change: a member's own is so for him alone, as long as he may edit his
    links; of the others admins change all, a group's admin those of his groups.
    """
    if workflow.owner_id is not None:
        return workflow.owner_id == member.user_id and may_have_workflows(member)
    if member.is_admin:
        return True
    return workflow.group_id is not None and workflow_groups(member).filter(pk=workflow.group_id).exists()


def workflow_for(member: Membership, workflow_id: UUID) -> Workflow:
    """A workflow that this member may change. Raises: Http404 and PermissionDenied."""
    workflow = workflow_seen(member, workflow_id)
    if not may_change(member, workflow):
        raise PermissionDenied(
            "Only its owner changes this workflow."
            if workflow.owner_id
            else "Only workspace admins, and admins of its group, change this workflow."
        )
    return workflow


def may_stop(member: Membership, workflow: Workflow) -> bool:
    """Whether the member may pause and delete the workflow: whoever may change it, and admins everybody's."""
    return member.is_admin or may_change(member, workflow)


def workflow_to_stop(member: Membership, workflow_id: UUID) -> Workflow:
    """A workflow that this member may pause and delete. Raises: Http404 and PermissionDenied."""
    workflow = workflow_seen(member, workflow_id)
    return workflow if may_stop(member, workflow) else workflow_for(member, workflow_id)


def may_have_workflows(member: Membership) -> bool:
    """Whether the member may have workflows of his own: he may where he may edit his links."""
    return may(member, Permission.EDIT)


def may_make_workflows(member: Membership) -> bool:
    """Whether the member may make workflows: for the workspace, for a group, or for his own links."""
    return member.is_admin or may_have_workflows(member) or workflow_groups(member).exists()


def require_workflow_maker(member: Membership) -> None:
    """Let only those pass who may make workflows. Raises: PermissionDenied."""
    if not may_make_workflows(member):
        raise PermissionDenied("Only who may edit his booking links makes workflows.")
