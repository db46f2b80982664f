"""Celery entry of the limits. Beat calls it every few minutes."""

from celery import shared_task

from workestra.limits import services


@shared_task
def sweep_counters() -> None:
    services.sweep()
