"""What is wrong, or likely not meant, with a template, before anybody notices on a booking page."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from managed_events.domain.sync import TemplateState
from scheduling.domain.hours import Availability
from scheduling.domain.link_rules import contradictions
from scheduling.domain.people import people_words
from scheduling.domain.sections import SECTION_OF_FIELD
from workestra.calendars.domain.kinds import MEETING_PLACES


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to look at, in one sentence or two, and the section where it is mended."""

    section: str
    text: str


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What matters about a template besides its own settings.

    `schedule` are the hours of the schedule it refers to, `left` names that schedule's owner when he has left;
    `elsewhere` counts owners of assigned links who live in another zone than the template's hours. `without_account`
    names those whose link is to have meeting links of a service that they have connected no account of.
    """

    schedule: Availability | None = None
    left: str = ""
    elsewhere: int = 0
    without_account: tuple[str, ...] = ()
    can_take_payments: bool = False


def lint(state: TemplateState, around: Surroundings) -> list[Finding]:
    """The template’s warnings; empty for one in good order."""
    values, locks = state.values, state.locks
    found = [
        Finding(SECTION_OF_FIELD[each.fields[0]], each.reason)
        for each in contradictions(values, around.schedule)
    ]
    if around.left:
        follow = "is locked to" if "availability" in locks else "begins with"
        found.append(
            Finding(
                "availability",
                f"Every link {follow} a schedule of {around.left}, who has left: nobody keeps it up to date.",
            )
        )
    if "availability" in locks and around.elsewhere:
        people = "1 person is" if around.elsewhere == 1 else f"{around.elsewhere} people are"
        found.append(
            Finding(
                "availability",
                f"The hours are locked to {values['timezone']}, and {people} in another zone: they are met at "
                "these hours of that zone, whatever their own clock says.",
            )
        )
    if "calendar" in locks:
        found.append(
            Finding("calendar", "Calendar and location are locked: people’s own calendars usually differ.")
        )
    if around.without_account:
        label = dict(MEETING_PLACES)[values["location_type"]]
        found.append(
            Finding(
                "calendar",
                f"{people_words(around.without_account)} no {label} account connected: bookings of theirs are made "
                "without a meeting link.",
            )
        )
    found += _payment(values, around)
    return found


def _payment(values: Mapping[str, Any], around: Surroundings) -> list[Finding]:
    if not values["requires_payment"]:
        return []
    if not values["price"]:
        return [Finding("payment", "Payment is required, but the price is nothing.")]
    if not around.can_take_payments:
        return [Finding("payment", "Payment is required, but no payment provider is connected.")]
    return []
