"""Times as people type them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduling.domain.typed_hours import (
    MAX_OVERRIDES,
    TypedDate,
    TypedDay,
    TypedWindow,
    clock_minutes,
    clock_text,
    read_dates,
    read_week,
    typed_week,
)


@pytest.mark.parametrize(
    ("typed", "minutes"),
    [
        ("9", 540),
        ("09:00", 540),
        ("9.30", 570),
        ("0930", 570),
        ("930", 570),
        (" 17h05 ", 1025),
        ("5:30 pm", 1050),
        ("5 P.M.", 1020),
        ("12am", 0),
        ("12 pm", 720),
        ("0:00", 0),
        ("24:00", 1440),
    ],
)
def test_a_time_can_be_typed_in_many_ways(typed: str, minutes: int) -> None:
    assert clock_minutes(typed) == minutes


@pytest.mark.parametrize(
    "typed", ["", "nine", "25", "24:01", "9:60", "13 pm", "0 am", "9:5", "-9", "9:00:00", "٩", "1e3"]
)
def test_what_is_no_time_is_none(typed: str) -> None:
    assert clock_minutes(typed) is None


@given(st.integers(0, 1440))
def test_every_time_is_read_as_it_is_written(minutes: int) -> None:
    assert clock_minutes(clock_text(minutes)) == minutes


@given(st.text(max_size=12))
def test_whatever_is_typed_gives_minutes_of_a_day_or_none(typed: str) -> None:
    minutes = clock_minutes(typed)
    assert minutes is None or 0 <= minutes <= 1440


def test_a_day_that_is_not_ticked_is_closed_and_keeps_what_was_typed() -> None:
    monday = TypedDay(0, False, (TypedWindow("09:00", "nonsense"),))
    assert read_week([monday]) == ([], [], [monday])


def test_a_window_past_midnight_says_so() -> None:
    assert TypedWindow("22:00", "02:00").past_midnight
    assert not TypedWindow("22:00", "24:00").past_midnight
    assert not TypedWindow("09:00", "").past_midnight


def test_stored_hours_of_any_order_are_shown_by_day_and_start() -> None:
    stored = [
        {"days": [1, 0], "start": "13:00", "end": "17:00"},
        {"days": [0], "start": "09:00", "end": "12:00"},
        {"days": [0], "start": "09:00", "end": "12:00"},
    ]
    monday, tuesday, *others = typed_week(stored)
    assert [(window.start, window.end) for window in monday.windows] == [
        ("09:00", "12:00"),
        ("13:00", "17:00"),
    ]
    assert (tuesday.is_open, len(tuesday.windows)) == (True, 1)
    assert not any(day.is_open for day in others)


def test_no_more_dates_than_fit() -> None:
    days = [f"2030-{month:02}-{day:02}" for month in (1, 3, 5) for day in range(1, 32)][: MAX_OVERRIDES + 1]
    _, problems, _ = read_dates([TypedDate(day, is_closed=True) for day in days])
    assert problems == ["61 dates are too many. 60 fit."]
