"""Taking a person out of texts that stay: pure, without the database."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

ERASED: Final = "Erased person"
_ADDRESS_BEGINS: Final = r"(?<![\w.+%-])"
_ADDRESS_ENDS: Final = r"(?![\w-])(?!\.\w)"
"""So that an address is not found in a longer one, which is somebody else's."""


@dataclass(frozen=True)
class Traces:
    """What somebody is known by in texts: `addresses` of mailboxes, which are his alone, and `names` and numbers, which
    need not be.

    Empty ones are left out. Upper and lower case are the same.
    """

    addresses: frozenset[str]
    names: frozenset[str] = frozenset()

    @classmethod
    def of(cls, addresses: Iterable[str], names: Iterable[str] = ()) -> "Traces":
        return cls(frozenset(filter(None, addresses)), frozenset(filter(None, names)))

    def has_address(self, address: str) -> bool:
        """Whether this address is one of them."""
        return address.casefold() in {known.casefold() for known in self.addresses}

    def are_in_value(self, value: Any) -> bool:
        """Whether any of them is in a text of a JSON value, as a word of its own."""
        return bool(self.out_of_value(value) != value)

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
        found = [
            rf"{_ADDRESS_BEGINS}(?:{_any_of(self.addresses)}){_ADDRESS_ENDS}" if self.addresses else "",
            rf"(?<!\w)(?:{_any_of(self.names)})(?!\w)" if self.names else "",
        ]
        return re.compile("|".join(filter(None, found)), re.IGNORECASE) if any(found) else None


def _any_of(texts: Iterable[str]) -> str:
    # The longest first: one may be the beginning of another.
    return "|".join(map(re.escape, sorted(texts, key=lambda text: (-len(text), text))))
