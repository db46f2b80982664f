"""Celery entry of the one-offs. Beat calls it every half minute."""

from celery import shared_task
from django.utils import timezone

from one_off import effects


@shared_task
def expire_one_offs() -> None:
    effects.expire_over(timezone.now())
