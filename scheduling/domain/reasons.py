"""Why a time is not offered, in a code for programs and a sentence for people."""

from dataclasses import dataclass
from enum import StrEnum

from workestra.calendars.domain.period import Period


class ReasonCode(StrEnum):
    OUTSIDE_HOURS = "outside_hours"
    DATE_OVERRIDE = "date_override"
    NOT_ON_GRID = "not_on_grid"
    BUSY = "busy"
    BUFFER = "buffer"
    HOLD = "hold"
    OUT_OF_OFFICE = "out_of_office"
    NOTICE = "notice"
    BOOKING_WINDOW = "booking_window"
    CAP_DAY = "cap_day"
    CAP_WEEK = "cap_week"
    HOST_CAP = "host_cap"
    CAPACITY = "capacity"


@dataclass(frozen=True, slots=True)
class Reason:
    """One rule that stands in the way of one host; `cause` is the time taken that it speaks of, if any."""

    code: ReasonCode
    host_id: str
    detail: str
    cause: Period | None = None
