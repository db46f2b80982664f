"""Reads of the outbox and of the local mailbox."""

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from workestra.notifications.models import WAITING, CaughtMail, OutboxMessage


def waiting() -> QuerySet[OutboxMessage]:
    """Messages that are neither sent nor skipped nor dead, in no order."""
    return OutboxMessage.objects.filter(WAITING)


def due() -> QuerySet[OutboxMessage]:
    """Waiting messages that may be delivered now, by the database's clock, oldest first.

    A message leased by somebody is left to him, and so is the next one to the same person about the same thing:
    a cancellation must not overtake the confirmation that is being sent.
    """
    leased = Q(leased_until__gt=Now())
    sibling_on_its_way = waiting().filter(leased, topic_id=OuterRef("topic_id"), recipient=OuterRef("recipient"))
    return (
        waiting()
        .filter(~leased | Q(leased_until=None), ~Exists(sibling_on_its_way), available_at__lte=Now())
        .order_by("available_at", "created_at")
    )
