"""Secret addresses: derived from a key, so that a mail written later can print them; only their hash is stored."""

import base64
import hashlib
import hmac
from collections.abc import Iterable
from uuid import UUID


def derived_token(key: str, purpose: str, subject: UUID, generation: int) -> str:
    """A URL-safe token of 256 bits for this subject: HMAC-SHA256 under `key` (RFC 2104), without padding.

    Another purpose, subject or generation gives an unrelated token.
    """
    message = f"{purpose}:{subject}:{generation}".encode()
    digest = hmac.digest(key.encode(), message, hashlib.sha256)
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def token_hash(token: str) -> str:
    """What is stored of a token: SHA-256, in hex (64 characters)."""
    return hashlib.sha256(token.encode()).hexdigest()


def recovered_token(
    keys: Iterable[str], purpose: str, subject: UUID, generation: int, stored_hash: str
) -> str | None:
    """The token whose hash is stored, found by trying each key; None when its key has been dropped."""
    for key in keys:
        token = derived_token(key, purpose, subject, generation)
        if hmac.compare_digest(token_hash(token), stored_hash):
            return token
    return None
