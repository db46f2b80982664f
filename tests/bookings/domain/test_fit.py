"""What a host reads beside a start that he types: who is free, and what is in the way as far as he may know it."""

from datetime import UTC, datetime

import pytest

from bookings.domain.fit import YOU, Fit, fit_of, free
from scheduling.domain.reasons import Reason, ReasonCode
from scheduling.domain.slots import Verdict

TEN = datetime(2030, 1, 8, 9, tzinfo=UTC)
NAMES = {"a": YOU, "b": "Bob", "c": "Cleo"}


def said(*reasons: tuple[ReasonCode, str, str], seats: int = 0) -> Fit:
    against = tuple(Reason(code, host, detail) for code, host, detail in reasons)
    return fit_of(Verdict(TEN, (), (), against, seats), NAMES)


@pytest.mark.parametrize(
    ("names", "words"),
    [([YOU], "You are free"), (["Bob"], "Bob is free"), (["Bob", YOU], "You and Bob are free")],
)
def test_who_is_free_is_named(names: list[str], words: str) -> None:
    assert free(names) == Fit("ok", words)


def test_of_ones_own_time_it_is_said_what_is_in_the_way_and_of_others_never() -> None:
    fit = said((ReasonCode.BUSY, "b", "Salary talk 10:00"), (ReasonCode.BUSY, "a", "Discovery Call 10:00"))
    assert fit == Fit("bad", "You and Bob are busy", "Discovery Call 10:00")
    assert said(
        (ReasonCode.HOLD, "b", "held for Merger"), (ReasonCode.BUFFER, "c", "after Salary talk")
    ) == Fit("bad", "Bob is busy")


@pytest.mark.parametrize("code", list(ReasonCode))
def test_no_reason_tells_of_a_colleagues_day(code: ReasonCode) -> None:
    told = said((code, "b", "Salary talk"))
    if code not in {ReasonCode.NOTICE, ReasonCode.BOOKING_WINDOW}:
        assert "Salary talk" not in told.words + told.why


def test_what_binds_a_host_counts_before_what_binds_bookers_alone() -> None:
    hours = (ReasonCode.OUTSIDE_HOURS, "a", "hours on Tue: none")
    assert said(hours) == Fit("warn", "Outside hours", "hours on Tue: none")
    assert said(hours, (ReasonCode.BUSY, "c", "x")) == Fit("bad", "Cleo is busy", "hours on Tue: none")


def test_neither_the_grid_nor_a_pause_binds_a_host() -> None:
    assert said((ReasonCode.NOT_ON_GRID, "a", "grid"), (ReasonCode.PAUSED, "a", "paused")).tone == "ok"


def test_a_session_does_not_move_onto_another() -> None:
    assert said(seats=1).tone == "bad"
