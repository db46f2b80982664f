"""`make run`: everything on this machine, in the foreground, until Ctrl-C."""

import base64
import http.client
import os
import secrets
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from dotenv import dotenv_values

from workestra.embedded import places, postgres, radicale, valkey
from workestra.embedded.lock import start_lock
from workestra.embedded.progress import say
from workestra.embedded.supervisor import Child, Supervisor

RUN_LOCK = places.VAR / "run.lock"
LOGS = places.VAR / "log"


class PortTaken(Exception):
    """Another program listens where the pages are to be served; the text says how to choose another port."""


def run() -> None:
    """Start PostgreSQL and Valkey (unless DATABASE_URL or REDIS_URL name others), worker and web server, and wait.

    Raises Stopped when the user asks to stop; AlreadyRunning, PortTaken, PostgresUnusable, ValkeyUnusable, ChildFailed.
    """
    read_dot_env()
    port = int(os.environ.get("PORT", "8000"))
    host = os.environ.get("HOST", "127.0.0.1")
    site_url = os.environ.setdefault("SITE_URL", f"http://localhost:{port}")
    own_database = "DATABASE_URL" not in os.environ
    # A database of somebody else's gets no people with well-known passwords unless that is asked for.
    demo = LOGS / "demo.txt" if own_database or os.environ.get("DEMO") == "1" else None
    with start_lock(RUN_LOCK, f"at {site_url}") as killed, Supervisor(LOGS) as supervisor:
        supervisor.obey_signals()
        wait_for_port(host, port, seconds=10 if killed else 0)
        keep_keys()
        calendar = start_calendar(supervisor) if demo else None
        if own_database:
            os.environ["DATABASE_URL"] = start_postgres(supervisor)
        if "REDIS_URL" not in os.environ:
            say("Starting Valkey")
            sockets = places.socket_folder(places.VAR / "run")
            os.environ["REDIS_URL"] = valkey.start(supervisor, places.VAR / "valkey", sockets)
        if calendar is not None:
            radicale.wait(supervisor, calendar)
        prepare(supervisor, demo)
        say("Starting the worker and the web server")
        start_worker(supervisor)
        web = start_web(supervisor, host, port)
        supervisor.wait_until(web, lambda: answers(host, port, site_url), seconds=60)
        say("Ready")
        print(f"\n{site_url}\n")
        print(
            demo.read_text()
            if demo
            else "No demo workspace in a database of your own; DEMO=1 make run makes one.\n"
        )
        print(f"Logs: {LOGS.relative_to(places.ROOT)}/. Ctrl-C stops everything; the data stays.", flush=True)
        try:
            supervisor.watch()
        finally:
            print(flush=True)
            say("Stopping")


def read_dot_env() -> None:
    """Take what `.env` in the clone sets; the environment wins."""
    for name, value in dotenv_values(places.ROOT / ".env").items():
        if value is not None:
            os.environ.setdefault(name, value)


def keep_keys() -> None:
    """Give SECRET_KEY and CALENDAR_KEYS this clone's own, where the environment names none."""
    os.environ.setdefault("SECRET_KEY", kept_secret_key(places.VAR / "secret_key"))
    # A Fernet key: 32 random bytes. Another one than the secret key, which can be changed without losing connections.
    fernet = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    os.environ.setdefault("CALENDAR_KEYS", kept_secret_key(places.VAR / "calendar_key", fernet))


def kept_secret_key(path: Path, new: str = "") -> str:
    """The key in this file, which is made once (`new`, or random characters) and readable for its owner only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(new or secrets.token_urlsafe(64))
    return path.read_text()


def start_postgres(supervisor: Supervisor) -> str:
    """Start this clone's own PostgreSQL and return its DATABASE_URL."""
    say("Starting PostgreSQL")
    server = postgres.server(places.kept())
    if postgres.create(server):
        say("Created an empty database")
    postgres.start(supervisor, server)
    return server.url()


def start_calendar(supervisor: Supervisor) -> radicale.Server:
    """Start the calendar server of the demo workspace, and let this installation alone reach it."""
    server = radicale.start(supervisor, places.VAR / "radicale")
    others = os.environ.get("EGRESS_PRIVATE_HOSTS", "")
    os.environ["EGRESS_PRIVATE_HOSTS"] = ",".join(filter(None, [others, server.host]))
    os.environ["DEMO_CALDAV_URL"] = server.url
    return server


def prepare(supervisor: Supervisor, demo: Path | None) -> None:
    """Migrate, collect static files and seed; what the user is to be told of the demo is written to `demo`."""
    say("Preparing")
    output = sys.stdout.fileno()
    progress = os.dup(output)
    try:
        child = supervisor.start(
            "prepare",
            [
                *(sys.executable, "-m", "workestra.embedded.prepare"),
                *("--progress", str(progress)),
                *(("--demo", demo) if demo else ()),
            ],
            cwd=places.ROOT,
            pass_fds=[progress],
        )
    finally:
        os.close(progress)
    supervisor.wait_for(child)


def start_worker(supervisor: Supervisor) -> Child:
    """One Celery worker that also is the clock (beat) of the recurring work."""
    return supervisor.start(
        "worker",
        [
            *(sys.executable, "-m", "celery", "--app", "workestra.celery:app", "worker"),
            *("--pool", "threads", "--concurrency", "4", "--loglevel", "INFO"),
            *("--beat", "--schedule", places.VAR / "celerybeat-schedule"),
            *("--without-gossip", "--without-mingle"),
        ],
        cwd=places.ROOT,
    )


def start_web(supervisor: Supervisor, host: str, port: int) -> Child:
    """The web server: two processes of four threads."""
    return supervisor.start(
        "web",
        [
            *(sys.executable, "-m", "granian", "--interface", "wsgi", "workestra.wsgi:application"),
            *("--host", host, "--port", str(port), "--workers", "2", "--blocking-threads", "4"),
            *("--workers-kill-timeout", "5"),
        ],
        cwd=places.ROOT,
    )


def wait_for_port(host: str, port: int, seconds: float) -> None:
    """Return when `port` is free, at the latest after `seconds`. Raises PortTaken."""
    deadline = time.monotonic() + seconds
    while True:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
                return
            except OSError as error:
                if time.monotonic() >= deadline:
                    raise PortTaken(
                        f"Cannot listen on port {port} of {host} ({error.strerror}). "
                        f"Choose another port: PORT={port + 1} make run"
                    ) from error
        time.sleep(0.1)


def answers(host: str, port: int, site_url: str) -> bool:
    """Whether the page that tells the state of the installation says that all is well."""
    site = urlsplit(site_url)
    local = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    connection = http.client.HTTPConnection(local, port, timeout=10)
    try:
        connection.request("GET", "/healthz", headers={"Host": site.netloc, "X-Forwarded-Proto": site.scheme})
        # Behind a proxy that is not told of (BEHIND_PROXY) the answer is the way to https.
        return connection.getresponse().status in {200, 301}
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
