"""Words for times. 2026: clocks go forward on 29 March and back on 25 October in Berlin."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workestra.calendars.domain import clock_words as words
from workestra.calendars.domain.clock_words import Clock, DayForm

BERLIN = ZoneInfo("Europe/Berlin")
NEW_YORK = ZoneInfo("America/New_York")
KATHMANDU = ZoneInfo("Asia/Kathmandu")


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]


def test_a_day_has_three_lengths() -> None:
    day = date(2026, 11, 12)
    assert words.day(day) == "Thu 12 Nov"
    assert words.day(day, DayForm.LONG) == "Thursday 12 November"
    assert words.day(day, DayForm.FULL) == "Thursday 12 November 2026"
    assert words.month(day) == "November 2026"


def test_only_today_and_tomorrow_are_named() -> None:
    today = date(2026, 11, 10)
    assert words.near_day(today, today) == "Today, Tuesday 10 November"
    assert words.near_day(date(2026, 11, 11), today, DayForm.SHORT) == "Tomorrow, Wed 11 Nov"
    assert words.near_day(date(2026, 11, 9), today) == "Yesterday, Monday 9 November"
    assert words.near_day(date(2026, 11, 8), today) == "Sunday 8 November"
    assert words.near_day(date(2026, 11, 12), today) == "Thursday 12 November"


@pytest.mark.parametrize(
    ("hour", "minute", "h24", "h12"),
    [
        (0, 0, "00:00", "12:00 am"),
        (9, 5, "09:05", "9:05 am"),
        (12, 0, "12:00", "12:00 pm"),
        (16, 30, "16:30", "4:30 pm"),
        (23, 59, "23:59", "11:59 pm"),
    ],
)
def test_both_clocks_read_the_same_time(hour: int, minute: int, h24: str, h12: str) -> None:
    instant = utc(2026, 11, 12, hour, minute)
    assert words.clock(instant, ZoneInfo("UTC")) == h24
    assert words.clock(instant, ZoneInfo("UTC"), Clock.H12) == h12


def test_a_range_says_only_the_times() -> None:
    start = utc(2026, 11, 12, 15, 30)
    assert words.clock_range(start, start + timedelta(minutes=30), BERLIN) == "16:30 – 17:00"
    assert words.clock_range(start, start + timedelta(minutes=30), BERLIN, Clock.H12) == "4:30 pm – 5:00 pm"


def test_a_range_over_midnight_says_the_day_it_ends() -> None:
    start = utc(2026, 11, 12, 22, 30)
    assert words.clock_range(start, start + timedelta(hours=1), BERLIN) == "23:30 – Fri 13 Nov, 00:30"


def test_a_range_over_the_spring_change_names_both_sides() -> None:
    start = utc(2026, 3, 29, 0, 30)
    assert words.clock_range(start, start + timedelta(hours=1), BERLIN) == "01:30 CET – 03:30 CEST"


def test_a_range_over_the_autumn_change_names_both_sides() -> None:
    start = utc(2026, 10, 25, 0, 45)
    assert words.clock_range(start, start + timedelta(minutes=30), BERLIN) == "02:45 CEST – 02:15 CET"
    assert words.clock_range(start, start + timedelta(minutes=15), BERLIN) == "02:45 CEST – 02:00 CET"


def test_the_abbreviation_is_the_one_of_that_day() -> None:
    assert words.abbreviation(utc(2026, 10, 24, 12), BERLIN) == "CEST"
    assert words.abbreviation(utc(2026, 10, 25, 12), BERLIN) == "CET"
    assert words.abbreviation(utc(2026, 3, 8, 12), NEW_YORK) == "EDT"
    assert words.abbreviation(utc(2026, 3, 7, 12), NEW_YORK) == "EST"


def test_a_zone_without_letters_is_written_as_its_offset() -> None:
    instant = utc(2026, 11, 12, 12)
    assert words.abbreviation(instant, KATHMANDU) == "UTC+5:45"
    assert words.abbreviation(instant, ZoneInfo("America/Sao_Paulo")) == "UTC−3"
    assert words.abbreviation(instant, ZoneInfo("America/Marigot")) == "AST"
    assert words.abbreviation(instant, ZoneInfo("Pacific/Marquesas")) == "UTC−9:30"
    assert words.abbreviation(instant, ZoneInfo("Etc/GMT-14")) == "UTC+14"


@pytest.mark.parametrize(
    ("key", "city", "row", "public"),
    [
        ("Europe/Berlin", "Berlin", "CET, Berlin", "Berlin time (CET)"),
        ("America/New_York", "New York", "EST, New York", "New York time (EST)"),
        ("Asia/Kathmandu", "Kathmandu", "UTC+5:45, Kathmandu", "Kathmandu time (UTC+5:45)"),
        (
            "America/Argentina/Buenos_Aires",
            "Buenos Aires",
            "UTC−3, Buenos Aires",
            "Buenos Aires time (UTC−3)",
        ),
        ("UTC", "", "UTC", "UTC"),
        ("Etc/UTC", "", "UTC", "UTC"),
        ("Etc/GMT+5", "", "UTC−5", "UTC−5"),
        ("EST5EDT", "", "EST", "EST"),
        ("Japan", "Japan", "JST, Japan", "Japan time (JST)"),
    ],
)
def test_a_zone_is_named_after_its_city(key: str, city: str, row: str, public: str) -> None:
    zone, instant = ZoneInfo(key), utc(2026, 11, 12, 12)
    assert words.city(zone) == city
    assert words.zone_in_row(instant, zone) == row
    assert words.zone_in_public(instant, zone) == public


@pytest.mark.parametrize(
    ("minutes", "said"),
    [
        (0, "none"),
        (1, "1 minute"),
        (30, "30 minutes"),
        (60, "1 hour"),
        (90, "1 hour 30 minutes"),
        (121, "2 hours 1 minute"),
    ],
)
def test_a_length_is_counted_in_hours_and_minutes(minutes: int, said: str) -> None:
    assert words.length(timedelta(minutes=minutes)) == said


@pytest.mark.parametrize("wrong", [timedelta(minutes=-1), timedelta(seconds=90)])
def test_a_length_that_is_no_whole_minutes_is_refused(wrong: timedelta) -> None:
    with pytest.raises(ValueError, match="whole number of minutes"):
        words.length(wrong)


def test_the_attribute_keeps_the_offset_on_both_sides_of_a_change() -> None:
    assert words.stamp(utc(2026, 10, 25, 0, 30), BERLIN) == "2026-10-25T02:30+02:00"
    assert words.stamp(utc(2026, 10, 25, 1, 30), BERLIN) == "2026-10-25T02:30+01:00"


@given(st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC)))
def test_the_attribute_is_always_the_same_instant(instant: datetime) -> None:
    instant = instant.replace(second=0, microsecond=0)
    for zone in (BERLIN, NEW_YORK, KATHMANDU):
        assert datetime.fromisoformat(words.stamp(instant, zone)) == instant


def test_a_day_of_another_year_has_its_year_beside_it() -> None:
    today = date(2026, 11, 22)
    assert words.day_of_year(date(2026, 12, 31), today) == "Thu 31 Dec"
    assert words.day_of_year(date(2027, 1, 1), today) == "Fri 1 Jan 2027"
