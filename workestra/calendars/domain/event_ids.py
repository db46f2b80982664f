"""The ids by which we find our own events again in somebody's calendar. All are derived from one key."""

import base64
import hashlib
from typing import Final
from uuid import UUID

MARK: Final = "workestra"


def google_id(key: UUID, generation: int) -> str:
    """An event id as Google takes it (base32hex, a-v and 0-9). A deleted id is burnt: the next generation is another.

    https://developers.google.com/workspace/calendar/api/v3/reference/events/insert
    """
    digest = hashlib.sha256(key.bytes + generation.to_bytes(2)).digest()
    return base64.b32hexencode(digest).decode().lower().rstrip("=")[:40]


def transaction_id(key: UUID, generation: int) -> str:
    """Graph's `transactionId`: it gives one event however often the creation is repeated, and marks it as ours."""
    return f"{MARK}-{key}-{generation}"


def key_of_transaction(transaction_id: str | None) -> UUID | None:
    """The key of an event of ours; None for everybody else's."""
    mark, _, rest = (transaction_id or "").partition("-")
    return _uuid(rest.rpartition("-")[0]) if mark == MARK else None


def uid(key: UUID) -> str:
    """The UID of an event of ours on a CalDAV server."""
    return f"{MARK}-{key}"


def key_of_uid(uid: str) -> UUID | None:
    """The key of an event of ours; None for everybody else's."""
    mark, _, rest = uid.partition("-")
    return _uuid(rest) if mark == MARK else None


def key_of_mark(mark: str | None) -> UUID | None:
    """The key written into a private property of an event; None when there is none that reads as one."""
    return _uuid(mark or "")


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
