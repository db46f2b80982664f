"""Who of a link's hosts could not make the meeting links that its place asks for: said beside the field, no refusal."""

from collections.abc import Mapping
from uuid import UUID

from scheduling.domain.people import in_a_row, people_words
from workestra.calendars.domain.kinds import MEETING_KINDS
from workestra.calendars.selectors import without_meeting_account


def missing_accounts(workspace_id: UUID, hosts: Mapping[UUID, str]) -> Mapping[str, str]:
    """For each place that needs an account which some of these hosts have not connected, that in words.

    `hosts` are their names. One query. Of nobody it is said for every place who will need an account.
    """
    if not hosts:
        return {
            kind.value: f"Whoever hosts needs a {kind.label} account connected." for kind in MEETING_KINDS
        }
    missing = without_meeting_account(workspace_id, hosts)
    return {
        kind.value: f"{people_words([hosts[each] for each in hosts if each in without])} no {kind.label} account "
        "connected."
        for kind, without in missing.items()
        if without
    }


def place_hint(place: str, missing: Mapping[str, str]) -> str:
    """What to say beside the choice of a place while `place` is chosen."""
    if place in missing:
        return f"{missing[place]} Bookings are taken all the same, without a link."
    every = in_a_row([kind.label for kind in MEETING_KINDS])
    there = [kind.label for kind in MEETING_KINDS if kind not in missing]
    return f"{every} need an account that the host has connected." + (
        f" Connected: {in_a_row(there)}." if there else ""
    )
