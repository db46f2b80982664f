"""The two days on one axis."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from bookings.domain.ruler import ruler

BERLIN, NEW_YORK, KOLKATA = (ZoneInfo(key) for key in ("Europe/Berlin", "America/New_York", "Asia/Kolkata"))
START = datetime(2026, 11, 12, 15, 30, tzinfo=UTC)
HALF_AN_HOUR = timedelta(minutes=30)
# As the design draws half past four in Berlin, half past ten in New York.
DRAWN = {
    ("night", "M0 19H420"),
    ("wake", "M420 16H540"),
    ("work", "M540 12.5H1020"),
    ("wake", "M1020 16H1320"),
    ("night", "M1320 19H1440"),
    ("wake", "M0 30H240"),
    ("night", "M240 27H360"),
    ("night", "M360 27H780"),
    ("wake", "M780 30H900"),
    ("work", "M900 33.5H1380"),
    ("wake", "M1380 30H1440"),
}


def test_the_bars_are_those_of_the_design() -> None:
    drawing = ruler(START, START + HALF_AN_HOUR, BERLIN, NEW_YORK)
    assert drawing is not None
    assert {(bar.habit, bar.path) for bar in drawing.bars} == DRAWN
    assert (drawing.at, drawing.length, drawing.both_work) == (990, 30, True)


def test_people_whose_clocks_agree_need_none() -> None:
    assert ruler(START, START + HALF_AN_HOUR, BERLIN, ZoneInfo("Europe/Paris")) is None


def test_zones_that_agree_only_for_some_weeks_are_compared_on_the_day() -> None:
    """Between the two changes of autumn New York is five hours behind Berlin, not six."""
    between = datetime(2030, 10, 29, 13, 0, tzinfo=UTC)
    drawing = ruler(between, between + HALF_AN_HOUR, BERLIN, NEW_YORK)
    assert drawing is not None
    assert ("work", "M840 33.5H1320") in {(bar.habit, bar.path) for bar in drawing.bars}


def test_half_an_hour_of_difference_is_drawn() -> None:
    drawing = ruler(START, START + HALF_AN_HOUR, BERLIN, KOLKATA)
    assert drawing is not None
    assert ("work", "M270 33.5H750") in {(bar.habit, bar.path) for bar in drawing.bars}
    assert not drawing.both_work


@given(
    start=st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)),
    minutes=st.integers(5, 480),
    zones=st.lists(
        st.sampled_from(
            ["UTC", "Pacific/Kiritimati", "Pacific/Marquesas", "Asia/Kathmandu", "Australia/Lord_Howe"]
        ),
        min_size=2,
        max_size=2,
    ),
)
def test_both_days_are_covered_once_and_nothing_sticks_out(
    start: datetime, minutes: int, zones: list[str]
) -> None:
    drawing = ruler(start, start + timedelta(minutes=minutes), ZoneInfo(zones[0]), ZoneInfo(zones[1]))
    if drawing is None:
        return
    for upper in (True, False):
        spans = []
        for bar in drawing.bars:
            since, y, until = bar.path.removeprefix("M").replace("H", " ").split()
            if (float(y) < 23) is upper:
                spans.append((int(since), int(until)))
        assert sorted(minute for since, until in spans for minute in range(since, until)) == list(range(1440))
    assert 0 <= drawing.at < 1440
    assert drawing.length >= 8
