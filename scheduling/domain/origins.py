"""Origins of web pages that may show a booking page in a frame."""

import re
from typing import Final
from urllib.parse import urlsplit

MAX_LENGTH: Final = 200
MAX_ORIGINS: Final = 20

_HOST = re.compile(
    r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])", re.ASCII
)
_HERE: Final = frozenset({"localhost", "127.0.0.1"})


class BadOrigin(ValueError):
    """This is no origin; the text says why, for the person who typed it."""


def read_origin(text: str) -> str:
    """The one spelling of a typed origin: "https://Larkhill.example/" -> "https://larkhill.example".

    Only https, and http on this computer for trying. An origin is scheme, host and port (RFC 6454, section 4), as
    `frame-ancestors` takes it; a port that the scheme has anyway is left out. Names in other scripts come out in their
    ASCII form.

    Raises: BadOrigin.
    """
    typed = text.strip()
    shown = f"“{typed[:60]}”"
    if len(typed) > MAX_LENGTH:
        raise BadOrigin(f"{shown} is too long. {MAX_LENGTH} characters fit.")
    try:
        parts = urlsplit(typed)
        host, port = (parts.hostname or "").encode("idna").decode("ascii"), parts.port
    except (ValueError, UnicodeError) as error:
        raise BadOrigin(f"{shown} is no address of a website, such as https://www.example.com.") from error
    if parts.scheme not in {"http", "https"}:
        raise BadOrigin(f"{shown} must begin with https://.")
    if parts.path not in {"", "/"} or parts.query or parts.fragment or "?" in typed or "#" in typed:
        raise BadOrigin(f"{shown} names a page. Write only https:// and the website’s name.")
    if "@" in parts.netloc or not (_HOST.fullmatch(host) or host in _HERE):
        raise BadOrigin(f"{shown} is no address of a website, such as https://www.example.com.")
    if parts.scheme == "http" and host not in _HERE:
        raise BadOrigin(f"{shown} must begin with https://. Only localhost may do without, for trying.")
    usual = 443 if parts.scheme == "https" else 80
    origin = f"{parts.scheme}://{host}" + (f":{port}" if port not in {None, usual} else "")
    if len(origin) > MAX_LENGTH:
        raise BadOrigin(f"{shown} is too long. {MAX_LENGTH} characters fit.")
    return origin


def read_origins(text: str) -> tuple[list[str], list[str]]:
    """Typed origins, one a line, each once and in order, and what is wrong in sentences. Blank lines do not count."""
    origins: list[str] = []
    problems: list[str] = []
    for line in filter(None, map(str.strip, text.splitlines())):
        try:
            origin = read_origin(line)
        except BadOrigin as error:
            problems.append(str(error))
            continue
        if origin not in origins:
            origins.append(origin)
    if len(origins) > MAX_ORIGINS:
        problems.append(f"{len(origins)} websites are too many. {MAX_ORIGINS} fit.")
    return origins, problems[:3]
