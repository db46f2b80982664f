"""What becomes of a booking: its states, what may be done in each, and the state that follows.

    confirmed --cancel--> cancelled          confirmed --move--> rescheduled (a successor of its series is confirmed)
    confirmed --reassign, offer other times, renew link, reconfirm--> confirmed, until it begins
    confirmed --mark attendance--> confirmed, since it began

Nothing leaves "cancelled" and "rescheduled". Attendance stands beside the state. Pages show and services do what this
allows, and nothing else.
"""

from enum import Enum, StrEnum
from typing import Final


class State(StrEnum):
    CONFIRMED = "confirmed"
    CANCELLED = "cancelled"
    RESCHEDULED = "rescheduled"


class Change(Enum):
    CANCEL = "cancel"
    MOVE = "move"
    REASSIGN = "reassign"
    OFFER = "offer other times"
    RENEW_LINK = "renew the manage link"
    RECONFIRM = "say that one is still coming"
    MARK = "mark attendance"


class BookingClosed(Exception):
    """The booking cannot be changed like this: it has begun (or not yet), was cancelled, or has moved."""


_UNTIL_IT_BEGINS: Final = {
    Change.CANCEL: State.CANCELLED,
    Change.MOVE: State.RESCHEDULED,
    Change.REASSIGN: State.CONFIRMED,
    Change.OFFER: State.CONFIRMED,
    Change.RENEW_LINK: State.CONFIRMED,
    Change.RECONFIRM: State.CONFIRMED,
}
_SINCE_IT_BEGAN: Final = {Change.MARK: State.CONFIRMED}


def allows(state: str, change: Change, *, has_begun: bool) -> bool:
    """Whether a booking in this state can be changed like this, before or since it began."""
    return state == State.CONFIRMED and change in (_SINCE_IT_BEGAN if has_begun else _UNTIL_IT_BEGINS)


def after(state: str, change: Change, *, has_begun: bool) -> State:
    """The state that the change leads to. Raises: BookingClosed when it is not allowed."""
    if not allows(state, change, has_begun=has_begun):
        raise BookingClosed(state)
    return (_UNTIL_IT_BEGINS | _SINCE_IT_BEGAN)[change]
