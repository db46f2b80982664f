"""What the beat asks for and a service does. Everything is found by what the rows say: a missed tick only delays."""

from celery import shared_task
from django.utils import timezone

from one_off.services import leaving


@shared_task
def withdraw_of_leavers() -> None:
    leaving.withdraw_of_leavers(timezone.now())
