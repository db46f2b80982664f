"""Celery entry of the bookings. Beat calls it every hour."""

from celery import shared_task
from django.utils import timezone

from bookings import storage
from scheduling.services import logos


@shared_task
def remove_unneeded_files() -> None:
    now = timezone.now()
    storage.remove_unneeded(now)
    logos.remove_unnamed(now)
