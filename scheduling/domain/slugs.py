"""Addresses of booking links: what may stand behind /book/."""

import re
import unicodedata
from collections.abc import Collection
from typing import Final

MAX_LENGTH: Final = 80

# Words that belong to the product or would read as a page of it.
RESERVED: Final = frozenset(
    {
        "about", "account", "accounts", "admin", "api", "app", "assets", "auth", "b", "book", "booking", "bookings",
        "calendar", "confirmed", "details", "embed", "favicon", "health", "healthz", "help", "login", "logout",
        "mailbox", "manage", "new", "null", "one-off", "preferences", "privacy", "robots", "settings", "signin",
        "signout", "signup", "static", "support", "team", "terms", "undefined", "workestra",
    }
)  # fmt: skip

_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
# Letters that NFKD leaves whole although everybody writes them with others.
_WRITTEN_OUT = str.maketrans(
    {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ł": "l", "þ": "th", "ð": "d", "ı": "i"}
)
_NAMELESS = "meeting"


def problem(slug: str) -> str:
    """Why this cannot be an address, in a sentence; empty when it can."""
    if not slug:
        return "Write an address."
    if len(slug) > MAX_LENGTH:
        return f"{len(slug)} characters are too many. {MAX_LENGTH} fit."
    if not _SLUG.fullmatch(slug):
        return "Use lowercase letters, digits and single dashes between them."
    if slug in RESERVED:
        return f"“{slug}” is a word we need ourselves. Add another one, such as {slug}-call."
    return ""


def suggested_slug(title: str, taken: Collection[str]) -> str:
    """An address for a title that is not taken: "Kaffee & Code" -> "kaffee-code", or else "kaffee-code-2", …

    A title without any Latin letter or digit gives "meeting".
    """
    folded = (
        unicodedata.normalize("NFKD", title.lower().translate(_WRITTEN_OUT))
        .encode("ascii", "ignore")
        .decode()
    )
    wanted = "-".join(re.findall(r"[a-z0-9]+", folded))[:MAX_LENGTH].strip("-") or _NAMELESS
    return first_free(wanted, taken)


def first_free(wanted: str, taken: Collection[str]) -> str:
    """`wanted`, or else the first of `wanted-2`, `wanted-3`, … that is neither taken nor reserved."""
    slug, number = wanted, 1
    while slug in taken or slug in RESERVED:
        number += 1
        slug = numbered(wanted, number)
    return slug


def numbered(wanted: str, number: int) -> str:
    """ "wanted-2", cut so that the number fits."""
    ending = f"-{number}"
    return wanted[: MAX_LENGTH - len(ending)].rstrip("-") + ending
