"""Celery entry of the outbox. Beat calls it every few seconds; a committed message rings it as well."""

from celery import shared_task

from workestra.notifications import effects, selectors


# A worker that hangs is replaced, when it keeps nothing any more and could not be waiting for PostgreSQL either.
@shared_task(time_limit=int((effects.RUN_FOR + effects.SLOWEST_MAIL + 2 * effects.PATIENCE).total_seconds()))
def deliver_outbox() -> None:
    # What renderers take for the current time does not depend on the clock of the worker's machine.
    effects.deliver_due(selectors.database_now())
