"""Asking a worker to look at once. What has to be done is always a row in PostgreSQL that the beat finds anyway."""

import logging
import os
import threading
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

from celery import Task
from django.db import connection, transaction

logger = logging.getLogger(__name__)


def ring_on_commit(task: "Task[Any, Any]", *args: str) -> None:
    """Send `task` when the current transaction commits, once however often it is asked for in it.

    Nobody waits for the broker, and no error reaches the caller: a thread of its own does the ringing.
    """
    ring = _Ring(task, args)
    if not any(isinstance(entry[1], _Later) and entry[1].ring == ring for entry in connection.run_on_commit):
        transaction.on_commit(_Later(ring))


@dataclass(frozen=True, slots=True)
class _Ring:
    task: "Task[Any, Any]"
    args: tuple[str, ...]

    def __call__(self) -> None:
        try:
            self.task.apply_async(self.args, retry=False)
        except Exception as error:
            logger.warning(
                "The doorbell for %s did not ring (%s); the beat finds the work.", self.task.name, error
            )


@dataclass(frozen=True, slots=True)
class _Later:
    ring: _Ring

    def __call__(self) -> None:
        _bell.ring(self.ring)


class _Bell:
    """Rings one after the other in a daemon thread, which a broker that is away keeps busy for seconds each time.

    A ring that waits already is not queued again.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: set[_Ring] = set()
        self._queue: SimpleQueue[_Ring] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def ring(self, ring: _Ring) -> None:
        with self._lock:
            if ring in self._waiting:
                return
            self._waiting.add(ring)
            self._queue.put(ring)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="doorbell", daemon=True)
                self._thread.start()

    def _work(self) -> None:
        while True:
            ring = self._queue.get()
            with self._lock:
                self._waiting.discard(ring)
            ring()


_bell = _Bell()


def _new_bell() -> None:
    global _bell
    _bell = _Bell()


# A forked process has the queue, but not the thread.
os.register_at_fork(after_in_child=_new_bell)
