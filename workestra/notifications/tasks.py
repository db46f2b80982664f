"""Celery entry of the outbox. Beat calls it every few seconds; a committed message rings it as well."""

from celery import shared_task

from workestra.notifications import effects, selectors


@shared_task
def deliver_outbox() -> None:
    # What renderers take for the current time does not depend on the clock of the worker's machine.
    effects.deliver_due(selectors.database_now())
