"""Where the embedded servers keep their files.

Everything lives in the git-ignored `var/` of the clone, with two exceptions: a socket whose path would not do there,
and, for root, PostgreSQL's files. PostgreSQL refuses to run as root, the user it runs as instead can
usually not reach root's folders, and opening those up for it would be worse than keeping its files elsewhere.
"""

import fcntl
import hashlib
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

ROOT = Path(__file__).resolve().parents[2]
"""The clone."""
VAR = ROOT / "var"
SYSTEM_STATE = Path("/var/lib/workestra")
"""Root's files that PostgreSQL's user has to reach."""

# sockaddr_un holds 108 bytes on Linux and 104 on macOS, the final NUL included.
_SOCKET_PATH_LIMIT = 103
_LONGEST_SOCKET_NAME = ".s.PGSQL.5432.lock"


@dataclass(frozen=True)
class Place:
    """The folders of one PostgreSQL cluster. Neither has to exist yet; their parents do."""

    data: Path
    sockets: Path


def socket_folder(wanted: Path) -> Path:
    """`wanted`, or a folder under /tmp that stands for it when a socket there could not be named.

    That is so when its path would be too long, or holds what libpq (a comma) or a URL reads as something else.
    """
    plain = re.fullmatch(r"[A-Za-z0-9_./-]+", str(wanted))
    if plain and len(str(wanted / _LONGEST_SOCKET_NAME)) <= _SOCKET_PATH_LIMIT:
        return wanted
    return Path("/tmp") / f"workestra-{os.geteuid()}-{_short_hash(wanted)}"  # noqa: S108  (`private_folder` checks it.)


def private_folder(path: Path, owner: tuple[int, int] | None = None) -> Path:
    """Make `path` with mode 0700, for `owner` (uid, gid) or for this process's user, and return it.

    Raises PermissionError when it exists and belongs to somebody else: under /tmp that would be a trap.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    uid, gid = owner or (os.geteuid(), os.getegid())
    with suppress(FileExistsError):
        path.mkdir(mode=0o700)
        os.chown(path, uid, gid)
    found = path.lstat()
    if path.is_symlink() or not path.is_dir() or found.st_uid != uid:
        raise PermissionError(f"{path} exists and belongs to another user. Remove it and try again.")
    path.chmod(0o700)
    return path


def kept(var: Path = VAR, system_state: Path = SYSTEM_STATE) -> Place:
    """The place of this clone's own cluster, whose data stays from run to run.

    For root the data lies in `system_state`, found by the clone's path and by a name kept in `var`: a clone that was
    deleted and made again starts with an empty database, and what the old one left is removed.
    """
    if os.geteuid() != 0:
        return Place(var / "postgres", socket_folder(var / "run"))
    var.mkdir(parents=True, exist_ok=True)
    name = var / "postgres.name"
    with suppress(FileExistsError), name.open("x") as file:
        file.write(secrets.token_hex(4))
    clone = system_state / _short_hash(var)
    own = clone / name.read_text()
    clone.mkdir(parents=True, exist_ok=True)
    (clone / "clone.txt").write_text(f"{var.parent}\n")
    for other in clone.iterdir():
        if other.is_dir() and other != own:
            shutil.rmtree(other, ignore_errors=True)
    own.mkdir(exist_ok=True)
    return Place(own / "data", socket_folder(own / "run"))


@contextmanager
def throwaway() -> Iterator[Place]:
    """A place of its own that is removed at the end; also removes those that a killed process left behind."""
    # Root's own TMPDIR may be out of reach for the user that PostgreSQL runs as.
    parent = Path("/tmp" if os.geteuid() == 0 else tempfile.gettempdir())  # noqa: S108
    for left in parent.glob("workestra-throwaway-*"):
        _remove_if_left_behind(left)
    folder = Path(tempfile.mkdtemp(prefix="workestra-throwaway-", dir=parent))
    folder.chmod(0o711)
    with (folder / "lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield Place(folder / "data", socket_folder(folder / "run"))
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _remove_if_left_behind(folder: Path) -> None:
    with suppress(OSError):
        if folder.lstat().st_uid != os.geteuid():
            return
        lock: BinaryIO
        with (folder / "lock").open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)


def _short_hash(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:12]
