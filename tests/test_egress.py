"""Requests to addresses that people typed: however slowly they are answered, they end in time."""

import socket
import threading
import time
from contextlib import closing, suppress
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import requests

from workestra.calendars.providers.caldav import CalDAVCalendar
from workestra.calendars.providers.provider import ProviderFailure
from workestra.egress import EgressSession

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/calendar\r\n"


class Dripping:
    """A server that gives `polite` answers on a connection, says `at_once` to the next request, and then a byte every
    now and then without end."""

    def __init__(self, at_once: bytes, polite: int = 0) -> None:
        self._at_once, self._polite = at_once, polite
        self._over = threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.connections = 0
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}/"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                line, _address = self._listening.accept()
                self.connections += 1
                with suppress(OSError), line:
                    for _answer in range(self._polite):
                        line.recv(65_536)
                        line.sendall(HEAD + b"Content-Length: 2\r\n\r\nok")
                    line.recv(65_536)
                    line.sendall(self._at_once)
                    while not self._over.wait(0.03):
                        line.sendall(b"x")

    def close(self) -> None:
        self._over.set()
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(5)


@pytest.mark.parametrize(
    ("at_once", "polite"),
    [
        (b"", 0),
        (HEAD + b"X-Long: ", 0),
        (HEAD + b"\r\n", 0),
        (HEAD + b"Content-Length: 90000\r\n\r\n", 1),
    ],
)
def test_an_answer_that_comes_byte_by_byte_is_cut_in_time(at_once: bytes, polite: int, settings: Any) -> None:
    settings.EGRESS_PRIVATE_HOSTS = ["127.0.0.1"]
    server = Dripping(at_once, polite)
    with closing(server), EgressSession(seconds=0.3) as session:
        for _answer in range(polite):
            assert session.get(server.url).content == b"ok"
        began = time.monotonic()
        with pytest.raises(requests.Timeout, match="took longer"):
            session.get(server.url)
        assert time.monotonic() - began < 2
    assert server.connections == 1


def test_connecting_a_calendar_server_ends_in_time_however_many_requests_it_takes(settings: Any) -> None:
    settings.EGRESS_PRIVATE_HOSTS = ["127.0.0.1"]
    with closing(Dripping(HEAD + b"\r\n")) as server:
        calendar = CalDAVCalendar(server.url, "alice", "wonderland", ZoneInfo("UTC"), within=0.4)
        began = time.monotonic()
        for _request in range(3):
            with pytest.raises(ProviderFailure):
                calendar.calendars()
        assert time.monotonic() - began < 3
        assert server.connections == 1
