"""Celery entry of the runs that bring assigned links in line. A save rings; the beat finds what nobody finished."""

from uuid import UUID

from celery import shared_task
from django.utils import timezone

from managed_events import effects


@shared_task
def propagate(propagation_id: str) -> None:
    effects.run(UUID(propagation_id), timezone.now)


@shared_task
def resume_propagations() -> None:
    effects.resume_stalled(timezone.now)
