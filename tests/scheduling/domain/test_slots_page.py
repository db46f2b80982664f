"""The worked examples of docs/slots.md."""

import json
import re
from pathlib import Path

import pytest

from scheduling.domain.case import answer
from scheduling.domain.slots import ReasonCode

PAGE = (Path(__file__).parents[3] / "docs" / "slots.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```json\n(.*?)```\n```json\n(.*?)```\n", PAGE, re.DOTALL)


@pytest.mark.parametrize(("case", "answered"), EXAMPLES)
def test_an_example_is_answered_as_the_page_says(case: str, answered: str) -> None:
    expected = json.loads(answered)
    assert answer(json.loads(case), explained="gaps" in expected) == expected


def test_every_block_of_the_page_belongs_to_an_example() -> None:
    assert len(EXAMPLES) >= 8
    assert PAGE.count("```json\n") == 2 * len(EXAMPLES)


def test_the_page_names_every_reason() -> None:
    assert all(f"`{code}`" in PAGE for code in ReasonCode)
