"""The real thing for tests: web server, worker with beat, broker and mail server as processes of their own."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default as default_policy
from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests
from aiosmtpd.controller import Controller
from django.conf import settings
from django.db import connection

from workestra.embedded import valkey
from workestra.embedded.supervisor import Child, Supervisor

ROOT = Path(__file__).parents[1]
GUARDED = "workestra.wsgi:application"
CELERY = "workestra.celery:app"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(ready: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait until `ready()`; fails with `what` when it takes longer."""
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:.0f} s in vain: {what}")
        time.sleep(0.05)


@dataclass
class MailSink:
    """What a real mail server was handed, in order."""

    port: int = 0
    messages: list[EmailMessage] = field(default_factory=list)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802  aiosmtpd's name.
        message = BytesParser(policy=default_policy).parsebytes(envelope.content)
        assert isinstance(message, EmailMessage)
        self.messages.append(message)
        return "250 OK"

    def to(self, recipient: str) -> list[EmailMessage]:
        return [message for message in self.messages if recipient in str(message["To"])]


@contextmanager
def mail_sink() -> Iterator[MailSink]:
    sink = MailSink(port=free_port())
    controller = Controller(sink, hostname="127.0.0.1", port=sink.port)
    controller.start()
    try:
        yield sink
    finally:
        controller.stop()


class Installation:
    """An installation on the test database: start what the test needs; everything ends with it."""

    def __init__(self, folder: Path, supervisor: Supervisor, static_root: Path) -> None:
        self.folder = folder
        self.supervisor = supervisor
        self.port = free_port()
        self.url = f"http://localhost:{self.port}"
        self._names = 0
        self.environment: dict[str, str] = {
            **os.environ,
            "DATABASE_URL": database_url(),
            "SITE_URL": self.url,
            "ALLOWED_HOSTS": "localhost,127.0.0.1",
            "STATIC_ROOT": str(static_root),
            "LOG_LEVEL": "WARNING",
            # Everybody in these tests comes from one address, and types at once.
            **{f"LIMIT_{name.upper()}": "off" for name in settings.LIMITS},
            "MINIMUM_FILL_SECONDS": "0",
            "PYTHONPATH": str(ROOT),
        }

    def start_broker(self) -> None:
        # A unix socket's path has to be short; the test's folder is not.
        sockets = Path(f"/tmp/wt-{os.getpid()}-{self.port}")
        self.environment["REDIS_URL"] = valkey.start(self.supervisor, self.folder / "valkey", sockets)

    def send_mail_to(self, sink: MailSink) -> None:
        self.environment["EMAIL_URL"] = f"smtp://127.0.0.1:{sink.port}"

    def start_web(self, application: str = GUARDED, processes: int = 2, threads: int = 2) -> Child:
        command = [
            *(sys.executable, "-m", "granian", "--interface", "wsgi", application),
            *("--host", "127.0.0.1", "--port", str(self.port)),
            *("--workers", str(processes), "--blocking-threads", str(threads)),
            *("--backlog", "1024"),
        ]
        child = self._start("web", command)
        self.supervisor.wait_until(child, self._answers, seconds=180)
        return child

    def start_worker(self, application: str = CELERY, *, beat: bool = True) -> Child:
        self._names += 1
        command = [
            *(sys.executable, "-m", "celery", "--app", application, "worker"),
            *("--pool", "threads", "--concurrency", "2", "--loglevel", "INFO"),
            *("--without-gossip", "--without-mingle", "--hostname", f"worker{self._names}@test"),
            *(("--beat", "--schedule", str(self.folder / f"beat{self._names}")) if beat else ()),
        ]
        return self._start(f"worker{self._names}", command)

    def start_beat(self) -> Child:
        """The beat as a process of its own, for workers that were started without."""
        self._names += 1
        command = [
            *(sys.executable, "-m", "celery", "--app", "workestra.celery:app", "beat", "--pidfile="),
            *("--schedule", str(self.folder / f"beat{self._names}"), "--loglevel", "INFO"),
        ]
        return self._start(f"beat{self._names}", command)

    def wait_for_word(self, child: Child, word: str) -> None:
        """Until a worker ("ready.") or a beat ("Starting...") has said in its log that it works."""
        self.supervisor.wait_until(child, lambda: word in child.log.read_text(errors="replace"), seconds=180)

    def kill(self, child: Child) -> None:
        """kill -9 of a part with all its processes, unless it has ended by itself; the supervisor no longer minds."""
        if child.process.poll() is None:
            os.killpg(child.process.pid, signal.SIGKILL)
            child.process.wait()
        self.supervisor._forget(child)

    def _start(self, name: str, command: list[str]) -> Child:
        return self.supervisor.start(name, command, env=self.environment, cwd=ROOT)

    def _answers(self) -> bool:
        try:
            return requests.get(f"{self.url}/healthz", timeout=2).ok
        except requests.RequestException:
            return False


def database_url() -> str:
    """The test database, as another process names it."""
    of: Mapping[str, Any] = connection.settings_dict
    user, host, name = (quote(str(of[key]), safe="") for key in ("USER", "HOST", "NAME"))
    port = f":{of['PORT']}" if of["PORT"] else ""
    password = f":{quote(str(of['PASSWORD']), safe='')}" if of["PASSWORD"] else ""
    return f"postgres://{user}{password}@{host}{port}/{name}"


def collect_static(folder: Path) -> Path:
    """The static files as a deployment serves them."""
    environment = {**os.environ, "STATIC_ROOT": str(folder)}
    command = [sys.executable, "manage.py", "collectstatic", "--noinput", "--verbosity", "0"]
    subprocess.run(command, cwd=ROOT, env=environment, check=True)
    return folder
