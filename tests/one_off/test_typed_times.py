"""Times out of plain text: what is read, and why a line is not."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from one_off.domain.typed_times import read_times

SATURDAY = datetime(2026, 11, 21, 9, 0)


def read(text: str, now: datetime = SATURDAY) -> list[tuple[str, int | None]]:
    (line,) = read_times(text, now)
    assert not line.problem
    return [(f"{time.start:%a %d %b %Y %H:%M}", time.minutes) for time in line.times]


@pytest.mark.parametrize(
    ("text", "times"),
    [
        (
            "Tue 24 Nov 10:00-10:30, 14:00",
            [("Tue 24 Nov 2026 10:00", 30), ("Tue 24 Nov 2026 14:00", None)],
        ),
        ("Tue 10am, Wed 2–3pm", [("Tue 24 Nov 2026 10:00", None), ("Wed 25 Nov 2026 14:00", 60)]),
        ("1) Tuesday, November 24th at 10.30", [("Tue 24 Nov 2026 10:30", None)]),
        ("- 2026-12-01 9:00 AM – 9:45 AM", [("Tue 01 Dec 2026 09:00", 45)]),
        ("Wed 2:00-3:00", [("Wed 25 Nov 2026 02:00", 60)]),
        ("Wed 11-1pm", [("Wed 25 Nov 2026 11:00", 120)]),
        ("Fri noon to 13:00 or 15:00", [("Fri 27 Nov 2026 12:00", 60), ("Fri 27 Nov 2026 15:00", None)]),
        ("tomorrow 9am", [("Sun 22 Nov 2026 09:00", None)]),
        ("Sat 8am", [("Sat 28 Nov 2026 08:00", None)]),
        ("Sat 10am", [("Sat 21 Nov 2026 10:00", None)]),
        ("3 Sept 10:00", [("Fri 03 Sep 2027 10:00", None)]),
        ("29 Feb 10:00", [("Tue 29 Feb 2028 10:00", None)]),
    ],
)
def test_times_are_read_as_people_write_them(text: str, times: list[tuple[str, int | None]]) -> None:
    assert read(text) == times


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("Mon 24 Nov 10:00", "24 November 2026 is a Tuesday, not a Monday."),
        ("24.11. 10:00", "Write the month in letters"),
        ("10:00", "Write the day first"),
        ("Fri 14", "Write 14 as 14:00"),
        ("Wed 2-3", "Write 2-3 with am or pm, or as 02:00."),
        ("Thu", "No time in this line"),
        ("Thu 10:00, Fri", "A day without a time"),
        ("31 Nov 10:00", "There is no 31 Nov."),
        ("Tue 25:00", "There is no 25:00."),
        ("Tue 13pm", "There is no 13pm."),
        ("Fri 16:00 to 15:00", "ends before it begins"),
        ("Tue 24 Nov 10:00 CET", "“CET” is neither a day nor a time."),
        ("FRİ 10:00", "“FRİ 10:00” is neither a day nor a time."),
        ("24 ſep 10:00", "Write the day first"),
    ],
)
def test_a_line_that_cannot_be_read_says_why(text: str, problem: str) -> None:
    (line,) = read_times(text, SATURDAY)
    assert problem in line.problem
    assert not line.times


def test_each_line_stands_for_itself_but_keeps_the_day_before_it() -> None:
    lines = read_times("Tue 24 Nov 10:00\n\n11:00\nnonsense\n12:00", SATURDAY)
    assert [[f"{time.start:%d %H:%M}" for time in line.times] for line in lines] == [
        ["24 10:00"],
        ["24 11:00"],
        [],
        ["24 12:00"],
    ]


@given(st.text(alphabet=st.sampled_from("Tue Wednovsatfri 0123456789:.-–,;()apmto/\n٣ſıİ\xa0"), max_size=60))
def test_whatever_is_pasted_is_read_or_refused(text: str) -> None:
    for line in read_times(text, SATURDAY):
        assert bool(line.times) != bool(line.problem)
