"""Who of a link's hosts could not make the meeting links that its place asks for: said beside the field, no refusal."""

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from scheduling.domain.people import in_a_row, people_words
from workestra.calendars.domain.kinds import MEETING_KINDS
from workestra.calendars.selectors import without_conference, without_meeting_account

CONFERENCE: Final = "meeting"
"""The place whose links come with the event in the host's calendar: Google Meet, Teams."""
STILL_BOOKED: Final = "Bookings are taken all the same, without a link."


def missing_accounts(workspace_id: UUID, hosts: Mapping[UUID, str]) -> Mapping[str, str]:
    """For each place that needs an account which some of these hosts have not connected, that in words.

    `hosts` are their names. Two queries. Of nobody it is said for every place who will need an account.
    """
    calendar = "Google or Microsoft 365 calendar that new bookings go to"
    if not hosts:
        every = {kind.value: f"{kind.label} account connected" for kind in MEETING_KINDS} | {
            CONFERENCE: calendar
        }
        return {place: f"Whoever hosts needs a {what}." for place, what in every.items()}
    missing = {
        kind.value: (without, f"{kind.label} account connected")
        for kind, without in without_meeting_account(workspace_id, hosts).items()
    } | {CONFERENCE: (without_conference(workspace_id, hosts), calendar)}
    return {
        place: f"{people_words([hosts[each] for each in hosts if each in without])} no {what}."
        for place, (without, what) in missing.items()
        if without
    }


def place_hint(missing: Mapping[str, str]) -> SafeString:
    """What to say beside the choice of a place: of each place with something missing that, of the others what is there.

    The style sheet shows what belongs to the place that is chosen, as soon as it is.
    """
    every = in_a_row([kind.label for kind in MEETING_KINDS])
    there = [kind.label for kind in MEETING_KINDS if kind.value not in missing]
    general = f"{every} need an account that the host has connected." + (
        f" Connected: {in_a_row(there)}." if there else ""
    )
    said = format_html_join(
        "",
        '<span data-place="{}">{} {}</span>',
        ((place, words, STILL_BOOKED) for place, words in missing.items()),
    )
    return format_html('<span class="places" aria-live="polite"><span>{}</span>{}</span>', general, said)
