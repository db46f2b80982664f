"""The month and the times of a day, in the booker's zone, on ordinary days and where clocks change."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookings.domain import month as months
from bookings.domain.month import Day

BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
LORD_HOWE, APIA, HAVANA = (
    ZoneInfo("Australia/Lord_Howe"),
    ZoneInfo("Pacific/Apia"),
    ZoneInfo("America/Havana"),
)
ZONES = st.sampled_from(
    [BERLIN, NEW_YORK, LORD_HOWE, APIA, HAVANA, ZoneInfo("Asia/Kathmandu"), ZoneInfo("UTC")]
)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_month_has_whole_weeks_from_monday() -> None:
    weeks = months.weeks_of(date(2026, 11, 1), {}, today=date(2026, 11, 10))
    assert [len(week) for week in weeks] == [7] * 6
    assert weeks[0] == [None] * 6 + [Day(date(2026, 11, 1), 0)]
    assert weeks[1][0] == Day(date(2026, 11, 2), 0)
    assert weeks[5] == [Day(date(2026, 11, 30), 0)] + [None] * 6


def test_a_february_of_four_weeks_has_four_rows() -> None:
    assert len(months.weeks_of(date(2027, 2, 1), {}, today=date(2027, 1, 1))) == 4


def test_days_know_what_they_are() -> None:
    free = {date(2026, 11, 12): [at("2026-11-12T10:00")] * 5}
    weeks = months.weeks_of(
        date(2026, 11, 1),
        free,
        today=date(2026, 11, 10),
        chosen=date(2026, 11, 12),
        booked=[date(2026, 11, 13)],
    )
    days = {day.date.day: day for week in weeks for day in week if day}
    assert days[10].is_today
    assert (days[12].count, days[12].plenty, days[12].is_chosen) == (5, "several times", True)
    assert days[13].is_booked
    assert (days[14].count, days[14].level) == (0, 0)


@pytest.mark.parametrize(("count", "level"), [(0, 0), (1, 1), (3, 1), (4, 2), (7, 2), (8, 3), (48, 3)])
def test_ticks(count: int, level: int) -> None:
    assert Day(date(2026, 11, 12), count).level == level


def test_the_month_before_and_after() -> None:
    assert months.next_month(date(2026, 12, 31)) == date(2027, 1, 1)
    assert months.next_month(date(2026, 1, 31)) == date(2026, 2, 1)
    assert months.previous_month(date(2027, 1, 5)) == date(2026, 12, 1)


@given(zone=ZONES, month=st.dates(date(2005, 1, 1), date(2040, 12, 1)), part=st.integers(0, 999))
def test_an_instant_lies_in_a_month_exactly_when_its_date_does(
    zone: ZoneInfo, month: date, part: int
) -> None:
    span = months.span_of(month, zone)
    instant = span.start + (span.end - span.start) * part / 1000
    assert months.first_of(instant.astimezone(zone).date()) == months.first_of(month)
    just_before = span.start - timedelta(microseconds=1)
    assert months.first_of(just_before.astimezone(zone).date()) == months.previous_month(month)
    assert months.first_of(span.end.astimezone(zone).date()) == months.next_month(month)


def test_months_with_a_clock_change_are_an_hour_shorter_or_longer() -> None:
    assert months.span_of(date(2030, 3, 1), BERLIN).duration == timedelta(days=31, hours=-1)
    assert months.span_of(date(2030, 10, 1), BERLIN).duration == timedelta(days=31, hours=1)


def test_starts_are_under_the_bookers_date() -> None:
    starts = [at("2030-01-08T03:00"), at("2030-01-08T12:00")]
    assert months.by_day(starts, NEW_YORK) == {date(2030, 1, 7): starts[:1], date(2030, 1, 8): starts[1:]}
    assert list(months.by_day(starts, BERLIN)) == [date(2030, 1, 8)]


def test_parts_of_a_day_come_in_order_and_only_when_they_have_a_start() -> None:
    starts = [at("2030-01-08T02:00"), at("2030-01-08T09:00"), at("2030-01-08T17:00")]
    parts = months.parts_of(starts, BERLIN)
    assert [(part.name, len(part.starts)) for part in parts] == [("Night", 1), ("Morning", 1), ("Evening", 1)]
    assert months.part_of_day(at("2030-01-08T11:00"), BERLIN) == "Afternoon"


def test_only_the_hour_that_comes_twice_is_told_apart() -> None:
    assert months.comes_twice(at("2030-10-27T00:30"), BERLIN)
    assert months.comes_twice(at("2030-10-27T01:30"), BERLIN)
    assert not months.comes_twice(at("2030-10-27T02:30"), BERLIN)
    assert not months.comes_twice(at("2030-03-31T01:00"), BERLIN)


def test_in_place_of_a_lost_time_come_the_nearest_and_the_same_hour_of_other_days() -> None:
    day = timedelta(days=1)
    lost = at("2030-01-08T15:30")
    times = [lost + timedelta(minutes=30 * step) for step in (-4, -2, -1, 1, 2, 5)]
    times += [lost + day * number for number in (-1, 1, 6)] + [lost + day + timedelta(hours=1)]
    assert months.around(lost, sorted(times), BERLIN, 6) == [
        lost + timedelta(minutes=30),
        lost - timedelta(minutes=30),
        lost + timedelta(minutes=60),
        lost + day,
        lost - day,
        lost + 6 * day,
    ]


def test_where_nothing_fits_the_closest_fill_up() -> None:
    lost = at("2030-01-08T15:30")
    other = [lost + timedelta(days=2, hours=number) for number in (1, 2, 3)]
    assert months.around(lost, other, BERLIN, 2) == other[:2]
    assert months.around(lost, [], BERLIN, 6) == []


@given(
    zone=ZONES,
    offsets=st.lists(st.integers(-12_000, 12_000).filter(bool), unique=True, max_size=30),
    count=st.integers(1, 8),
)
def test_what_is_offered_instead_is_offered_once_and_exists(
    zone: ZoneInfo, offsets: list[int], count: int
) -> None:
    lost = at("2030-03-30T23:30")
    starts = sorted(lost + timedelta(minutes=offset) for offset in offsets)
    chosen = months.around(lost, starts, zone, count)
    assert len(chosen) == len(set(chosen)) == min(count, len(starts))
    assert set(chosen) <= set(starts)


@pytest.mark.parametrize(
    ("start", "words"),
    [
        ("2030-01-08T16:00", "30 min later"),
        ("2030-01-08T14:30", "60 min earlier"),
        ("2030-01-09T15:30", "Next day"),
        ("2030-01-07T15:30", "Day before"),
        ("2030-01-14T15:30", "6 days later"),
        ("2030-01-03T15:30", "5 days before"),
    ],
)
def test_how_far_a_time_is(start: str, words: str) -> None:
    assert months.how_far(at(start), at("2030-01-08T15:30"), BERLIN) == words
