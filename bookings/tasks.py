"""Celery entry of the bookings. Beat calls it every hour."""

from celery import shared_task
from django.utils import timezone

from bookings import storage


@shared_task
def remove_unneeded_files() -> None:
    storage.remove_unneeded(timezone.now())
