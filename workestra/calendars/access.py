"""Fetching connected accounts: one's own, nobody else's."""

from uuid import UUID

from django.http import Http404

from workestra.accounts.models import Membership
from workestra.calendars import selectors
from workestra.calendars.models import CalendarAccount


def own_account(member: Membership, account_id: UUID) -> CalendarAccount:
    """The member's own account, with him and its calendars.

    Raises: Http404 when there is none of this id or it is somebody else's.
    """
    account = selectors.accounts_of(member).filter(pk=account_id).select_related("user").first()
    if account is None:
        raise Http404("No such account.")
    return account
