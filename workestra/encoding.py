"""Requests are read as UTF-8 or not at all."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from django.utils.http import parse_header_parameters

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_REFUSAL: Final = b"Requests must be in UTF-8.\n"


def utf_8_only(application: "WSGIApplication") -> "WSGIApplication":
    """The application, for requests that name no other charset; others are refused (400).

    Django decodes the address and the parts of a form with any codec of Python's that a request names: some ("hex")
    are none for text, and some ("unicode_escape") make characters that neither the database nor a page can hold. It
    does so before any of its middleware runs.
    """

    def guarded(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        _type, parameters = parse_header_parameters(environ.get("CONTENT_TYPE", ""))
        if parameters.get("charset", "utf-8").lower() == "utf-8":
            return application(environ, start_response)
        start_response(
            "400 Bad Request",
            [
                ("Content-Type", "text/plain; charset=utf-8"),
                ("Content-Length", str(len(_REFUSAL))),
                ("X-Content-Type-Options", "nosniff"),
            ],
        )
        return [_REFUSAL]

    return guarded
