"""One module a subject, and what their pages have in common."""

from typing import Any

from workestra.accounts import selectors
from workestra.accounts.models import Membership


def tabs(member: Membership, here: str) -> dict[str, Any]:
    """Context of the tabs above every page of this app; `here` is "people", "groups" or "roles"."""
    return {
        "tab": here,
        "people_count": selectors.active_members(member.workspace).count(),
        "group_count": member.workspace.groups.count(),
    }
