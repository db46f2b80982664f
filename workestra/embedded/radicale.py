"""A CalDAV server as a child process: the demo workspace's calendar, on this machine alone."""

import http.client
import os
import socket
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from workestra.embedded import places
from workestra.embedded.supervisor import Child, Supervisor

PORT: Final = 5232
"""Radicale's own port; when another program has it, any that is free."""
USERS: Final = "alice:workestra-demo\n"
"""The demo's rep and its password, which is in this repository anyway."""


@dataclass(frozen=True)
class Server:
    """A started server. `host` is "127.0.0.1:5232"."""

    child: Child
    host: str

    @property
    def url(self) -> str:
        return f"http://{self.host}/"


def start(supervisor: Supervisor, data: Path) -> Server:
    """Start the server under `supervisor` with its files in `data`; it may need a moment until it answers."""
    users = places.private_folder(data) / "users"
    with os.fdopen(os.open(users, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(USERS)
    host = f"127.0.0.1:{_port()}"
    return Server(supervisor.start("radicale", command(data, users, host), cwd=places.ROOT), host)


def wait(supervisor: Supervisor, server: Server) -> None:
    """Wait until the server answers. Raises ChildFailed, Stopped."""
    supervisor.wait_until(server.child, lambda: _answers(server.host), seconds=30)


def command(data: Path, users: Path, host: str) -> list[str | Path]:
    """The command line of the server; no configuration of the machine's is read."""
    options: dict[str, str | Path] = {
        "--config": "",
        "--server-hosts": host,
        "--storage-filesystem-folder": data / "collections",
        "--auth-type": "htpasswd",
        "--auth-htpasswd-filename": users,
        "--auth-htpasswd-encryption": "plain",
    }
    return [sys.executable, "-m", "radicale", *(part for option in options.items() for part in option)]


def _port() -> int:
    for port in (PORT, 0):
        with suppress(OSError), socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            found: int = probe.getsockname()[1]
            return found
    raise OSError("no port is free")


def _answers(host: str) -> bool:
    connection = http.client.HTTPConnection(host, timeout=5)
    try:
        connection.request("OPTIONS", "/")
        return connection.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
