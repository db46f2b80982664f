"""What went out about a booking, as its drawer shows it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bookings.domain.mail_kinds import BOOKING, CANCELLED_BOOKER, CANCELLED_HOST
from bookings.models import Booking, WorkflowRun
from bookings.selectors.runs import MOMENTS, is_for, runs_about, takes_the_place
from scheduling.domain.workflows import Channel
from workestra.calendars import selectors as calendars
from workestra.calendars.models import OwnEvent, OwnMeeting
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

MOST_CELLS: Final = 12
MOST_SHOWN: Final = 8
"""So many deliveries are listed; older ones wait behind a line that opens."""


@dataclass(frozen=True, slots=True)
class Tries:
    """How often something was tried: the failed ones, and whether the one after them went through."""

    failed: int
    went_through: bool

    @property
    def cells(self) -> list[str]:
        """Classes of cells, the latest ones: one failed try "f", the one that went through "k"."""
        return ["f"] * min(self.failed, MOST_CELLS) + ["k"] * self.went_through

    @property
    def words(self) -> str:
        """ "1 try", "3 tries"; "" for none."""
        count = self.failed + self.went_through
        return f"{count} {'try' if count == 1 else 'tries'}" if count else ""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A mail about the booking.

    `held` says why a workflow's mail that waits will be left out if nothing changes; "" when it goes out.
    """

    message: OutboxMessage
    label: str
    to: str
    tries: Tries
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
    def may_go_again(self) -> bool:
        """Whether it has come to an end that another copy, or another try, may follow."""
        is_over = self.message.sent_at is not None or self.message.dead_at is not None
        return is_over and bool(self.message.recipient)


@dataclass(frozen=True, slots=True)
class Written:
    """What a host's provider has, or is to have, of the booking: an event in his calendar, a meeting in his account.

    `is_held` while it is not asked, for the account needs reconnecting.
    """

    owed: OwnEvent | OwnMeeting
    is_held: bool

    @property
    def label(self) -> str:
        return f"{self.owed.label} {self.owed.noun}, {self.owed.user.name}"

    @property
    def calendar(self) -> str:
        """The name of the calendar it is in; "" for a meeting."""
        return self.owed.calendar.name if isinstance(self.owed, OwnEvent) else ""

    @property
    def tries(self) -> Tries:
        return Tries(self.owed.failed_tries, went_through=self.owed.is_current)

    @property
    def is_stuck(self) -> bool:
        """Whether it was given up."""
        return self.owed.dead_at is not None

    @property
    def may_go_again(self) -> bool:
        """Whether it could be tried at once."""
        return not (self.owed.is_current or self.is_held) and bool(self.is_stuck or self.owed.failures)


def written_of(booking: Booking) -> Sequence[Written]:
    """What is written of the booking's series in its hosts' calendars and accounts: meetings, then events."""
    return [Written(each.row, each.is_held) for each in calendars.owed_about(BOOKING, booking.series_id)]


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
    written = written_of(booking)
    return {
        "deliveries": deliveries[:MOST_SHOWN],
        "older": deliveries[MOST_SHOWN:],
        "older_failed": _failed(deliveries[MOST_SHOWN:]),
        "written": written,
        "failed": _failed(deliveries) + sum(each.is_stuck for each in written),
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
        Tries(failed, went_through=is_sent),
        is_of_workflow=run is not None,
        held=_held(run, booking) if run and _waits(message) else "",
        text=text,
        is_text=text is not None or (run is not None and _is_text(run)),
    )
