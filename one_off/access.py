"""Fetching one-offs for members: a host sees his own, nobody else sees them."""

from uuid import UUID

from django.http import Http404

from one_off import selectors
from one_off.models import OneOff, Proposal
from workestra.accounts.access import require
from workestra.accounts.domain.permissions import Permission
from workestra.accounts.models import Membership


def one_off_for(member: Membership, one_off_id: UUID, permission: Permission = Permission.VIEW) -> OneOff:
    """The member's own one-off, with its slots and booking.

    Raises: Http404 when there is none of this id or it is somebody else's; PermissionDenied when the member's role does
    not have the permission.
    """
    require(member, Permission.VIEW)
    one_off = selectors.one_offs_of(member).filter(pk=one_off_id).first()
    if one_off is None:
        raise Http404("No such one-off.")
    require(member, permission)
    return one_off


def proposal_for(member: Membership, proposal_id: UUID) -> Proposal:
    """What an invitee proposes to the member, answered or not. Raises as `one_off_for` does."""
    require(member, Permission.VIEW)
    rows = Proposal.objects.filter(pk=proposal_id, one_off__workspace=member.workspace)
    found = rows.select_related("one_off__host", "attendee__booking__host").first()
    if found is None or found.host != member.user:
        raise Http404("No such proposal.")
    require(member, Permission.EDIT)
    return found
