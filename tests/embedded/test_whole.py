import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from workestra.embedded import places

NOT_COPIED = shutil.ignore_patterns(".git", ".venv", "var", ".env", "__pycache__", ".*_cache", "node_modules")


def get(port: int, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path, headers={"Host": f"localhost:{port}"})
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder whose path is short enough for sockets; pytest's is not."""
    with TemporaryDirectory() as folder:
        yield Path(folder)


@pytest.mark.thorough
def test_one_command_serves_the_demo_until_it_is_told_to_stop_and_keeps_the_data(folder: Path) -> None:
    """What `make run` does once everything is installed, in a copy of the clone with a database of its own."""
    shutil.copytree(places.ROOT, folder / "clone", ignore=NOT_COPIED)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    given = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    command = [sys.executable, "-m", "workestra.embedded", "run"]
    for created in (True, False):
        with (folder / "output").open("w+") as output:
            process = subprocess.Popen(
                command, cwd=folder / "clone", env=given | {"PORT": str(port)}, stdout=output, stderr=output
            )
            try:
                text = until_ready(process, folder / "output")
                assert ("Created an empty database" in text) is created
                assert f"http://localhost:{port}" in text
                assert (get(port, "/healthz"), get(port, "/book/alice-discovery-call")) == (200, 200)
            finally:
                process.send_signal(signal.SIGINT)
                process.wait(timeout=60)
        assert process.returncode == 0
        assert (folder / "output").read_text().endswith("Stopped\n")
    if os.geteuid() == 0:
        shutil.rmtree(places.kept(folder / "clone" / "var").data.parent.parent)


def until_ready(process: subprocess.Popen[bytes], output: Path) -> str:
    """What the command has printed when it says that it is ready."""
    deadline = time.monotonic() + 120
    while not re.search(r"^Logs: ", output.read_text(), re.MULTILINE):
        assert process.poll() is None, output.read_text()
        assert time.monotonic() < deadline, output.read_text()
        time.sleep(0.1)
    return output.read_text()
