"""Every slot rule by an example. All instants are written in UTC; Monday is 23 November 2026."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from scheduling.domain.hours import Availability, Window
from scheduling.domain.slots import (
    Busy,
    BusyKind,
    DateRange,
    Explanation,
    HostCalendar,
    ReasonCode,
    RollingWindow,
    Rules,
    Slot,
    Strategy,
    Verdict,
    explain,
    nearest,
    open_slots,
    open_starts,
    verdict,
)
from workestra.calendars.domain.period import Period

NOW = datetime(2026, 11, 20, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HALF_HOUR = 30 * MINUTE
DAY = timedelta(days=1)


def at(text: str) -> datetime:
    """ "09:00" on Monday, or "24 09:00" on another day of November 2026."""
    day, _, clock = text.rpartition(" ")
    hour, minute = clock.split(":")
    return datetime(2026, 11, int(day or 23), int(hour), int(minute), tzinfo=UTC)


def during(start: str, end: str) -> Period:
    return Period(at(start), at(end))


def open_daily(*windows: tuple[str, str], zone: str = "UTC") -> Availability:
    return Availability(zone, (tuple(Window.parse(*window) for window in windows),) * 7)


def host(
    *busy: Busy,
    host_id: str = "alice",
    hours: Availability | None = None,
    **more: Any,
) -> HostCalendar:
    return HostCalendar(host_id, hours or open_daily(("09:00", "11:00")), busy, **more)


def rules(strategy: Strategy = Strategy.INDIVIDUAL, **changes: Any) -> Rules:
    return Rules(strategy, **{"duration": HALF_HOUR, "slot_interval": HALF_HOUR} | changes)


MONDAY = during("00:00", "24 00:00")


def starts(
    hosts: HostCalendar | Sequence[HostCalendar],
    given: Rules | None = None,
    window: Period = MONDAY,
    now: datetime = NOW,
) -> list[str]:
    """The clock times of the starts, UTC, with the day when it is not Monday."""
    hosts = [hosts] if isinstance(hosts, HostCalendar) else hosts
    found = open_starts(hosts=hosts, rules=given or rules(), window=window, now=now)
    return [
        f"{start:%H:%M}" if start.date() == date(2026, 11, 23) else f"{start:%d %H:%M}" for start in found
    ]


def judge(
    hosts: HostCalendar | Sequence[HostCalendar], start: str, given: Rules | None = None, now: datetime = NOW
) -> Verdict:
    hosts = [hosts] if isinstance(hosts, HostCalendar) else hosts
    return verdict(hosts=hosts, rules=given or rules(), start=at(start), now=now)


def details(judged: Verdict) -> list[tuple[str, str, str]]:
    return [(reason.host_id, reason.code.value, reason.detail) for reason in judged.reasons]


def explained(hosts: HostCalendar, given: Rules | None = None, now: datetime = NOW) -> Explanation:
    return explain(hosts=[hosts], rules=given or rules(), window=MONDAY, now=now)


# --- Hours and the grid ------------------------------------------------------------------------------------------


def test_starts_lie_on_a_grid_from_the_beginning_of_the_hours() -> None:
    assert starts(host(hours=open_daily(("09:10", "11:00")))) == ["09:10", "09:40", "10:10"]


def test_a_slot_ends_after_the_duration() -> None:
    found = open_slots(hosts=[host()], rules=rules(duration=45 * MINUTE), window=MONDAY, now=NOW)
    assert found[0] == Slot(at("09:00"), at("09:45"))


def test_the_whole_meeting_lies_in_open_hours() -> None:
    assert starts(host(), rules(duration=60 * MINUTE)) == ["09:00", "09:30", "10:00"]
    assert starts(host(), rules(duration=150 * MINUTE)) == []


def test_the_grid_is_kept_through_busy_time() -> None:
    assert starts(host(Busy(during("09:10", "09:40")))) == ["10:00", "10:30"]


def test_every_joined_window_has_a_grid_of_its_own() -> None:
    hours = open_daily(("09:00", "10:00"), ("10:00", "10:20"), ("13:10", "14:10"))
    assert starts(host(hours=hours)) == ["09:00", "09:30", "13:10", "13:40"]


def test_a_meeting_may_cross_the_join_of_two_windows_at_midnight() -> None:
    hours = open_daily(("22:30", "24:00"), ("00:00", "00:30"))
    assert starts(host(hours=hours), rules(duration=60 * MINUTE, slot_interval=60 * MINUTE)) == [
        "22:30",
        "23:30",
    ]


def test_the_grid_of_a_window_begun_before_the_asked_period_stays_its_own() -> None:
    hours = open_daily(("22:10", "02:00"))
    assert starts(host(hours=hours), window=during("00:00", "02:00")) == ["00:10", "00:40", "01:10"]


def test_hours_around_the_clock_count_their_grid_from_local_midnight() -> None:
    hours = open_daily(("00:00", "24:00"), zone="Asia/Kathmandu")
    assert starts(host(hours=hours), rules(slot_interval=7 * 60 * MINUTE)) == [
        "01:15",
        "08:15",
        "15:15",
        "18:15",
    ]


def test_hours_around_the_clock_count_from_their_beginning_for_a_week() -> None:
    hours = replace(
        open_daily(("00:00", "24:00")), overrides={date(2026, 11, 15): (Window.parse("10:10", "24:00"),)}
    )
    anyone, given = host(hours=hours), rules(slot_interval=60 * MINUTE)
    assert starts(anyone, given, during("22 22:00", "23 02:00")) == ["22 22:10", "22 23:10", "00:00", "01:00"]


def test_the_same_starts_are_offered_however_the_period_is_asked() -> None:
    hours = replace(
        open_daily(("00:00", "24:00")), overrides={date(2026, 11, 12): (Window.parse("10:10", "24:00"),)}
    )
    anyone, given = host(hours=hours), rules(slot_interval=50 * MINUTE)
    whole = starts(anyone, given, during("10 00:00", "28 00:00"))
    days = [
        starts(anyone, given, Period(at("10 00:00") + n * DAY, at("11 00:00") + n * DAY)) for n in range(18)
    ]
    assert whole == [start for day in days for start in day]


def test_a_date_override_replaces_the_hours_of_its_day() -> None:
    closed = replace(open_daily(("09:00", "11:00")), overrides={date(2026, 11, 23): ()})
    assert starts(host(hours=closed)) == []
    later = replace(closed, overrides={date(2026, 11, 23): (Window.parse("15:00", "16:00"),)})
    assert starts(host(hours=later)) == ["15:00", "15:30"]


def test_only_starts_inside_the_asked_period_are_listed() -> None:
    assert starts(host(), window=during("09:30", "10:30")) == ["09:30", "10:00"]
    assert starts(host(), window=during("09:30", "09:30")) == []


def test_without_a_host_nothing_is_offered() -> None:
    assert starts([]) == []
    assert not judge([], "09:00").offered


# --- Busy time and buffers ---------------------------------------------------------------------------------------


def test_a_meeting_may_touch_busy_time() -> None:
    assert starts(host(Busy(during("09:30", "10:00")))) == ["09:00", "10:00", "10:30"]


def test_busy_time_of_no_length_blocks_nothing() -> None:
    nothing = Busy(during("09:45", "09:45"), buffer_before=HALF_HOUR, buffer_after=HALF_HOUR)
    assert len(starts(host(nothing))) == 4


def test_buffers_add_up() -> None:
    booked = Busy(during("09:40", "09:50"), buffer_before=5 * MINUTE, buffer_after=5 * MINUTE)
    on_five = rules(slot_interval=5 * MINUTE, duration=10 * MINUTE)
    widened = replace(on_five, buffer_before=10 * MINUTE, buffer_after=15 * MINUTE)
    assert [start for start in starts(host(booked), on_five) if "09:20" <= start <= "10:10"] == [
        "09:20", "09:25", "09:55", "10:00", "10:05", "10:10",
    ]  # fmt: skip
    assert [start for start in starts(host(booked), widened) if "09:00" <= start <= "10:10"] == [
        "09:00", "09:05", "09:10", "10:05", "10:10",
    ]  # fmt: skip


def test_buffers_do_not_count_against_the_edges_of_the_hours() -> None:
    assert len(starts(host(), rules(buffer_before=60 * MINUTE, buffer_after=60 * MINUTE))) == 4


def test_busy_time_before_the_hours_reaches_in_with_the_buffer() -> None:
    assert starts(host(Busy(during("08:00", "08:55"))), rules(buffer_before=10 * MINUTE)) == [
        "09:30",
        "10:00",
        "10:30",
    ]


def test_busy_time_longer_than_a_meeting_blocks_what_lies_inside_it() -> None:
    assert starts(host(Busy(during("08:00", "10:45")), Busy(during("09:00", "09:30")))) == []


def test_a_second_of_busy_time_is_enough() -> None:
    second = Period(at("09:29") + timedelta(seconds=59), at("09:30") + timedelta(microseconds=1))
    assert starts(host(Busy(second))) == ["10:00", "10:30"]


def test_nobody_meets_while_out_of_office() -> None:
    assert starts(host(out_of_office=(during("09:00", "10:00"),))) == ["10:00", "10:30"]


# --- Notice and booking window -----------------------------------------------------------------------------------


def test_a_start_may_lie_exactly_at_the_end_of_the_notice() -> None:
    assert starts(host(), rules(minimum_notice=60 * MINUTE), now=at("08:30")) == ["09:30", "10:00", "10:30"]
    assert starts(host(), rules(minimum_notice=60 * MINUTE), now=at("08:31")) == ["10:00", "10:30"]


def test_the_past_is_not_offered() -> None:
    assert starts(host(), now=at("10:10")) == ["10:30"]


def test_a_rolling_window_includes_today_and_its_last_day() -> None:
    given = rules(booking_window=RollingWindow(1), duration=120 * MINUTE)
    assert starts(host(), given, during("22 00:00", "27 00:00"), now=at("12:00")) == ["24 09:00"]
    assert starts(host(), given, during("22 00:00", "27 00:00"), now=at("01:00")) == ["09:00", "24 09:00"]


def test_the_days_of_the_booking_window_are_the_hosts() -> None:
    given = rules(booking_window=RollingWindow(0))
    auckland = host(hours=open_daily(("00:00", "24:00"), zone="Pacific/Auckland"))
    # In Auckland Tuesday begins on Monday at 11:00 UTC.
    assert starts(auckland, given, during("22 00:00", "25 00:00"), now=at("10:00")) == ["10:00", "10:30"]
    assert starts(auckland, given, during("22 00:00", "25 00:00"), now=at("11:00"))[-1] == "24 10:30"


def test_a_date_range_includes_both_of_its_dates() -> None:
    given = rules(booking_window=DateRange(date(2026, 11, 24), date(2026, 11, 25)), duration=120 * MINUTE)
    assert starts(host(), given, during("20 00:00", "30 00:00")) == ["24 09:00", "25 09:00"]


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_a_date_range_may_be_open_ended(zone: str) -> None:
    hours = open_daily(("00:00", "24:00"), zone=zone)
    assert len(starts(host(hours=hours), rules(booking_window=DateRange(date.min, date.max)))) == 48
    assert len(starts(host(hours=hours), rules(booking_window=RollingWindow(10_000_000)))) == 48


def test_now_may_be_told_in_any_zone_but_not_in_none() -> None:
    # Notice is elapsed time: from 01:30 in Berlin before the change an hour leads to 03:30.
    hours = open_daily(("00:00", "06:00"), zone="Europe/Berlin")
    now = datetime(2026, 3, 29, 1, 30, tzinfo=ZoneInfo("Europe/Berlin"))
    night = Period(now - 2 * 60 * MINUTE, now + 3 * 60 * MINUTE)
    found = open_starts(
        hosts=[host(hours=hours)], rules=rules(minimum_notice=60 * MINUTE), window=night, now=now
    )
    assert found[0] == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    with pytest.raises(ValueError, match="time zone"):
        starts(host(), now=datetime(2026, 11, 20))


# --- Caps --------------------------------------------------------------------------------------------------------


def met(start: str, end: str) -> Busy:
    return Busy(during(start, end), kind=BusyKind.BOOKING, same_link=True)


def test_a_full_day_offers_nothing_more() -> None:
    two_a_day = rules(max_per_day=2)
    assert starts(host(met("05:00", "05:30")), two_a_day) != []
    assert starts(host(met("05:00", "05:30"), met("23:30", "24 00:30")), two_a_day) == []
    assert starts(host(met("05:00", "05:30"), met("24 05:00", "24 05:30")), two_a_day) != []


def test_only_meetings_of_the_same_link_count() -> None:
    assert starts(host(Busy(during("05:00", "06:00"), kind=BusyKind.BOOKING)), rules(max_per_day=1)) != []


def test_days_are_counted_on_the_hosts_calendar() -> None:
    hours = open_daily(("09:00", "10:00"), zone="America/Los_Angeles")
    # Monday 01:00 UTC is still Sunday in Los Angeles.
    assert starts(host(met("01:00", "01:30"), hours=hours), rules(max_per_day=1)) == ["17:00", "17:30"]
    assert starts(host(met("09:00", "09:30"), hours=hours), rules(max_per_day=1)) == []


def test_a_week_begins_on_monday() -> None:
    one_a_week = rules(max_per_week=1, duration=120 * MINUTE)
    week = during("22 00:00", "26 00:00")
    assert starts(host(met("22 20:00", "22 21:00")), one_a_week, week) == ["09:00", "24 09:00", "25 09:00"]
    assert starts(host(met("29 20:00", "29 21:00")), one_a_week, week) == ["22 09:00"]


def test_minutes_are_counted_with_those_of_the_new_meeting() -> None:
    assert starts(host(met("05:00", "06:00")), rules(max_minutes_per_day=90)) != []
    assert starts(host(met("05:00", "06:01")), rules(max_minutes_per_day=90)) == []
    assert starts(host(met("24 05:00", "24 06:01")), rules(max_minutes_per_week=90)) == []


def test_a_cap_below_a_single_meeting_offers_nothing() -> None:
    assert starts(host(), rules(max_per_day=0)) == []
    assert starts(host(), rules(max_minutes_per_week=29)) == []


def test_the_hosts_own_cap_counts_too() -> None:
    assert starts(host(met("05:00", "05:30"), max_per_day=1)) == []


# --- Group -------------------------------------------------------------------------------------------------------


def test_a_session_is_offered_while_it_has_seats() -> None:
    group = rules(Strategy.GROUP, capacity=3)
    session = met("09:30", "10:00")
    assert starts(host(session), replace(group, seats_taken={at("09:30"): 2})) == [
        "09:00",
        "09:30",
        "10:00",
        "10:30",
    ]
    assert starts(host(session), replace(group, seats_taken={at("09:30"): 3})) == ["09:00", "10:00", "10:30"]


def test_a_session_with_seats_still_takes_the_time_of_other_starts() -> None:
    group = rules(Strategy.GROUP, capacity=3, slot_interval=15 * MINUTE, seats_taken={at("09:30"): 1})
    assert starts(host(met("09:30", "10:00")), group) == ["09:00", "09:30", "10:00", "10:15", "10:30"]


def test_joining_a_session_is_no_new_meeting_for_the_caps() -> None:
    group = rules(Strategy.GROUP, capacity=3, max_per_day=1, seats_taken={at("09:30"): 1})
    assert starts(host(met("09:30", "10:00")), group) == ["09:30"]


def test_another_event_at_the_time_of_a_session_still_blocks_it() -> None:
    group = rules(Strategy.GROUP, capacity=3, seats_taken={at("09:30"): 1})
    assert "09:30" not in starts(host(met("09:30", "10:00"), Busy(during("09:45", "10:00"))), group)


# --- Collective and round robin ----------------------------------------------------------------------------------


def test_a_collective_needs_everybody() -> None:
    alice = host(Busy(during("09:00", "09:30")))
    bob = host(Busy(during("10:00", "10:30")), host_id="bob")
    assert starts([alice, bob], rules(Strategy.COLLECTIVE)) == ["09:30", "10:30"]
    assert judge([alice, bob], "09:30", rules(Strategy.COLLECTIVE)).host_ids == ("alice", "bob")
    assert judge([alice, bob], "10:00", rules(Strategy.COLLECTIVE)).host_ids == ()


def test_the_grid_of_a_collective_begins_with_the_common_hours() -> None:
    alice = host(hours=open_daily(("09:00", "12:00")))
    bob = host(hours=open_daily(("10:15", "11:45")), host_id="bob")
    assert starts([alice, bob], rules(Strategy.COLLECTIVE)) == ["10:15", "10:45", "11:15"]
    assert starts([bob, alice], rules(Strategy.COLLECTIVE)) == ["10:15", "10:45", "11:15"]


def test_a_round_robin_offers_what_any_host_can() -> None:
    alice = host(Busy(during("09:00", "10:00")))
    bob = host(Busy(during("10:00", "11:00")), host_id="bob")
    pool = rules(Strategy.ROUND_ROBIN)
    assert starts([alice, bob], pool) == ["09:00", "09:30", "10:00", "10:30"]
    assert judge([alice, bob], "09:00", pool).host_ids == ("bob",)


def test_a_round_robin_meeting_is_never_stitched_from_two_hosts() -> None:
    alice = host(Busy(during("09:30", "11:00")))
    bob = host(Busy(during("09:00", "09:30")), host_id="bob")
    assert starts([alice, bob], rules(Strategy.ROUND_ROBIN, duration=60 * MINUTE)) == ["09:30", "10:00"]


def test_every_host_of_a_round_robin_has_his_own_hours_and_grid() -> None:
    alice = host()
    bob = host(host_id="bob", hours=open_daily(("10:15", "11:45")))
    assert starts([alice, bob], rules(Strategy.ROUND_ROBIN)) == [
        "09:00", "09:30", "10:00", "10:15", "10:30", "10:45", "11:15",
    ]  # fmt: skip


def test_free_hosts_are_named_in_the_order_given() -> None:
    hosts = [host(host_id=name) for name in ("carol", "alice", "bob")]
    assert judge(hosts, "09:00", rules(Strategy.ROUND_ROBIN)).host_ids == ("carol", "alice", "bob")


def test_a_fixed_host_comes_along_whoever_is_chosen() -> None:
    lead = host(Busy(during("09:00", "09:30")), host_id="lead", fixed=True)
    alice, bob = host(Busy(during("09:30", "10:00"))), host(host_id="bob")
    pool = rules(Strategy.ROUND_ROBIN)
    assert starts([alice, lead, bob], pool) == ["09:30", "10:00", "10:30"]
    judged = judge([alice, lead, bob], "09:30", pool)
    assert (judged.host_ids, judged.needed_host_ids) == (("bob",), ("lead",))
    assert starts([alice, lead], pool) == ["10:00", "10:30"]


def test_a_round_robin_of_fixed_hosts_only_needs_all_of_them() -> None:
    fixed = [
        host(Busy(during(f"{hour}:00", f"{hour}:30")), host_id=str(hour), fixed=True) for hour in (9, 10)
    ]
    assert starts(fixed, rules(Strategy.ROUND_ROBIN)) == ["09:30", "10:30"]


def test_caps_of_a_round_robin_are_counted_host_by_host() -> None:
    alice, bob = host(met("05:00", "05:30")), host(host_id="bob")
    judged = judge([alice, bob], "09:00", rules(Strategy.ROUND_ROBIN, max_per_day=1))
    assert judged.host_ids == ("bob",)
    assert [reason.code for reason in judged.reasons] == [ReasonCode.CAP_DAY]


def test_individual_and_group_links_take_one_host() -> None:
    for strategy in (Strategy.INDIVIDUAL, Strategy.GROUP):
        with pytest.raises(ValueError, match="takes one host"):
            starts([host(), host(host_id="bob")], rules(strategy))


def test_two_hosts_of_one_id_are_refused() -> None:
    with pytest.raises(ValueError, match="same id"):
        starts([host(), host()], rules(Strategy.COLLECTIVE))


# --- Verdicts and reasons ----------------------------------------------------------------------------------------


def test_a_free_start_has_no_reasons() -> None:
    judged = judge(host(), "09:30")
    assert judged.offered
    assert judged == Verdict(at("09:30"), ("alice",), (), ())


def test_a_start_off_the_grid_is_refused_with_the_starts_around_it() -> None:
    assert details(judge(host(), "09:10")) == [
        ("alice", "not_on_grid", "Meetings begin at 09:00 and 09:30 (UTC)")
    ]


def test_a_start_in_another_zone_is_the_same_start() -> None:
    tokyo = at("09:30").astimezone(UTC).isoformat().replace("T09:30:00+00:00", "T18:30:00+09:00")
    judged = verdict(hosts=[host()], rules=rules(), start=datetime.fromisoformat(tokyo), now=NOW)
    assert judged.offered
    assert judged.start == at("09:30")


def test_a_naive_start_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        verdict(hosts=[host()], rules=rules(), start=datetime(2026, 11, 23, 9), now=NOW)


def busy_as(kind: BusyKind, label: str = "") -> Callable[[str], list[tuple[str, str, str]]]:
    berlin = open_daily(("09:00", "12:00"), zone="Europe/Berlin")
    taken = Busy(during("09:00", "09:30"), kind=kind, label=label)
    given = rules(buffer_before=10 * MINUTE, buffer_after=20 * MINUTE)
    return lambda start: details(judge(host(taken, hours=berlin), start, given))


def test_the_reason_names_the_meeting_in_the_way_on_the_hosts_clock() -> None:
    assert busy_as(BusyKind.BOOKING, "Discovery Call")("09:00") == [
        ("alice", "busy", "Discovery Call 10:00–10:30 (CET, Berlin)")
    ]
    assert busy_as(BusyKind.EXTERNAL)("09:00")[0][2] == "An event in the calendar 10:00–10:30 (CET, Berlin)"


def test_a_buffer_alone_in_the_way_is_called_so() -> None:
    discovery = busy_as(BusyKind.BOOKING, "Discovery Call")
    assert discovery("09:30") == [
        ("alice", "buffer", "Discovery Call 10:00–10:30 (CET, Berlin), and 10 minutes after it stay free")
    ]
    assert discovery("08:30") == [
        ("alice", "buffer", "Discovery Call 10:00–10:30 (CET, Berlin), and 20 minutes before it stay free")
    ]


def test_a_hold_says_what_it_is_for() -> None:
    assert busy_as(BusyKind.HOLD)("09:00") == [("alice", "hold", "Held 10:00–10:30 (CET, Berlin)")]
    assert busy_as(BusyKind.HOLD, "Rollout plan")("09:00") == [
        ("alice", "hold", "Held for Rollout plan 10:00–10:30 (CET, Berlin)")
    ]


def test_out_of_office_is_said_with_its_dates() -> None:
    away = host(out_of_office=(during("22 00:00", "25 00:00"),))
    assert details(judge(away, "09:00")) == [
        ("alice", "out_of_office", "Out of office 22 Nov 2026 00:00–25 Nov 2026 00:00 (UTC)")
    ]


def test_a_day_ends_at_24_00() -> None:
    late = host(Busy(during("23:00", "24 00:00")), hours=open_daily(("20:00", "24:00")))
    assert details(judge(late, "23:00"))[0][2] == "An event in the calendar 23:00–24:00 (UTC)"


def test_hours_in_the_way_are_listed() -> None:
    weekdays = Availability("UTC", (*open_daily(("09:00", "11:00"), ("13:00", "24:00")).weekly[:5], (), ()))
    assert details(judge(host(hours=weekdays), "10:45")) == [
        ("alice", "outside_hours", "Hours on Mondays: 09:00–11:00, 13:00–24:00 (UTC)")
    ]
    assert details(judge(host(hours=weekdays), "22 09:00"))[0][2] == "No hours on Sundays"


def test_a_date_override_in_the_way_is_called_so() -> None:
    closed = replace(open_daily(("09:00", "11:00")), overrides={date(2026, 11, 23): ()})
    assert details(judge(host(hours=closed), "09:00")) == [
        ("alice", "date_override", "No hours on Monday 23 Nov 2026")
    ]


def test_the_notice_says_the_earliest_start() -> None:
    given = rules(minimum_notice=24 * 60 * MINUTE)
    assert details(judge(host(), "09:00", given, now=at("22 09:30"))) == [
        ("alice", "notice", "Notice of 24 hours: not before 23 Nov 2026 09:30 (UTC)")
    ]
    assert details(judge(host(), "09:00", rules(minimum_notice=90 * MINUTE), now=at("08:00")))[0][
        2
    ].startswith("Notice of 1 hour 30 minutes:")
    assert details(judge(host(), "09:00", given, now=at("09:01")))[0][2] == "Already past"


def test_the_booking_window_says_its_ends() -> None:
    rolling = rules(booking_window=RollingWindow(2))
    assert details(judge(host(), "09:00", rolling)) == [
        ("alice", "booking_window", "Can be booked 2 days ahead, from 20 Nov 2026")
    ]
    ranged = rules(booking_window=DateRange(date(2026, 12, 1), date(2026, 12, 24)))
    assert details(judge(host(), "09:00", ranged))[0][2] == "Can be booked from 1 Dec 2026 to 24 Dec 2026"


def test_caps_say_what_is_taken() -> None:
    full = host(met("05:00", "06:00"), max_per_day=1)
    given = rules(max_per_day=1, max_per_week=1, max_minutes_per_day=60)
    assert [detail for _, _, detail in details(judge(full, "09:00", given))] == [
        "1 of 1 meetings taken on Monday 23 Nov 2026",
        "60 of 60 minutes taken on Monday 23 Nov 2026",
        "1 of 1 meetings taken in the week from Monday 23 Nov 2026",
        "1 of 1 meetings taken on Monday 23 Nov 2026",
    ]
    assert [code for _, code, _ in details(judge(full, "09:00", given))] == [
        "cap_day", "cap_day", "cap_week", "host_cap",
    ]  # fmt: skip
    assert details(judge(host(), "09:00", rules(max_minutes_per_day=29)))[0][2] == (
        "The limit of 29 minutes leaves no room for a meeting"
    )


def test_a_paused_link_offers_nothing_and_says_so() -> None:
    paused = rules(paused=True)
    assert starts(host(), paused) == []
    assert details(judge(host(), "09:30", paused)) == [("alice", "paused", "The link is paused")]


def test_a_full_session_says_its_capacity() -> None:
    group = rules(Strategy.GROUP, capacity=3, seats_taken={at("09:30"): 3})
    assert details(judge(host(), "09:30", group)) == [("alice", "capacity", "All 3 seats are taken")]


def test_every_reason_of_a_start_is_given_for_every_host() -> None:
    alice = host(
        Busy(during("09:00", "10:00"), label="Board"), Busy(during("09:15", "09:20"), kind=BusyKind.HOLD)
    )
    bob = host(host_id="bob", hours=open_daily(("12:00", "13:00")))
    judged = judge([alice, bob], "09:00", rules(Strategy.COLLECTIVE))
    assert [(reason.host_id, reason.code.value) for reason in judged.reasons] == [
        ("bob", "outside_hours"), ("alice", "busy"), ("alice", "hold"),
    ]  # fmt: skip


# --- Explanations ------------------------------------------------------------------------------------------------


def gaps(explanation: Explanation) -> list[tuple[str, list[str]]]:
    return [
        (f"{gap.period.start:%H:%M}-{gap.period.end:%H:%M}", [reason.code.value for reason in gap.reasons])
        for gap in explanation.gaps
    ]


def test_the_gaps_of_a_day_are_explained() -> None:
    booked = Busy(during("09:30", "10:00"))
    assert gaps(explained(host(booked), rules(buffer_before=5 * MINUTE))) == [
        ("00:00-09:00", ["outside_hours"]),
        ("09:30-10:00", ["busy"]),
        ("10:00-10:30", ["buffer"]),
        ("11:00-00:00", ["outside_hours"]),
    ]


def test_the_end_of_the_hours_that_is_too_short_for_a_meeting_is_a_gap() -> None:
    found = explained(host(), rules(duration=60 * MINUTE, slot_interval=30 * MINUTE))
    assert gaps(found)[-1] == ("10:30-00:00", ["outside_hours"])


def test_a_period_that_begins_within_a_step_says_where_the_starts_are() -> None:
    found = explain(hosts=[host()], rules=rules(), window=during("09:10", "11:00"), now=NOW)
    assert gaps(found) == [("09:10-09:30", ["not_on_grid"])]


def test_a_gap_of_a_round_robin_names_every_host() -> None:
    alice, bob = host(Busy(during("09:00", "10:00"))), host(Busy(during("09:30", "10:00")), host_id="bob")
    found = explain(
        hosts=[alice, bob], rules=rules(Strategy.ROUND_ROBIN), window=during("09:00", "11:00"), now=NOW
    )
    assert [(gap.period, [reason.host_id for reason in gap.reasons]) for gap in found.gaps] == [
        (during("09:30", "10:00"), ["alice", "bob"])
    ]


def test_the_gaps_of_a_collective_name_whose_hours_they_lie_outside() -> None:
    alice, bob = host(), host(host_id="bob", hours=open_daily(("09:30", "12:00")))
    found = explain(
        hosts=[alice, bob], rules=rules(Strategy.COLLECTIVE), window=during("09:00", "12:00"), now=NOW
    )
    assert [(gap.period, [reason.host_id for reason in gap.reasons]) for gap in found.gaps] == [
        (during("09:00", "09:30"), ["bob"]),
        (during("11:00", "11:30"), ["alice"]),
        (during("11:30", "12:00"), ["alice", "bob"]),
    ]


# --- Others ------------------------------------------------------------------------------------------------------


def test_the_nearest_slots_are_given_in_order_of_time() -> None:
    found = open_slots(hosts=[host()], rules=rules(), window=MONDAY, now=NOW)
    assert [f"{slot.start:%H:%M}" for slot in nearest(found, at("10:10"), 3)] == ["09:30", "10:00", "10:30"]
    assert [f"{slot.start:%H:%M}" for slot in nearest(found, at("09:15"), 1)] == ["09:00"]
    assert nearest([], at("09:15"), 3) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("duration", timedelta(0)),
        ("slot_interval", timedelta(0)),
        ("buffer_before", -MINUTE),
        ("minimum_notice", -MINUTE),
        ("max_per_week", -1),
        ("capacity", 0),
    ],
)
def test_rules_that_make_no_sense_are_refused_by_name(field: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"^{field}: "):
        rules(**{field: value})


def test_booking_windows_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="days"):
        RollingWindow(-1)
    with pytest.raises(ValueError, match="end"):
        DateRange(date(2026, 11, 24), date(2026, 11, 23))
