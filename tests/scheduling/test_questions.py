"""Reading the questions of a link."""

from hypothesis import given
from hypothesis import strategies as st

from scheduling.domain.questions import (
    RESERVED_KEYS,
    QuestionType,
    TypedQuestion,
    questions_of,
    read_questions,
    typed_questions,
)

rows = st.lists(
    st.builds(
        TypedQuestion,
        key=st.sampled_from(["", "team", "size", "email", "x y", "../"]),
        label=st.text(max_size=20),
        type=st.sampled_from([*QuestionType, "file", ""]),
        required=st.booleans(),
        options=st.text(alphabet="ab\r\n \x00", max_size=8),
    ),
    max_size=25,
)


@given(typed=rows, known=st.sets(st.sampled_from(["team", "size"])))
def test_whatever_is_typed_gives_questions_with_keys_of_their_own_or_sentences(
    typed: list[TypedQuestion], known: set[str]
) -> None:
    stored, problems, marked = read_questions(typed, known)
    keys = [question["key"] for question in stored]
    assert len(set(keys)) == len(keys)
    assert not set(keys) & RESERVED_KEYS
    assert len(marked) == sum(not row.is_blank for row in typed)
    assert bool(problems) == (any(row.faulty for row in marked) or len(marked) > 20)
    again, _, _ = read_questions(typed_questions(stored), set(keys))
    assert again == stored
    assert [question.as_json() for question in questions_of(stored)] == stored


def test_a_key_is_kept_by_the_row_that_has_it_and_never_shared() -> None:
    typed = [TypedQuestion("", "Team"), TypedQuestion("team", "Which team?"), TypedQuestion("team", "Again")]
    stored, _, _ = read_questions(typed, {"team"})
    assert [question["key"] for question in stored] == ["team-2", "team", "again"]


def test_only_a_choice_has_options() -> None:
    stored, _, _ = read_questions([TypedQuestion("", "Why?", "text", options="a\nb")], ())
    assert stored[0]["options"] == []
