"""A span of time between two instants."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """The half-open span [start, end) of UTC instants; empty when both are the same.

    Instants in another zone are brought to UTC, so that comparing and subtracting them counts elapsed time
    (two instants of one zone would be compared by their wall clocks).

    Raises ValueError for an instant without a zone and for an end before its start.
    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start.tzinfo is not UTC or self.end.tzinfo is not UTC:
            object.__setattr__(self, "start", _in_utc("start", self.start))
            object.__setattr__(self, "end", _in_utc("end", self.end))
        if self.end < self.start:
            raise ValueError(f"end: {self.end} is before the start {self.start}")

    @classmethod
    def lasting(cls, start: datetime, duration: timedelta) -> Self:
        """The period of a length, in elapsed time."""
        return cls(start, start.astimezone(UTC) + duration)

    @property
    def duration(self) -> timedelta:
        return self.end - self.start

    @property
    def is_empty(self) -> bool:
        return self.start == self.end

    def overlaps(self, other: "Period") -> bool:
        """Whether an instant lies in both. Touching periods do not overlap; an empty one overlaps nothing."""
        return max(self.start, other.start) < min(self.end, other.end)

    def contains(self, other: "Period") -> bool:
        """Whether the whole of `other` lies in this one."""
        return self.start <= other.start and other.end <= self.end

    def includes(self, instant: datetime) -> bool:
        return self.start <= instant < self.end

    def widened(self, before: timedelta, after: timedelta) -> "Period":
        """This period with a buffer on either side."""
        return Period(self.start - before, self.end + after)

    def clipped(self, within: "Period") -> "Period | None":
        """The part that lies in `within`, or None when there is none."""
        start, end = max(self.start, within.start), min(self.end, within.end)
        return Period(start, end) if start < end else None


def _in_utc(name: str, instant: datetime) -> datetime:
    if instant.utcoffset() is None:
        raise ValueError(f"{name}: {instant} has no time zone")
    return instant.astimezone(UTC)
