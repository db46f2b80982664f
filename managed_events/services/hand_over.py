"""Handing links of people who have left to people who are here."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from managed_events.services.news import tell_given
from scheduling.models import BookingLink
from scheduling.services import owners
from workestra.accounts.models import Membership, User


def give(*, link_id: UUID, to: Membership, actor: User, now: datetime) -> BookingLink:
    """Make `to` the owner of a link that somebody has left behind, and tell him.

    Raises: owners.NotToBeGiven.
    """
    with transaction.atomic():
        event = owners.give_link(link_id=link_id, to=to, actor=actor, now=now)
        link = BookingLink.objects.select_related("owner").get(pk=link_id)
        tell_given(link, event)
    return link
