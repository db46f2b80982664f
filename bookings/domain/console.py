"""What the bookings console asks for: tabs, a place in the list, and days to group by."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from itertools import groupby
from typing import TypeVar
from urllib.parse import urlsplit
from uuid import UUID

T = TypeVar("T")

PAGE_SIZE = 50


class Tab(StrEnum):
    UPCOMING = "upcoming"
    PAST = "past"
    CANCELLED = "cancelled"
    RESCHEDULED = "rescheduled"

    @property
    def label(self) -> str:
        return self.value.capitalize()

    @property
    def newest_first(self) -> bool:
        return self is not Tab.UPCOMING


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the list: behind the booking that starts then and has this id."""

    starts_at: datetime
    booking_id: UUID

    def __str__(self) -> str:
        return f"{self.starts_at.isoformat()}~{self.booking_id}"

    @classmethod
    def parse(cls, text: str) -> "Place | None":
        """The place that `str` of one gives; None for anything else."""
        instant, _, booking_id = text.partition("~")
        try:
            place = cls(datetime.fromisoformat(instant), UUID(booking_id))
        except ValueError:
            return None
        return place if place.starts_at.tzinfo is not None else None


@dataclass(frozen=True, slots=True)
class Query:
    """What to list: whose bookings (None: everybody's in the workspace), in which tab, matching which words."""

    tab: Tab
    host_ids: frozenset[UUID] | None
    words: str = ""


def by_day(rows: Iterable[T], day_of: Callable[[T], date]) -> list[tuple[date, list[T]]]:
    """Rows in their order, cut where the printed date changes; a date may come twice when zones differ."""
    return [(day, list(group)) for day, group in groupby(rows, day_of)]


def safe_href(text: str) -> str | None:
    """The text as an address that may be a link: only absolute http and https ones, else None."""
    try:
        parts = urlsplit(text.strip())
    except ValueError:
        return None
    return text.strip() if parts.scheme in {"http", "https"} and parts.hostname else None
