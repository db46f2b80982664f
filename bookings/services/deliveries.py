"""Sending a mail about a booking once more, and trying again what its hosts' providers are owed."""

from datetime import datetime

from django.db import transaction

from bookings.models import Booking
from workestra.accounts.models import User
from workestra.audit import services as audit
from workestra.calendars import services as calendars
from workestra.calendars.models import OwnEvent, OwnMeeting
from workestra.notifications import selectors as outbox_reads
from workestra.notifications import services as outbox
from workestra.notifications.models import OutboxMessage


class NotOver(Exception):
    """The mail waits to be sent, or was left out: there is nothing to repeat."""


def send_again(*, message: OutboxMessage, booking: Booking, actor: User, now: datetime) -> None:
    """A new set of tries for a mail that failed, or another copy of one that was sent.

    It says what is true when it is sent, and is left out when there is nothing to tell any more. Raises: NotOver, also
    while another copy is on its way.
    """
    with transaction.atomic():
        first = message.resend_of_id or message.pk
        # All copies are held by their first one: two who ask at the same time get one copy.
        OutboxMessage.objects.select_for_update().get(pk=first)
        current = OutboxMessage.objects.select_for_update().get(pk=message.pk)
        if current.dead_at is not None:
            outbox.retry(current)
        elif current.sent_at is not None and not outbox_reads.waiting().filter(resend_of=first).exists():
            outbox.resend(current)
        else:
            raise NotOver(str(current))
        audit.record(
            workspace_id=booking.workspace_id,
            action="booking.mail_resent",
            target_type="booking",
            target_id=booking.pk,
            target_name=booking.title,
            at=now,
            actor=actor,
            detail={"kind": message.kind, "recipient": message.recipient},
        )


def write_again(*, owed: OwnEvent | OwnMeeting, booking: Booking, actor: User, now: datetime) -> bool:
    """Have the provider asked at once; False, and nothing written, where there is nothing to ask it for."""
    with transaction.atomic():
        if not calendars.try_again(owed):
            return False
        audit.record(
            workspace_id=booking.workspace_id,
            action=f"booking.{owed.noun}_retried",
            target_type="booking",
            target_id=booking.pk,
            target_name=booking.title,
            at=now,
            actor=actor,
            detail={"kind": owed.label, "whose": owed.user.name},
        )
    return True
