"""Slot cases as JSON. None of these tests may reach for the database."""

import copy
import io
import json
import sys
from typing import Any

import pytest
from django.core.management import call_command
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduling.domain.case import BadCase, answer
from tests.scheduling.domain.random_cases import random_case

CASE: dict[str, Any] = {
    "strategy": "individual",
    "host": {
        "timezone": "Europe/Berlin",
        "weekly_hours": [{"days": [0], "start": "09:00", "end": "11:00"}],
        "overrides": [],
    },
    "busy": [{"start": "2026-11-23T08:30:00Z", "end": "2026-11-23T09:00:00Z"}],
    "duration": 30,
    "slot_interval": 30,
    "buffer_before": 0,
    "buffer_after": 0,
    "min_notice_minutes": 0,
    "now": "2026-11-20T00:00:00Z",
    "invitee_timezone": "Asia/Tokyo",
    "range": {"start": "2026-11-23T00:00:00Z", "end": "2026-11-24T00:00:00Z"},
}
STARTS = ["2026-11-23T08:00:00Z", "2026-11-23T09:00:00Z", "2026-11-23T09:30:00Z"]


def with_value(path: tuple[str | int, ...], value: object) -> dict[str, Any]:
    case = copy.deepcopy(CASE)
    place: Any = case
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return case


def problems(case: object) -> list[str]:
    with pytest.raises(BadCase) as caught:
        answer(case)
    return str(caught.value).splitlines()


def list_slots(
    given_input: str | bytes, monkeypatch: pytest.MonkeyPatch, *arguments: str
) -> tuple[int, str, str]:
    """The exit code and what the command wrote to both streams."""
    raw = given_input.encode() if isinstance(given_input, str) else given_input
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw)))
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command("list_slots", *arguments, stdout=out, stderr=err)
    except SystemExit as left:
        return int(str(left.code)), out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()


def test_the_command_lists_the_starts_of_a_case(monkeypatch: pytest.MonkeyPatch) -> None:
    code, out, err = list_slots(json.dumps(CASE), monkeypatch)
    assert (code, json.loads(out), err) == (0, {"starts": STARTS}, "")
    assert answer(CASE | {"buffer_after": 10}) == {"starts": STARTS[1:]}


def test_an_array_of_cases_is_answered_by_an_array(monkeypatch: pytest.MonkeyPatch) -> None:
    assert json.loads(list_slots(json.dumps([CASE, CASE]), monkeypatch)[1]) == [{"starts": STARTS}] * 2
    assert json.loads(list_slots("[]", monkeypatch)[1]) == []


def test_the_command_explains_the_gaps(monkeypatch: pytest.MonkeyPatch) -> None:
    _, out, _ = list_slots(json.dumps(CASE), monkeypatch, "--explain")
    told = json.loads(out)
    assert told["starts"] == STARTS
    assert told["gaps"][1] == {
        "from": "2026-11-23T08:30:00Z",
        "to": "2026-11-23T09:00:00Z",
        "reasons": [
            {
                "code": "busy",
                "host": "host",
                "detail": "An event in the calendar 09:30–10:00 (CET, Berlin)",
            }
        ],
    }


def test_a_malformed_case_exits_with_2_and_a_line_for_every_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    bad = with_value(("duration",), 0) | {"now": "yesterday"}
    code, out, err = list_slots(json.dumps([CASE, bad, 3]), monkeypatch)
    assert (code, out) == (2, "")
    assert err.splitlines() == [
        "[1].duration: must be a whole number from 1 to 10080",
        "[1].now: 'yesterday' is not an instant like 2026-11-23T08:30:00Z",
        "[2]: must be an object",
    ]


@pytest.mark.parametrize(
    "given_input", ["", "{", "nothing", b"\xff\xfe\xfa", "[" * 100_000, '{"duration": ' + "9" * 5_000 + "}"]
)
def test_what_is_not_json_is_told_in_one_line(
    given_input: str | bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, out, err = list_slots(given_input, monkeypatch)
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert err.startswith("case: is n")


@pytest.mark.parametrize("value", [None, 3, "case", True])
def test_a_case_must_be_an_object(value: object) -> None:
    assert problems(value) == ["case: must be an object"]


def test_every_missing_field_is_named() -> None:
    assert [line.partition(":")[0] for line in problems({})] == [
        "strategy", "duration", "now", "range", "hosts",
    ]  # fmt: skip
    assert problems(CASE | {"host": {}}) == ["host.timezone: is missing", "host.weekly_hours: is missing"]


def test_fields_that_may_be_left_out_have_defaults() -> None:
    needed = {name: CASE[name] for name in ("strategy", "host", "busy", "duration", "now", "range")}
    assert answer(needed) == {"starts": STARTS}
    nothing = dict.fromkeys(("booking_window", "limits", "capacity", "seats_taken", "busy"))
    assert answer(CASE | nothing | {"host": CASE["host"] | {"out_of_office": None}})


@pytest.mark.parametrize(
    ("path", "value", "line"),
    [
        (("strategy",), "pair", "strategy: must be one of individual, round_robin, collective, group"),
        (("duration",), True, "duration: must be a whole number from 1 to 10080"),
        (("duration",), 30.0, "duration: must be a whole number from 1 to 10080"),
        (("slot_interval",), 0, "slot_interval: must be a whole number from 1 to 10080"),
        (("buffer_before",), -5, "buffer_before: must be a whole number from 0 to 10080"),
        (("min_notice_minutes",), "60", "min_notice_minutes: must be a whole number from 0 to 5270400"),
        (("now",), "2026-11-20T00:00:00", "now: '2026-11-20T00:00:00' is not an instant"),
        (("now",), "0001-01-01T00:00:00Z", "now: must lie in the years 1900 to 2199"),
        (("invitee_timezone",), "Asia/Edo", "invitee_timezone: 'Asia/Edo' is not a time zone we know"),
        (("range",), [], "range: must be an object"),
        (("range", "end"), "2026-11-22T00:00:00Z", "range.end: is before the start"),
        (("range", "end"), "2036-11-22T00:00:00Z", "range: must not be longer than 1100 days"),
        (("range", "stop"), 1, "range.stop: is not a field of a slot case"),
        (("busy",), {}, "busy: must be a list"),
        (("busy", 0), None, "busy[0]: must be an object"),
        (("busy", 0, "end"), "2026-11-23T08:00:00Z", "busy[0].end: is before the start"),
        (("busy", 0, "kind"), "booking_some_link", "busy[0].kind: must be one of booking, group, hold, "),
        (("busy", 0, "buffer_after"), 1e9, "busy[0].buffer_after: must be a whole number"),
        (("host", "timezone"), "../etc/passwd", "host.timezone: '../etc/passwd' is not a time zone we know"),
        (("host", "timezone"), 1, "host.timezone: 1 is not a time zone we know"),
        (("host", "weekly_hours", 0, "start"), "25:00", "host.weekly_hours[0].start: '25:00' is not a time"),
        (("host", "weekly_hours", 0, "days"), [7], "host.weekly_hours[0].days: must be a list of weekdays"),
        (("host", "weekly_hours", 0, "day"), 1, "host.weekly_hours[0].day: is not a field we know"),
        (("host", "overrides"), [{"date": "2026-02-30", "windows": []}], "host.overrides[0].date: "),
        (("host", "overrides"), [{"date": "2026-02-20"}], "host.overrides[0].windows: must be a list"),
        (("host", "out_of_office"), [{"start": "2026"}], "host.out_of_office[0].start: '2026' is not an"),
        (("host", "fixed"), 1, "host.fixed: must be true or false"),
        (("host", "weight"), 1, "host.weight: is not a field of a slot case"),
        (("hosts",), [], "hosts: give either host or hosts"),
        (("booking_window",), {"type": "rolling"}, "booking_window.days: is missing"),
        (("booking_window",), {"type": "ever"}, "booking_window.type: must be one of rolling, range"),
        (
            ("booking_window",),
            {"type": "range", "start": "2026-12-02", "end": "2026-12-01"},
            "booking_window.end: is before the start",
        ),
        (("limits",), {"bookings": {"PER_MONTH": 2}}, "limits.bookings.PER_MONTH: is not a field of"),
        (("limits",), {"minutes": {"PER_DAY": -1}}, "limits.minutes.PER_DAY: must be a whole number"),
        (("limits",), {"hours": {}}, "limits.hours: is not a field of a slot case"),
        (("capacity",), 0, "capacity: must be a whole number from 1 to 1000000"),
        (("seats_taken",), [{"start": "x", "taken": 1}], "seats_taken[0].start: 'x' is not an instant"),
        (("durration",), 30, "durration: is not a field of a slot case"),
        (("a b\n",), 30, "['a b\\n']: is not a field of a slot case"),
    ],
)
def test_a_wrong_field_is_named_with_what_it_must_be(
    path: tuple[str | int, ...], value: object, line: str
) -> None:
    found = problems(with_value(path, value))
    assert any(problem.startswith(line) for problem in found), found


def test_a_long_or_deep_value_is_shown_in_short() -> None:
    deep: list[Any] = []
    for _ in range(5_000):
        deep = [deep]
    for value in ("x" * 100_000, deep):
        for path in (("now",), ("host", "timezone"), ("host", "weekly_hours", 0, "start")):
            (line,) = problems(with_value(path, value))
            assert len(line) < 200


def test_hosts_must_fit_the_strategy() -> None:
    two = {name: value for name, value in CASE.items() if name not in ("host", "busy")}
    two["hosts"] = [CASE["host"], CASE["host"]]
    assert problems(two) == ["hosts: the strategy individual takes one host"]
    assert problems(two | {"strategy": "collective", "busy": CASE["busy"]}) == [
        "busy: belongs into its host when there is more than one"
    ]
    assert problems(two | {"strategy": "collective", "hosts": [CASE["host"] | {"id": "a"}] * 2}) == [
        "hosts: two have the same id"
    ]
    assert problems(two | {"hosts": []}) == ["hosts: must name at least one host"]
    assert answer(two | {"strategy": "collective"})


def test_the_invitees_zone_changes_nothing() -> None:
    assert all(
        answer(CASE | {"invitee_timezone": zone}) == {"starts": STARTS} for zone in ("UTC", "Asia/Kolkata")
    )


def test_instants_may_be_written_in_another_zone() -> None:
    assert answer(CASE | {"now": "2026-11-23T17:10:00+09:00"}) == {"starts": STARTS[1:]}


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["2026-11-23T08:30:00Z", "9999-12-31T23:59:59Z", "24:00", "range", "rolling", "UTC"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def places(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Every path into a JSON value."""
    inner: list[tuple[str | int, object]] = []
    if isinstance(value, dict):
        inner = list(value.items())
    elif isinstance(value, list):
        inner = list(enumerate(value))
    return [path, *(place for key, entry in inner for place in places(entry, (*path, key)))]


@given(seed=st.integers(0, 1_000), data=st.data())
@settings(max_examples=300)
def test_a_case_with_any_value_anywhere_is_answered_or_refused_by_field(
    seed: int, data: st.DataObject
) -> None:
    case = random_case(seed)
    path = data.draw(st.sampled_from(places(case)[1:]))
    place: Any = case
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = data.draw(json_values)
    found: list[str] = []
    try:
        json.dumps(answer(case, explained=True))
    except BadCase as error:
        found = [*map(str, error.problems)] or [""]
    assert all(len(line.splitlines()) == 1 for line in found)
