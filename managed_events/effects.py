"""Bringing assigned links in line with their template, batch by batch. Safe to repeat and to kill at any instant.

The values, the count and the cursor of a batch stand or fall together, so whoever goes on after a dead worker begins
exactly behind the last link done. Two workers on one run take turns by its row's lock.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final, TypedDict
from uuid import UUID

from django.db import DatabaseError, connection, transaction

from managed_events.log import record
from managed_events.models import Propagation, PropagationBatch
from managed_events.selectors import runs
from scheduling.services.propagation import bring_in_line, lock_next_links, tell_version

logger = logging.getLogger(__name__)

BATCH: Final = 1000
STALLED: Final = timedelta(seconds=10)
LOCK_TIMEOUT: Final = "3s"

Clock = Callable[[], datetime]


class _Settled(TypedDict):
    values: dict[str, Any]
    locked_sections: list[str]
    version: int


_ACTIONS: Final = {
    Propagation.State.DONE: "template.propagated",
    Propagation.State.SUPERSEDED: "template.propagation_overtaken",
}


def run(propagation_id: UUID, clock: Clock, *, batch: int = BATCH) -> None:
    """Finish this run, after the earlier ones of its template; nothing to do when another worker is at them."""
    while current := runs.next_run(propagation_id):
        if not advance(current, clock(), batch=batch):
            return


def resume_stalled(clock: Clock) -> None:
    """Finish every run that nobody has touched for a while. One that cannot go on now does not keep back the rest."""
    for propagation_id in runs.stalled_runs(before=clock() - STALLED):
        try:
            run(propagation_id, clock)
        except DatabaseError:
            logger.exception("Propagation %s stopped; the beat tries again.", propagation_id)


def advance(propagation_id: UUID, now: datetime, *, batch: int = BATCH) -> bool:
    """Bring the run's next `batch` links in line, in one transaction; False when it is finished, gone or taken.

    A run whose every lock a later run of the template has as well is left to that one. The number of statements does
    not depend on `batch`.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            # A link that somebody keeps locked stops the run, not the worker.
            cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
        current = _lock(propagation_id)
        if current is None:
            return False
        current.touched_at = now
        if runs.is_overtaken(current):
            _finish(current, Propagation.State.SUPERSEDED, now)
            return True
        version = runs.version_of(current)
        settled: _Settled = {
            "values": runs.values_to_bring(current, version),
            "locked_sections": version.locked_sections,
            "version": version.number,
        }
        links = lock_next_links(current.template_id, after=current.cursor, limit=batch, **settled)
        if links:
            differing = [key for key, differs in links.items() if differs]
            PropagationBatch.objects.create(run=current, links=list(links), updated=differing)
            current.links_updated += bring_in_line(differing, now=now, **settled)
            tell_version(links.keys() - set(differing), version=version.number, now=now)
            current.links_done += len(links)
            current.cursor = max(links)
        if len(links) < batch:
            current.links_total = current.links_done
            _finish(current, Propagation.State.DONE, now)
        else:
            current.save()
    return True


def _lock(propagation_id: UUID) -> Propagation | None:
    """The run if it is running and nobody else is at it, locked until the transaction ends."""
    return (
        Propagation.objects.select_for_update(no_key=True, skip_locked=True, of=("self",))
        .select_related("template")
        .filter(pk=propagation_id, state=Propagation.State.RUNNING)
        .first()
    )


def _finish(current: Propagation, state: Propagation.State, now: datetime) -> None:
    current.state = state
    current.finished_at = now
    current.save()
    before, after = runs.values_around(current)
    record(
        _ACTIONS[state],
        current.template,
        now,
        before=before,
        after=after,
        detail={
            "run": current.pk,
            "version": current.version,
            "sections": current.sections,
            "links": current.links_total,
            "updated": current.links_updated,
            "matched": current.links_matched,
            "started_by": current.started_by_id,
        },
    )
