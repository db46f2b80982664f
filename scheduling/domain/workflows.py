"""Workflows: messages that go out around a meeting. Which moments start them, when each message is due, and how long it
is still of use.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

MOST_STEPS: Final = 10
LONGEST_DELAY: Final = timedelta(days=365)
AFTERWARDS: Final = timedelta(days=3)
"""How late a message after a meeting may be, as when nothing could be sent for a while."""


class Trigger(StrEnum):
    """The moment that a workflow's messages are counted from."""

    BOOKED = "booked"
    BEFORE_START = "before_start"
    STARTS = "starts"
    RESCHEDULED = "rescheduled"
    ENDS = "ends"
    CANCELLED = "cancelled"
    NO_SHOW = "no_show"


LABELS: Final = {
    Trigger.BOOKED: "Booked",
    Trigger.BEFORE_START: "Before start",
    Trigger.STARTS: "At start",
    Trigger.RESCHEDULED: "Rescheduled",
    Trigger.ENDS: "After end",
    Trigger.CANCELLED: "Cancelled",
    Trigger.NO_SHOW: "No-show",
}
COUNTED: Final = {
    Trigger.BOOKED: "after booking",
    Trigger.BEFORE_START: "before start",
    Trigger.STARTS: "after start",
    Trigger.RESCHEDULED: "after moving",
    Trigger.ENDS: "after end",
    Trigger.CANCELLED: "after cancelling",
    Trigger.NO_SHOW: "after marking",
}
ICONS: Final = {
    Trigger.BOOKED: "calendar-check",
    Trigger.BEFORE_START: "bell",
    Trigger.STARTS: "play",
    Trigger.RESCHEDULED: "calendar-sync",
    Trigger.ENDS: "flag",
    Trigger.CANCELLED: "calendar-x",
    Trigger.NO_SHOW: "user-x",
}

WITH_THE_MEETING: Final = frozenset({Trigger.BEFORE_START, Trigger.STARTS, Trigger.ENDS})
"""What every booking has ahead of it, and gets anew when it moves."""
A_NO_SHOW: Final = "It is marked as a no-show"
NO_LONGER_A_NO_SHOW: Final = "It is not marked as a no-show any more"
OTHER_MOMENT: Final = "The workflow is about another moment now"
HAS_STANDARD_MAIL: Final = frozenset(
    {Trigger.BOOKED, Trigger.BEFORE_START, Trigger.RESCHEDULED, Trigger.CANCELLED}
)
"""Moments at which the booker gets a mail without any workflow, which one may replace."""


class To(StrEnum):
    """Who gets a message."""

    BOOKER = "booker"
    HOST = "host"
    ADDRESS = "address"


class Channel(StrEnum):
    """How a message goes out."""

    EMAIL = "email"
    SMS = "sms"


CHANNELS: Final = {Channel.EMAIL: "Email", Channel.SMS: "SMS"}
CHANNEL_ICONS: Final = {Channel.EMAIL: "mail", Channel.SMS: "smartphone"}


@dataclass(frozen=True, slots=True)
class StepDraft:
    """One message as its author wants it. `id` is None for a new one; `address` is for To.ADDRESS alone: a number in
    E.164 where it is a text message, which has no subject.
    """

    id: UUID | None
    delay: timedelta
    to: To
    subject: str
    body: str
    address: str = ""
    asks: bool = False
    channel: Channel = Channel.EMAIL


@dataclass(frozen=True, slots=True)
class WorkflowDraft:
    """A workflow as its author wants it. `every_link` makes it the workspace's default, or, where it `is_own`, that of
    its author's links. Whose it is stays as it was made.
    """

    name: str
    trigger: Trigger
    steps: tuple[StepDraft, ...]
    every_link: bool
    replaces: bool = False
    group_id: UUID | None = None
    is_own: bool = False


def due_at(trigger: Trigger, delay: timedelta, anchor: datetime) -> datetime:
    """When a message is due that is counted by `delay` from `anchor`, the moment of its trigger."""
    return anchor - delay if trigger == Trigger.BEFORE_START else anchor + delay


def anchor_of(trigger: Trigger, *, start: datetime, end: datetime, now: datetime) -> datetime:
    """The moment that messages are counted from; `now` is when what starts them happens."""
    if trigger in {Trigger.BEFORE_START, Trigger.STARTS}:
        return start
    return end if trigger == Trigger.ENDS else now


def is_planned(trigger: Trigger, due: datetime, now: datetime) -> bool:
    """Whether a booking made or moved now still gets this message: none for a moment that has gone by already."""
    return trigger not in WITH_THE_MEETING or due > now


def why_not_ask(trigger: Trigger, delay: timedelta) -> str:
    """Why a message at this moment cannot ask whether the booker is still coming; "" when it can."""
    match trigger:
        case Trigger.BEFORE_START:
            return (
                "" if delay else "Ask some time before the start: when it begins, the answer comes too late."
            )
        case Trigger.BOOKED | Trigger.RESCHEDULED:
            return "The booker has only just chosen this time. Ask before the start instead."
        case Trigger.CANCELLED:
            return "Nobody comes to a meeting that was cancelled. Ask before the start instead."
    return "The meeting has begun by then. Ask before the start instead."


def useful_until(trigger: Trigger, *, start: datetime, end: datetime, due: datetime) -> datetime:
    """Up to when a message that was held up is still worth sending."""
    match trigger:
        case Trigger.BEFORE_START:
            return start
        case Trigger.BOOKED | Trigger.RESCHEDULED:
            return end
        case Trigger.STARTS:
            return max(end, due)
    return due + AFTERWARDS


def why_not(
    trigger: Trigger,
    *,
    status: str,
    no_show: bool,
    start: datetime,
    end: datetime,
    due: datetime,
    now: datetime,
) -> str:
    """Why a message must not go out in this state of the attendee's part; "" when it may."""
    wanted = "cancelled" if trigger == Trigger.CANCELLED else "confirmed"
    if status != wanted:
        return f"The booking is {status} by now"
    if trigger == Trigger.NO_SHOW and not no_show:
        return NO_LONGER_A_NO_SHOW
    if trigger == Trigger.ENDS and no_show:
        return A_NO_SHOW
    if now >= useful_until(trigger, start=start, end=end, due=due):
        too_late = {
            Trigger.BEFORE_START: "Too late: the meeting has begun",
            Trigger.BOOKED: "Too late: the meeting is over",
            Trigger.RESCHEDULED: "Too late: the meeting is over",
            Trigger.STARTS: "Too late: the meeting is over",
        }
        return too_late.get(trigger, "Too late: its time was more than three days ago")
    return ""


def delay_words(trigger: Trigger, delay: timedelta) -> str:
    """ "1 day before start", "at once", "when it starts"."""
    if not delay:
        return {
            Trigger.BEFORE_START: "when it starts",
            Trigger.STARTS: "when it starts",
            Trigger.ENDS: "when it ends",
        }.get(trigger, "at once")
    amount, unit = in_units(delay)
    return f"{amount} {unit[:-1] if amount == 1 else unit} {COUNTED[trigger]}"


def in_units(delay: timedelta) -> tuple[int, str]:
    """The delay as a number of the largest unit that it is a whole number of."""
    minutes = int(delay.total_seconds() // 60)
    for unit, size in (("days", 1440), ("hours", 60)):
        if minutes and minutes % size == 0:
            return minutes // size, unit
    return minutes, "minutes"


def applies(
    *,
    every_link: bool,
    workflow_id: str,
    owner_id: UUID | None,
    link_workflow_ids: Collection[str] | None,
    link_has_workflows_of: UUID | None,
) -> bool:
    """Whether a workflow is for a booking of a link with these workflows; None: it has no link (any more).

    A member's own, which has an `owner_id`, is so on links alone that have his: `link_has_workflows_of`.
    """
    if owner_id is not None and owner_id != link_has_workflows_of:
        return False
    return every_link or workflow_id in (link_workflow_ids or ())


_BEFORE: Final = ((5 * 1440, 2), (2 * 1440, 3), (720, 4), (120, 5), (30, 6), (0, 7))
_AFTER: Final = ((5 * 1440, 13), (2.5 * 1440, 12), (720, 11), (30, 10), (0, 9))


def axis_column(trigger: Trigger, delay: timedelta) -> int:
    """Where a message stands on a workflow's picture: 1 at once, 2 to 7 before the meeting, 8 it, 9 to 13 after."""
    minutes = delay.total_seconds() / 60
    if trigger in {Trigger.BOOKED, Trigger.RESCHEDULED, Trigger.CANCELLED}:
        return 1
    if trigger == Trigger.BEFORE_START:
        return next(column for least, column in _BEFORE if minutes >= least)
    if trigger == Trigger.STARTS and not minutes:
        return 8
    return next(column for least, column in _AFTER if minutes >= least)
