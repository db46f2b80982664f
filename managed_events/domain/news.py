"""What the owner of a link is told when somebody else has done something with it."""

from dataclasses import dataclass
from typing import Final

ADOPTED: Final = "link.adopted"
GIVEN: Final = "link.given"


@dataclass(frozen=True, slots=True)
class News:
    """A headline, and more about it in sentences."""

    headline: str
    text: str


def of_adoption(*, actor: str, title: str, template: str, locked: str) -> News:
    """For the owner of a link that follows a template from now on; `locked` names the locked sections, "" for none."""
    follows = f"{locked} follow{'' if ' and ' in locked else 's'} it from now on. " if locked else ""
    return News(
        f"Your link “{title}” belongs to {template} now",
        f"{actor} made it one of the template’s links. {follows}"
        f"{'Everything else, its' if locked else 'Its settings, its'} address and your bookings stay as they are.",
    )


def of_gift(*, actor: str, title: str, former: str) -> News:
    """For the new owner of a link that `former` has left behind."""
    return News(
        f"“{title}” is your booking link now",
        f"{actor} handed it over to you, as {former} has left. Whoever books there from now on meets you. "
        "Its address and settings are as they were: look through its hours and its place.",
    )
