"""Whatever goes wrong on the way, in the end the calendar has exactly one event, and nobody asked too often."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import uuid4

import pytest
from lxml import etree

from tests.calendars.contract import BERLIN, MONDAY, WINDOW, GoogleBench, MicrosoftBench
from tests.fakes import google as google_fake
from tests.fakes import microsoft as microsoft_fake
from tests.fakes.google import FakeGoogle
from tests.fakes.microsoft import FakeMicrosoft
from tests.fakes.server import Answer
from workestra.calendars.domain.period import Period
from workestra.calendars.providers import caldav
from workestra.calendars.providers.google import calendar as google_calendar
from workestra.calendars.providers.microsoft import calendar as microsoft_calendar
from workestra.calendars.providers.provider import (
    AccessRevoked,
    BadRequest,
    Conflict,
    CursorDead,
    Gone,
    NotAllowed,
    ProviderDown,
    ProviderEvent,
    ProviderFailure,
    RateLimited,
    WrittenEvent,
)

AnyBench = GoogleBench | MicrosoftBench
TEN = Period.lasting(MONDAY + timedelta(hours=1), timedelta(hours=1))
HTML = Answer(200, "<!doctype html><title>Sign in to the guest network</title>", kind="text/html")


@dataclass(frozen=True)
class Trouble:
    """What the provider does instead, and what that is called; `None` when the provider gets over it by itself."""

    name: str
    fault: dict[str, Any]
    called: type[ProviderFailure] | None
    retry_after: int | None = None


def google_says(status: int, reason: str, **headers: str) -> dict[str, Any]:
    return {"answer": google_fake.problem(status, reason, **headers)}


def microsoft_says(status: int, code: str, **headers: str) -> dict[str, Any]:
    return {"answer": microsoft_fake.problem(status, code, **headers)}


COMMON = [
    Trouble("silence before", {"silent": 0.8, "answer": Answer(500)}, ProviderDown),
    Trouble("silence after", {"silent": 0.8, "after": True}, ProviderDown),
    Trouble("half an answer", {"half": True}, ProviderDown),
    Trouble("a page", {"answer": HTML}, ProviderDown),
    Trouble("a page after", {"answer": HTML, "after": True}, ProviderDown),
    Trouble("500 after", {"answer": Answer(500, "oops", kind="text/plain"), "after": True}, ProviderDown),
]
GOOGLE = [
    *COMMON,
    Trouble("401", google_says(401, "authError"), None),
    Trouble("403 rate", google_says(403, "rateLimitExceeded"), RateLimited),
    Trouble("403 user rate", google_says(403, "userRateLimitExceeded", Retry_After="7"), RateLimited, 7),
    Trouble("403 forbidden", google_says(403, "forbidden"), NotAllowed),
    Trouble("404", google_says(404, "notFound"), Gone),
    Trouble("409", google_says(409, "duplicate"), ProviderDown),
    Trouble("410 token", google_says(410, "fullSyncRequired"), CursorDead),
    Trouble("410 deleted", google_says(410, "deleted"), Gone),
    Trouble("429", google_says(429, "rateLimitExceeded", Retry_After="30"), RateLimited, 30),
    Trouble("500", google_says(500, "backendError"), ProviderDown),
    Trouble("503", google_says(503, "backendError", Retry_After="5"), ProviderDown, 5),
    Trouble("400", google_says(400, "invalid"), BadRequest),
]
MICROSOFT = [
    *COMMON,
    Trouble("401", microsoft_says(401, "InvalidAuthenticationToken"), None),
    Trouble("403", microsoft_says(403, "ErrorAccessDenied"), NotAllowed),
    Trouble("404", microsoft_says(404, "ErrorItemNotFound"), Gone),
    Trouble("409", microsoft_says(409, "ErrorConflict"), None),
    Trouble("410", microsoft_says(410, "SyncStateNotFound"), CursorDead),
    Trouble("429", microsoft_says(429, "TooManyRequests", Retry_After="30"), RateLimited, 30),
    Trouble("500", microsoft_says(500, "InternalServerError"), ProviderDown),
    Trouble("503", microsoft_says(503, "ServiceUnavailable", Retry_After="5"), RateLimited, 5),
    Trouble("400", microsoft_says(400, "ErrorInvalidRequest"), BadRequest),
]


@pytest.fixture(autouse=True)
def _short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (google_calendar, microsoft_calendar):
        monkeypatch.setattr(module, "SECONDS", 0.5)


@pytest.fixture
def google_bench(google: FakeGoogle) -> Iterator[GoogleBench]:
    bench = GoogleBench(google)
    yield bench
    bench.provider.close()


@pytest.fixture
def microsoft_bench(microsoft: FakeMicrosoft) -> Iterator[MicrosoftBench]:
    bench = MicrosoftBench(microsoft)
    yield bench
    bench.provider.close()


def written_in_the_end(bench: AnyBench, event: ProviderEvent) -> tuple[WrittenEvent, list[ProviderFailure]]:
    """As a patient worker does it: again and again, from the start."""
    failures: list[ProviderFailure] = []
    for _try in range(6):
        try:
            return bench.provider.put_event(bench.calendar_id, event), failures
        except ProviderFailure as error:
            failures.append(error)
    raise AssertionError(failures)


def check(bench: AnyBench, trouble: Trouble, methods: str) -> None:
    event = ProviderEvent(key=uuid4(), period=TEN, summary="Call", conference=True)
    bench.fake.calm()
    bench.fake.fail(methods=methods, path="/events", **trouble.fault)
    written, failures = written_in_the_end(bench, event)
    assert [type(error) for error in failures] == ([trouble.called] if trouble.called else [])
    for error in failures:
        if trouble.retry_after:
            assert error.retry_after == timedelta(seconds=trouble.retry_after)  # type: ignore[attr-defined]
        assert "planted" not in str(error)
    assert bench.count() == 1
    found = bench.provider.find_event(bench.calendar_id, event.key)
    assert found is not None
    assert (found.id, found.join_url) == (written.id, written.join_url)
    bench.provider.delete_event(bench.calendar_id, event.key)
    assert bench.count() == 0


@pytest.mark.parametrize("trouble", GOOGLE, ids=lambda trouble: trouble.name)
def test_one_event_in_google_after(trouble: Trouble, google_bench: GoogleBench) -> None:
    check(google_bench, trouble, "POST")


@pytest.mark.parametrize("trouble", MICROSOFT, ids=lambda trouble: trouble.name)
def test_one_event_in_microsoft_after(trouble: Trouble, microsoft_bench: MicrosoftBench) -> None:
    check(microsoft_bench, trouble, "POST")


@pytest.mark.stress
@pytest.mark.parametrize("time", range(20))
def test_one_event_after_every_trouble_twenty_times(
    time: int, google_bench: GoogleBench, microsoft_bench: MicrosoftBench
) -> None:
    for trouble in GOOGLE:
        check(google_bench, trouble, "POST")
    for trouble in MICROSOFT:
        check(microsoft_bench, trouble, "POST")


@pytest.fixture(params=["google", "microsoft"])
def either(request: pytest.FixtureRequest) -> AnyBench:
    bench: AnyBench = request.getfixturevalue(f"{request.param}_bench")
    return bench


def test_a_move_that_gets_no_answer_is_made_once(either: AnyBench) -> None:
    event = ProviderEvent(key=uuid4(), period=TEN, summary="Call", conference=True)
    first = either.provider.put_event(either.calendar_id, event)
    noon = Period.lasting(TEN.start + timedelta(hours=2), TEN.duration)
    either.fake.fail(methods="PATCH", silent=0.8, after=True)
    moved = ProviderEvent(key=event.key, period=noon, summary="Call", conference=True)
    with pytest.raises(ProviderDown):
        either.provider.put_event(either.calendar_id, moved, first)
    # It is not known whether it was done: with the old version in hand it now looks changed by somebody.
    with pytest.raises(Conflict):
        either.provider.put_event(either.calendar_id, moved, first)
    again = either.provider.put_event(either.calendar_id, moved)
    assert (again.id, again.period, again.join_url) == (first.id, noon, first.join_url)
    assert either.count() == 1


def test_two_who_change_it_at_once_end_with_one_event(either: AnyBench) -> None:
    event = ProviderEvent(key=uuid4(), period=TEN, summary="Call")
    either.provider.put_event(either.calendar_id, event)
    answers = google_says(412, "conditionNotMet")
    if isinstance(either, MicrosoftBench):
        answers = microsoft_says(412, "ErrorIrresolvableConflict")
    either.fake.fail(methods="PATCH", times=2, **answers)
    either.provider.put_event(either.calendar_id, event)
    assert either.count() == 1
    either.fake.fail(methods="PATCH", times=3, **answers)
    with pytest.raises(Conflict):
        either.provider.put_event(either.calendar_id, event)


def test_a_deletion_that_gets_no_answer_can_be_repeated(either: AnyBench) -> None:
    event = ProviderEvent(key=uuid4(), period=TEN, summary="Call")
    either.provider.put_event(either.calendar_id, event)
    either.fake.fail(methods="DELETE", silent=0.8, after=True)
    with pytest.raises(ProviderDown):
        either.provider.delete_event(either.calendar_id, event.key)
    either.provider.delete_event(either.calendar_id, event.key)
    assert either.count() == 0


def test_a_list_that_breaks_off_in_the_middle_is_no_list(either: AnyBench) -> None:
    for hours in range(8):
        either.add(Period.lasting(TEN.start + timedelta(hours=hours), timedelta(minutes=30)))
    either.fake.fail(path="/events$|delta", methods="GET", half=True)
    with pytest.raises(ProviderDown):
        either.provider.changes(either.calendar_id, WINDOW, "", MONDAY)
    assert len(either.provider.changes(either.calendar_id, WINDOW, "", MONDAY).events) == 8


def test_a_new_token_is_asked_for_once(either: AnyBench) -> None:
    either.fake.expire()
    before = either.fake.refreshes
    either.provider.calendars()
    either.provider.changes(either.calendar_id, WINDOW, "", MONDAY)
    assert either.fake.refreshes == before + 1


def test_retry_after_may_be_a_date(either: AnyBench) -> None:
    at = datetime.now(UTC) + timedelta(seconds=100)
    header = at.strftime("%a, %d %b %Y %H:%M:%S GMT")
    problem = google_fake.problem if isinstance(either, GoogleBench) else microsoft_fake.problem
    either.fake.fail(answer=problem(429, "rateLimitExceeded", Retry_After=header))
    with pytest.raises(RateLimited) as caught:
        either.provider.calendars()
    assert caught.value.retry_after is not None
    assert timedelta(seconds=90) < caught.value.retry_after <= timedelta(seconds=100)


def test_a_calendar_shared_for_reading_is_not_written_to(
    google: FakeGoogle, microsoft: FakeMicrosoft
) -> None:
    google.add_calendar("team@group.calendar.google.com", "Team", role="reader")
    microsoft.add_calendar("board", "Board", canEdit=False)
    event = ProviderEvent(key=uuid4(), period=TEN, summary="Call")
    for bench, calendar_id in (
        (GoogleBench(google), "team@group.calendar.google.com"),
        (MicrosoftBench(microsoft), "board"),
    ):
        facts = {each.id: each for each in bench.provider.calendars()}
        assert not facts[calendar_id].is_writable
        with pytest.raises(NotAllowed):
            bench.provider.put_event(calendar_id, event)
        bench.provider.close()


def test_nobody_is_sent_elsewhere_with_a_token(microsoft_bench: MicrosoftBench) -> None:
    stolen = Answer(200, {"value": [], "@odata.nextLink": "https://evil.example/v1.0/me/calendars"})
    microsoft_bench.fake.fail(answer=stolen)
    with pytest.raises(ProviderDown):
        microsoft_bench.provider.calendars()
    with pytest.raises(CursorDead):
        microsoft_bench.provider.changes("x", WINDOW, "https://evil.example/delta", MONDAY)


def test_access_that_was_taken_away_is_not_asked_for_again_and_again(either: AnyBench) -> None:
    either.fake.revoke_all()
    either.fake.requests.clear()
    with pytest.raises(AccessRevoked):
        either.provider.put_event(either.calendar_id, ProviderEvent(key=uuid4(), period=TEN, summary="x"))
    assert len(either.fake.asked("POST", "token")) == 1


def test_the_zone_of_the_calendar_is_the_one_of_its_whole_days() -> None:
    assert google_calendar._zone_of("Asia/Kolkata", BERLIN).key == "Asia/Kolkata"
    assert google_calendar._zone_of("Nowhere/Town", BERLIN) is BERLIN


def test_a_list_of_changes_without_an_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    rounds = count()

    def endless(*_asked: object, **_how: object) -> tuple[list[caldav._Answer], etree._Element]:
        tree = etree.Element(caldav._tag("d:multistatus"))
        etree.SubElement(tree, caldav._tag("d:sync-token")).text = f"token {next(rounds)}"
        return [caldav._Answer(href="/alice/", status=507, props={})], tree

    calendar = caldav.CalDAVCalendar("https://dav.larkhill.example/", "alice", "planted", BERLIN)
    monkeypatch.setattr(calendar, "_report", endless)
    with pytest.raises(CursorDead):
        calendar.changes("/alice/work/", WINDOW, "sync:first", MONDAY)
    assert next(rounds) == caldav.MOST_ROUNDS
