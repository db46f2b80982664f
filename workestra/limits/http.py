"""Who asks, and the answer to whoever asks too often."""

from ipaddress import IPv6Address, ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from workestra.limits.services import LimitReached


def client_ip(request: HttpRequest) -> str:
    """The address the request comes from; "" when there is none, as over a unix socket.

    Whoever connects is believed to be a proxy only where TRUSTED_PROXY_HOPS says so: then the last address of
    X-Forwarded-For is the one that the proxy saw. What stands before it anybody can have written.
    """
    addresses = [request.META.get("REMOTE_ADDR", "")]
    if settings.TRUSTED_PROXY_HOPS:
        addresses.insert(0, request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip())
    return next(filter(None, map(_read, addresses)), "")


def visitor(request: HttpRequest) -> str:
    """What tells visitors apart: the address; of IPv6 the /64 network, which one connection has to itself."""
    address = client_ip(request)
    return str(ip_network(f"{address}/64", strict=False)) if ":" in address else address


def too_often(request: HttpRequest, reached: LimitReached) -> HttpResponse:
    """429 with the time to wait. For htmx a notice on top of the page, which stays as it is."""
    htmx = getattr(request, "htmx", None)
    if not htmx or htmx.history_restore_request:
        return with_wait(render(request, "429.html", {"wait": reached}), reached)
    response = render(request, "429.html#notice", {"wait": reached})
    response["HX-Retarget"], response["HX-Reswap"] = "#toasts", "innerHTML"
    response["HX-Push-Url"] = response["HX-Replace-Url"] = "false"
    return with_wait(response, reached)


def with_wait(response: HttpResponse, reached: LimitReached) -> HttpResponse:
    """This answer as a 429 that says in how many seconds to come back (RFC 6585 section 4, RFC 9110 section 10.2.3)."""
    response.status_code = 429
    response["Retry-After"] = str(reached.wait)
    return response


def signing_in_too_often(request: HttpRequest) -> HttpResponse:
    """What the sign-in library answers with: those limits of its that have a page are by the minute."""
    response = render(request, "429.html", status=429)
    response["Retry-After"] = "60"
    return response


def _read(text: str) -> str:
    """The address in its one spelling: without port, zone and IPv6's disguise of IPv4; "" for anything else."""
    text = text.removeprefix("[").partition("]")[0].partition("%")[0]
    if text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return ""
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return str(address)
