"""The substitution in workflows' messages: it knows names and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduling.domain import variables
from scheduling.domain.variables import NAMES
from scheduling.domain.workflow_presets import PRESETS

VALUES = {"first_name": "Priya", "manage_url": "https://example.com/b/x", "event_title": "Demo"}
ANYTHING = st.dictionaries(st.sampled_from(sorted(NAMES)), st.text(max_size=40))


def test_variables_are_filled_in_and_those_without_a_value_leave_nothing() -> None:
    assert (
        variables.fill("Hello {{first_name}},{{ join_url }} {{ event_title }}!", VALUES)
        == "Hello Priya, Demo!"
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{{frist_name}}", "Did you mean {{first_name}}?"),
        ("{{booking.host.password}}", "There is no variable"),
        ("{{ first_name", "two braces before its name"),
        ("first_name }}", "two braces before its name"),
        ("{{}}", "There is no variable"),
    ],
)
def test_a_text_that_cannot_be_filled_says_why(text: str, says: str) -> None:
    assert says in variables.problem(text)


@given(values=ANYTHING)
def test_what_a_variable_stands_for_is_never_read_again(values: dict[str, str]) -> None:
    text = "a {{first_name}} b {{event_title}} c"
    expected = f"a {values.get('first_name', '')} b {values.get('event_title', '')} c"
    assert variables.fill(text, values) == expected


@given(text=st.text(max_size=80), values=ANYTHING)
def test_a_header_never_has_a_line_break_or_another_control_character(
    text: str, values: dict[str, str]
) -> None:
    line = variables.fill_line(f"{text}{{{{booker_name}}}}{text}", values)
    assert len(line) <= 200
    assert not any(ord(each) < 32 or each in "\x7f\x85\u2028\u2029" for each in line)


@given(text=st.text(max_size=80), values=ANYTHING)
def test_only_the_authors_addresses_and_ours_become_links(text: str, values: dict[str, str]) -> None:
    for piece in variables.pieces("{{booker_name}} {{location}} " + text.replace("{", ""), values):
        assert not (piece.filled and piece.url)
    (link,) = [each for each in variables.pieces("Here: {{manage_url}}.", VALUES) if each.url]
    assert (link.url, link.filled) == (VALUES["manage_url"], True)


@given(text=st.text(alphabet=" {}abn\n", max_size=60))
def test_every_text_is_either_refused_or_can_be_filled(text: str) -> None:
    if not variables.problem(text):
        assert "{{" not in variables.fill(text, {}) or "{{" in text.replace("{{", "", 1)
    variables.paragraphs(text, VALUES)


def test_lines_that_variables_left_empty_go_and_paragraphs_stay() -> None:
    found = variables.paragraphs(
        "Hello {{first_name}},\n\nyes\n{{other_time}}\n\nWhere: {{event_title}}", VALUES
    )
    said = [["".join(piece.text for piece in line) for line in paragraph] for paragraph in found]
    assert said == [["Hello Priya,"], ["yes"], ["Where: Demo"]]


def test_every_preset_can_be_sent() -> None:
    for preset in PRESETS:
        for step in preset.draft.steps:
            assert not variables.problem(step.subject)
            assert not variables.problem(step.body)


def test_a_long_line_of_blanks_behind_braces_is_read_at_once() -> None:
    """Read by trial and error, this takes longer than anybody waits."""
    text = "{{" + " " * 50_000 + "{{ first_name }}"
    assert variables.problem(text).startswith("A variable is written")
    assert variables.fill(text, {"first_name": "Priya"}).endswith("Priya")
