"""A form that comes back the moment it was opened was filled in by a program."""

from datetime import datetime
from typing import Final

from django.conf import settings
from django.core.signing import BadSignature, Signer

_SALT: Final = "workestra.limits.fill_time"


def opened_at(now: datetime) -> str:
    """The value of a hidden field: when the form was opened, signed."""
    return Signer(salt=_SALT).sign(f"{now.timestamp():.2f}")


def opened_again(opened: str, now: datetime) -> str:
    """The value for a form that is shown once more: the one it came with, or a new one where that is none."""
    return opened_at(now) if _opened(opened) is None else opened


def is_too_quick(opened: str, now: datetime) -> bool:
    """Whether the form came back sooner than anybody can read it, or without the value it was given."""
    if not settings.MINIMUM_FILL_SECONDS:
        return False
    since = _opened(opened)
    return since is None or now.timestamp() - since < settings.MINIMUM_FILL_SECONDS


def _opened(opened: str) -> float | None:
    try:
        return float(Signer(salt=_SALT).unsign(opened))
    except (BadSignature, ValueError):
        return None
