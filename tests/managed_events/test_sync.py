"""The three tables of the managed events documentation, without a database."""

from collections.abc import Collection
from typing import Any

import pytest

from managed_events.domain.sync import Cell, Edit, TemplateState, in_order, merge, standing
from managed_events.models import ManagedEventTemplate
from scheduling.domain.sections import BY_KEY, SECTIONS
from tests.managed_events.making import SAMPLE

ALL = [section.key for section in SECTIONS]


def state(locks: Collection[str] = (), **values: Any) -> TemplateState:
    return TemplateState(ManagedEventTemplate().section_values() | values, frozenset(locks))


def changed(section: str) -> dict[str, Any]:
    field, _before, after = SAMPLE[section]
    return {field: after}


def test_every_section_has_a_sample() -> None:
    assert list(SAMPLE) == ALL


@pytest.mark.parametrize("section", ALL)
def test_a_locked_section_that_changes_is_pushed(section: str) -> None:
    edit = Edit(state([section]), state([section], **changed(section)))
    assert edit.pushed == (section,)
    assert edit.reaches_links
    assert edit.new_defaults == ()


@pytest.mark.parametrize("section", ALL)
def test_a_locked_section_that_does_not_change_is_not_pushed(section: str) -> None:
    other = "policy" if section == "title" else "title"
    edit = Edit(state([section]), state([section], **changed(other)))
    assert edit.pushed == ()
    assert not edit.reaches_links


@pytest.mark.parametrize("section", ALL)
def test_an_open_section_that_changes_is_only_a_new_default(section: str) -> None:
    edit = Edit(state(), state(**changed(section)))
    assert edit.new_defaults == (section,)
    assert edit.pushed == ()
    assert not edit.reaches_links


@pytest.mark.parametrize("section", ALL)
def test_locking_a_section_pushes_it_though_its_values_stay(section: str) -> None:
    edit = Edit(state(), state([section]))
    assert edit.closed == edit.pushed == (section,)
    assert edit.changed == ()


@pytest.mark.parametrize("section", ALL)
def test_opening_a_section_pushes_no_values_but_tells_the_links(section: str) -> None:
    edit = Edit(state([section]), state())
    assert edit.opened == (section,)
    assert edit.pushed == ()
    assert edit.reaches_links


def test_an_edit_without_a_difference_is_empty() -> None:
    assert Edit(state(["title"]), state(["title"])).is_empty


@pytest.mark.parametrize("section", ALL)
def test_the_locked_values_are_exactly_the_fields_of_the_locked_sections(section: str) -> None:
    assert tuple(state([section]).locked_values) == BY_KEY[section].fields


def test_a_new_link_starts_with_every_value_and_its_owners_clock() -> None:
    template = state(["title"], title="Intro", timezone="Europe/Berlin", buffer_after_minutes=5)
    values = template.starting_values("America/New_York")
    assert values["timezone"] == "America/New_York"
    assert {**values, "timezone": "Europe/Berlin"} == template.values


def test_locked_hours_keep_the_templates_zone() -> None:
    assert (
        state(["availability"], timezone="Asia/Tokyo").starting_values("Europe/Berlin")["timezone"]
        == "Asia/Tokyo"
    )


@pytest.mark.parametrize(
    ("template_locks", "link_locks", "differs", "cell"),
    [
        (["title"], ["title"], False, Cell.LOCKED),
        (["title"], ["title"], True, Cell.OUT_OF_STEP),
        (["title"], [], False, Cell.OUT_OF_STEP),
        ([], ["title"], False, Cell.OUT_OF_STEP),
        ([], [], False, Cell.DEFAULT),
        ([], [], True, Cell.OWN),
    ],
)
def test_a_cell_tells_how_a_links_section_stands_to_the_template(
    template_locks: list[str], link_locks: list[str], differs: bool, cell: Cell
) -> None:
    template = state(template_locks, title="Intro")
    link = template.starting_values("UTC") | ({"title": "Mine"} if differs else {})
    cells = standing(template, link, link_locks, "UTC")
    assert cells["title"] == cell
    assert list(cells) == ALL


def test_hours_on_the_owners_own_clock_are_no_values_of_his_own() -> None:
    template = state(timezone="Europe/Berlin")
    link = template.starting_values("America/New_York")
    assert standing(template, link, [], "America/New_York")["availability"] == Cell.DEFAULT


def test_keys_come_back_in_the_order_of_the_list() -> None:
    assert in_order({"policy", "title", "no-such-section"}) == ("title", "policy")


# --- Two edits of one version ----------------------------------------------------------------------------------


@pytest.mark.parametrize("mine", ALL)
@pytest.mark.parametrize("theirs", ALL)
def test_two_edits_are_put_together_and_mine_wins_where_both_changed_a_section(
    mine: str, theirs: str
) -> None:
    base = state(["title"])
    field, _before, other = SAMPLE[theirs]
    their_edit = state(["title"], **{field: other})
    my_field, before, after = SAMPLE[mine]
    mine_too = "Third" if my_field == "title" else before if mine == theirs else after
    merged = merge(base, state(["title"], **({my_field: mine_too} if mine_too != before else {})), their_edit)
    if mine_too != before:
        assert merged.state.values[my_field] == mine_too
        assert merged.mine == (mine,)
    if mine != theirs:
        assert merged.state.values[field] == other
    assert merged.both == ((mine,) if mine == theirs and mine_too != before else ())


def test_locks_are_merged_apart_from_values() -> None:
    base = state(["title", "duration", "form"])
    theirs = state(["title", "policy"], title="Theirs")
    mine = state(["duration", "form", "title", "payment"], duration_minutes=90)
    merged = merge(base, mine, theirs)
    assert merged.state.locks == {"title", "policy", "payment"}
    assert (merged.state.values["title"], merged.state.values["duration_minutes"]) == ("Theirs", 90)
    assert merged.mine == ("duration", "payment")
    assert merged.both == ()
