"""The `{{variables}}` of a workflow's messages: a substitution that knows names and nothing else, and executes nothing.

A text is read once, from left to right. What a variable stands for is never read again, so that braces in it mean
nothing, and is cut into pieces that say whether they came from an address of ours: only those become links.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

NAMES: Final[Mapping[str, str]] = {
    "first_name": "The booker’s first name",
    "booker_name": "The booker’s whole name",
    "host_name": "Who hosts",
    "event_title": "The title of the page",
    "start_time": "Day, time and zone for the reader",
    "other_time": "The same time on the other side’s clock, where it differs",
    "start_date": "The day alone",
    "duration": "How long it takes",
    "location": "Where you meet",
    "join_url": "The meeting’s link",
    "manage_url": "The booker’s own page, to move or cancel",
    "rebook_url": "The page to book again",
    "company": "Your workspace",
}
LINKS: Final = frozenset({"join_url", "manage_url", "rebook_url"})

# One run of anything but braces: with blanks of its own around it, a long line of them takes minutes to refuse.
_VARIABLE: Final = re.compile(r"\{\{([^{}]*)\}\}")
_ADDRESS: Final = re.compile(r"https?://[^\s<>\"']*[^\s<>\"'.,;:!?)\]]")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029\s]+")


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a filled text. `url` is where it leads, "" for plain text; `filled` when a variable stood there."""

    text: str
    url: str = ""
    filled: bool = False


def names_in(text: str) -> list[str]:
    """The variables that the text names, in order, known or not."""
    return [match[1].strip() for match in _VARIABLE.finditer(text)]


def problem(text: str) -> str:
    """Why this text cannot be sent, in words for its author; "" when it can."""
    for name in names_in(text):
        if name not in NAMES:
            nearest = _nearest(name)
            hint = f" Did you mean {{{{{nearest}}}}}?" if nearest else ""
            return f"There is no variable {{{{{name}}}}}.{hint}"
    rest = _VARIABLE.sub("", text)
    if "{{" in rest or "}}" in rest:
        return "A variable is written {{like_this}}: two braces before its name and two behind it."
    return ""


def pieces(text: str, values: Mapping[str, str]) -> list[Piece]:
    """The text with its variables filled in. One that has no value leaves nothing."""
    found: list[Piece] = []
    behind = 0
    for match in _VARIABLE.finditer(text):
        found += _written(text[behind : match.start()])
        name = match[1].strip()
        value = values.get(name, "")
        if value:
            is_link = name in LINKS and value.startswith(("https://", "http://"))
            found.append(Piece(value, value if is_link else "", filled=True))
        behind = match.end()
    return found + list(_written(text[behind:]))


def fill(text: str, values: Mapping[str, str]) -> str:
    """The text with its variables filled in, as plain text."""
    return "".join(piece.text for piece in pieces(text, values))


def fill_line(text: str, values: Mapping[str, str], most: int = 200) -> str:
    """The same on one line, as a mail's header needs it: no line break, no other control character, at most `most`."""
    return _CONTROL.sub(" ", fill(text, values)).strip()[:most].rstrip()


def paragraphs(text: str, values: Mapping[str, str]) -> list[list[list[Piece]]]:
    """The filled text as paragraphs of lines of pieces. What variables left empty leaves no line behind."""
    lines: list[list[Piece]] = [[]]
    for piece in pieces(text, values):
        first, *more = piece.text.split("\n") if not piece.url else [piece.text]
        lines[-1].append(Piece(first, piece.url, piece.filled))
        lines += [[Piece(each, piece.url, piece.filled)] for each in more]
    made: list[list[list[Piece]]] = [[]]
    for line in lines:
        if any(piece.text.strip() for piece in line):
            made[-1].append([piece for piece in line if piece.text])
        elif made[-1]:
            made.append([])
    return [paragraph for paragraph in made if paragraph]


def _written(text: str) -> Iterator[Piece]:
    """What the author wrote himself, with the addresses in it."""
    behind = 0
    for match in _ADDRESS.finditer(text):
        if match.start() > behind:
            yield Piece(text[behind : match.start()])
        yield Piece(match[0], match[0])
        behind = match.end()
    if behind < len(text):
        yield Piece(text[behind:])


def _nearest(name: str) -> str:
    """The variable that was probably meant; "" when none is like it."""
    return next(iter(get_close_matches(name.lower(), NAMES, n=1)), "")
