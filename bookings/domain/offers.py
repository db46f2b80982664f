"""Which times may be offered to somebody to pick from."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from scheduling.domain.wallclock import FURTHEST
from workestra.calendars.domain.period import Period

MOST_ALTERNATIVES: Final = 5
SHORTEST: Final = timedelta(minutes=5)
LONGEST: Final = timedelta(minutes=480)


class BadOffer(ValueError):
    """These times cannot be offered; the message says why, for people."""


def offered_words(count: int) -> str:
    """ "3 times offered"; "" for none."""
    return f"{count} time{'' if count == 1 else 's'} offered" if count else ""


def withdrawn_words(count: int, whom: str) -> str:
    """What a change of the meeting does to the other times that can be picked: "The 3 times offered to Noor are
    withdrawn"; "" for none."""
    if not count:
        return ""
    return (
        f"The {count} times offered to {whom} are withdrawn"
        if count > 1
        else f"The time offered to {whom} is withdrawn"
    )


def ensure_can_be_offered(
    periods: Sequence[Period], expires_at: datetime | None, now: datetime, *, most: int
) -> None:
    """Let pass one to `most` different times to come, each of 5 to 480 minutes, and an expiry to come.

    Raises BadOffer.
    """
    if not periods:
        raise BadOffer("Offer at least one time.")
    if len(periods) > most:
        raise BadOffer(f"Offer at most {most} times.")
    if len(set(periods)) < len(periods):
        raise BadOffer("Offer each time once.")
    for period in periods:
        if not SHORTEST <= period.duration <= LONGEST:
            raise BadOffer("A meeting lasts between 5 and 480 minutes.")
        if period.start <= now:
            raise BadOffer("Offer times that are still to come.")
        if period.start > now + FURTHEST:
            raise BadOffer("Offer times within the next two years.")
    if expires_at is not None and expires_at <= now:
        raise BadOffer("Close it at a time that is still to come.")
