"""What a booker hears of a start that he cannot have."""

from datetime import UTC, datetime, timedelta

import pytest

from scheduling.domain.reasons import Reason, ReasonCode, Told, told_to_booker

NOW = datetime(2030, 1, 7, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)
C = ReasonCode


@pytest.mark.parametrize(
    ("codes", "start", "told"),
    [
        ([], NOW + HOUR, Told.NOT_OFFERED),
        ([C.BUSY], NOW + HOUR, Told.TAKEN),
        ([C.HOLD, C.OUTSIDE_HOURS], NOW + HOUR, Told.TAKEN),
        ([C.CAPACITY], NOW + HOUR, Told.TAKEN),
        ([C.BUSY, C.NOT_ON_GRID], NOW + HOUR, Told.NOT_OFFERED),
        ([C.NOTICE], NOW + HOUR, Told.TOO_SOON),
        ([C.NOTICE], NOW, Told.PAST),
        ([C.NOTICE, C.BUSY], NOW - HOUR, Told.PAST),
        ([C.OUT_OF_OFFICE], NOW + HOUR, Told.NOT_OFFERED),
        ([C.BOOKING_WINDOW], NOW + HOUR, Told.NOT_OFFERED),
        ([C.PAUSED, C.BUSY], NOW - HOUR, Told.CLOSED),
    ],
)
def test_what_a_booker_is_told(codes: list[ReasonCode], start: datetime, told: Told) -> None:
    reasons = [Reason(code, "host", "a dentist, and whatever else is nobody's business") for code in codes]
    assert told_to_booker(reasons, start, NOW, is_offered=False) is told


def test_a_start_that_is_offered_and_lost_all_the_same_was_just_taken() -> None:
    busy = [Reason(C.OUTSIDE_HOURS, "another host", "")]
    assert told_to_booker(busy, NOW + HOUR, NOW, is_offered=True) is Told.TAKEN
