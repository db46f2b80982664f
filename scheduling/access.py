"""Links, fetched with permission."""

from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
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


def workflow_seen(member: Membership, workflow_id: UUID) -> Workflow:
    """A workflow of the member's workspace, with steps and group: whoever sees bookings may read it.

    Raises: Http404, the same for one that does not exist and one of another workspace; PermissionDenied.
    """
    found = Workflow.objects.filter(workspace=member.workspace_id, deleted_at=None, pk=workflow_id)
    workflow = found.select_related("workspace", "group").prefetch_related("steps").first()
    if workflow is None:
        raise Http404("There is no such workflow. It may have been deleted.")
    require(member, Permission.VIEW)
    return workflow


def may_change(member: Membership, workflow: Workflow) -> bool:
    """Whether the workflow is this member's to change: admins change all, a group's admin those of his groups."""
    if member.is_admin:
        return True
    return workflow.group_id is not None and workflow_groups(member).filter(pk=workflow.group_id).exists()


def workflow_for(member: Membership, workflow_id: UUID) -> Workflow:
    """A workflow that this member may change. Raises: Http404 and PermissionDenied."""
    workflow = workflow_seen(member, workflow_id)
    if not may_change(member, workflow):
        raise PermissionDenied("Only workspace admins, and admins of its group, change this workflow.")
    return workflow


def require_workflow_admin(member: Membership) -> None:
    """Let only those pass who may make workflows. Raises: PermissionDenied."""
    if not member.is_admin and not workflow_groups(member).exists():
        raise PermissionDenied("Only workspace admins, and admins of a group, make workflows.")
