"""The week as a picture, also when the clocks change in it."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from one_off.domain.week import Block, Given, Taken, picture, span_of
from workestra.calendars.domain.period import Period

BERLIN = ZoneInfo("Europe/Berlin")
HOUR = timedelta(hours=1)
SPRING, AUTUMN = date(2030, 3, 25), date(2030, 10, 21)
LONG_AGO = datetime(2030, 1, 1, tzinfo=UTC)


def at(day: date, hour: int, minute: int = 0, fold: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=BERLIN, fold=fold).astimezone(UTC)


def spans(blocks: tuple[Block, ...]) -> list[tuple[float, float]]:
    """Where they begin and end, in hours of the day."""
    return [(block.at / 4, (block.at + block.length) / 4) for block in blocks]


@pytest.mark.parametrize(("monday", "hours"), [(SPRING, 167), (AUTUMN, 169), (date(2030, 1, 7), 168)])
def test_the_week_is_as_long_as_its_clock_runs(monday: date, hours: int) -> None:
    assert span_of(monday, BERLIN).duration == hours * HOUR


@pytest.mark.parametrize("monday", [SPRING, AUTUMN])
def test_meetings_around_the_change_are_in_the_rows_of_their_wall_time(monday: date) -> None:
    friday, saturday, sunday = (monday + timedelta(days=number) for number in (4, 5, 6))
    taken = [Taken(Period.lasting(at(day, 10), HOUR), "Priya") for day in (friday, saturday, sunday)]
    offered = [
        Given(number, datetime(day.year, day.month, day.day, 14), Period.lasting(at(day, 14), HOUR))
        for number, day in enumerate((friday, sunday), start=1)
    ]
    week = picture(monday, BERLIN, offered, taken, LONG_AGO)
    assert len(week.days) == 7
    for column in week.days[4:]:
        assert spans(column.taken) == [(10, 11)]
    assert spans(week.days[4].given) == spans(week.days[6].given) == [(14, 15)]
    for column in week.days:
        assert all(block.wall.date() == column.day for block in column.free)


@pytest.mark.parametrize(
    ("starts", "minutes", "rows"),
    [
        (
            (2, 30, 0),
            60,
            (2, 3),
        ),  # 02:30 CEST to 02:30 CET: the clock shows the hour from two to three twice.
        ((2, 15, 0), 50, (2, 3)),
        ((1, 30, 0), 120, (1.5, 3)),
        ((2, 30, 1), 60, (2.5, 3.5)),
    ],
)
def test_what_lasts_over_the_hour_that_comes_twice_is_seen(
    starts: tuple[int, int, int], minutes: int, rows: tuple[float, float]
) -> None:
    sunday = AUTUMN + timedelta(days=6)
    start = at(sunday, starts[0], starts[1], starts[2])
    taken = [Taken(Period.lasting(start, timedelta(minutes=minutes)), "Priya")]
    week = picture(AUTUMN, BERLIN, [], taken, LONG_AGO)
    assert spans(week.days[6].taken) == [rows]


def test_the_hour_that_spring_leaves_out_is_not_offered() -> None:
    sunday = SPRING + timedelta(days=6)
    taken = [Taken(Period.lasting(at(sunday, 1), 2 * HOUR), "Night train")]
    column = picture(SPRING, BERLIN, [], taken, LONG_AGO).days[6]
    assert spans(column.taken) == [(1, 4)]
    early = Taken(Period.lasting(at(sunday, 0), HOUR / 2), "Party")
    free = spans(picture(SPRING, BERLIN, [], [early], LONG_AGO).days[6].free)
    assert (1.5, 2) in free
    assert (3, 3.5) in free
    assert not [span for span in free if 2 <= span[0] < 3]
