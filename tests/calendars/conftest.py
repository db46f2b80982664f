import datetime as dt
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.calendars.making import MAIN, TEAM
from tests.fakes.google import FakeGoogle
from tests.fakes.goto import FakeGoTo
from tests.fakes.microsoft import FakeMicrosoft
from tests.fakes.webex import FakeWebex
from tests.fakes.zoom import FakeZoom
from tests.servers import free_port, wait_until


@contextmanager
def _served(command: list[str], url: str, log: Path) -> Iterator[str]:
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out)

    def answers() -> bool:
        assert process.poll() is None, log.read_text()
        try:
            return requests.request("OPTIONS", url, timeout=2).status_code < 500
        except requests.RequestException:
            return False

    try:
        wait_until(answers, 30, f"{command[2]} answers")
        yield url
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="session")
def radicale(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A CalDAV server with the user alice, password "wonderland"."""
    folder, port = tmp_path_factory.mktemp("radicale"), free_port()
    users = folder / "users"
    users.write_text("alice:wonderland\n")
    command = [
        *(sys.executable, "-m", "radicale", "--server-hosts", f"127.0.0.1:{port}"),
        *("--storage-filesystem-folder", str(folder / "data"), "--auth-type", "htpasswd"),
        *("--auth-htpasswd-filename", str(users), "--auth-htpasswd-encryption", "plain"),
        *("--auth-delay", "0"),
    ]
    with _served(command, f"http://127.0.0.1:{port}/", folder / "log") as url:
        yield url


@pytest.fixture(scope="session")
def xandikos(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Another CalDAV server, by other people. It asks for no password."""
    folder, port = tmp_path_factory.mktemp("xandikos"), free_port()
    command = [
        *(sys.executable, "-m", "xandikos.web", "--defaults", "--directory", str(folder / "data")),
        *("--listen-address", "127.0.0.1", "--port", str(port), "--current-user-principal", "/alice/"),
        "--metrics-port=",
    ]
    with _served(command, f"http://127.0.0.1:{port}/", folder / "log") as url:
        yield url


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key with a certificate for localhost, which is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "localhost.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture(scope="session")
def google_server() -> Iterator[FakeGoogle]:
    fake = FakeGoogle()
    with fake.running():
        yield fake


@pytest.fixture
def google(google_server: FakeGoogle, settings: Any) -> Iterator[FakeGoogle]:
    """Google, with this installation's credentials. Whatever we sent and it answered was as Google describes it."""
    google_server.calm()
    google_server.broken_rules.clear()
    url = google_server.url
    settings.GOOGLE_CLIENT_ID, settings.GOOGLE_CLIENT_SECRET = FakeGoogle.client_id, FakeGoogle.client_secret
    settings.GOOGLE_AUTHORIZE_URL, settings.GOOGLE_TOKEN_URL = f"{url}/auth", f"{url}/token"
    settings.GOOGLE_REVOKE_URL, settings.GOOGLE_API_URL = f"{url}/revoke", url
    yield google_server
    assert google_server.broken_rules == []


@pytest.fixture
def empty_google(google: FakeGoogle) -> None:
    """Both calendars are there, with nothing in them."""
    google.events[MAIN.id].clear()
    google.forgotten = -1
    google.calendars.pop(TEAM.id, None)
    google.add_calendar(TEAM.id, TEAM.name)


@pytest.fixture(scope="session")
def microsoft_server(certificate: Path) -> Iterator[FakeMicrosoft]:
    fake = FakeMicrosoft()
    with fake.running(certificate):
        yield fake


@pytest.fixture
def microsoft(
    microsoft_server: FakeMicrosoft, certificate: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[FakeMicrosoft]:
    """Microsoft, with this installation's credentials."""
    microsoft_server.calm()
    microsoft_server.broken_rules.clear()
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    settings.MICROSOFT_CLIENT_ID = FakeMicrosoft.client_id
    settings.MICROSOFT_CLIENT_SECRET = FakeMicrosoft.client_secret
    settings.MICROSOFT_LOGIN_URL = microsoft_server.url
    settings.MICROSOFT_GRAPH_URL = f"{microsoft_server.url}/v1.0"
    yield microsoft_server
    assert microsoft_server.broken_rules == []


@pytest.fixture(scope="session")
def zoom_server() -> Iterator[FakeZoom]:
    fake = FakeZoom()
    with fake.running():
        yield fake


@pytest.fixture
def zoom(zoom_server: FakeZoom, settings: Any) -> Iterator[FakeZoom]:
    """Zoom, with this installation's credentials and no meetings. What we sent was as Zoom describes it."""
    zoom_server.forget()
    settings.ZOOM_CLIENT_ID, settings.ZOOM_CLIENT_SECRET = FakeZoom.client_id, FakeZoom.client_secret
    url = zoom_server.url
    settings.ZOOM_AUTHORIZE_URL, settings.ZOOM_TOKEN_URL = f"{url}/oauth/authorize", f"{url}/oauth/token"
    settings.ZOOM_REVOKE_URL, settings.ZOOM_API_URL = f"{url}/oauth/revoke", f"{url}/v2"
    yield zoom_server
    assert zoom_server.broken_rules == []


@pytest.fixture(scope="session")
def webex_server() -> Iterator[FakeWebex]:
    fake = FakeWebex()
    with fake.running():
        yield fake


@pytest.fixture
def webex(webex_server: FakeWebex, settings: Any) -> Iterator[FakeWebex]:
    """Webex, with this installation's credentials and no meetings. What we sent was as Webex describes it."""
    webex_server.forget()
    settings.WEBEX_CLIENT_ID, settings.WEBEX_CLIENT_SECRET = FakeWebex.client_id, FakeWebex.client_secret
    url = f"{webex_server.url}/v1"
    settings.WEBEX_AUTHORIZE_URL, settings.WEBEX_TOKEN_URL = f"{url}/authorize", f"{url}/access_token"
    settings.WEBEX_API_URL = url
    yield webex_server
    assert webex_server.broken_rules == []


@pytest.fixture(scope="session")
def goto_server() -> Iterator[FakeGoTo]:
    fake = FakeGoTo()
    with fake.running():
        yield fake


@pytest.fixture
def goto(goto_server: FakeGoTo, settings: Any) -> Iterator[FakeGoTo]:
    """GoTo, with this installation's credentials and no meetings. What we sent was as GoTo describes it."""
    goto_server.forget()
    settings.GOTO_CLIENT_ID, settings.GOTO_CLIENT_SECRET = FakeGoTo.client_id, FakeGoTo.client_secret
    url = goto_server.url
    settings.GOTO_AUTHORIZE_URL, settings.GOTO_TOKEN_URL = f"{url}/oauth/authorize", f"{url}/oauth/token"
    settings.GOTO_API_URL = url
    yield goto_server
    assert goto_server.broken_rules == []


@pytest.fixture(autouse=True)
def _private_hosts(settings: Any) -> None:
    settings.EGRESS_PRIVATE_HOSTS = ["127.0.0.1"]
