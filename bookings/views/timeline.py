"""What went out about a booking, as its drawer shows it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bookings.domain.mail_kinds import BOOKING, CANCELLED_BOOKER, CANCELLED_HOST
from bookings.models import Booking, WorkflowRun
from bookings.selectors.runs import MOMENTS, is_for, runs_about, takes_the_place
from scheduling.domain.workflows import Channel
from workestra.calendars import selectors as calendars
from workestra.calendars.models import OwnMeeting
from workestra.notifications import selectors as outbox
from workestra.notifications.models import OutboxMessage
from workestra.notifications.registry import label_of
from workestra.sms.models import SentText
from workestra.sms.numbers import shown
from workestra.sms.selectors import texts_of

FATES: Final = {
    "delivered": "Delivered",
    "read": "Read",
    "undelivered": "Not delivered",
    "failed": "Not delivered",
}
"""What becomes of a text in the end, as the carrier calls it, and as the timeline does."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A mail about the booking. `tries` are classes of cells: one failed try "f", the one that went through "k".

    `held` says why a workflow's mail that waits will be left out if nothing changes; "" when it goes out.
    """

    message: OutboxMessage
    label: str
    to: str
    tries: list[str]
    is_of_workflow: bool = False
    held: str = ""
    text: SentText | None = None
    is_text: bool = False

    @property
    def number(self) -> str:
        """The number that was texted; "" for a mail, and for a text that has not gone anywhere yet."""
        return shown(self.text.number) if self.text and self.text.sid else ""

    @property
    def fate(self) -> str:
        """What became of a text that was sent, as the carrier says; "" until then, and for a mail."""
        return FATES.get(self.text.status, "") if self.text else ""

    @property
    def tries_words(self) -> str:
        return f"{len(self.tries)} {'try' if len(self.tries) == 1 else 'tries'}"

    @property
    def may_go_again(self) -> bool:
        """Whether it has come to an end that another copy, or another try, may follow."""
        return self.message.sent_at is not None or self.message.dead_at is not None


@dataclass(frozen=True, slots=True)
class MeetingMade:
    """The meeting that a host's account with Zoom or the like has, or is to have, of the booking."""

    meeting: OwnMeeting

    @property
    def label(self) -> str:
        return f"{self.meeting.label} meeting, {self.meeting.user.name}"

    @property
    def is_stuck(self) -> bool:
        """Whether somebody has to do something before it is as it should be."""
        return self.meeting.dead_at is not None

    @property
    def may_go_again(self) -> bool:
        """Whether it could be tried at once."""
        return not self.meeting.is_current and bool(self.is_stuck or self.meeting.failures)


def timeline_of(booking: Booking) -> dict[str, Any]:
    """Context of `bookings/_deliveries.html`, newest mail first; and which of them told of a cancellation.

    A standard mail that waits, and is to give way to a workflow's, is not among them: only one of the two is to come.
    """
    attendees = booking.attendees.all()
    names = {attendee.email: attendee.first_name for attendee in attendees}
    names |= {host.email: host.first_name for host in booking.hosts}
    about = outbox.messages_about(booking.pk, *(attendee.pk for attendee in attendees))
    runs = runs_about(booking)
    gives_way = {(run.attendee_id, run.trigger) for run in runs if takes_the_place(run, booking)}
    by_message = {run.message_id: run for run in runs}
    has_texts = any(run.step is None or _is_text(run) for run in runs)
    texts = texts_of([message.pk for message in about]) if has_texts else {}
    deliveries = [
        _delivery(
            message,
            names,
            by_message.get(message.resend_of_id or message.pk),
            booking,
            texts.get(message.pk),
        )
        for message in about
        if not _waits(message) or (message.topic_id, MOMENTS.get(message.kind)) not in gives_way
    ]
    meetings = [MeetingMade(each) for each in calendars.meetings_about(BOOKING, booking.series_id)]
    return {
        "deliveries": deliveries,
        "meetings": meetings,
        "failed": _failed(deliveries) + sum(each.is_stuck for each in meetings),
        "cancellations": [
            each for each in deliveries if each.message.kind in {CANCELLED_BOOKER, CANCELLED_HOST}
        ],
    }


def _failed(deliveries: Sequence[Delivery]) -> int:
    return sum(each.message.dead_at is not None for each in deliveries)


def _waits(message: OutboxMessage) -> bool:
    return message.sent_at is None and message.dead_at is None and message.skipped_at is None


def _held(run: WorkflowRun, booking: Booking) -> str:
    if run.workflow.is_paused:
        return "The workflow is paused: left out unless it goes on before"
    return "" if is_for(run.workflow, booking) else "Its booking page does not use this workflow any more"


def _is_text(run: WorkflowRun) -> bool:
    return run.step is not None and run.step.channel == Channel.SMS


def _delivery(
    message: OutboxMessage,
    names: Mapping[str, str],
    run: WorkflowRun | None,
    booking: Booking,
    text: SentText | None,
) -> Delivery:
    """`names` are first names by address; guests have none. `run` is the message's where it is of a workflow."""
    is_sent = message.sent_at is not None
    # A try that is under way has not failed.
    failed = message.attempts - is_sent if is_sent or message.last_error else 0
    return Delivery(
        message,
        run.workflow.name if run else label_of(message.kind),
        names.get(message.recipient, message.recipient),
        ["f"] * min(failed, 12) + ["k"] * is_sent,
        is_of_workflow=run is not None,
        held=_held(run, booking) if run and _waits(message) else "",
        text=text,
        is_text=text is not None or (run is not None and _is_text(run)),
    )
