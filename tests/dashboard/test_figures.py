"""What the charts and the lane are worked out to show."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from workestra.calendars.domain.period import Period
from workestra.dashboard.domain.figures import Showing, turns, weeks
from workestra.dashboard.domain.lane import (
    QUARTERS,
    Place,
    Taken,
    fits_office,
    hours,
    meets,
    place_of,
    shown_of,
    taken_of,
)

BERLIN = ZoneInfo("Europe/Berlin")
TUESDAY = date(2030, 1, 8)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


def test_ten_weeks_end_with_the_next_one_and_the_fullest_is_highest() -> None:
    found = weeks({date(2030, 1, 7): 3, date(2029, 11, 12): 4, date(2029, 11, 5): 9}, TUESDAY)
    assert [found[0].monday, found[-1].monday] == [date(2029, 11, 12), date(2030, 1, 14)]
    assert [(week.meetings, week.height) for week in found if week.meetings] == [(4, 100), (3, 75)]
    assert [week.is_current for week in found].index(True) == 8
    assert sum(week.is_over for week in found) == 8
    assert {week.height for week in weeks({}, TUESDAY)} == {0}


counts = st.integers(0, 10_000)


@given(counts, counts, counts)
def test_shares_are_a_whole_and_nothing_is_shown_that_is_not_there(came: int, away: int, rest: int) -> None:
    showing = Showing(came, away, rest)
    assert sum(showing.shares) == (1000 if showing.total else 0)
    assert all(share >= 0 for share in showing.shares)
    assert rest or not showing.shares[2]
    assert (showing.rate is None) is (came + away == 0)


def test_unmarked_meetings_do_not_count_for_the_rate() -> None:
    assert Showing(3, 1, 96).rate == 75


def test_turns_stand_on_one_scale_by_name() -> None:
    emi, alice = turns([("emi", 1, 3.0), ("Alice", 4, 2.0)])[::-1]
    assert (alice.name, alice.length, alice.mark) == ("Alice", 980, 490)
    assert (emi.length, emi.mark) == (245, 735)
    assert turns([]) == []


def test_a_meeting_lies_where_the_wall_clock_says() -> None:
    assert place_of(at("2030-01-08T09:10"), at("2030-01-08T09:40"), TUESDAY, BERLIN) == Place(36, 3)
    assert place_of(at("2030-01-08T09:00"), at("2030-01-08T09:05"), TUESDAY, BERLIN) == Place(36, 1)
    assert place_of(at("2030-01-07T23:30"), at("2030-01-08T00:30"), TUESDAY, BERLIN) == Place(0, 2)
    assert place_of(at("2030-01-08T23:30"), at("2030-01-09T00:30"), TUESDAY, BERLIN) == Place(94, 2)
    assert place_of(at("2030-01-07T23:00"), at("2030-01-08T00:00"), TUESDAY, BERLIN) is None


@given(st.integers(-3000, 3000), st.integers(1, 3000), st.sampled_from([(2030, 3, 31), (2030, 10, 27)]))
def test_whatever_overlaps_a_day_lies_within_it(start: int, length: int, day: tuple[int, int, int]) -> None:
    noon = datetime(*day, 12, tzinfo=UTC)
    first = noon + timedelta(minutes=start)
    place = place_of(first, first + timedelta(minutes=length), date(*day), BERLIN)
    if place is not None:
        assert place.at >= 0
        assert place.length >= 1
        assert place.at + place.length <= QUARTERS


def test_a_day_with_something_early_or_late_is_shown_whole() -> None:
    assert fits_office([Place(32, 4), Place(68, 4)])
    assert not fits_office([Place(70, 4)])
    assert (next(iter(hours(True))), len(hours(False))) == (8, 24)


def test_events_that_overlap_or_touch_are_taken_once_and_name_all_their_calendars() -> None:
    nine = datetime(2030, 1, 8, 9, tzinfo=UTC)
    hour = timedelta(hours=1)
    events = [
        (Period.lasting(nine + hour, hour), "Home"),
        (Period.lasting(nine, hour), "Work"),
        (Period.lasting(nine + hour / 2, hour), "Work"),
        (Period.lasting(nine + 5 * hour, hour), "Home"),
    ]
    assert taken_of(events) == [
        Taken(Period.lasting(nine, 2 * hour), ("Home", "Work")),
        Taken(Period.lasting(nine + 5 * hour, hour), ("Home",)),
    ]
    assert taken_of([]) == []


def test_of_what_lies_beyond_office_hours_a_part_or_nothing_is_shown() -> None:
    assert shown_of(Place(28, 8), within_office=True) == Place(32, 4)
    assert shown_of(Place(70, 20), within_office=True) == Place(70, 2)
    assert shown_of(Place(76, 4), within_office=True) is None
    assert shown_of(Place(76, 4), within_office=False) == Place(76, 4)
    assert meets(Place(40, 4), [Place(43, 1)])
    assert not meets(Place(40, 4), [Place(44, 1), Place(36, 4)])
