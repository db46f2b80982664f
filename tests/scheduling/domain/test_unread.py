"""Time of which nothing is known is offered only where a link says so."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduling.domain.unread import UnreadablePolicy, unknown_time
from workestra.calendars.domain.period import Period

NOW = datetime(2030, 3, 30, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)
WEEK = Period(NOW, NOW + timedelta(days=7))
CLOSED, LAST_KNOWN, OPEN = UnreadablePolicy.CLOSED, UnreadablePolicy.LAST_KNOWN, UnreadablePolicy.OPEN


def unknown(
    policy: UnreadablePolicy, stale: timedelta | None, until: timedelta | None = None
) -> Period | None:
    return unknown_time(
        policy,
        12 * HOUR,
        stale_since=None if stale is None else NOW - stale,
        known_until=None if until is None else NOW + until,
        within=WEEK,
        now=NOW,
    )


@pytest.mark.parametrize("policy", UnreadablePolicy)
def test_what_is_read_is_known(policy: UnreadablePolicy) -> None:
    assert unknown(policy, None) is None
    assert unknown(policy, None, timedelta(days=7)) is None


def test_each_policy_treats_a_calendar_that_is_not_read_otherwise() -> None:
    assert unknown(CLOSED, timedelta(minutes=20)) == WEEK
    assert unknown(LAST_KNOWN, 12 * HOUR) is None
    assert unknown(LAST_KNOWN, 12 * HOUR + timedelta(seconds=1)) == WEEK
    assert unknown(OPEN, timedelta(days=30)) is None


def test_beyond_what_was_read_nothing_is_known() -> None:
    assert unknown(LAST_KNOWN, None, timedelta(days=2)) == Period(NOW + timedelta(days=2), WEEK.end)
    assert unknown(CLOSED, None, timedelta(days=-2)) == WEEK
    assert unknown(OPEN, None, timedelta(days=-2)) is None


hours = st.none() | st.integers(-400, 400).map(lambda number: number * HOUR)


@given(stale=st.none() | st.integers(0, 400).map(lambda number: number * HOUR), until=hours)
def test_a_stricter_policy_never_knows_more(stale: timedelta | None, until: timedelta | None) -> None:
    def length(policy: UnreadablePolicy) -> timedelta:
        found = unknown(policy, stale, until)
        if found is None:
            return timedelta()
        assert WEEK.start <= found.start < found.end == WEEK.end
        return found.end - found.start

    assert length(OPEN) <= length(LAST_KNOWN) <= length(CLOSED)
