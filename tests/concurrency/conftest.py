"""What races and crashes need: threads that start at once, guards that can be taken away, real servers."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

import pytest
from django.db import connection

from bookings.services import booking
from scheduling.models import BookingLink, BusyTime
from scheduling.services import busy_time

T = TypeVar("T")

NO_OVERLAP = next(each for each in BusyTime._meta.constraints if each.name == busy_time.NO_OVERLAP)


def at_once(count: int, work: Callable[[int], T]) -> list[T | Exception]:
    """What `work(0)` … `work(count - 1)` give or raise, each in a thread of its own, all let go at the same moment."""
    barrier = threading.Barrier(count)

    def one(number: int) -> T | Exception:
        connection.ensure_connection()
        barrier.wait(timeout=60)
        try:
            return work(number)
        except Exception as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(one, range(count)))


@contextmanager
def without_the_constraint() -> Iterator[None]:
    """The exclusion constraint taken away; what has doubled meanwhile goes before it comes back."""
    with connection.schema_editor() as editor:
        editor.remove_constraint(BusyTime, NO_OVERLAP)
    try:
        yield
    finally:
        BusyTime.objects.all().delete()
        with connection.schema_editor() as editor:
            editor.add_constraint(BusyTime, NO_OVERLAP)


def without_the_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither hosts nor the link are locked: what is left is the check, made again just before the write."""
    monkeypatch.setattr(busy_time, "_lock", lambda host_ids: None)
    monkeypatch.setattr(
        booking, "_link_locked", lambda link_id: BookingLink.objects.filter(pk=link_id).first()
    )


def outcome(results: list[Any]) -> dict[str, int]:
    """How many of each kind: the type's name of what was given or raised."""
    counted: dict[str, int] = {}
    for result in results:
        counted[type(result).__name__] = counted.get(type(result).__name__, 0) + 1
    return counted
