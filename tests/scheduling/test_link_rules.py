"""Which settings are refused because they could never offer a time, held against the slot engine itself."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduling.domain.hours import Availability
from scheduling.domain.link_rules import contradictions
from scheduling.domain.slots import HostCalendar, RollingWindow, Rules, Strategy, open_slots
from scheduling.domain.typed_hours import clock_text
from workestra.calendars.domain.period import Period

OFFICE_HOURS = [{"days": [0, 1, 2, 3, 4], "start": "09:00", "end": "17:00"}]
JANUARY = datetime(2030, 1, 7, 8, tzinfo=UTC)


def settings_with(**values: Any) -> dict[str, Any]:
    return {
        "duration_minutes": 30,
        "minimum_notice_hours": 0,
        "booking_window_days": 30,
        "weekly_hours": OFFICE_HOURS,
        "date_overrides": [],
    } | values


def offers_anything(values: dict[str, Any], now: datetime) -> bool:
    """Whether a host with nothing in his calendar can be booked at all."""
    host = HostCalendar("a", Availability.from_json("UTC", values["weekly_hours"], values["date_overrides"]))
    rules = Rules(
        strategy=Strategy.INDIVIDUAL,
        duration=timedelta(minutes=values["duration_minutes"]),
        slot_interval=timedelta(minutes=30),
        minimum_notice=timedelta(hours=values["minimum_notice_hours"]),
        booking_window=RollingWindow(values["booking_window_days"]),
    )
    ahead = Period(now, now + timedelta(days=values["booking_window_days"] + 3))
    return bool(open_slots(hosts=[host], rules=rules, window=ahead, now=now))


nows = st.integers(0, 14 * 24 * 60).map(lambda minutes: JANUARY + timedelta(minutes=minutes))
windows = st.tuples(st.integers(0, 1439), st.integers(1, 1440)).filter(lambda both: both[0] != both[1])
weeks = st.lists(
    st.builds(
        lambda days, window: {
            "days": sorted(days),
            "start": clock_text(window[0]),
            "end": clock_text(window[1]),
        },
        st.sets(st.integers(0, 6), min_size=1),
        windows,
    ),
    max_size=3,
)
settings = st.builds(
    settings_with,
    duration_minutes=st.integers(5, 480),
    minimum_notice_hours=st.integers(0, 120),
    booking_window_days=st.integers(1, 4),
    weekly_hours=weeks,
)


@given(values=settings, now=nows)
def test_what_is_refused_offers_nothing_whenever_one_looks(values: dict[str, Any], now: datetime) -> None:
    if contradictions(values):
        assert not offers_anything(values, now)


@given(week=weeks, duration=st.integers(5, 480), now=nows)
def test_what_is_accepted_offers_something_within_two_weeks(
    week: list[dict[str, Any]], duration: int, now: datetime
) -> None:
    values = settings_with(weekly_hours=week, duration_minutes=duration, booking_window_days=14)
    assert bool(contradictions(values)) != offers_anything(values, now)


@pytest.mark.parametrize(
    ("values", "fields"),
    [
        (
            {"minimum_notice_hours": 120, "booking_window_days": 2},
            ("minimum_notice_hours", "booking_window_days"),
        ),
        (
            {"minimum_notice_hours": 72, "booking_window_days": 2},
            ("minimum_notice_hours", "booking_window_days"),
        ),
        ({"weekly_hours": []}, ("weekly_hours", "date_overrides")),
        (
            {"weekly_hours": [], "date_overrides": [{"date": "2030-12-24", "windows": []}]},
            ("weekly_hours", "date_overrides"),
        ),
        (
            {"duration_minutes": 60, "weekly_hours": [{"days": [0], "start": "09:00", "end": "09:55"}]},
            ("duration_minutes", "weekly_hours", "date_overrides"),
        ),
    ],
)
def test_a_refusal_names_the_fields_and_the_reason(values: dict[str, Any], fields: tuple[str, ...]) -> None:
    [found] = contradictions(settings_with(**values))
    assert found.fields == fields
    assert found.reason


@pytest.mark.parametrize(
    "values",
    [
        # The window is today and two whole days after it: at nine in the morning there is still a little of it left.
        {"minimum_notice_hours": 48, "booking_window_days": 2},
        {
            "weekly_hours": [],
            "date_overrides": [{"date": "2030-12-24", "windows": [{"start": "09:00", "end": "10:00"}]}],
        },
        # Two evenings that meet at midnight are one stretch.
        {
            "duration_minutes": 120,
            "weekly_hours": [
                {"days": [6], "start": "23:00", "end": "24:00"},
                {"days": [0], "start": "00:00", "end": "01:00"},
            ],
        },
        {"duration_minutes": 480, "weekly_hours": [{"days": [0], "start": "00:00", "end": "24:00"}]},
        {
            "duration_minutes": 300,
            "weekly_hours": [{"days": [0], "start": "09:00", "end": "10:00"}],
            "date_overrides": [{"date": "2030-12-24", "windows": [{"start": "09:00", "end": "14:00"}]}],
        },
    ],
)
def test_what_can_offer_a_time_on_some_day_is_accepted(values: dict[str, Any]) -> None:
    assert contradictions(settings_with(**values)) == []
