"""What a link offers of the time of a host whose calendar could not be read."""

from datetime import datetime, timedelta
from enum import StrEnum

from workestra.calendars.domain.period import Period


class UnreadablePolicy(StrEnum):
    CLOSED = "closed"
    LAST_KNOWN = "last_known"
    OPEN = "open"

    @property
    def label(self) -> str:
        return _LABELS[self]


_LABELS = {
    UnreadablePolicy.LAST_KNOWN: "Use what was last read of it, for a while",
    UnreadablePolicy.CLOSED: "Offer no times",
    UnreadablePolicy.OPEN: "Offer times all the same",
}


def unknown_time(
    policy: UnreadablePolicy,
    good_for: timedelta,
    *,
    stale_since: datetime | None,
    known_until: datetime | None,
    within: Period,
    now: datetime,
) -> Period | None:
    """The part of `within` that must not be offered, because what the host has then is not known; None for none.

    `stale_since` is since when one of his calendars could not be read, `known_until` where what was read of them ends
    (None for both: all were read, or he has none). What was last read counts `good_for` so long; a calendar that was
    never read is known nowhere.
    """
    if policy is UnreadablePolicy.OPEN:
        return None
    if stale_since is not None and (policy is UnreadablePolicy.CLOSED or now - stale_since > good_for):
        return within
    if known_until is not None and known_until < within.end:
        return Period(max(known_until, within.start), within.end)
    return None
