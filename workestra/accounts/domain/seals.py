"""Values kept to be read again, but not by somebody who has got hold of the database alone."""

import base64
import hashlib
import hmac
from collections.abc import Iterable

from cryptography.fernet import Fernet, InvalidToken, MultiFernet


class BrokenSeal(Exception):
    """None of the keys opens it: its key has been dropped, or the bytes were changed."""


def sealed(value: bytes, key: str) -> bytes:
    """The value encrypted and authenticated under `key` (Fernet: AES-128-CBC with HMAC-SHA256); ASCII."""
    return _fernet(key).encrypt(value)


def unsealed(seal: bytes, keys: Iterable[str]) -> bytes:
    """The value that was sealed under one of the keys.

    Raises: BrokenSeal.
    """
    try:
        return MultiFernet([_fernet(key) for key in keys]).decrypt(seal)
    except InvalidToken as error:
        raise BrokenSeal from error


def _fernet(key: str) -> Fernet:
    # Of its own: what is sealed and what is derived for an address must not be computed from each other.
    return Fernet(base64.urlsafe_b64encode(hmac.digest(key.encode(), b"sealed values", hashlib.sha256)))
