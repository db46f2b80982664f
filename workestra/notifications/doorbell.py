"""Asking a worker to look at once. What has to be done is always a row in PostgreSQL that the beat finds anyway."""

import logging
from dataclasses import dataclass
from typing import Any

from celery import Task
from django.db import connection, transaction

logger = logging.getLogger(__name__)


def ring_on_commit(task: "Task[Any, Any]", *args: str) -> None:
    """Send `task` when the current transaction commits, once however often it is asked for in it.

    With the broker away every ring costs its timeout, and nothing else: no error reaches the caller.
    """
    ring = _Ring(task, args)
    if not any(entry[1] == ring for entry in connection.run_on_commit):
        transaction.on_commit(ring)


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
