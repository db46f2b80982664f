"""People, fetched with permission: a member sees whom he owns, and whom those met whose bookings he may see."""

from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404

from workestra.accounts.access import require
from workestra.accounts.domain.permissions import Permission
from workestra.accounts.models import Membership
from workestra.crm import meetings
from workestra.crm.models import Activity, Opportunity, Person


def people(member: Membership, permission: Permission = Permission.VIEW) -> QuerySet[Person]:
    """The people that `permission` reaches for this member, in no order.

    Raises: PermissionDenied when the member's role does not have the permission at all.
    """
    reach = require(member, permission)
    found = Person.objects.filter(workspace=member.workspace, merged_into=None)
    if reach is None:
        return found
    known = Q(owner__in=reach)
    for met in meetings.people_met_by(reach):
        known |= Q(pk__in=met)
    return found.filter(known)


def person(member: Membership, person_id: UUID, permission: Permission = Permission.VIEW) -> Person:
    """Raises: Http404 for one that does not exist or that the member may not see; PermissionDenied when he may see him,
    but not do this."""
    found = people(member).select_related("owner").filter(pk=person_id).first()
    if found is None:
        raise Http404("No such person.")
    if permission is not Permission.VIEW and not people(member, permission).filter(pk=person_id).exists():
        raise PermissionDenied(f"Your role does not include {permission} for this person.")
    return found


def merged_into(member: Membership, person_id: UUID) -> Person | None:
    """Whom somebody of this former address was merged into; None when he was not. Raises: as `person` does."""
    former = Person.objects.filter(
        workspace=member.workspace, pk=person_id, merged_into__isnull=False
    ).first()
    return person(member, former.merged_into_id) if former and former.merged_into_id else None


def activity(member: Membership, activity_id: UUID, permission: Permission = Permission.EDIT) -> Activity:
    """What a member wrote about a person; changes of stage tell themselves and cannot be changed.

    Raises: as `person` does.
    """
    found = (
        Activity.objects.filter(person__workspace=member.workspace, pk=activity_id)
        .exclude(kind=Activity.Kind.STAGE)
        .first()
    )
    if found is None:
        raise Http404("No such person.")
    found.person = person(member, found.person_id, permission)
    return found


def opportunity(member: Membership, opportunity_id: UUID) -> Opportunity:
    """An opportunity that the member may edit. Raises: as `person` does."""
    found = Opportunity.objects.filter(person__workspace=member.workspace, pk=opportunity_id).first()
    if found is None:
        raise Http404("No such person.")
    found.person = person(member, found.person_id, Permission.EDIT)
    return found


def may(member: Membership, permission: Permission, of: Person) -> bool:
    """Whether `permission` reaches this person for the member."""
    return member.scope_of(permission) is not None and people(member, permission).filter(pk=of.pk).exists()
