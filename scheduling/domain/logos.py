"""What a logo is called: by its content, and by how large it is shown, so that pages need nothing else to show it."""

import hashlib
import re
import struct
from dataclasses import dataclass
from typing import Final, NamedTuple

HEIGHT: Final = 30
"""CSS pixels that a logo is high at most (docs/look.md). It is kept with up to twice as many."""

_KEY: Final = re.compile(r"[0-9a-f]{32}-(\d{1,3})x(\d{1,2})", re.ASCII)


@dataclass(frozen=True, slots=True)
class LogoImage:
    """A PNG and the key that it has wherever it is kept."""

    key: str
    content: bytes


class Shown(NamedTuple):
    """CSS pixels."""

    width: int
    height: int


def logo_image(png: bytes) -> LogoImage:
    """The picture with its key. Raises struct.error for what is no PNG."""
    width, height = struct.unpack(">II", png[16:24])
    shown = min(height, HEIGHT)
    return LogoImage(
        f"{hashlib.sha256(png).hexdigest()[:32]}-{max(1, round(width * shown / height))}x{shown}", png
    )


def is_key(text: str) -> bool:
    """Whether this can be the key of a logo; there need be none."""
    return _KEY.fullmatch(text) is not None


def shown_size(key: str) -> Shown:
    """How large the logo with this key is shown. Raises ValueError for what is no key."""
    match = _KEY.fullmatch(key)
    if match is None:
        raise ValueError(f"{key!r} is no logo's key")
    return Shown(int(match[1]), int(match[2]))
