"""Several people in a few words."""

from collections.abc import Sequence
from typing import Final

MOST_NAMED: Final = 3


def people_words(names: Sequence[str]) -> str:
    """ "Alice has", "Alice and Bob have", "Alice, Bob, Carol and 2 more have"."""
    if len(names) == 1:
        return f"{names[0]} has"
    more = len(names) - MOST_NAMED
    named = names if more <= 0 else [*names[:MOST_NAMED], f"{more} more"]
    return f"{in_a_row(named)} have"


def in_a_row(words: Sequence[str]) -> str:
    """ "Zoom", "Zoom and Webex", "Zoom, Webex and GoTo"."""
    *rest, last = words
    return f"{', '.join(rest)} and {last}" if rest else last
