"""Commands that need a database beside them: a throw-away one, or this clone's own."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from workestra.embedded import places, postgres, valkey
from workestra.embedded.lock import is_held, start_lock
from workestra.embedded.run import LOGS, RUN_LOCK, keep_keys, read_dot_env, start_postgres
from workestra.embedded.supervisor import Supervisor


@contextmanager
def throwaway_postgres(logs: Path | None = None) -> Iterator[str]:
    """An empty PostgreSQL of its own while the block runs; yields its DATABASE_URL.

    Its log is `postgres.log` in `logs`; without that it goes with the server.
    """
    with (
        places.throwaway() as place,
        TemporaryDirectory() as passing,
        Supervisor(logs or Path(passing)) as supervisor,
    ):
        server = postgres.server(place)
        postgres.create(server, sync=False)
        postgres.start(supervisor, server, postgres.THROWAWAY)
        yield server.url()


def run_beside_throwaway(command: Sequence[str]) -> int:
    """Run `command` with DATABASE_URL naming a throw-away PostgreSQL, unless it is set; returns its exit code."""
    if "DATABASE_URL" in os.environ:
        return _call(command, {})
    with throwaway_postgres() as url:
        return _call(command, {"DATABASE_URL": url})


def manage(arguments: Sequence[str]) -> int:
    """Run `manage.py` on the database of `make run`, which is started for it when it is not running."""
    read_dot_env()
    keep_keys()
    command = [sys.executable, str(places.ROOT / "manage.py"), *arguments]
    if "DATABASE_URL" in os.environ:
        return _call(command, {})
    if is_held(RUN_LOCK):
        os.environ.setdefault("REDIS_URL", valkey.url(places.socket_folder(places.VAR / "run")))
        return _call(command, {"DATABASE_URL": postgres.server(places.kept()).url()})
    with start_lock(RUN_LOCK, f"manage.py {' '.join(arguments)}"), Supervisor(LOGS) as supervisor:
        return _call(command, {"DATABASE_URL": start_postgres(supervisor)})


def _call(command: Sequence[str], more: Mapping[str, str]) -> int:
    """Run `command` with the environment variables in `more` added; what its Ctrl-C means is for it to decide."""
    process = subprocess.Popen(command, env=os.environ | more)
    signal.signal(signal.SIGINT, lambda number, frame: None)
    signal.signal(signal.SIGTERM, lambda number, frame: process.send_signal(number))
    return process.wait()
