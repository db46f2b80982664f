"""When what was read of a calendar can no longer be believed."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from workestra.calendars.domain.kinds import ProviderKind

POLL: Final = {
    ProviderKind.NONE: timedelta(days=1),
    ProviderKind.GOOGLE: timedelta(minutes=2),
    ProviderKind.MICROSOFT: timedelta(minutes=2),
    ProviderKind.CALDAV: timedelta(minutes=2),
    ProviderKind.ICS: timedelta(minutes=30),
}
"""How often a calendar is read when nothing tells us that it changed."""

POLL_WITH_CHANNEL: Final = timedelta(minutes=10)
"""How often it is read all the same when the provider tells us of changes: a notice may be lost."""

STALE_AFTER: Final = {kind: max(timedelta(minutes=20), 3 * every) for kind, every in POLL.items()}
"""Not read for so long, also when nothing failed: the worker that reads may be the one that is gone."""


@dataclass(frozen=True, slots=True)
class Health:
    """What was known last, and since when that is in doubt."""

    synced_at: datetime | None
    stale_since: datetime | None = None

    @property
    def is_stale(self) -> bool:
        return self.stale_since is not None


def health_of(
    kind: ProviderKind,
    *,
    is_out_of_reach: bool,
    synced_at: datetime | None,
    connected_at: datetime,
    now: datetime,
) -> Health:
    """Whether what is known of a calendar can still be believed.

    `is_out_of_reach` says that its account is broken, or that the provider no longer has it.
    """
    is_late = synced_at is None or now - synced_at > STALE_AFTER[kind]
    return Health(synced_at, (synced_at or connected_at) if is_out_of_reach or is_late else None)
