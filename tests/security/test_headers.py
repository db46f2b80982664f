"""What every answer says to the browser, whatever it is an answer to."""

import os
import re
import runpy
from typing import Any, Final
from unittest.mock import patch

import pytest
from django.conf import settings as django_settings
from django.db import DatabaseError
from django.test import Client
from django.urls import reverse

from scheduling.models import BookingLink
from tests.factories import PASSWORD
from tests.security.world import FREE_START, World, every_url

pytestmark = pytest.mark.django_db

POLICY: Final = {
    "default-src": ["'none'"],
    "script-src": ["'self'"],
    "style-src": ["'self'"],
    "img-src": ["'self'", "data:"],
    "font-src": ["'self'"],
    "connect-src": ["'self'"],
    "form-action": ["'self'"],
    "manifest-src": ["'self'"],
    "base-uri": ["'none'"],
    "object-src": ["'none'"],
    "frame-ancestors": ["'none'"],
}
# A mail as it came, with the styles it brings, in a frame of the local mailbox: no scripts, no forms, no origin.
MAIL_POLICY: Final = {
    "default-src": ["'none'"],
    "style-src": ["'unsafe-inline'"],
    "img-src": ["data:"],
    "base-uri": ["'none'"],
    "form-action": ["'none'"],
    "frame-ancestors": ["'self'"],
    "sandbox": ["allow-popups", "allow-popups-to-escape-sandbox"],
}
# What another website may show; which ones, the link says.
FRAMES: Final = {"bookings:embed_book", "bookings:embed_details", "bookings:embed_done"}
HOLDS_A_FRAME: Final = {"notifications:mailbox", "notifications:mail", "bookings:embed_settings"}
WEBSITES: Final = ["https://www.larkhill.example", "https://shop.example:8443"]
TOKEN_PAGES: Final = [name for name, parameters in every_url().items() if "token" in parameters]


def policy_of(response: Any) -> dict[str, list[str]]:
    directives = response["Content-Security-Policy"].split(";")
    return {name: values for name, *values in (directive.split() for directive in directives)}


def ensure_safe(response: Any, name: str = "") -> None:
    """What holds for each and every answer."""
    expected = POLICY
    if name == "notifications:mail_html" and response.status_code == 200:
        expected = MAIL_POLICY
    elif name in HOLDS_A_FRAME and (response.status_code == 200 or _saved(response)):
        expected = POLICY | {"frame-src": ["'self'"]}
    elif name in FRAMES and response.status_code != 405:
        expected = POLICY | {"frame-ancestors": ["'self'", *WEBSITES]}
        assert "X-Frame-Options" not in response
        assert not response.cookies
    assert policy_of(response) == expected
    assert response["X-Content-Type-Options"] == "nosniff"
    # Not "no-referrer": browsers would send `Origin: null` with every form, which is refused.
    assert response["Referrer-Policy"] == "same-origin"
    assert response["Cross-Origin-Opener-Policy"] == "same-origin"
    framing = "SAMEORIGIN" if expected is MAIL_POLICY else "DENY"
    assert response.get("X-Frame-Options", framing) == framing
    if name in TOKEN_PAGES and response.status_code != 405:
        assert response["Cache-Control"] == "no-store, private"
        assert response["X-Robots-Tag"] == "noindex, nofollow"
    for cookie in filter(lambda cookie: cookie.value, response.cookies.values()):
        assert cookie["samesite"] == "Lax"
        assert cookie["path"] == "/"
        assert not cookie["domain"]
        assert bool(cookie["httponly"]) == (cookie.key not in {"theme", "clock"}), cookie.key
    if response.get("Content-Type", "").startswith("text/html") and expected is not MAIL_POLICY:
        ensure_plain(response.content.decode())


def _saved(response: Any) -> bool:
    """Whether it leads back to the page with the form that was sent."""
    return response.status_code == 302 and response["Location"] == response.wsgi_request.path


_INLINE = re.compile(
    r"<script(?![^>]*\bsrc=)[^>]*>|<style\b|<[a-z][^<>]*?\s(?:style|on[a-z]+|hx-on[^=\s]*|srcdoc)\s*=|"
    r"""(?:href|src|action)\s*=\s*["']?\s*(?:javascript|data|vbscript):""",
    re.IGNORECASE,
)
_LOADED = re.compile(
    r"<(?:script|link|img|iframe|source|use)\b[^>]*?(?:src|href)=\"([^\"]*)\"", re.IGNORECASE
)


def ensure_plain(html: str) -> None:
    """No script or style stands in the page, and nothing of another site is loaded."""
    assert not _INLINE.findall(html)
    for address in _LOADED.findall(html):
        assert re.match(r"/(?!/)|#", address), address


def reader_of(name: str) -> str:
    return {"managed_events": "dana", "account_login": "anon", "notifications": "dana"}.get(
        name.partition(":")[0], "alice"
    )


@pytest.mark.parametrize("name", every_url())
def test_every_address_answers_with_the_policy(world: World, name: str) -> None:
    url = world.address(name)
    BookingLink.objects.filter(pk=world.link.pk).update(embed_origins=WEBSITES)
    ensure_safe(world.browser("anon").get(url), name)
    ensure_safe(world.browser(reader_of(name)).get(url), name)


@pytest.mark.thorough
@pytest.mark.parametrize("name", every_url())
def test_every_address_answers_with_the_policy_whoever_asks_and_however(world: World, name: str) -> None:
    url = world.address(name)
    BookingLink.objects.filter(pk=world.link.pk).update(embed_origins=WEBSITES)
    for who in ("anon", "viewer", "carol", "gone"):
        ensure_safe(world.browser(who).get(url), name)
    client = world.browser(reader_of(name))
    ensure_safe(client.get(url), name)
    ensure_safe(client.get(url, headers={"HX-Request": "true"}), name)
    ensure_safe(client.put(url), name)
    ensure_safe(client.post(url, {"start": "x", "tz": "x"}), name)
    refused = world.browser("anon", enforce_csrf_checks=True).post(url)
    ensure_safe(refused, name if name == "bookings:embed_details" else "")


def test_so_do_refusals_of_every_kind(world: World) -> None:
    anon, alice = world.browser("anon"), world.browser("alice")
    book, details = world.address("bookings:book"), world.address("bookings:details")
    manage = world.address("bookings:manage")
    sent = world.forms["bookings:details"]
    taken = anon.post(details, sent)["Location"].removesuffix("/confirmed")
    anon.post(f"{taken}/reschedule", {"start": "2030-01-11T10:00Z"})
    for status, response in (
        (404, anon.get("/nowhere")),
        (404, alice.get("/nowhere")),
        (404, anon.get("/static/nothing.css")),
        (400, anon.get(book, {"month": "x"})),
        (400, anon.get(book, headers={"Host": "evil.example"})),
        (400, anon.post(details, {str(number): "" for number in range(1_001)})),
        (400, anon.post(details, {"notes": "x" * 1_000_001})),
        (422, anon.post(details, sent | {"email": "x"})),
        (409, anon.post(details, sent | {"start": "2030-01-10T09:00Z", "nonce": sent["nonce"]})),
        (410, anon.get(taken)),
        (409, anon.post(f"{manage}/reschedule", {"start": "2030-01-11T10:00Z"})),
        (403, world.browser("viewer").get(reverse("scheduling:link_new"))),
        (422, alice.post(reverse("one_off:new"), {})),
    ):
        assert response.status_code == status
        ensure_safe(response)
    for _ in range(30):
        last = anon.post("/accounts/login/", {"login": "x@example.com", "password": "x"})
    assert anon.post("/accounts/login/", {}).status_code == 429 or last.status_code == 429
    ensure_safe(anon.post("/accounts/login/", {}))


def test_a_link_that_names_no_website_is_shown_by_none_but_its_owners_preview(world: World) -> None:
    for name in FRAMES:
        response: Any = world.browser("anon").get(world.address(name))
        assert policy_of(response)["frame-ancestors"] == ["'self'"], name
    unknown: Any = world.browser("anon").get("/embed/no-such-page")
    assert policy_of(unknown)["frame-ancestors"] == ["'self'"]


def test_so_do_failures(world: World) -> None:
    with patch("bookings.views.public.scheduling.public_link", side_effect=RuntimeError("secret detail")):
        failed: Any = world.browser("anon").get(world.address("bookings:book"))
    assert failed.status_code == 500
    assert "secret detail" not in failed.content.decode()
    ensure_safe(failed)
    with patch("workestra.health.longest_overdue", side_effect=DatabaseError("secret detail")):
        unwell: Any = world.browser("anon").get("/healthz")
    assert (unwell.status_code, unwell.json()) == (503, {"database": "unreachable"})
    ensure_safe(unwell)


@pytest.mark.thorough
def test_what_only_members_see_is_kept_out_of_caches(world: World) -> None:
    shared = []
    for name in set(every_url()) - {"account_logout"}:  # Which says nothing about the one who is leaving.
        member: Any = world.browser(reader_of(name)).get(world.address(name))
        stranger: Any = world.browser("anon").get(world.address(name))
        if member.status_code == 200 and stranger.status_code == 302:
            kept_back = {"no-store", "private"} & set(re.split(r"[ ,]+", member.get("Cache-Control", "")))
            if not kept_back:
                shared.append(name)
    assert shared == []


@pytest.mark.thorough
def test_pages_that_answer_htmx_otherwise_say_so(world: World) -> None:
    for name in every_url():
        client, url = world.browser(reader_of(name)), world.address(name)
        page: Any = client.get(url)
        fragment: Any = client.get(url, headers={"HX-Request": "true"})
        if page.status_code == 200 and len(page.getvalue()) > 1.5 * len(fragment.getvalue()):
            assert "HX-Request" in page.get("Vary", ""), name


def test_htmx_is_told_what_it_may_not_do(world: World) -> None:
    for name in ("bookings:console", "bookings:book", "account_login"):
        html = world.browser(reader_of(name)).get(world.address(name)).content.decode()
        for word in ('"allowEval":false', '"selfRequestsOnly":true', '"historyCacheSize":0'):
            assert word in html, name


# --- Over https ---


@pytest.fixture
def https(settings: Any) -> Any:
    """The settings of an installation at https://scheduling.example.com behind a proxy."""
    environment = {
        "SITE_URL": "https://scheduling.example.com",
        "ALLOWED_HOSTS": "scheduling.example.com",
        "BEHIND_PROXY": "1",
        "EMAIL_URL": "smtp://mail.example.com",
    }
    with patch.dict(os.environ, environment):
        found = runpy.run_path(str(django_settings.BASE_DIR / "workestra" / "settings.py"))
    for name in found:
        if name.startswith(("SECURE_", "SESSION_", "CSRF_", "MAILBOX_", "SITE_", "ALLOWED_")):
            setattr(settings, name, found[name])
    settings.SECURE_PROXY_SSL_HEADER = found["SECURE_PROXY_SSL_HEADER"]
    return settings


HERE: Final = {"Host": "scheduling.example.com"}
BY_TLS: Final = HERE | {"X-Forwarded-Proto": "https"}


def test_cookies_belong_to_this_host_and_to_https(world: World, https: Any) -> None:
    client = Client()
    client.get("/accounts/login/", headers=BY_TLS)
    signed_in = client.post(
        "/accounts/login/",
        {"login": world.alice.user.email, "password": PASSWORD},
        headers=BY_TLS,
    )
    assert signed_in.status_code == 302
    client.post("/preferences", {"theme": "dark", "clock": "12"}, headers=BY_TLS)
    assert {"__Host-session", "__Host-csrf", "theme", "clock"} == set(client.cookies)
    for name, cookie in client.cookies.items():
        assert cookie["secure"] is True
        assert cookie["path"] == "/"
        assert not cookie["domain"]
        assert cookie["samesite"] == "Lax"
        assert bool(cookie["httponly"]) == name.startswith("__Host-")


def test_http_leads_to_https_for_a_year_and_nowhere_else(world: World, https: Any) -> None:
    client = Client()
    plain = client.get("/book/alice-discovery-call?tz=UTC", headers=HERE)
    assert plain.status_code == 301
    assert plain["Location"] == "https://scheduling.example.com/book/alice-discovery-call?tz=UTC"
    encrypted = client.get("/book/alice-discovery-call", headers=BY_TLS)
    assert encrypted.status_code == 200
    assert encrypted["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains; preload"
    for host in ("evil.example", "localhost", "scheduling.example.com.evil.example"):
        assert client.get("/", headers=BY_TLS | {"Host": host}).status_code == 400
        assert "Location" not in client.get("/", headers={"Host": host})


def test_a_site_on_the_net_has_no_mailbox(https: Any) -> None:
    assert https.MAILBOX_ENABLED is False
    assert Client().get("/mailbox", headers=BY_TLS).status_code == 404


def test_forms_of_another_site_are_refused(world: World, https: Any) -> None:
    client = Client(enforce_csrf_checks=True)
    client.get(world.address("bookings:details") + f"?start={FREE_START}", headers=BY_TLS)
    token = client.cookies["__Host-csrf"].value
    sent = world.forms["bookings:details"] | {"csrfmiddlewaretoken": token}
    statuses = [
        client.post(world.address("bookings:details"), sent, headers=BY_TLS | more).status_code
        for more in (
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
            {"Referer": "https://evil.example/book/"},
            {"Origin": "http://scheduling.example.com"},
            {},
            {"Origin": "https://scheduling.example.com"},
        )
    ]
    assert statuses == [403, 403, 403, 403, 403, 303]
