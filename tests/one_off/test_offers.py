"""Typed wall times, on ordinary days and on those on which the clocks change."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduling.domain.wallclock import SkippedTime, instant_of

BERLIN = ZoneInfo("Europe/Berlin")
NEW_YORK = ZoneInfo("America/New_York")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")


@pytest.mark.parametrize(
    ("wall", "zone", "instant"),
    [
        (datetime(2030, 1, 7, 10, 0), BERLIN, datetime(2030, 1, 7, 9, 0, tzinfo=UTC)),
        (datetime(2030, 7, 7, 10, 0), BERLIN, datetime(2030, 7, 7, 8, 0, tzinfo=UTC)),
        (datetime(2030, 1, 7, 10, 0), ZoneInfo("Asia/Kathmandu"), datetime(2030, 1, 7, 4, 15, tzinfo=UTC)),
        (datetime(2030, 3, 31, 1, 59), BERLIN, datetime(2030, 3, 31, 0, 59, tzinfo=UTC)),
        (datetime(2030, 3, 31, 3, 0), BERLIN, datetime(2030, 3, 31, 1, 0, tzinfo=UTC)),
        (datetime(2030, 10, 27, 3, 0), BERLIN, datetime(2030, 10, 27, 2, 0, tzinfo=UTC)),
    ],
)
def test_a_wall_time_is_read_in_its_zone(wall: datetime, zone: ZoneInfo, instant: datetime) -> None:
    assert instant_of(wall, zone) == instant
    assert instant_of(wall, zone).tzinfo is UTC


@pytest.mark.parametrize(
    ("wall", "zone"),
    [
        (datetime(2030, 3, 31, 2, 0), BERLIN),
        (datetime(2030, 3, 31, 2, 59), BERLIN),
        (datetime(2030, 3, 10, 2, 30), NEW_YORK),
        (datetime(2030, 10, 6, 2, 15), LORD_HOWE),
    ],
)
def test_a_time_that_the_clocks_skip_is_refused(wall: datetime, zone: ZoneInfo) -> None:
    with pytest.raises(SkippedTime):
        instant_of(wall, zone)


@pytest.mark.parametrize(
    ("wall", "zone", "instant"),
    [
        (datetime(2030, 10, 27, 2, 30), BERLIN, datetime(2030, 10, 27, 0, 30, tzinfo=UTC)),
        (datetime(2030, 11, 3, 1, 30), NEW_YORK, datetime(2030, 11, 3, 5, 30, tzinfo=UTC)),
        (datetime(2030, 4, 7, 1, 45), LORD_HOWE, datetime(2030, 4, 6, 14, 45, tzinfo=UTC)),
    ],
)
def test_of_a_time_that_comes_twice_the_first_is_meant(
    wall: datetime, zone: ZoneInfo, instant: datetime
) -> None:
    assert instant_of(wall, zone) == instant


@given(
    st.datetimes(datetime(2025, 1, 1), datetime(2040, 1, 1)),
    st.sampled_from([BERLIN, NEW_YORK, LORD_HOWE, ZoneInfo("Africa/Casablanca"), ZoneInfo("UTC")]),
)
def test_what_is_not_refused_shows_the_typed_time_and_is_the_first_that_does(
    wall: datetime, zone: ZoneInfo
) -> None:
    try:
        instant = instant_of(wall, zone)
    except SkippedTime:
        return
    assert instant.astimezone(zone).replace(tzinfo=None, fold=0) == wall
    for earlier in (timedelta(minutes=30), timedelta(hours=1)):
        assert (instant - earlier).astimezone(zone).replace(tzinfo=None, fold=0) != wall
