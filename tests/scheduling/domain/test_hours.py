from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from scheduling.domain.hours import Availability, BadAvailability, Window, open_periods
from scheduling.domain.wallclock import instants_of_dates, midnights, steady_spans
from workestra.calendars.domain.period import Period

CLOSED = ((),) * 7


def every_day(zone: str, *windows: tuple[str, str]) -> Availability:
    return Availability(zone, (tuple(Window.parse(*window) for window in windows),) * 7)


def opened(availability: Availability, first: str, last: str) -> list[str]:
    """The open periods of local dates, with the wall clock at both ends and their length in minutes."""
    zone = ZoneInfo(availability.timezone)
    start, end = (datetime.fromisoformat(day).replace(tzinfo=zone) for day in (first, last))
    return [
        f"{p.start.astimezone(zone):%d %H:%M}-{p.end.astimezone(zone):%H:%M} {p.duration // timedelta(minutes=1)}"
        for p in open_periods(availability, Period(start, end))
    ]


def test_a_window_is_read_from_clock_times_and_says_them() -> None:
    window = Window.parse("09:00", "17:30")
    assert (window.start, window.end, str(window)) == (540, 1050, "09:00–17:30")
    assert str(Window.parse("00:00", "24:00")) == "00:00–24:00"


def test_midnight_as_an_end_is_the_next_one() -> None:
    assert Window.parse("18:00", "00:00") == Window.parse("18:00", "24:00") == Window(1080, 1440)


def test_an_end_not_after_the_start_lies_on_the_next_day() -> None:
    assert Window.parse("22:00", "02:00").closes == timedelta(hours=26)
    assert Window.parse("09:00", "09:00").closes == timedelta(hours=33)


@pytest.mark.parametrize(
    ("start", "end", "side"),
    [
        ("24:00", "02:00", "start"),
        ("9:00", "17:00", "start"),
        ("09:00", "24:01", "end"),
        ("09:00", "", "end"),
    ],
)
def test_a_clock_time_that_is_none_is_refused_by_its_side(start: str, end: str, side: str) -> None:
    with pytest.raises(ValueError, match=f"^{side}: "):
        Window.parse(start, end)


@pytest.mark.parametrize(("start", "end"), [(-1, 10), (1440, 10), (0, 0), (0, 1441)])
def test_a_window_outside_the_day_is_refused(start: int, end: int) -> None:
    with pytest.raises(ValueError, match="must lie between"):
        Window(start, end)


def test_an_availability_needs_a_known_zone_and_seven_days() -> None:
    with pytest.raises(ValueError, match="timezone"):
        Availability("Europe/Atlantis", CLOSED)
    with pytest.raises(ValueError, match="weekly"):
        Availability("Europe/Berlin", ((),))


def test_hours_are_read_from_json() -> None:
    availability = Availability.from_json(
        "Asia/Kathmandu",
        [{"days": [0, 2], "start": "09:00", "end": "12:00"}, {"days": [0], "start": "13:00", "end": "24:00"}],
        [{"date": "2026-12-24", "windows": []}],
    )
    assert availability.windows_on(date(2026, 12, 21)) == (Window(540, 720), Window(780, 1440))
    assert availability.windows_on(date(2026, 12, 22)) == ()
    assert availability.windows_on(date(2026, 12, 23)) == (Window(540, 720),)
    assert availability.overrides == {date(2026, 12, 24): ()}


def test_every_wrong_field_of_json_is_named() -> None:
    with pytest.raises(BadAvailability) as caught:
        Availability.from_json(
            None,
            [{"days": [7], "start": "9", "end": "10:00"}, "x", {"days": [True], "end": 5, "from": 1}],
            [
                {"date": "2026-02-30", "windows": {}},
                {"date": "2026-12-24", "windows": [{"start": "10:00", "end": "10:60"}]},
                {"date": "2026-12-24", "windows": []},
            ],
        )
    assert [problem.field for problem in caught.value.problems] == [
        "timezone",
        "weekly_hours[0].days",
        "weekly_hours[0].start",
        "weekly_hours[1]",
        "weekly_hours[2].from",
        "weekly_hours[2].days",
        "weekly_hours[2].start",
        "weekly_hours[2].end",
        "date_overrides[0].windows",
        "date_overrides[0].date",
        "date_overrides[1].windows[0].end",
        "date_overrides[2].date",
    ]
    assert "weekly_hours[0].start: '9' is not a time like 09:00" in str(caught.value).splitlines()


def test_an_hour_that_the_clock_skips_is_not_open() -> None:
    berlin = every_day("Europe/Berlin", ("01:00", "04:00"))
    assert opened(berlin, "2026-03-29", "2026-03-30") == ["29 01:00-04:00 120"]
    assert opened(every_day("Europe/Berlin", ("02:00", "03:00")), "2026-03-29", "2026-03-30") == []


def test_an_hour_that_comes_twice_is_open_twice() -> None:
    assert opened(every_day("Europe/Berlin", ("01:00", "04:00")), "2026-10-25", "2026-10-26") == [
        "25 01:00-04:00 240"
    ]
    assert opened(every_day("Europe/Berlin", ("01:00", "02:30")), "2026-10-25", "2026-10-26") == [
        "25 01:00-02:30 90",
        "25 02:00-02:30 30",
    ]


def test_lord_howe_moves_its_clock_by_half_an_hour() -> None:
    howe = every_day("Australia/Lord_Howe", ("01:00", "03:00"))
    assert opened(howe, "2026-04-05", "2026-04-06") == ["05 01:00-03:00 150"]
    assert opened(howe, "2026-10-04", "2026-10-05") == ["04 01:00-03:00 90"]


def test_apia_had_no_thirtieth_of_december() -> None:
    apia = every_day("Pacific/Apia", ("09:00", "17:00"))
    assert opened(apia, "2011-12-29", "2012-01-01") == ["29 09:00-17:00 480", "31 09:00-17:00 480"]


def test_sao_paulo_skipped_and_repeated_its_midnight() -> None:
    late = every_day("America/Sao_Paulo", ("22:00", "02:00"))
    assert opened(late, "2018-02-17", "2018-02-19")[1:2] == ["17 22:00-02:00 300"]
    assert opened(late, "2018-11-03", "2018-11-05")[1:2] == ["03 22:00-02:00 180"]


def test_casablanca_goes_back_for_ramadan() -> None:
    assert opened(every_day("Africa/Casablanca", ("01:00", "04:00")), "2026-02-15", "2026-02-16") == [
        "15 01:00-04:00 240"
    ]
    assert opened(every_day("Africa/Casablanca", ("01:00", "04:00")), "2026-03-22", "2026-03-23") == [
        "22 01:00-04:00 120"
    ]


def test_touching_and_overlapping_windows_join_across_midnight_too() -> None:
    day = every_day("Europe/Berlin", ("09:00", "12:00"), ("12:00", "13:00"), ("12:30", "14:00"))
    assert opened(day, "2026-11-23", "2026-11-24") == ["23 09:00-14:00 300"]
    night = every_day("Europe/Berlin", ("20:00", "24:00"), ("00:00", "02:00"))
    assert opened(night, "2026-11-23", "2026-11-25")[1] == "23 20:00-02:00 360"


def test_a_window_past_midnight_belongs_to_the_day_on_which_it_starts() -> None:
    monday = Availability("UTC", ((Window.parse("22:00", "02:00"),), *CLOSED[1:]))
    assert opened(monday, "2026-11-23", "2026-11-26") == ["23 22:00-02:00 240"]
    tuesday_closed = Availability("UTC", monday.weekly, {date(2026, 11, 24): ()})
    assert opened(tuesday_closed, "2026-11-23", "2026-11-26") == ["23 22:00-02:00 240"]


def test_a_date_override_replaces_the_windows_that_start_on_its_date() -> None:
    availability = Availability(
        "UTC",
        every_day("UTC", ("09:00", "17:00")).weekly,
        {date(2026, 12, 24): (Window.parse("10:00", "12:00"),)},
    )
    assert opened(availability, "2026-12-24", "2026-12-25") == ["24 10:00-12:00 120"]


def test_open_periods_end_with_the_period_asked_about() -> None:
    within = Period(datetime(2026, 11, 23, 12, tzinfo=UTC), datetime(2026, 11, 23, 13, tzinfo=UTC))
    assert open_periods(every_day("UTC", ("09:00", "17:00")), within) == [within]
    assert open_periods(Availability("UTC", CLOSED), within) == []
    assert open_periods(every_day("UTC", ("09:00", "17:00")), Period(within.start, within.start)) == []


def test_steady_spans_meet_at_the_clock_changes_of_a_year() -> None:
    spans = steady_spans("Europe/Berlin", datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
    assert [span.start for span in spans[1:]] == [
        datetime(2026, 3, 29, 1, tzinfo=UTC),
        datetime(2026, 10, 25, 1, tzinfo=UTC),
    ]
    assert [before.end for before in spans[:-1]] == [after.start for after in spans[1:]]


def test_steady_spans_do_not_end_with_a_year() -> None:
    start, end = datetime(2026, 12, 1, tzinfo=UTC), datetime(2027, 2, 1, tzinfo=UTC)
    assert [span[:2] for span in steady_spans("Europe/Berlin", start, end)] == [(start, end)]


def test_a_date_that_comes_twice_is_in_two_pieces() -> None:
    # St. John's went back from 00:01 to 23:01 of the day before.
    spans = instants_of_dates(
        "America/St_Johns",
        date(2010, 11, 7),
        date(2010, 11, 8),
        datetime(2010, 11, 6, tzinfo=UTC),
        datetime(2010, 11, 9, tzinfo=UTC),
    )
    assert [(end - start) for start, end in spans] == [timedelta(minutes=1), timedelta(days=1)]


def test_a_day_without_midnight_begins_after_the_change() -> None:
    found = midnights(
        "America/Sao_Paulo", datetime(2018, 11, 3, 12, tzinfo=UTC), datetime(2018, 11, 5, 12, tzinfo=UTC)
    )
    assert found == [datetime(2018, 11, 4, 3, tzinfo=UTC), datetime(2018, 11, 5, 2, tzinfo=UTC)]


def test_a_clock_going_back_over_midnight_begins_no_day_by_that() -> None:
    found = midnights(
        "America/St_Johns", datetime(2010, 11, 6, 12, tzinfo=UTC), datetime(2010, 11, 7, 12, tzinfo=UTC)
    )
    # At 00:01, which is 02:31 UTC, it went back to 23:01.
    assert found == [datetime(2010, 11, 7, 2, 30, tzinfo=UTC), datetime(2010, 11, 7, 3, 30, tzinfo=UTC)]
