"""The pre-meeting form: questions that a booking link asks besides name and email."""

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from workestra.look.typed_text import BadText, lines, one_line

MAX_QUESTIONS: Final = 20
MAX_FILES: Final = 5
"""How many of the questions may ask for a file."""
MAX_LABEL: Final = 200
MAX_OPTIONS: Final = 30
MAX_OPTION: Final = 100

_KEY_LENGTH = 40

# Names that a booking address or form uses itself: a question of this key could not be filled in by URL.
RESERVED_KEYS: Final = frozenset(
    {
        "name",
        "email",
        "phone",
        "notes",
        "guests",
        "timezone",
        "tz",
        "start",
        "date",
        "month",
        "clock",
        "nonce",
        "origin",
        "shown",
    }
)


class QuestionType(StrEnum):
    TEXT = "text"
    TEXTAREA = "textarea"
    SELECT = "select"
    CHECKBOX = "checkbox"
    FILE = "file"

    @property
    def words(self) -> str:
        return _WORDS[self]


_WORDS = {
    QuestionType.TEXT: "Short answer",
    QuestionType.TEXTAREA: "Long answer",
    QuestionType.SELECT: "One choice",
    QuestionType.CHECKBOX: "Tick box",
    QuestionType.FILE: "A file",
}


@dataclass(frozen=True, slots=True)
class Question:
    """`key` stays for the question's whole life; `options` are the answers of a choice, none for other types."""

    key: str
    label: str
    type: QuestionType
    required: bool = False
    options: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {
            "key": self.key,
            "label": self.label,
            "type": self.type.value,
            "required": self.required,
            "options": list(self.options),
        }


@dataclass(frozen=True, slots=True)
class TypedQuestion:
    """One row of the form as typed; `options` holds one a line. `faulty` marks a row that could not be read."""

    key: str = ""
    label: str = ""
    type: str = QuestionType.TEXT.value
    required: bool = False
    options: str = ""
    faulty: bool = False

    @property
    def is_blank(self) -> bool:
        return not self.label.strip() and not self.options.strip()

    @property
    def words(self) -> str:
        """ "One choice, required"."""
        kind = QuestionType(self.type).words if self.type in set(QuestionType) else self.type
        return f"{kind}, required" if self.required else kind


def questions_of(stored: Sequence[Mapping[str, Any]]) -> tuple[Question, ...]:
    """The questions of a link's stored `questions`, in order."""
    return tuple(
        Question(
            key=entry["key"],
            label=entry["label"],
            type=QuestionType(entry["type"]),
            required=bool(entry.get("required")),
            options=tuple(entry.get("options") or ()) if entry["type"] == QuestionType.SELECT else (),
        )
        for entry in stored
    )


def typed_questions(stored: Sequence[Mapping[str, Any]]) -> list[TypedQuestion]:
    """Stored questions as the form shows them."""
    return [
        TypedQuestion(
            question.key, question.label, question.type.value, question.required, "\n".join(question.options)
        )
        for question in questions_of(stored)
    ]


def read_questions(
    typed: Sequence[TypedQuestion], known_keys: Collection[str]
) -> tuple[list[dict[str, Any]], list[str], list[TypedQuestion]]:
    """The stored questions, what is wrong in sentences, and the rows again with the faulty ones marked.

    Blank rows do not count. A row keeps its key when it is one of `known_keys`, those of the questions the link has;
    a new question gets one from its label.
    """
    questions: list[Question] = []
    problems: list[str] = []
    marked: list[TypedQuestion] = []
    rows = [row for row in typed if not row.is_blank]
    taken = {row.key for row in rows if row.key in known_keys}
    kept: set[str] = set()
    for number, row in enumerate(rows, start=1):
        wrong = ""
        try:
            label, options = one_line(row.label), _options(row)
        except BadText as error:
            label, options, wrong = "", (), str(error)
        wrong = wrong or _problem(row, label, options)
        if wrong:
            problems.append(f"Question {number}: {wrong}")
            marked.append(TypedQuestion(row.key, row.label, row.type, row.required, row.options, faulty=True))
            continue
        key = row.key if row.key in known_keys and row.key not in kept else _new_key(label, taken)
        kept.add(key)
        taken.add(key)
        marked.append(row)
        questions.append(Question(key, label, QuestionType(row.type), row.required, options))
    if len(rows) > MAX_QUESTIONS:
        problems.append(f"{len(rows)} questions are too many. {MAX_QUESTIONS} fit, besides name and email.")
    files = sum(row.type == QuestionType.FILE for row in rows)
    if files > MAX_FILES:
        problems.append(f"{files} questions for a file are too many. {MAX_FILES} fit.")
    return [question.as_json() for question in questions], problems, marked


def _options(row: TypedQuestion) -> tuple[str, ...]:
    if row.type != QuestionType.SELECT:
        return ()
    return tuple(option for line in lines(row.options).split("\n") if (option := one_line(line)))


def _problem(row: TypedQuestion, label: str, options: tuple[str, ...]) -> str:
    if not label:
        return "write what you want to ask."
    if len(label) > MAX_LABEL:
        return f"{len(label)} characters are too many. {MAX_LABEL} fit."
    if row.type not in set(QuestionType):
        return "choose how it is answered."
    if row.type == QuestionType.SELECT:
        if len(options) < 2:
            return "write at least two choices, one a line."
        if len(options) > MAX_OPTIONS:
            return f"{len(options)} choices are too many. {MAX_OPTIONS} fit."
        if len(set(options)) < len(options):
            return "a choice is there twice."
        if max(map(len, options)) > MAX_OPTION:
            return f"a choice is longer than {MAX_OPTION} characters."
    return ""


def _new_key(label: str, taken: Collection[str]) -> str:
    folded = unicodedata.normalize("NFKD", label.casefold()).encode("ascii", "ignore").decode()
    base = "-".join(re.findall(r"[a-z0-9]+", folded))[:_KEY_LENGTH].strip("-") or "question"
    key, number = base, 1
    while key in taken or key in RESERVED_KEYS:
        number += 1
        key = f"{base}-{number}"
    return key
