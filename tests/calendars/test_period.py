from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from workestra.calendars.domain.period import Period

HOUR = timedelta(hours=1)
NINE = datetime(2026, 3, 29, 9, tzinfo=UTC)


def hours(start: int, end: int) -> Period:
    return Period(NINE + start * HOUR, NINE + end * HOUR)


def test_a_naive_instant_is_refused() -> None:
    with pytest.raises(ValueError, match=r"start: .* has no time zone"):
        Period(datetime(2026, 3, 29, 9), NINE)
    with pytest.raises(ValueError, match=r"end: .* has no time zone"):
        Period(NINE, datetime(2026, 3, 29, 9))


def test_an_end_before_the_start_is_refused() -> None:
    with pytest.raises(ValueError, match=r"end: .* is before the start"):
        hours(1, 0)


def test_instants_of_another_zone_are_brought_to_utc() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    period = Period(datetime(2026, 3, 29, 1, tzinfo=berlin), datetime(2026, 3, 29, 4, tzinfo=berlin))
    assert period == Period(datetime(2026, 3, 29, 0, tzinfo=UTC), datetime(2026, 3, 29, 2, tzinfo=UTC))
    assert period.start.tzinfo is UTC


def test_a_length_is_elapsed_time_when_clocks_change() -> None:
    start = datetime(2026, 3, 29, 1, 30, tzinfo=ZoneInfo("Europe/Berlin"))
    period = Period.lasting(start, HOUR)
    assert period.duration == HOUR
    assert period.end.astimezone(ZoneInfo("Europe/Berlin")).hour == 3


def test_touching_periods_do_not_overlap() -> None:
    assert not hours(0, 1).overlaps(hours(1, 2))
    assert hours(0, 2).overlaps(hours(1, 3))
    assert hours(0, 3).overlaps(hours(1, 2))


def test_an_empty_period_overlaps_nothing() -> None:
    assert hours(1, 1).is_empty
    assert not hours(1, 1).overlaps(hours(0, 2))
    assert not hours(0, 2).overlaps(hours(1, 1))


def test_a_period_contains_what_lies_wholly_in_it() -> None:
    assert hours(0, 2).contains(hours(0, 2))
    assert hours(0, 2).contains(hours(1, 2))
    assert not hours(0, 2).contains(hours(1, 3))


def test_a_period_includes_its_start_and_not_its_end() -> None:
    assert hours(0, 1).includes(NINE)
    assert not hours(0, 1).includes(NINE + HOUR)


def test_widening_adds_a_buffer_on_either_side() -> None:
    assert hours(1, 2).widened(HOUR, 2 * HOUR) == hours(0, 4)


def test_clipping_leaves_the_common_part_or_none() -> None:
    assert hours(0, 2).clipped(hours(1, 3)) == hours(1, 2)
    assert hours(0, 1).clipped(hours(1, 2)) is None


def test_periods_sort_by_start_then_end() -> None:
    assert sorted([hours(1, 2), hours(0, 3), hours(0, 2)]) == [hours(0, 2), hours(0, 3), hours(1, 2)]
