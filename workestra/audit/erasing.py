"""Taking a person out of texts that stay: pure, without the database."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

ERASED: Final = "Erased person"


@dataclass(frozen=True)
class Traces:
    """What somebody is known by in texts: `addresses` and numbers, which are his alone, and `names`, which need not be.

    Empty ones are left out. Upper and lower case are the same.
    """

    addresses: frozenset[str]
    names: frozenset[str] = frozenset()

    @classmethod
    def of(cls, addresses: Iterable[str], names: Iterable[str] = ()) -> "Traces":
        return cls(frozenset(filter(None, addresses)), frozenset(filter(None, names)))

    def are_in(self, text: str) -> bool:
        """Whether any of them is in the text, as a word of its own."""
        return bool(self._pattern and self._pattern.search(text))

    def out_of(self, text: str) -> str:
        """The text with "Erased person" in place of each of them."""
        return self._pattern.sub(ERASED, text) if self._pattern else text

    def out_of_value(self, value: Any) -> Any:
        """The same of every text in a JSON value, keys included."""
        match value:
            case str():
                return self.out_of(value)
            case list():
                return [self.out_of_value(each) for each in value]
            case dict():
                return {self.out_of(key): self.out_of_value(each) for key, each in value.items()}
        return value

    @cached_property
    def _pattern(self) -> re.Pattern[str] | None:
        # The longest first: one may be the beginning of another.
        known = sorted(self.addresses | self.names, key=lambda text: (-len(text), text))
        words = "|".join(map(re.escape, known))
        return re.compile(rf"(?<!\w)(?:{words})(?!\w)", re.IGNORECASE) if known else None
