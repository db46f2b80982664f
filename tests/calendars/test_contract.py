"""One suite for every provider that can be written to: what `CalendarProvider` promises holds for each of them."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

import pytest

from tests.calendars.contract import MONDAY, WINDOW, Bench, DavBench, GoogleBench, MicrosoftBench
from workestra.calendars.domain.period import Period
from workestra.calendars.providers.provider import (
    AccessRevoked,
    Conflict,
    CursorDead,
    Gone,
    Guest,
    Piece,
    ProviderEvent,
)

HOUR = timedelta(hours=1)
TEN = Period.lasting(MONDAY + HOUR, HOUR)
NOON = Period.lasting(MONDAY + 3 * HOUR, HOUR)


BENCHES = {"radicale": DavBench, "xandikos": DavBench, "google": GoogleBench, "microsoft": MicrosoftBench}


@pytest.fixture(params=BENCHES)
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    bench: Bench = BENCHES[request.param](request.getfixturevalue(request.param))
    yield bench
    bench.provider.close()
    bench.close()


def event(period: Period = TEN, **facts: object) -> ProviderEvent:
    values = {
        "key": uuid4(),
        "summary": "Priya with Alice; Größe, \\ and \n lines",
        "description": "First\nsecond <b>line</b>",
        "location": "Room 5",
    } | facts
    return ProviderEvent(period=period, **values)  # type: ignore[arg-type]


def read(bench: Bench, cursor: str = "") -> tuple[dict[str, list[Piece]], str]:
    changes = bench.provider.changes(bench.calendar_id, WINDOW, cursor, MONDAY)
    assert changes.is_complete == (not cursor)
    return {name: list(pieces) for name, pieces in changes.events.items()}, changes.cursor


def pieces(bench: Bench) -> list[Piece]:
    return sorted(
        (piece for each in read(bench)[0].values() for piece in each), key=lambda piece: piece.period
    )


def test_the_accounts_calendars_are_listed(bench: Bench) -> None:
    found = {each.id: each for each in bench.provider.calendars()}
    assert found[bench.calendar_id].name == "Work & play"
    assert found[bench.calendar_id].is_writable


def test_an_empty_calendar_is_free(bench: Bench) -> None:
    assert pieces(bench) == []
    assert list(bench.provider.busy([bench.calendar_id], WINDOW)) == []
    assert list(bench.provider.busy([], WINDOW)) == []


def test_events_take_time_as_the_calendar_says(bench: Bench) -> None:
    bench.add(TEN)
    bench.add(NOON, free=True)
    bench.add(Period.lasting(NOON.end, HOUR), declined=True)
    day = Period(MONDAY.replace(hour=0) + timedelta(days=1), MONDAY.replace(hour=0) + timedelta(days=2))
    bench.add(day, all_day=True)
    found = pieces(bench)
    berlin_day = Period(day.start - HOUR, day.end - HOUR)
    assert [(piece.period, piece.is_busy, piece.all_day) for piece in found] == [
        (TEN, True, False),
        (NOON, False, False),
        (Period.lasting(NOON.end, HOUR), False, False),
        (berlin_day, True, True),
    ]
    assert all(piece.own_key is None and piece.etag for piece in found)
    assert list(bench.provider.busy([bench.calendar_id], WINDOW)) == [TEN, berlin_day]


def test_a_series_takes_time_each_time(bench: Bench) -> None:
    bench.add(TEN, weekly=4)
    assert [piece.period.start for piece in pieces(bench)] == [
        TEN.start + timedelta(weeks=week) for week in range(4)
    ]


def test_only_the_window_is_read(bench: Bench) -> None:
    bench.add(Period.lasting(WINDOW.end + HOUR, HOUR))
    bench.add(Period(WINDOW.start - HOUR, WINDOW.start + HOUR))
    assert [piece.period for piece in pieces(bench)] == [Period(WINDOW.start, WINDOW.start + HOUR)]


def test_changes_are_told_once_and_none_is_lost(bench: Bench) -> None:
    first = bench.add(TEN)
    everything, cursor = read(bench)
    assert len(everything) == 1
    nothing, cursor = read(bench, cursor)
    assert nothing == {}
    second = bench.add(NOON)
    added, cursor = read(bench, cursor)
    assert [piece.period for each in added.values() for piece in each] == [NOON]
    bench.remove(first)
    removed, cursor = read(bench, cursor)
    assert list(removed.values()) == [[]]
    assert set(removed) == set(everything)
    assert read(bench, cursor)[0] == {}
    bench.remove(second)
    assert set(read(bench, cursor)[0]) == set(added)
    assert read(bench)[0] == {}


def test_a_cursor_that_is_forgotten_is_said_to_be_dead(bench: Bench) -> None:
    _events, cursor = read(bench)
    with pytest.raises(CursorDead):
        read(bench, bench.spoil(cursor))


def test_an_event_is_written_once_however_often_it_is_asked_for(bench: Bench) -> None:
    wanted = event(guests=(Guest("priya@saltmarsh.example", "Priya Raman"),))
    first = bench.provider.put_event(bench.calendar_id, wanted)
    assert first.period == TEN
    assert first.etag
    assert first.uid
    again = bench.provider.put_event(bench.calendar_id, wanted)
    assert (again.id, again.uid) == (first.id, first.uid)
    assert bench.count() == 1
    found = bench.provider.find_event(bench.calendar_id, wanted.key)
    assert found is not None
    assert (found.id, found.period) == (first.id, TEN)
    assert found.summary.startswith("Priya with Alice; Größe, \\ and")
    (piece,) = pieces(bench)
    assert (piece.period, piece.own_key, piece.is_busy) == (TEN, wanted.key, True)


def test_moving_an_event_keeps_it(bench: Bench) -> None:
    wanted = event()
    first = bench.provider.put_event(bench.calendar_id, wanted)
    moved = bench.provider.put_event(bench.calendar_id, event(NOON, key=wanted.key), first)
    assert (moved.id, moved.uid, moved.period) == (first.id, first.uid, NOON)
    assert moved.etag != first.etag
    assert bench.count() == 1
    assert [piece.period for piece in pieces(bench)] == [NOON]


def test_what_the_owner_changed_is_not_written_over_unseen(bench: Bench) -> None:
    wanted = event()
    first = bench.provider.put_event(bench.calendar_id, wanted)
    bench.touch(wanted.key)
    with pytest.raises(Conflict):
        bench.provider.put_event(bench.calendar_id, event(NOON, key=wanted.key), first)
    seen = bench.provider.find_event(bench.calendar_id, wanted.key)
    assert seen is not None
    assert seen.period == TEN
    assert bench.provider.put_event(bench.calendar_id, event(NOON, key=wanted.key), seen).period == NOON


def test_without_a_version_the_event_is_brought_up_to_date_whatever_was_done_to_it(bench: Bench) -> None:
    wanted = event()
    bench.provider.put_event(bench.calendar_id, wanted)
    bench.touch(wanted.key)
    assert bench.provider.put_event(bench.calendar_id, event(NOON, key=wanted.key)).period == NOON
    assert bench.count() == 1


def test_what_the_owner_deleted_is_said_to_be_gone_and_can_be_written_anew(bench: Bench) -> None:
    wanted = event()
    first = bench.provider.put_event(bench.calendar_id, wanted)
    bench.delete_ours(wanted.key)
    assert bench.provider.find_event(bench.calendar_id, wanted.key) is None
    with pytest.raises(Gone):
        bench.provider.put_event(bench.calendar_id, wanted, first)
    assert bench.count() == 0
    for _time in range(2):
        second = bench.provider.put_event(bench.calendar_id, wanted)
        assert bench.count() == 1
    found = bench.provider.find_event(bench.calendar_id, wanted.key)
    assert found is not None
    assert found.id == second.id


def test_deleting_twice_is_deleting_once(bench: Bench) -> None:
    wanted = event()
    bench.provider.delete_event(bench.calendar_id, wanted.key)
    bench.provider.put_event(bench.calendar_id, wanted)
    _events, cursor = read(bench)
    for _time in range(2):
        bench.provider.delete_event(bench.calendar_id, wanted.key)
    assert bench.count() == 0
    assert [list(each) for each in read(bench, cursor)[0].values()] == [[]]


def test_events_that_do_not_block_do_not(bench: Bench) -> None:
    bench.provider.put_event(bench.calendar_id, event(is_busy=False))
    assert [piece.is_busy for piece in pieces(bench)] == [False]
    assert list(bench.provider.busy([bench.calendar_id], WINDOW)) == []


def test_a_meeting_link_is_made_and_survives_a_move(bench: Bench) -> None:
    wanted = event(conference=True)
    first = bench.provider.put_event(bench.calendar_id, wanted)
    assert bool(first.join_url) == bench.makes_meetings
    moved = bench.provider.put_event(bench.calendar_id, event(NOON, key=wanted.key, conference=True), first)
    assert moved.join_url == first.join_url
    again = bench.provider.put_event(bench.calendar_id, event(NOON, key=wanted.key))
    assert again.join_url == first.join_url


def test_a_calendar_that_is_not_there_is_said_to_be_gone(bench: Bench) -> None:
    missing = f"/alice/{uuid4().hex}/" if isinstance(bench, DavBench) else "nowhere"
    with pytest.raises(Gone):
        bench.provider.changes(missing, WINDOW, "", MONDAY)


def test_lost_access_is_called_that(bench: Bench, request: pytest.FixtureRequest) -> None:
    if "xandikos" in request.node.name:
        pytest.skip("this server asks for no password")
    bench.lose_access()
    for ask in (
        lambda: bench.provider.calendars(),
        lambda: bench.provider.changes(bench.calendar_id, WINDOW, "", MONDAY),
        lambda: bench.provider.busy([bench.calendar_id], WINDOW),
        lambda: bench.provider.put_event(bench.calendar_id, event()),
        lambda: bench.provider.delete_event(bench.calendar_id, uuid4()),
    ):
        with pytest.raises(AccessRevoked):
            ask()
