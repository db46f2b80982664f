"""How many notices wait for a member, beside their entry in the sidebar."""

from workestra.accounts.models import Membership
from workestra.look.nav import counts
from workestra.notifications.selectors import MOST_UNREAD, unread_of


def unread_words(number: int) -> str:
    """ "", "7", "99+"."""
    return "" if not number else str(number) if number < MOST_UNREAD else f"{MOST_UNREAD - 1}+"


@counts("notifications:notices")
def unread(member: Membership) -> str:
    return unread_words(unread_of(member.user_id, member.workspace_id))
