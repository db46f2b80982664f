"""How many text messages a text takes (3GPP TS 23.038 and 23.040).

A text of the GSM alphabet has 160 characters in one message, or 153 in each of several; those of its extension count
twice, and are never cut in two. Anything else makes the whole text UCS-2: 70 UTF-16 units, or 67 in each of several, a
surrogate pair never cut in two.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

GSM: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_EXTENSION: Final = frozenset("^{}\\[~]|€\f")

_LOOKALIKES: Final = str.maketrans(
    {
        **dict.fromkeys("‘’‚′", "'"),
        **dict.fromkeys("“”„″", '"'),
        **dict.fromkeys("‐‑‒–—−", "-"),
        **dict.fromkeys("\u00a0\u2007\u2009\u202f\t", " "),
        "…": "...",
    }
)


@dataclass(frozen=True, slots=True)
class Segments:
    """What a text takes: `used` of the `room` that its `parts` messages have."""

    is_gsm: bool
    used: int
    room: int
    parts: int

    @property
    def words(self) -> str:
        """ "113 of 160", "212 of 306, 2 texts"."""
        many = f", {self.parts} texts" if self.parts > 1 else ""
        return f"{self.used} of {self.room}{many}"


def plainer(text: str) -> str:
    """The text with quotes, dashes and blanks as the GSM alphabet has them: one other sign would halve the room."""
    return text.translate(_LOOKALIKES)


def segments_of(text: str) -> Segments:
    """How many messages the text takes, as it is. An empty one takes one."""
    is_gsm = all(character in GSM or character in GSM_EXTENSION for character in text)
    single, each = (160, 153) if is_gsm else (70, 67)
    sizes = [_size(character, is_gsm) for character in text]
    used = sum(sizes)
    if used <= single:
        return Segments(is_gsm, used, single, 1)
    parts = _packed(sizes, each)
    return Segments(is_gsm, used, parts * each, parts)


def _size(character: str, is_gsm: bool) -> int:
    if is_gsm:
        return 1 if character in GSM else 2
    return 2 if ord(character) > 0xFFFF else 1


def _packed(sizes: Iterable[int], each: int) -> int:
    """How many messages of `each` units these characters fill, none of them cut in two."""
    parts, left = 1, each
    for size in sizes:
        if size > left:
            parts, left = parts + 1, each
        left -= size
    return parts
