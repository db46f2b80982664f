"""A brand color as the two numbers that the stylesheets are built on: hue and chroma in OKLCH."""

import math
import re
from typing import Final, NamedTuple

# With more, text on the accent loses its contrast for some hues (docs/look.md).
MAX_CHROMA: Final = 0.13

_HEX = re.compile(r"#?([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})", re.IGNORECASE | re.ASCII)


class Brand(NamedTuple):
    """Hue in degrees, at least 0 and under 360; chroma from 0 to `MAX_CHROMA`. Lightness is the stylesheets' own."""

    hue: float
    chroma: float


def brand_of(color: str) -> Brand:
    """Hue and chroma of "#005F73". A gray has no hue: it gives chroma 0. Raises ValueError for anything else.

    The conversion is that of https://www.w3.org/TR/css-color-4/#color-conversion-code.
    """
    match = _HEX.fullmatch(color)
    if match is None:
        raise ValueError(f"{color!r} is not a color like #005F73")
    red, green, blue = (_linear(int(part, 16) / 255) for part in match.groups())
    long = math.cbrt(0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue)
    medium = math.cbrt(0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue)
    short = math.cbrt(0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue)
    a = 1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short
    b = 0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short
    chroma = math.hypot(a, b)
    if chroma < 0.0005:
        return Brand(0.0, 0.0)
    return Brand(math.degrees(math.atan2(b, a)) % 360, min(chroma, MAX_CHROMA))


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
