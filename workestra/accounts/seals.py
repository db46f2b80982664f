"""Sealed values under this installation's keys."""

from django.conf import settings

from workestra.accounts.domain import seals


def seal(value: bytes) -> bytes:
    """The value as the database may hold it, under the current key."""
    return seals.sealed(value, settings.SECRET_KEY)


def unseal(sealed: bytes) -> bytes:
    """The value again, also of a key among the fallbacks.

    Raises: BrokenSeal.
    """
    return seals.unsealed(sealed, [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS])
