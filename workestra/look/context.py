from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from workestra.look.nav import sections
from workestra.look.preferences import clock_of, theme_of


def look(request: HttpRequest) -> dict[str, object]:
    """Context of every page: `theme`, `clock`, `nav` (a list of sections), `here` (the path to return to)."""
    return {
        "theme": theme_of(request),
        "clock": clock_of(request),
        "nav": SimpleLazyObject(lambda: sections(request)),
        "here": request.get_full_path(),
    }
