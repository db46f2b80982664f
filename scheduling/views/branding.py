"""What public pages have of a link's branding, each at an address that says all of it and can be kept for ever."""

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from scheduling import selectors
from scheduling.domain.brand import brand_of


@require_safe
@login_not_required
@cache_control(public=True, max_age=31_536_000, immutable=True)
def brand(request: HttpRequest, color: str) -> HttpResponse:
    """The stylesheet that gives a link's public pages its color: six hexadecimal digits are the whole address."""
    try:
        hue, chroma = brand_of(f"#{color}")
    except ValueError as error:
        raise Http404("This is no color.") from error
    return HttpResponse(
        f":root {{ --brand-h: {hue:.1f}; --brand-c: {chroma:.4f} }}\n", content_type="text/css; charset=utf-8"
    )


@require_safe
@login_not_required
@cache_control(public=True, max_age=31_536_000, immutable=True)
def logo(request: HttpRequest, logo_key: str) -> HttpResponse:
    """A link's logo. Its key says what is in it: what is kept of it never gets old."""
    content = selectors.logo(logo_key)
    if content is None:
        raise Http404("There is no such logo.")
    return HttpResponse(content, content_type="image/png")
