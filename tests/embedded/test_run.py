import os
import socket
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from workestra.embedded import places, run


def test_a_port_in_use_is_told_with_the_way_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(run.PortTaken, match=f"port {port} .* PORT={port + 1} make run"):
            run.wait_for_port("127.0.0.1", port, seconds=0)
    run.wait_for_port("127.0.0.1", port, seconds=0)


def test_the_secret_key_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    key = run.kept_secret_key(tmp_path / "var" / "secret_key")
    assert len(key) >= 64
    assert run.kept_secret_key(tmp_path / "var" / "secret_key") == key
    assert (tmp_path / "var" / "secret_key").stat().st_mode & 0o777 == 0o600


def test_the_environment_wins_over_dot_env(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("PORT=9001\nWORKESTRA_EXAMPLE=from-file\n")
    monkeypatch.setattr(places, "ROOT", tmp_path)
    monkeypatch.setenv("PORT", "9000")
    monkeypatch.setenv("WORKESTRA_EXAMPLE", "")
    monkeypatch.delenv("WORKESTRA_EXAMPLE")
    run.read_dot_env()
    assert os.environ["PORT"] == "9000"
    assert os.environ["WORKESTRA_EXAMPLE"] == "from-file"


@pytest.mark.parametrize(("status", "ready"), [(200, True), (503, False), (301, True)])
def test_the_installation_is_ready_when_its_health_page_says_so(status: int, ready: bool) -> None:
    asked: list[tuple[str, str | None]] = []

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append((self.path, self.headers["Host"]))
            self.send_response(status)
            self.end_headers()

        def log_message(self, *args: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Pages) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            assert run.answers("127.0.0.1", server.server_port, "https://book.example.com") is ready
        finally:
            server.shutdown()
            thread.join()
    assert asked == [("/healthz", "book.example.com")]


def test_an_installation_that_does_not_answer_is_not_ready() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    assert not run.answers("127.0.0.1", port, "http://localhost")
