"""Celery entry of what the beat asks for, or whoever starts a bulk change rings for, and a service does."""

from datetime import timedelta
from uuid import UUID

from celery import shared_task
from django.utils import timezone

from bookings.services import alternatives, briefings, bulk, runs
from workestra.notifications.doorbell import ring_on_commit
from workestra.notifications.selectors import database_now


@shared_task
def send_briefings() -> None:
    briefings.send_due(database_now())


@shared_task
def owe_what_was_left() -> None:
    runs.owe_what_was_left(database_now() - timedelta(days=1))


@shared_task
def expire_alternatives() -> None:
    alternatives.expire_over(timezone.now())


@shared_task
def run_bulk(run_id: str) -> None:
    if bulk.perform(UUID(run_id), timezone.now):
        ring_on_commit(run_bulk, run_id)


@shared_task
def resume_bulk() -> None:
    bulk.perform_unfinished(timezone.now)
    bulk.remove_drafts(timezone.now())
