"""Celery entry of what the beat asks for every hour."""

from celery import shared_task
from django.utils import timezone

from workestra.privacy import services


@shared_task
def erase_old_answers() -> None:
    services.erase_old_answers(timezone.now())
