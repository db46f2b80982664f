"""What the bookings console asks for, and what its rows say in words."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from workestra.calendars.domain import clock_words as words

PAGE_SIZE: Final = 50
MOST_COUNTED: Final = 1_000
"""Nobody needs to know more exactly how many there are, and counting a million takes its time."""
MOST_FOUND: Final = 100
"""The same of what a word finds that many bookings have: each of a list is looked at until so many have it."""
RECENT: Final = timedelta(days=7)
"""How far back the Past tab counts who came."""


class Tab(StrEnum):
    UPCOMING = "upcoming"
    PAST = "past"
    CANCELLED = "cancelled"
    RESCHEDULED = "rescheduled"

    @property
    def label(self) -> str:
        return self.value.capitalize()

    @property
    def is_over(self) -> bool:
        """Whether its bookings no longer stand: they are listed by when that happened, not by day."""
        return self in {Tab.CANCELLED, Tab.RESCHEDULED}

    @property
    def newest_first(self) -> bool:
        return self is not Tab.UPCOMING


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the list: behind the booking with this instant (its start, or its end as a booking) and id."""

    at: datetime
    booking_id: UUID

    def __str__(self) -> str:
        return f"{self.at.isoformat()}~{self.booking_id}"

    @classmethod
    def parse(cls, text: str) -> "Place | None":
        """The place that `str` of one gives; None for anything else."""
        instant, _, booking_id = text.partition("~")
        try:
            at = datetime.fromisoformat(instant)
            if at.tzinfo is None:
                return None
            # On the edge of what a datetime can be, only UTC is an instant that the database knows as well.
            return cls(at.astimezone(UTC), UUID(booking_id))
        except (ValueError, OverflowError):
            return None


@dataclass(frozen=True, slots=True)
class Query:
    """What to list: assigned to whom (None: everybody's in the workspace), in which tab, matching which words.

    A meeting with several hosts is assigned to the first of them; `with_further` lists it for the others too.
    `booking_ids`, where given, are all that the words can be found in; `untitled` are words that no title has.
    They can be narrowed to those of one link or template, to one strategy, and to starts in [since, until).
    `only_to_mark` leaves out past bookings whose attendance is marked, `attendance` all but those marked so ("" is
    any); they mean nothing in the other tabs.
    """

    tab: Tab
    host_ids: frozenset[UUID] | None
    with_further: bool = False
    words: str = ""
    booking_ids: frozenset[UUID] | None = None
    untitled: frozenset[str] = frozenset()
    link_id: UUID | None = None
    template_id: UUID | None = None
    strategy: str = ""
    since: datetime | None = None
    until: datetime | None = None
    attendance: str = ""
    only_to_mark: bool = False

    @property
    def most_counted(self) -> int:
        """Up to how many bookings of a tab are counted."""
        return MOST_FOUND if self.words and self.booking_ids is None else MOST_COUNTED


@dataclass(frozen=True, slots=True)
class Marks:
    """How many meetings were marked attended, no-show, and not at all; of the latest `most`, where that is given."""

    attended: int
    no_show: int
    to_mark: int
    most: int | None = None

    @property
    def total(self) -> int:
        return self.attended + self.no_show + self.to_mark

    @property
    def of(self) -> str:
        """Of which meetings they are."""
        if self.most is not None and self.total >= self.most:
            return f"of the latest {self.most}"
        return "from the last 7 days"

    @property
    def cells(self) -> list[str]:
        """One cell a meeting, as classes; none for more than 40, which nobody counts by eye."""
        if self.total > 40:
            return []
        return ["on"] * self.attended + ["bad"] * self.no_show + [""] * self.to_mark


def strategy_words(strategy: str, attendees: int, hosts: int) -> str:
    match strategy:
        case "round_robin":
            return "Round robin"
        case "collective":
            return f"Collective, {count_words(hosts, 'host')}"
        case "group":
            return f"Group, {count_words(attendees, 'attendee')}"
        case _:
            return "Individual"


def moved_words(times: int) -> str:
    """ "Moved once", "Moved twice", "Moved 3 times"; "" for never."""
    return {0: "", 1: "Moved once", 2: "Moved twice"}.get(times, f"Moved {times} times")


def minutes_until(start: datetime, now: datetime) -> int:
    """Minutes that are left, a begun one counting as whole; 0 when it has begun."""
    return max(0, -((now - start) // timedelta(minutes=1)))


def day_note(meetings: int, first_in: int | None = None) -> str:
    """What stands beside a day: "3 meetings", and in how many minutes the first one begins if that is given."""
    note = count_words(meetings, "meeting")
    return note if first_in is None else f"{note}, first in {words.length(timedelta(minutes=first_in))}"


def ahead_words(start: datetime, then: datetime) -> str:
    """How long before the start it was: "2 days before", "31 hours before", "5 minutes before"."""
    gap = max(start - then, timedelta(0))
    if gap >= timedelta(days=2):
        return f"{count_words(gap.days, 'day')} before"
    if gap >= timedelta(hours=1):
        return f"{count_words(gap // timedelta(hours=1), 'hour')} before"
    return f"{count_words(gap // timedelta(minutes=1), 'minute')} before"


def count_words(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def counted(number: int, most: int) -> str:
    """A number that is not counted beyond `most`: "14", "999+"."""
    return str(number) if number < most else f"{most - 1}+"


def counted_words(number: int, noun: str, most: int) -> str:
    """ "1 booking", "14 bookings", "999+ bookings"."""
    return count_words(number, noun) if number < most else f"{counted(number, most)} {noun}s"
