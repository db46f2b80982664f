"""One embedded installation runs in a clone at a time."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class AlreadyRunning(Exception):
    """Another process holds the start lock; the text says which."""


@contextmanager
def start_lock(path: Path, about: str) -> Iterator[bool]:
    """Hold the lock file `path` while the block runs, with `about` (shown to whoever comes second) written in it.

    The kernel frees the lock when the process dies in whatever way. Yields True when the last holder ended without
    freeing it itself, so that its children may still be stopping.

    Raises AlreadyRunning.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = file.read().strip() or "another process"
            raise AlreadyRunning(holder) from None
        killed = bool(file.read())
        _write(file.fileno(), f"process {os.getpid()}, {about}")
        try:
            yield killed
        finally:
            _write(file.fileno(), "")


def is_held(path: Path) -> bool:
    """Whether a process holds the lock file `path` now."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _write(descriptor: int, text: str) -> None:
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, text.encode(), 0)
