"""What an attacker tried by hand, and what stops it."""

import os
import runpy
from typing import Any
from unittest.mock import patch

import pytest
from django.conf import settings
from django.core import mail
from django.urls import reverse
from django.urls.exceptions import NoReverseMatch

from tests.security.world import World, every_url, fingerprint
from workestra.encoding import utf_8_only
from workestra.wsgi import application

pytestmark = pytest.mark.django_db


# --- Accounts ---


def test_nobody_changes_the_address_they_sign_in_with(world: World) -> None:
    # Whoever sits at an unlocked computer would own the account: change the address, have the password reset.
    for path in ("email/", "confirm-email/", "confirm-email/key/", "reauthenticate/", "login/code/confirm/"):
        assert world.browser("alice").get(f"/accounts/{path}").status_code == 404
        assert world.browser("alice").post(f"/accounts/{path}", {"action_add": ""}).status_code == 404
    with pytest.raises(NoReverseMatch):
        reverse("account_email")


def test_sign_in_pages_are_those_that_somebody_has_looked_at() -> None:
    assert [name for name in every_url() if name.startswith("account_")] == [
        "account_change_password",
        "account_inactive",
        "account_login",
        "account_logout",
        "account_reset_password",
        "account_reset_password_done",
        "account_reset_password_from_key",
        "account_reset_password_from_key_done",
        "account_set_password",
        "account_signup",
    ]


def test_a_password_mail_leads_to_the_site_and_not_to_the_host_asked_for(world: World) -> None:
    # A port is no part of what ALLOWED_HOSTS looks at.
    data = {"email": world.alice.user.email}
    world.browser("anon").post("/accounts/password/reset/", data, headers={"Host": "localhost:6666"})
    (message,) = mail.outbox
    assert "http://localhost:8000/accounts/password/reset/key/" in message.body
    assert "6666" not in message.body


# --- Requests ---


ODD_CHARSETS = ("hex", "unicode_escape", "undefined", "utf-16", "idna", "no-such-charset")


@pytest.mark.parametrize("charset", ODD_CHARSETS)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_comes_in_another_charset_is_refused_before_it_is_read(method: str, charset: str) -> None:
    asked = {
        "REQUEST_METHOD": method,
        "QUERY_STRING": "q=%41%FF",
        "CONTENT_TYPE": f"multipart/form-data; boundary=next; charset={charset}",
    }
    answered: list[str] = []
    answer = application(asked, lambda status, headers, error=None: answered.append(status))
    assert (answered, list(answer)) == (["400 Bad Request"], [b"Requests must be in UTF-8.\n"])


@pytest.mark.parametrize(
    "content_type", [None, "", "text/plain", 'a/b; charset="utf-8"', "a/b; charset=UTF-8"]
)
def test_utf_8_may_be_named_or_not(content_type: str | None) -> None:
    asked = {} if content_type is None else {"CONTENT_TYPE": content_type}
    assert utf_8_only(lambda environ, start_response: [b"read"])(asked, lambda *_: None) == [b"read"]


@pytest.mark.parametrize(
    "value", [r'"aaaaaaaaaa\000"', "' OR 1=1 --", "aaaaaaaaaa" * 50, r'"aaaaaaaaaa\303\244"']
)
def test_a_cookie_may_hold_anything(world: World, value: str) -> None:
    for name in ("session", "csrf", "messages", "theme", "clock", "tz"):
        for page in ("bookings:console", "bookings:book", "account_login"):
            response = world.browser("anon").get(world.address(page), headers={"Cookie": f"{name}={value}"})
            assert response.status_code in {200, 302}, (name, page)


# --- The settings of a real installation ---


def settings_for(**environment: str) -> dict[str, Any]:
    """What workestra.settings says under these environment variables."""
    with patch.dict(os.environ, environment):
        return runpy.run_path(str(settings.BASE_DIR / "workestra" / "settings.py"))


def test_behind_a_proxy_visitors_are_told_apart_by_the_address_it_saw() -> None:
    behind = settings_for(BEHIND_PROXY="1")
    assert behind["TRUSTED_PROXY_HOPS"] == 1
    assert settings_for(BEHIND_PROXY="0")["TRUSTED_PROXY_HOPS"] == 0


def test_without_a_proxy_nobody_says_himself_where_he_comes_from(world: World) -> None:
    codes = [
        world.browser("anon")
        .post(
            "/accounts/login/",
            {"login": f"nobody{number}@larkhill.example", "password": "x"},
            headers={"X-Forwarded-For": f"10.0.0.{number}"},
        )
        .status_code
        for number in range(40)
    ]
    assert codes[-1] == 429


# --- What is typed ---


def test_the_mailbox_is_searched_for_any_text(world: World) -> None:
    for words in ("\x00", "a\x00b", "%", "\\", "'" * 1_000, "\u202e"):
        assert world.browser("anon").get("/mailbox", {"q": words}).status_code == 200


@pytest.mark.parametrize(
    "address",
    [
        "a@x.\u202ecom",
        "a@x\u2028.com",
        '"\x01"@example.com',
        '"\\ "@example.com',
        "a@[127.0.0.1]",
        "a@localhost",
    ],
)
def test_an_address_that_no_mail_can_name_is_refused(world: World, address: str) -> None:
    # The host's mail names it too: with such an address somebody could book without the host ever being told.
    before = fingerprint()
    form = world.forms["bookings:details"] | {"email": address}
    assert world.browser("anon").post(world.address("bookings:details"), form).status_code == 422
    assert fingerprint() == before


def test_a_strange_address_for_a_link_skips_that_person_and_says_so(world: World) -> None:
    bob = world.people["bob"]
    assert bob
    form = {"was": str(world.alice.pk), "person": [str(world.alice.pk), str(bob.pk)]}
    url = world.address("managed_events:assign")
    for address in ("bob\x00", "\x00", "bob/../x", "admin", "x" * 200, "bo\u2028b", "<b>bob</b>"):
        response = world.browser("dana").post(url, form | {f"address-{bob.pk}": address}, follow=True)
        assert response.status_code == 200, address
        assert not world.template.links.filter(owner=bob.user).exists()
        assert "<b>bob</b>" not in response.content.decode()


@pytest.mark.parametrize("reason", ["\x1b[2J", "a\x00b", "back\x08wards", "\u202egnp.exe"])
def test_a_reason_is_text_whoever_cancels(world: World, reason: str) -> None:
    before = fingerprint()
    for who, name in (("alice", "bookings:cancel"), ("anon", "bookings:manage_cancel")):
        assert world.browser(who).post(world.address(name), {"reason": reason}).status_code == 422, name
    assert fingerprint() == before
