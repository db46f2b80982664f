"""Properties of the slot engine: against a second implementation, against zoneinfo, and against itself."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduling.domain.case import answer, read_case
from scheduling.domain.hours import Availability, Window
from scheduling.domain.slots import HostCalendar, Rules, Strategy, explain, open_slots, open_starts, verdict
from tests.scheduling.domain.oracle import offered_starts
from tests.scheduling.domain.random_cases import random_case
from workestra.calendars.domain.period import Period

MINUTE = timedelta(minutes=1)
CASES = 2_000
BATCH = 200

# Each with its days: clocks forward, clocks back (or none), and an ordinary one.
ORDINARY = "2026-06-10"
ZONE_DAYS: dict[str, tuple[str, ...]] = {
    "Africa/Cairo": ("2026-04-24", "2026-10-29"),
    "Africa/Casablanca": ("2026-03-22", "2026-02-15"),
    "Africa/Johannesburg": (),
    "Africa/Lagos": (),
    "Africa/Nairobi": (),
    "America/Anchorage": ("2026-03-08", "2026-11-01"),
    "America/Argentina/Buenos_Aires": ("2008-10-19", "2009-03-14"),
    "America/Asuncion": ("2023-10-01", "2024-03-23"),
    "America/Bogota": (),
    "America/Caracas": ("2016-05-01", "2007-12-09"),
    "America/Chicago": ("2026-03-08", "2026-11-01"),
    "America/Denver": ("2026-03-08", "2026-11-01"),
    "America/Havana": ("2026-03-08", "2026-11-01"),
    "America/Los_Angeles": ("2026-03-08", "2026-11-01"),
    "America/Mexico_City": ("2022-04-03", "2022-10-30"),
    "America/New_York": ("2026-03-08", "2026-11-01"),
    "America/Nuuk": ("2026-03-28", "2026-10-24"),
    "America/Phoenix": (),
    "America/Santiago": ("2026-09-06", "2026-04-04"),
    "America/Sao_Paulo": ("2018-11-04", "2018-02-17"),
    "America/St_Johns": ("2010-03-14", "2010-11-06", "2010-11-07", "2026-11-01"),
    "Asia/Amman": ("2022-02-25",),
    "Asia/Beirut": ("2026-03-29", "2026-10-24"),
    "Asia/Dubai": (),
    "Asia/Gaza": ("2040-10-20", "2040-10-27"),
    "Asia/Hong_Kong": (),
    "Asia/Jerusalem": ("2026-03-27", "2026-10-25"),
    "Asia/Kathmandu": (),
    "Asia/Kolkata": (),
    "Asia/Pyongyang": ("2015-08-14", "2018-05-04"),
    "Asia/Singapore": (),
    "Asia/Tehran": ("2022-03-22", "2022-09-21"),
    "Asia/Tokyo": (),
    "Atlantic/Azores": ("2026-03-29", "2026-10-25"),
    "Australia/Adelaide": ("2026-10-04", "2026-04-05"),
    "Australia/Eucla": (),
    "Australia/Lord_Howe": ("2026-10-04", "2026-04-05"),
    "Australia/Sydney": ("2026-10-04", "2026-04-05"),
    "Antarctica/Troll": ("2026-03-29", "2026-10-25"),
    "Europe/Berlin": ("2026-03-29", "2026-10-25"),
    "Europe/Dublin": ("2026-03-29", "2026-10-25"),
    "Europe/Istanbul": ("2016-03-27", "2015-11-08"),
    "Europe/London": ("2026-03-29", "2026-10-25"),
    "Europe/Moscow": ("2011-03-27", "2014-10-26"),
    "Pacific/Apia": ("2011-12-29", "2011-12-30", "2011-12-31", "2020-09-27", "2021-04-04"),
    "Pacific/Auckland": ("2026-09-27", "2026-04-05"),
    "Pacific/Chatham": ("2026-09-27", "2026-04-05"),
    "Pacific/Kiritimati": ("1994-12-30", "1994-12-31", "1995-01-01"),
    "UTC": (),
}
DAYS = [(zone, day) for zone, days in ZONE_DAYS.items() for day in (*days, ORDINARY)]
clock_minutes = st.integers(0, 95).map(lambda quarter: quarter * 15)


@pytest.mark.parametrize(
    "first",
    [pytest.param(first, marks=pytest.mark.thorough if first else ()) for first in range(0, CASES, BATCH)],
)
def test_the_engine_agrees_with_one_that_asks_minute_by_minute(first: int) -> None:
    for seed in range(first, first + BATCH):
        case = random_case(seed)
        assert answer(case) == {"starts": offered_starts(case)}, f"seed {seed}"


def test_the_random_cases_offer_and_refuse_starts_of_every_strategy() -> None:
    found: Counter[tuple[str, bool]] = Counter()
    for seed in range(CASES):
        case = read_case(random_case(seed))
        starts = open_starts(hosts=case.hosts, rules=case.rules, window=case.window, now=case.now)
        found[case.rules.strategy, bool(starts)] += 1
    assert all(found[strategy, offered] > CASES / 50 for strategy in Strategy for offered in (True, False)), (
        found
    )


def instants_of(wall: datetime, zone: ZoneInfo) -> set[datetime]:
    """The instants at which the clock shows a time: one, two in an hour that repeats, none in a skipped one."""
    instants = {wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)}
    return {instant for instant in instants if instant.astimezone(zone).replace(tzinfo=None) == wall}


def walls_of(day: date, opens: int, length: int) -> list[datetime]:
    midnight = datetime(day.year, day.month, day.day)
    return [midnight + (opens + number) * MINUTE for number in range(length)]


def offered_on(zone: str, day: date, window: Window, given_rules: Rules) -> list[datetime]:
    """What one window on one day offers."""
    midday = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    hours = Availability(zone, ((),) * 7, {day: (window,)})
    return open_starts(
        hosts=[HostCalendar("alice", hours)],
        rules=given_rules,
        window=Period(midday - timedelta(days=3), midday + timedelta(days=4)),
        now=midday - timedelta(days=9),
    )


@given(where=st.sampled_from(DAYS), opens=clock_minutes, closes=clock_minutes.map(lambda minute: minute + 15))
@settings(max_examples=150)
def test_the_offered_minutes_are_the_configured_ones(where: tuple[str, str], opens: int, closes: int) -> None:
    zone, day = where[0], date.fromisoformat(where[1])
    window = Window(opens, closes)
    minutes = walls_of(day, opens, (window.closes - window.opens) // MINUTE)
    expected = sorted(instant for wall in minutes for instant in instants_of(wall, ZoneInfo(zone)))
    every_minute = Rules(Strategy.INDIVIDUAL, duration=MINUTE, slot_interval=MINUTE)
    assert offered_on(zone, day, window, every_minute) == expected


@pytest.mark.parametrize("zone", ZONE_DAYS)
def test_every_zone_keeps_its_office_hours_on_the_days_on_which_clocks_change(zone: str) -> None:
    """No clock changes between 06:00 and 22:00, so that the wall clock shows every half hour once."""
    half_hours = Rules(Strategy.INDIVIDUAL, duration=30 * MINUTE, slot_interval=30 * MINUTE)
    for text in (*ZONE_DAYS[zone], ORDINARY):
        day = date.fromisoformat(text)
        walls = [wall for wall in walls_of(day, 6 * 60, 16 * 60)[::30] if instants_of(wall, ZoneInfo(zone))]
        starts = offered_on(zone, day, Window.parse("06:00", "22:00"), half_hours)
        assert [start.astimezone(ZoneInfo(zone)).replace(tzinfo=None) for start in starts] == walls
        skipped = (zone, text) in {("Pacific/Apia", "2011-12-30"), ("Pacific/Kiritimati", "1994-12-31")}
        assert len(walls) == (0 if skipped else 32)


def test_the_sample_has_forty_zones_and_all_its_change_days_are_some() -> None:
    assert len(ZONE_DAYS) >= 40
    for zone, day in DAYS:
        if day != ORDINARY:
            start = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone))
            offsets = {(start + timedelta(hours=hours)).utcoffset() for hours in range(-24, 50)}
            assert len(offsets) > 1, (zone, day)


@given(seed=st.integers(0, 100_000))
@settings(max_examples=150)
def test_no_slot_meets_busy_time(seed: int) -> None:
    case = read_case(random_case(seed))
    if case.rules.strategy is Strategy.GROUP:
        return
    slots = open_slots(hosts=case.hosts, rules=case.rules, window=case.window, now=case.now)
    for slot in slots:
        judged = verdict(hosts=case.hosts, rules=case.rules, start=slot.start, now=case.now)
        meeting = Period(slot.start, slot.end)
        widened = meeting.widened(case.rules.buffer_before, case.rules.buffer_after)
        for host in case.hosts:
            if host.host_id in judged.host_ids + judged.needed_host_ids:
                assert not any(
                    widened.overlaps(busy.period.widened(busy.buffer_before, busy.buffer_after))
                    for busy in host.busy
                    if not busy.period.is_empty
                )
                assert not any(meeting.overlaps(away) for away in host.out_of_office)


@given(seed=st.integers(0, 100_000), data=st.data())
@settings(max_examples=250)
def test_the_list_the_explanation_and_the_verdict_agree(seed: int, data: st.DataObject) -> None:
    case = read_case(random_case(seed))
    asked: dict[str, Any] = {"hosts": case.hosts, "rules": case.rules, "now": case.now}
    slots = open_slots(**asked, window=case.window)
    explanation = explain(**asked, window=case.window)
    assert list(explanation.slots) == slots
    starts = [slot.start for slot in slots]
    minutes = case.window.duration // MINUTE
    if not minutes:
        assert not slots
        assert not explanation.gaps
        return
    some = st.integers(0, minutes - 1).map(lambda minute: case.window.start + minute * MINUTE)
    candidates = st.sampled_from(starts) | some if starts else some
    for start in data.draw(st.lists(candidates, max_size=5)):
        judged = verdict(**asked, start=start)
        assert judged.offered == (start in starts)
        assert judged.offered or judged.reasons
        holding = [gap for gap in explanation.gaps if gap.period.includes(start)]
        assert len(holding) <= 1
        assert not (judged.offered and holding)
        assert all(gap.reasons for gap in holding)
        if not holding:
            assert any(slot <= start < slot + case.rules.slot_interval for slot in starts)
        if "not_on_grid" not in {reason.code for reason in judged.reasons} and holding:
            told = {(reason.host_id, reason.code) for gap in holding for reason in gap.reasons}
            assert told & {(reason.host_id, reason.code) for reason in judged.reasons}


@given(seed=st.integers(0, 100_000), cut=st.integers(0, 399))
@settings(max_examples=100)
def test_a_period_asked_in_two_pieces_offers_the_same_starts(seed: int, cut: int) -> None:
    case = read_case(random_case(seed))
    middle = min(case.window.start + cut * MINUTE, case.window.end)
    first, second = (
        open_starts(hosts=case.hosts, rules=case.rules, window=window, now=case.now)
        for window in (Period(case.window.start, middle), Period(middle, case.window.end))
    )
    assert first + second == open_starts(hosts=case.hosts, rules=case.rules, window=case.window, now=case.now)
