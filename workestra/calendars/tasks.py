"""Celery entry of the calendars. Beat calls it; connecting, choosing and providers' notices ring it as well."""

from celery import shared_task
from django.utils import timezone

from workestra.calendars import effects, making, writing


@shared_task
def read_calendars() -> None:
    effects.read_due(timezone.now())


@shared_task
def renew_channels() -> None:
    effects.renew_channels(timezone.now())


@shared_task
def write_events() -> None:
    writing.write_due(timezone.now())


@shared_task
def make_meetings() -> None:
    making.make_due(timezone.now())
