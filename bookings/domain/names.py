"""Names in sentences, and those that strangers typed, where somebody reads them who may not have asked for it."""

import re
from collections.abc import Sequence
from typing import Final

_LOOKS_LIKE_AN_ADDRESS: Final = re.compile(r"://|\bwww\.|\w\.\w{2,}|[/@<>\\]", re.IGNORECASE)
# "Jean-Luc", "O'Neill", "Dr.", "J.R.R."
_PLAIN_WORD: Final = re.compile(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*\.?|(?:[^\W\d_]\.)+")


def in_one(names: Sequence[str], most: int = 4) -> str:
    """ "Alice", "Alice and Bob", "Alice, Bob and Emi"; of more than `most` "Alice, Bob, Emi and 7 more"."""
    if len(names) > most:
        return f"{', '.join(names[: most - 1])} and {len(names) - most + 1} more"
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def looks_like_an_address(text: str) -> bool:
    """Whether a mail program could make a link of it: a booking must not carry somebody's advertisement."""
    return bool(_LOOKS_LIKE_AN_ADDRESS.search(text))


def greeting(name: str) -> str:
    """The first name to greet a booker by; "" when what was typed does not look like a name."""
    first, *_ = printable_name(name).split() or [""]
    return first if len(first) <= 30 else ""


def printable_name(name: str) -> str:
    """The name as a calendar may show it to a stranger; "" when it does not look like one."""
    words = name.split()
    fits = 0 < len(words) <= 5 and len(name) <= 60 and all(_PLAIN_WORD.fullmatch(word) for word in words)
    return " ".join(words) if fits else ""
