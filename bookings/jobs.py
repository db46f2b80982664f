"""Celery entry of what the beat asks for and a service does."""

from celery import shared_task

from bookings.services import briefings
from workestra.notifications.selectors import database_now


@shared_task
def send_briefings() -> None:
    briefings.send_due(database_now())
