"""Links, fetched with permission."""

from uuid import UUID

from django.http import Http404

from scheduling import selectors
from scheduling.models import BookingLink
from workestra.accounts.models import Membership


def own_link(member: Membership, link_id: UUID) -> BookingLink:
    """A link of this member, with its template.

    Raises: Http404, the same for a link that does not exist and for one of somebody else.
    """
    link = selectors.links_of(member).filter(pk=link_id).first()
    if link is None:
        raise Http404("No booking link of yours has this address.")
    return link
