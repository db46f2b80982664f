"""What went out about a booking, as its drawer shows it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from bookings.domain.mail_kinds import CANCELLED_BOOKER, CANCELLED_HOST
from bookings.models import Booking
from bookings.selectors.runs import labels_of
from workestra.notifications import selectors as outbox
from workestra.notifications.models import OutboxMessage
from workestra.notifications.registry import label_of


@dataclass(frozen=True, slots=True)
class Delivery:
    """A mail about the booking. `tries` are classes of cells: one failed try "f", the one that went through "k"."""

    message: OutboxMessage
    label: str
    to: str
    tries: list[str]
    is_of_workflow: bool = False

    @property
    def tries_words(self) -> str:
        return f"{len(self.tries)} {'try' if len(self.tries) == 1 else 'tries'}"

    @property
    def may_go_again(self) -> bool:
        """Whether it has come to an end that another copy, or another try, may follow."""
        return self.message.sent_at is not None or self.message.dead_at is not None


def timeline_of(booking: Booking) -> dict[str, Any]:
    """Context of `bookings/_deliveries.html`, newest mail first; and which of them told of a cancellation."""
    attendees = booking.attendees.all()
    names = {attendee.email: attendee.first_name for attendee in attendees}
    names |= {host.email: host.first_name for host in booking.hosts}
    about = outbox.messages_about(booking.pk, *(attendee.pk for attendee in attendees))
    workflows = labels_of(booking)
    deliveries = [_delivery(message, names, workflows) for message in about]
    return {
        "deliveries": deliveries,
        "failed": _failed(deliveries),
        "cancellations": [
            each for each in deliveries if each.message.kind in {CANCELLED_BOOKER, CANCELLED_HOST}
        ],
    }


def _failed(deliveries: Sequence[Delivery]) -> int:
    return sum(each.message.dead_at is not None for each in deliveries)


def _delivery(message: OutboxMessage, names: Mapping[str, str], workflows: Mapping[UUID, str]) -> Delivery:
    """`names` are first names by address; guests have none. `workflows` are those of messages that are of one."""
    is_sent = message.sent_at is not None
    # A try that is under way has not failed.
    failed = message.attempts - is_sent if is_sent or message.last_error else 0
    return Delivery(
        message,
        workflows.get(message.resend_of_id or message.pk) or label_of(message.kind),
        names.get(message.recipient, message.recipient),
        ["f"] * min(failed, 12) + ["k"] * is_sent,
        is_of_workflow=(message.resend_of_id or message.pk) in workflows,
    )
