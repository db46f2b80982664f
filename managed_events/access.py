"""Templates, fetched with permission: admins have all of the workspace, a group's admin those of his group."""

from datetime import datetime
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404

from bookings.models import Booking
from managed_events.models import ManagedEventTemplate
from managed_events.selectors import turnover
from scheduling.models import BookingLink, Workflow
from scheduling.selectors import workflows_left_behind
from workestra.accounts import selectors as accounts
from workestra.accounts.models import Group, Membership


def require_template_admin(member: Membership) -> None:
    """Let only those pass who may manage some templates.

    Raises: PermissionDenied.
    """
    if not member.is_admin and not groups_of(member).exists():
        raise PermissionDenied("Only workspace admins, and admins of a group, can open this page.")


def groups_of(member: Membership) -> QuerySet[Group]:
    """The groups whose templates this member manages, by name: every group for an admin of the workspace."""
    groups = Group.objects.filter(workspace=member.workspace)
    if not member.is_admin:
        groups = groups.filter(groupmembership__membership=member, groupmembership__is_admin=True)
    return groups.order_by("name")


def templates_of(member: Membership) -> QuerySet[ManagedEventTemplate]:
    """The templates that this member manages.

    Raises: PermissionDenied when he manages none by his role.
    """
    require_template_admin(member)
    templates = ManagedEventTemplate.objects.filter(workspace=member.workspace)
    return templates if member.is_admin else templates.filter(group__in=groups_of(member))


def template_for(member: Membership, template_id: UUID) -> ManagedEventTemplate:
    """A template that this member manages, with its workspace and group.

    Raises: PermissionDenied for a member who manages no templates; Http404, the same for one that does not exist, one
    of another workspace and one that is not his to manage.
    """
    template = templates_of(member).select_related("workspace", "group").filter(pk=template_id).first()
    if template is None:
        raise Http404("There is no such template. It may have been deleted.")
    return template


def assignable_people(member: Membership, template: ManagedEventTemplate) -> QuerySet[Membership]:
    """Whom this member may give a link of the template, by name: a group's admin only people of that group."""
    people = accounts.active_members(template.workspace)
    if member.is_admin:
        return people
    return people.filter(groups=template.group).order_by("user__name", "pk")


def meetings_left_to(member: Membership, now: datetime) -> QuerySet[Booking]:
    """Meetings to come of hosts who have left, by host and time: a group's admin has those of people of his groups.

    Raises: PermissionDenied for a member who manages no templates.
    """
    require_template_admin(member)
    meetings = turnover.meetings_of_leavers(member.workspace_id, now)
    if member.is_admin:
        return meetings
    return meetings.filter(host__in=_inside(member).values("user"))


def links_left_to(member: Membership) -> QuerySet[BookingLink]:
    """Links of people who have left, by owner and title, with owners: a group's admin has those of people of his
    groups.

    Raises: PermissionDenied for a member who manages no templates.
    """
    require_template_admin(member)
    links = turnover.links_left_behind(member.workspace_id)
    return links if member.is_admin else links.filter(owner__in=_inside(member).values("user"))


def workflows_left_to(member: Membership) -> list[Workflow]:
    """Own workflows of people who have left, with owners: none for a group's admin, who deletes none of them."""
    return workflows_left_behind(member.workspace_id) if member.is_admin else []


def takers_for(member: Membership) -> QuerySet[Membership]:
    """To whom this member can give such a link, by name: a group's admin to people of his groups."""
    people = accounts.active_members(member.workspace)
    return people if member.is_admin else people.filter(pk__in=_inside(member).values("pk"))


def _inside(member: Membership) -> QuerySet[Membership]:
    """Everybody who is, or was when he left, in a group whose templates this member manages."""
    return Membership.objects.filter(workspace=member.workspace, groups__in=groups_of(member))
