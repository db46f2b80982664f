"""Celery entry of the outbox. Beat calls it every few seconds; a committed message rings it as well."""

from celery import shared_task
from django.utils import timezone

from workestra.notifications import effects


@shared_task
def deliver_outbox() -> None:
    effects.deliver_due(timezone.now())
