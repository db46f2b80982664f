from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from bookings.domain.console import (
    Marks,
    Place,
    ahead_words,
    day_note,
    minutes_until,
    moved_words,
    strategy_words,
)

START = datetime(2026, 11, 10, 14, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("before", "minutes"),
    [
        (timedelta(minutes=25), 25),
        (timedelta(minutes=25, seconds=1), 26),
        (timedelta(seconds=1), 1),
        (timedelta(0), 0),
        (timedelta(minutes=-5), 0),
    ],
)
def test_a_begun_minute_counts_until_the_start(before: timedelta, minutes: int) -> None:
    assert minutes_until(START, START - before) == minutes


def test_a_day_says_how_many_meetings_it_has_and_when_the_first_one_begins() -> None:
    assert day_note(1) == "1 meeting"
    assert day_note(3, 25) == "3 meetings, first in 25 minutes"
    assert day_note(2, 61) == "2 meetings, first in 1 hour 1 minute"


@pytest.mark.parametrize(
    ("gap", "words"),
    [
        (timedelta(days=3), "3 days before"),
        (timedelta(hours=31, minutes=18), "31 hours before"),
        (timedelta(hours=1), "1 hour before"),
        (timedelta(minutes=5, seconds=9), "5 minutes before"),
        (timedelta(minutes=-5), "0 minutes before"),
    ],
)
def test_how_long_before_the_start_it_was(gap: timedelta, words: str) -> None:
    assert ahead_words(START, START - gap) == words


def test_how_often_it_was_moved() -> None:
    assert [moved_words(times) for times in range(4)] == ["", "Moved once", "Moved twice", "Moved 3 times"]


def test_a_group_says_how_many_come() -> None:
    assert strategy_words("individual", 1, 1) == "Individual"
    assert strategy_words("round_robin", 1, 1) == "Round robin"
    assert strategy_words("collective", 1, 3) == "Collective, 3 hosts"
    assert strategy_words("group", 1, 1) == "Group, 1 attendee"
    assert strategy_words("group", 8, 1) == "Group, 8 attendees"


def test_marks_are_one_cell_a_meeting_until_nobody_can_count_them() -> None:
    assert Marks(attended=2, no_show=1, to_mark=1).cells == ["on", "on", "bad", ""]
    assert len(Marks(20, 10, 10).cells) == 40
    assert Marks(20, 10, 11).cells == []
    assert Marks(20, 10, 11).total == 41


def test_marks_that_are_not_counted_to_the_end_say_of_which_meetings_they_are() -> None:
    assert Marks(20, 10, 11).of == Marks(20, 10, 11, most=100).of == "from the last 7 days"
    assert Marks(60, 30, 10, most=100).of == "of the latest 100"


def test_a_place_in_the_list_survives_the_address() -> None:
    place = Place(START, UUID(int=7))
    assert Place.parse(str(place)) == place
    for instant in ("", "x", "2026-11-10", "2026-11-10T14:30:00", "0001-01-01T00:00:00+14:00"):
        assert Place.parse(f"{instant}~{UUID(int=7)}") is None
    assert Place.parse(f"{START.isoformat()}~7") is None
