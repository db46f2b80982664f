"""Text that people type: trimmed, on one line or several, and free of characters that nobody means to type."""

import unicodedata

_NEWLINES = str.maketrans({"\u2028": "\n", "\u2029": "\n"})

# Directional overrides and isolates: they make a title read differently from what it is.
_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


class BadText(ValueError):
    """Text with a character that cannot be kept; the message is for the person who typed it."""


def one_line(text: str) -> str:
    """The text without surrounding space. Raises BadText for control characters, line breaks among them."""
    return _checked(text.strip(), "")


def lines(text: str) -> str:
    """The text without surrounding space, its line breaks as "\\n". Raises BadText for other control characters."""
    unified = text.replace("\r\n", "\n").replace("\r", "\n").translate(_NEWLINES)
    return _checked(unified.strip(), "\n")


def _checked(text: str, allowed: str) -> str:
    for character in text:
        if character in allowed:
            continue
        if unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} or character in _BIDI:
            raise BadText("This has a character that cannot be shown. Type it again without pasting.")
    return text
