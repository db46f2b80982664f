from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from workestra.look.preferences import CLOCKS, THEMES, keep


@login_not_required
@require_POST
def preferences(request: HttpRequest) -> HttpResponse:
    """Keep the theme, the clock or both; return to `next` on this site. Unknown values change nothing."""
    back = request.POST.get("next", "/")
    if not url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure()):
        back = "/"
    response = HttpResponseRedirect(back, status=303)
    theme, clock = request.POST.get("theme"), request.POST.get("clock")
    if theme in THEMES:
        keep(response, "theme", theme, secure=request.is_secure())
    if clock in CLOCKS:
        keep(response, "clock", clock, secure=request.is_secure())
    return response


@login_not_required
def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The page for a form whose token is missing or old. The reason is for the log, not for the visitor."""
    return render(request, "403_csrf.html", status=403)
