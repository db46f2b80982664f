"""How late a message may be, moment by moment, and at which moments a booker can be asked whether he still comes."""

from datetime import UTC, datetime, timedelta

import pytest

from scheduling.domain.workflows import Trigger, why_not, why_not_ask

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
# Berlin puts its clocks forward between the two: 01:45 CET, and 03:15 CEST.
START = datetime(2030, 3, 31, 0, 45, tzinfo=UTC)
END = START + HOUR / 2
BEGUN, OVER = "Too late: the meeting has begun", "Too late: the meeting is over"
OLD = "Too late: its time was more than three days ago"


@pytest.mark.parametrize(
    ("trigger", "due", "last", "then"),
    [
        (Trigger.BOOKED, START - DAY, END, OVER),
        (Trigger.BEFORE_START, START - DAY, START, BEGUN),
        (Trigger.STARTS, START, END, OVER),
        # Counted from the start, and due after the end: of use at its time, and not later.
        (Trigger.STARTS, END + HOUR, END + HOUR, OVER),
        (Trigger.RESCHEDULED, START - DAY, END, OVER),
        (Trigger.ENDS, END + HOUR, END + HOUR + 3 * DAY, OLD),
        (Trigger.CANCELLED, START - DAY, START + 2 * DAY, OLD),
        (Trigger.NO_SHOW, END + HOUR, END + HOUR + 3 * DAY, OLD),
    ],
)
def test_a_late_message_goes_as_long_as_it_is_of_use_and_is_then_left_out_with_the_reason(
    trigger: Trigger, due: datetime, last: datetime, then: str
) -> None:
    def answer(now: datetime) -> str:
        return why_not(
            trigger,
            status="cancelled" if trigger == Trigger.CANCELLED else "confirmed",
            no_show=trigger == Trigger.NO_SHOW,
            start=START,
            end=END,
            due=due,
            now=now,
        )

    assert answer(last) == then
    if last > due:
        assert answer(due) == answer(last - MINUTE) == ""
        assert answer(due + 30 * MINUTE) == ("" if due + 30 * MINUTE < last else then)


@pytest.mark.parametrize("trigger", Trigger)
def test_whether_he_still_comes_is_asked_before_the_start_alone(trigger: Trigger) -> None:
    assert bool(why_not_ask(trigger, HOUR)) == (trigger != Trigger.BEFORE_START)
    assert why_not_ask(trigger, timedelta())
