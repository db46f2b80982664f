"""Secret addresses under this installation's keys."""

from uuid import UUID

from django.conf import settings

from workestra.accounts.domain.tokens import derived_token, recovered_token


def issue(purpose: str, subject: UUID, generation: int = 0) -> str:
    """The token for this subject under the current key."""
    return derived_token(settings.SECRET_KEY, purpose, subject, generation)


def reissue(purpose: str, subject: UUID, generation: int, stored_hash: str) -> str | None:
    """The token issued before, for printing it again; None when its key is neither current nor a fallback."""
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return recovered_token(keys, purpose, subject, generation, stored_hash)
