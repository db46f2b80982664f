"""How often something may be done, and how to say when it can be done again."""

import math
import re
from dataclasses import dataclass
from typing import Final

_RATE: Final = re.compile(r"([1-9][0-9]{0,8})/([1-9][0-9]{0,4})?([smhd])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


@dataclass(frozen=True, slots=True)
class Rate:
    """`amount` times within `seconds`, counted from the first time on."""

    amount: int
    seconds: int


def rate_of(text: str) -> Rate | None:
    """ "10/10m" is ten within ten minutes, "5/h" five within an hour; "off" is None, no limit.

    Raises: ValueError.
    """
    if text == "off":
        return None
    found = _RATE.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is neither a rate such as 10/10m (units s, m, h, d) nor off")
    return Rate(int(found[1]), int(found[2] or 1) * _SECONDS[found[3]])


def wait_words(seconds: int) -> str:
    """ "in 40 seconds", "in 8 minutes", "in 2 hours"; never sooner than it is."""
    if seconds < 60:
        return _in(max(seconds, 1), "second")
    if seconds <= 90 * 60:
        return _in(math.ceil(seconds / 60), "minute")
    return _in(math.ceil(seconds / 3_600), "hour")


def _in(number: int, unit: str) -> str:
    return f"in {number} {unit}{'' if number == 1 else 's'}"
