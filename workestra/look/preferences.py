"""Two choices a visitor makes for every page, kept in cookies: the server prints them, so nothing flashes."""

from typing import Literal

from django.http import HttpRequest, HttpResponseBase

Theme = Literal["system", "light", "dark"]
Clock = Literal["24", "12"]

THEMES: tuple[Theme, ...] = ("system", "light", "dark")
CLOCKS: tuple[Clock, ...] = ("24", "12")
YEAR = 365 * 24 * 60 * 60


def theme_of(request: HttpRequest) -> Theme:
    """The color theme this visitor chose; "system" when none or when the cookie was tampered with."""
    value = request.COOKIES.get("theme")
    return value if value in THEMES else "system"


def clock_of(request: HttpRequest) -> Clock:
    """The clock this visitor chose; "24" when none or when the cookie was tampered with."""
    value = request.COOKIES.get("clock")
    return value if value in CLOCKS else "24"


def keep(response: HttpResponseBase, name: Literal["theme", "clock"], value: str, *, secure: bool) -> None:
    """Remember a choice for a year. Not HttpOnly: ui.js writes the same cookie without asking the server."""
    response.set_cookie(name, value, max_age=YEAR, path="/", secure=secure, httponly=False, samesite="Lax")
