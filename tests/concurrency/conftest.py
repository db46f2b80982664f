"""What races and crashes need: threads that start at once, guards that can be taken away, real servers."""

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
from django.db import connection

from bookings.services import booking
from scheduling.models import BookingLink, BusyTime
from scheduling.services import busy_time
from tests import embedded_postgres
from tests.servers import GUARDED, Installation
from workestra.embedded.supervisor import Supervisor
from workestra.invariants.selectors import broken_invariants

T = TypeVar("T")

Serve = Callable[..., Installation]

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
        booking, "link_locked", lambda link_id: BookingLink.objects.filter(pk=link_id).first()
    )


def outcome(results: list[Any]) -> dict[str, int]:
    """How many of each kind: the type's name of what was given or raised."""
    counted: dict[str, int] = {}
    for result in results:
        counted[type(result).__name__] = counted.get(type(result).__name__, 0) + 1
    return counted


def sizes(reduced: Any, full: Any) -> pytest.MarkDecorator:
    """Gives a test its `size`: reduced in every run, in full in `make stress`."""
    return pytest.mark.parametrize(
        "size",
        [pytest.param(reduced, id="reduced"), pytest.param(full, id="full", marks=pytest.mark.stress)],
    )


@pytest.fixture(scope="session")
def serve(
    django_db_setup: None, static_root: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Serve]:
    """The real web server with four workers of four threads on the test database; with one of eight for a control.

    It runs from the first test that asks for it (for the application it names) until the last test is over.
    """
    running: dict[str, Installation] = {}
    with ExitStack() as stack:

        def serve(application: str = GUARDED) -> Installation:
            if application not in running:
                folder = tmp_path_factory.mktemp("web")
                supervisor = stack.enter_context(Supervisor(folder / "log"))
                running[application] = Installation(folder, supervisor, static_root)
                # For the control threads of one worker do: to start another one takes seconds.
                processes, threads = (4, 4) if application == GUARDED else (1, 8)
                running[application].start_web(application, processes=processes, threads=threads)
            return running[application]

        yield serve


@contextmanager
def no_deadlocks() -> Iterator[None]:
    """Fails when PostgreSQL's log tells of a deadlock in this database meanwhile."""
    before = _deadlocks()
    yield
    assert _deadlocks() == before, "there were deadlocks"


def _deadlocks() -> int:
    name = connection.settings_dict["NAME"]
    if embedded_postgres.LOG in os.environ:
        lines = Path(os.environ[embedded_postgres.LOG]).read_text(errors="replace").splitlines()
        return sum(f" {name} ERROR:  deadlock detected" in line for line in lines)
    with connection.cursor() as cursor:
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = %s", [name])
        (count,) = cursor.fetchone()
        return int(count)


def assert_invariants() -> None:
    """Everything that must always be true of the database is."""
    assert not (broken := broken_invariants()), "\n".join(map(str, broken))
