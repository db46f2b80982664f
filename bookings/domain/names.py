"""Names that strangers typed, where they are printed to somebody who may not have asked for it."""

import re
from typing import Final

_LOOKS_LIKE_AN_ADDRESS: Final = re.compile(r"://|\bwww\.|\w\.\w{2,}|[/@<>\\]", re.IGNORECASE)
# "Jean-Luc", "O'Neill", "Dr.", "J.R.R."
_PLAIN_WORD: Final = re.compile(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*\.?|(?:[^\W\d_]\.)+")


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
