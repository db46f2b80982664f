"""What the beat asks for and a service does. Everything is found by what the rows say: a missed tick only delays."""

from celery import shared_task
from django.utils import timezone

from managed_events.services import standing
from scheduling.services import workflows


@shared_task
def follow_people() -> None:
    """Links for those who have joined, and no template's hand any more on those of who has left, whose own
    workflows stop."""
    now = timezone.now()
    standing.release_leavers(now)
    workflows.stop_of_leavers(now)
    standing.welcome(now)
