"""What an admin types to invite people, read line by line."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from email.errors import MessageError
from email.headerregistry import Address
from email.utils import parseaddr
from typing import Final

MOST: Final = 50
"""So many people are invited at once."""
_SEPARATORS: Final = re.compile(r"[._+-]+")
_NOT_IN_USERNAMES: Final = re.compile(r"[^a-z0-9]+")
_LONGEST: Final = 32


@dataclass(frozen=True, slots=True)
class Invitee:
    """Somebody to invite. `email` is in lower case; without a name typed, `name` is made of the address."""

    name: str
    email: str


class BadLine(ValueError):
    """A line holds no address that a mail can be sent to; `line` is what was typed."""

    def __init__(self, line: str) -> None:
        super().__init__(line)
        self.line = line


def invitees(text: str) -> list[Invitee]:
    """The people in "Hana Novák <hana@larkhill.example>" or "hana@larkhill.example", one a line, each address once.

    Empty lines count for nothing; the order is the typed one.

    Raises: BadLine.
    """
    found: dict[str, Invitee] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        name, address = parseaddr(line)
        email = address.lower()
        # A parser that finds an address forgets what follows it: a second one must not get lost.
        if line.count("@") > 1 or not _is_address(email):
            raise BadLine(line)
        found.setdefault(email, Invitee((name.strip() or _name_in(email))[:120], email))
    return list(found.values())


def base_of_username(email: str) -> str:
    """What a username is made of: "hana.novak@…" gives "hana-novak"."""
    wanted = _NOT_IN_USERNAMES.sub("-", email.partition("@")[0].lower()).strip("-")[:_LONGEST].strip("-")
    return wanted or "member"


def free_username(base: str, taken: Collection[str]) -> str:
    """`base`, or with the first number that frees it: "hana-novak-2"."""
    if base not in taken:
        return base
    return next(name for n in range(2, len(taken) + 3) if (name := f"{base}-{n}") not in taken)


def _is_address(email: str) -> bool:
    try:
        address = Address(addr_spec=email)
    except (MessageError, ValueError, IndexError, AttributeError):
        return False
    return bool(address.username) and "." in address.domain.strip(".") and len(email) <= 254


def _name_in(email: str) -> str:
    return " ".join(part.capitalize() for part in _SEPARATORS.split(email.partition("@")[0]) if part) or email
