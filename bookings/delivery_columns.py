"""What follows each try of a mail about a booking: how they all fared is summed up in the booking's own row for lists,
and a mail that gave way to a workflow's message is owed after all when that one does not go out.
"""

from django.db import transaction
from django.db.models import Count, Q, Sum

from bookings.domain import mail_kinds as kinds
from bookings.models import Attendee, Booking
from bookings.selectors.runs import KIND, MOMENTS
from bookings.services.runs import owe_replaced
from workestra.notifications.models import OutboxMessage
from workestra.notifications.registry import follows

ERROR_LENGTH = 300


@follows(kinds.BOOKING, kinds.ATTENDEE)
def follow_up(message: OutboxMessage) -> None:
    """Count the mails anew, and see to it that a booker gets one of the two mails of a moment. Safe to repeat.

    Both sides are asked, whichever ends last: two workers may have one of them each.
    """
    sum_up(message)
    if message.kind in MOMENTS or message.kind.startswith(f"{KIND}:"):
        with transaction.atomic():
            owe_replaced(message.topic_id)


def sum_up(message: OutboxMessage) -> None:
    """Count the mails of the message's booking anew; nothing when it is gone. Safe to repeat, and in any order."""
    of_attendee = Attendee.objects.filter(pk=message.topic_id).values("booking")
    with transaction.atomic():
        # Held, so that whoever counts later also writes later.
        booking = (
            Booking.objects.select_for_update(no_key=True)
            .filter(Q(pk=message.topic_id) | Q(pk__in=of_attendee))
            .first()
        )
        if booking is None:
            return
        attendees = Attendee.objects.filter(booking=booking).values("pk")
        about = OutboxMessage.objects.filter(Q(topic_id=booking.pk) | Q(topic_id__in=attendees))
        totals = about.aggregate(
            sent=Count("pk", filter=Q(sent_at__isnull=False)),
            failed=Count("pk", filter=Q(dead_at__isnull=False)),
            attempts=Sum("attempts"),
        )
        failing = about.exclude(last_error="").order_by("-dead_at", "-available_at")
        booking.mails_sent = totals["sent"]
        booking.mails_failed = totals["failed"]
        booking.mail_attempts = totals["attempts"]
        booking.mail_error = (failing.values_list("last_error", flat=True).first() or "")[:ERROR_LENGTH]
        booking.save(update_fields=["mails_sent", "mails_failed", "mail_attempts", "mail_error"])
