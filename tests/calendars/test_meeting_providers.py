"""One suite for every provider of meeting links: whatever goes wrong on the way, in the end there is one meeting."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from tests.calendars.contract import MONDAY, KeptTokens
from tests.calendars.test_faults import COMMON, Trouble
from tests.fakes.meetings import FakeMeetings
from workestra.calendars.connections import meetings_with, oauth_of
from workestra.calendars.domain.kinds import MEETING_KINDS, ProviderKind
from workestra.calendars.domain.period import Period
from workestra.calendars.providers import rest
from workestra.calendars.providers.meetings import MadeMeeting, Meeting, MeetingProvider, drop, put
from workestra.calendars.providers.provider import (
    AccessRevoked,
    BadRequest,
    Conflict,
    Gone,
    NotAllowed,
    ProviderDown,
    ProviderFailure,
    RateLimited,
)

HOUR = timedelta(hours=1)
TEN = Period.lasting(MONDAY + HOUR, HOUR)


@dataclass
class Room:
    fake: FakeMeetings
    provider: MeetingProvider

    def starts(self) -> list[datetime]:
        """When the meetings that it has begin."""
        return [self.fake.start_of(meeting) for meeting in self.fake.meetings.values()]


@pytest.fixture(params=[kind.value for kind in MEETING_KINDS])
def room(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Room]:
    """Somebody's account with this provider, with meetings of his own in it."""
    kind = ProviderKind(request.param)
    fake: FakeMeetings = request.getfixturevalue(request.param)
    monkeypatch.setattr(rest, "SECONDS", 0.5)
    provider = meetings_with(kind, KeptTokens(fake, oauth_of(kind)))
    yield Room(fake, provider)
    provider.close()


def meeting(key: UUID | None = None, period: Period = TEN) -> Meeting:
    return Meeting(key or uuid4(), period, "Größe & Ziel: Discovery Call with Priya Raman")


def test_a_meeting_is_made_once_however_often_it_is_asked_for(room: Room) -> None:
    others = [put(room.provider, meeting()) for _number in range(3)]
    wanted = meeting()
    made = put(room.provider, wanted)
    assert made.join_url.startswith("https://")
    assert put(room.provider, wanted) == put(room.provider, wanted, made) == made
    assert len(room.fake.meetings) == 4
    assert [each.id for each in room.provider.find(wanted.key)] == [made.id]
    assert made.id not in {each.id for each in others}
    assert room.provider.find(uuid4()) == []


@pytest.mark.parametrize("is_remembered", [True, False])
def test_a_move_keeps_the_meeting_and_where_it_is_joined(room: Room, is_remembered: bool) -> None:
    wanted = meeting()
    made = put(room.provider, wanted)
    later = meeting(wanted.key, Period.lasting(TEN.start + 24 * HOUR, HOUR / 2))
    assert put(room.provider, later, made if is_remembered else None) == made
    assert room.starts() == [later.period.start]


def test_one_that_was_deleted_there_is_made_anew(room: Room) -> None:
    wanted = meeting()
    made = put(room.provider, wanted)
    room.provider.delete(made.id)
    for ask in (lambda: room.provider.update(made.id, wanted), lambda: room.provider.delete(made.id)):
        with pytest.raises(Gone):
            ask()
    assert put(room.provider, wanted, made).id != made.id
    assert len(room.fake.meetings) == 1


def test_of_two_copies_the_first_one_stays(room: Room) -> None:
    wanted = meeting()
    first, _second = room.provider.create(wanted), room.provider.create(wanted)
    assert put(room.provider, wanted).id == first.id
    assert list(room.fake.meetings) == [first.id]


def test_of_two_copies_one_that_is_listed_but_gone_does_not_count(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = meeting()
    first, second = room.provider.create(wanted), room.provider.create(wanted)
    listed = room.provider.find(wanted.key)
    room.provider.delete(first.id)
    monkeypatch.setattr(room.provider, "find", lambda key: listed)
    assert put(room.provider, wanted).id == second.id
    room.provider.delete(second.id)
    assert put(room.provider, wanted).id not in {first.id, second.id}
    assert len(room.fake.meetings) == 1


@pytest.mark.parametrize("is_remembered", [True, False])
def test_deleting_twice_is_deleting_once(room: Room, is_remembered: bool) -> None:
    wanted = meeting()
    made = put(room.provider, wanted)
    for _time in range(2):
        drop(room.provider, wanted.key, made if is_remembered else None)
        assert room.fake.meetings == {}


def test_whose_account_it_is_is_told(room: Room) -> None:
    assert room.provider.owner() == ("" if room.fake.names_in_token else room.fake.email)


def test_a_new_token_is_asked_for_once_and_replaces_the_old_refresh_token(room: Room) -> None:
    for _time in range(2):
        room.fake.expire()
        before = room.fake.refreshes
        put(room.provider, meeting())
        assert room.fake.refreshes == before + 1
    room.fake.revoke_all()
    with pytest.raises(AccessRevoked):
        room.provider.owner()


SAID = [
    Trouble("401", {"status": 401}, None),
    Trouble("403", {"status": 403}, NotAllowed),
    Trouble("404", {"status": 404}, Gone),
    Trouble("409", {"status": 409}, Conflict),
    Trouble("429", {"status": 429, "Retry_After": "30"}, RateLimited, 30),
    Trouble("500", {"status": 500}, ProviderDown),
    Trouble("503", {"status": 503, "Retry_After": "5"}, RateLimited, 5),
    Trouble("400", {"status": 400}, BadRequest),
]


def check(room: Room, trouble: Trouble) -> None:
    """One meeting, also where whoever asks again remembers nothing."""
    fault = trouble.fault
    if "status" in fault:
        fault = {"answer": room.fake.problem(**fault)}
    wanted = meeting()
    room.fake.calm()
    room.fake.fail(methods="POST", path="meetings", **fault)
    failures: list[ProviderFailure] = []
    made: MadeMeeting | None = None
    while made is None and len(failures) < 6:
        try:
            made = put(room.provider, wanted)
        except ProviderFailure as error:
            failures.append(error)
    assert made is not None
    assert [type(error) for error in failures] == ([trouble.called] if trouble.called else [])
    for error in failures:
        assert "planted" not in str(error)
        if trouble.retry_after:
            assert error.retry_after == timedelta(seconds=trouble.retry_after)  # type: ignore[attr-defined]
    assert list(room.fake.meetings) == [made.id]
    room.fake.fail(methods="PUT|PATCH", path="meetings", **fault)
    room.fake.fail(methods="DELETE", path="meetings", **fault)
    moved = meeting(wanted.key, Period.lasting(TEN.start + HOUR, HOUR))
    for finish in (lambda: put(room.provider, moved, made), lambda: drop(room.provider, wanted.key, made)):
        with suppress(trouble.called or ()):
            finish()
        finish()
        assert len(room.fake.meetings) <= 1
    # Who says that what is to be deleted is not there is believed.
    assert room.fake.meetings == {} or trouble.called is Gone


SILENCES = [trouble for trouble in COMMON if "silent" in trouble.fault]
REST = [trouble for trouble in (*COMMON, *SAID) if trouble not in SILENCES]


@pytest.mark.parametrize("trouble", REST, ids=lambda trouble: trouble.name)
def test_one_meeting_after(trouble: Trouble, room: Room) -> None:
    check(room, trouble)


# Waiting takes its time, and all of them wait in the same code.
@pytest.mark.parametrize(
    "room",
    ["zoom", *(pytest.param(kind, marks=pytest.mark.thorough) for kind in ("webex", "goto"))],
    indirect=True,
)
@pytest.mark.parametrize("trouble", SILENCES, ids=lambda trouble: trouble.name)
def test_one_meeting_after_silence(trouble: Trouble, room: Room) -> None:
    check(room, trouble)


@pytest.mark.stress
@pytest.mark.parametrize("time", range(20))
def test_one_meeting_after_every_trouble_twenty_times(time: int, room: Room) -> None:
    for trouble in (*COMMON, *SAID):
        check(room, trouble)


def test_a_list_that_breaks_off_is_no_list(room: Room) -> None:
    wanted = meeting()
    for each in (meeting(), meeting(), wanted):
        room.provider.create(each)
    room.fake.fail(methods="GET", half=True)
    with pytest.raises(ProviderDown):
        put(room.provider, wanted)
    room.fake.fail(methods="GET", answer=room.fake.problem(404))
    with pytest.raises(Gone):
        put(room.provider, wanted)
    put(room.provider, wanted)
    assert len(room.fake.meetings) == 3


def test_it_may_ask_to_wait_until_a_date(room: Room) -> None:
    at = datetime.now(UTC) + timedelta(seconds=100)
    for text in (f"{at:%Y-%m-%dT%H:%M:%SZ}", f"{at:%a, %d %b %Y %H:%M:%S} GMT"):
        room.fake.fail(answer=room.fake.problem(429, Retry_After=text))
        with pytest.raises(RateLimited) as caught:
            room.provider.owner()
        assert caught.value.retry_after is not None
        assert timedelta(seconds=90) < caught.value.retry_after <= timedelta(seconds=100)


def test_nobody_is_sent_elsewhere_with_a_token(room: Room) -> None:
    room.fake.fail(answer=room.fake.problem(302, Location="https://evil.example/"), times=2)
    with pytest.raises(BadRequest):
        room.provider.owner()
