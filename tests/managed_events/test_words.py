from typing import Any

import pytest

from managed_events.domain.words import counts, differences, line_of, listed
from managed_events.models import ManagedEventTemplate


@pytest.mark.parametrize(
    ("total", "updated", "words"),
    [
        (12, 9, "12 links: 9 changed, 3 already matched."),
        (12, 12, "12 links: 12 changed."),
        (1, 1, "1 link: 1 changed."),
        (10, 0, "10 links: all already matched."),
    ],
)
def test_counts_come_first_and_add_up(total: int, updated: int, words: str) -> None:
    assert counts(total, updated) == words


@pytest.mark.parametrize(
    ("names", "words"),
    [([], ""), (["Alice"], "Alice"), (["Alice", "Bob"], "Alice and Bob"), (["A", "B", "C"], "A, B and C")],
)
def test_names_are_listed(names: list[str], words: str) -> None:
    assert listed(names) == words


@pytest.mark.parametrize(
    ("changed", "locked", "opened", "words"),
    [
        (["title"], [], [], "Title changed"),
        (["buffers"], ["buffers"], [], "Buffers changed and locked"),
        ([], ["branding", "policy"], [], "Branding and Policy locked"),
        (["title", "form"], [], ["form"], "Title changed, Form changed and opened"),
        ([], [], [], "Settings changed"),
    ],
)
def test_a_save_says_what_it_changed(
    changed: list[str], locked: list[str], opened: list[str], words: str
) -> None:
    detail: dict[str, Any] = {"changed": changed, "locked": locked, "opened": opened, "links": 0}
    assert line_of("template.saved", detail).headline == words


def test_values_that_differ_are_told_in_words() -> None:
    before = ManagedEventTemplate().section_values()
    after = before | {"buffer_after_minutes": 10, "title": "Intro", "price": 4900, "currency": "EUR"}
    found = differences(before, after, ["title", "buffers"])
    assert [(one.label, one.before, one.after) for one in found] == [
        ("Title", "none", "Intro"),
        ("Buffer after", "none", "10 minutes"),
    ]


def test_values_that_read_the_same_are_still_told_apart() -> None:
    before = ManagedEventTemplate().section_values() | {
        "date_overrides": [{"date": "2030-01-01", "windows": []}]
    }
    after = before | {"date_overrides": [{"date": "2030-01-02", "windows": []}]}
    (one,) = differences(before, after, ["availability"])
    assert (one.before, one.after) == ("1 date", "1 date, changed")


def test_an_event_of_tomorrow_is_told_by_its_name() -> None:
    assert line_of("template.set_free_again", {}).headline == "Set free again"
