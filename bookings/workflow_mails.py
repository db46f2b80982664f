"""What a workflow's message says, and whether it may still be said: both are asked when it is delivered.

Text messages are written in `bookings.workflow_texts`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import formataddr
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse

from bookings import selectors
from bookings import workflow_texts as texts
from bookings.domain.names import greeting, in_one, printable_name
from bookings.effects import attach_replaced_invite, other_side, own_addresses
from bookings.invites import location_of, sender
from bookings.letterhead import MailLogo, logo_for_mail
from bookings.models import Attendee, WorkflowRun
from bookings.selectors import runs
from scheduling.domain import variables
from scheduling.domain.workflows import (
    OTHER_MOMENT,
    WITH_THE_MEETING,
    Channel,
    To,
    Trigger,
    why_not,
    why_not_ask,
)
from scheduling.models import Workflow, WorkflowStep
from workestra.accounts import selectors as accounts
from workestra.calendars.domain import clock_words as words
from workestra.calendars.domain.clock_words import DayForm
from workestra.notifications.models import OutboxMessage
from workestra.notifications.pictures import PicturedMail
from workestra.notifications.registry import Skip, Text, renders

SAMPLE: Final = {
    "first_name": "Priya",
    "booker_name": "Priya Raman",
    "host_name": "Alice Okafor",
    "event_title": "Discovery Call",
    "start_time": "Thursday 12 November, 16:30 – 17:00 Berlin time (CET)",
    "other_time": "10:30 – 11:00 for Alice in New York (EST)",
    "start_date": "Thursday 12 November",
    "duration": "30 minutes",
    "location": "Video call",
    "join_url": "https://meet.example/abc-defg-hij",
    "manage_url": "https://example.com/b/discovery-call/manage/…",
    "rebook_url": "https://example.com/book/discovery-call",
    "company": "Larkhill",
}
"""What a message is shown with where there is no booking yet."""


@dataclass(frozen=True, slots=True)
class Written:
    """A message with its variables filled in."""

    subject: str
    paragraphs: list[list[list[variables.Piece]]]


@renders(runs.KIND, "Workflow")
def render_run(message: OutboxMessage, now: datetime) -> EmailMultiAlternatives | Text | Skip:
    """The mail or text of a run, or why there is nothing to tell."""
    run = runs.run_of(message)
    if run is None:
        return Skip("The booking no longer exists")
    if reason := _why_not(run, message, now):
        return Skip(reason)
    assert run.step is not None, "a run without its step is left out"
    if run.step.channel == Channel.SMS:
        values = values_for(run.attendee, To(run.step.to), Trigger(run.trigger))
        return texts.text_of(run.step, run.attendee, message.recipient, values)
    in_place = run.workflow.replaces and run.step.pk == _first_to_booker(run.workflow)
    if in_place and message.resend_of_id is None and runs.standard_mail_stands(run):
        return Skip("The standard mail went out in its place")
    mail = _mail(run.workflow, run.step, run.attendee, message.recipient)
    if in_place:
        attach_replaced_invite(mail, Trigger(run.trigger), run.attendee, now)
    return mail


@renders(runs.TEST, "Test of a workflow")
def render_test(message: OutboxMessage, now: datetime) -> EmailMultiAlternatives | Text | Skip:
    """A message as somebody wants to see it who wrote it: filled with a real booking, without its secret addresses."""
    step = WorkflowStep.objects.select_related("workflow__workspace").filter(pk=message.topic_id).first()
    if step is None:
        return Skip("The message was taken out of the workflow")
    key = message.kind.partition(":")[2]
    attendee = selectors.attendee_for_mail(UUID(key)) if key else None
    trigger = Trigger(step.workflow.trigger)
    values = values_for(attendee, To(step.to), trigger, is_shown=True) if attendee else SAMPLE
    if step.channel == Channel.SMS:
        return texts.trial_of(step, message.recipient, values)
    written = write(step.subject, step.body, values, step.workflow.name)
    context = {
        "org": step.workflow.workspace,
        "recipient": message.recipient,
        "is_test": True,
        "asks": step.asks and step.to == To.BOOKER,
    }
    return _made(
        Written(f"Test: {written.subject}", written.paragraphs),
        context,
        from_email=settings.DEFAULT_FROM_EMAIL,
        to=message.recipient,
        reply_to=[],
        logo=logo_for_mail(attendee.booking.link) if attendee and step.to == To.BOOKER else None,
    )


def write(subject: str, body: str, values: Mapping[str, str], name: str) -> Written:
    """A message filled with these values; `name` stands in for a subject that is left with nothing."""
    return Written(
        variables.fill_line(subject, values) or variables.fill_line(name, {}),
        variables.paragraphs(body, values),
    )


def values_for(attendee: Attendee, to: To, trigger: Trigger, *, is_shown: bool = False) -> dict[str, str]:
    """What each variable stands for, for this reader. Times are on his clock, `other_time` on the other side's.

    Hosts of a group session read the names of all who come where the message is about the meeting, and else of the one
    whom it is about.

    A booker's mail tells a name only where it looks like one: whoever gets it may not be the one who typed it. The
    booker's own addresses are for himself alone; `is_shown` to somebody else, they end in dots.
    """
    booking = attendee.booking
    mine, theirs, other = ZoneInfo(attendee.timezone), ZoneInfo(booking.timezone), booking.host_first_names
    is_booker = to == To.BOOKER
    names = [printable_name(attendee.name) if is_booker else attendee.name]
    if not is_booker:
        mine, theirs, other = theirs, mine, attendee.name
        if booking.is_group and booking.company and trigger in WITH_THE_MEETING:
            names = [each.name for each in booking.company]
    day = words.day(booking.starts_at.astimezone(mine).date(), DayForm.LONG)
    time = words.clock_range(booking.starts_at, booking.ends_at, mine)
    place = location_of(attendee)
    site = settings.SITE_URL
    manage = ""
    if is_booker:
        manage = (
            f"{site}/b/{booking.page_slug}/manage/…" if is_shown else own_addresses(attendee)["manage_url"]
        )
    return {
        "first_name": greeting(attendee.name),
        "booker_name": in_one(names),
        "host_name": booking.host_names,
        "event_title": booking.title,
        "start_time": f"{day}, {time} {words.zone_in_public(booking.starts_at, mine)}",
        "other_time": other_side(booking, mine, theirs, other),
        "start_date": day,
        "duration": words.length(booking.ends_at - booking.starts_at),
        "location": "Video call" if place.url else place.text,
        "join_url": place.url,
        "manage_url": manage,
        "rebook_url": f"{site}{reverse('bookings:book', args=[booking.link.slug])}" if booking.link else "",
        "company": booking.workspace.name,
    }


def _why_not(run: WorkflowRun, message: OutboxMessage, now: datetime) -> str:
    workflow, step, attendee = run.workflow, run.step, run.attendee
    booking = attendee.booking
    if workflow.deleted_at:
        return "The workflow was deleted"
    if workflow.is_paused:
        return "The workflow is paused"
    if step is None:
        return "The message was taken out of the workflow"
    if run.trigger != workflow.trigger:
        return OTHER_MOMENT
    if not runs.is_for(workflow, booking):
        return "Its booking page does not use this workflow any more"
    if message.recipient not in runs.recipients_of(step, attendee):
        return "It goes to somebody else now"
    if step.to == To.HOST and not _is_here(booking.workspace_id, message.recipient):
        return "Who hosted it has left"
    if runs.told_by_another(run):
        return "Told once for the whole session"
    return why_not(
        Trigger(run.trigger),
        status=attendee.status,
        no_show=attendee.no_show_status == attendee.booking.Attendance.NO_SHOW,
        start=booking.starts_at,
        end=booking.ends_at,
        due=run.due_at,
        now=now,
    )


def _is_here(workspace_id: UUID, address: str) -> bool:
    return accounts.active_members_of(workspace_id).filter(user__email=address).exists()


def _first_to_booker(workflow: Workflow) -> UUID | None:
    steps = workflow.steps.filter(to=To.BOOKER, channel=Channel.EMAIL).order_by("delay", "position")
    return steps.values_list("pk", flat=True).first()


def _mail(
    workflow: Workflow, step: WorkflowStep, attendee: Attendee, recipient: str
) -> EmailMultiAlternatives:
    booking, is_booker = attendee.booking, step.to == To.BOOKER
    values = values_for(attendee, To(step.to), Trigger(workflow.trigger))
    written = write(step.subject, step.body, values, workflow.name)
    own = own_addresses(attendee) if is_booker else {}
    asks = step.asks and not why_not_ask(Trigger(workflow.trigger), step.delay)
    context = {
        "org": booking.workspace,
        "recipient": recipient,
        "is_booker": is_booker,
        "manage_url": own.get("manage_url", ""),
        "reconfirm_url": own.get("reconfirm_url", "") if asks else "",
        "asks": asks and bool(own.get("reconfirm_url")),
        "can_move": booking.link is not None,
    }
    host = formataddr((f"{booking.host.name}, {booking.workspace.name}", sender()))
    return _made(
        written,
        context,
        from_email=host if is_booker else settings.DEFAULT_FROM_EMAIL,
        to=recipient,
        reply_to=list(filter(None, [booking.host.email if is_booker else attendee.email])),
        logo=logo_for_mail(booking.link) if is_booker else None,
    )


def _made(
    written: Written,
    context: dict[str, object],
    *,
    from_email: str,
    to: str,
    reply_to: list[str],
    logo: MailLogo | None,
) -> EmailMultiAlternatives:
    context = context | {"headline": written.subject, "paragraphs": written.paragraphs, "logo": logo}
    text = render_to_string("bookings/mail/workflow.txt", context)
    mail = PicturedMail(
        subject=written.subject,
        body=re.sub(r"\n{3,}", "\n\n", text),
        from_email=from_email,
        to=[to],
        reply_to=reply_to or None,
    )
    mail.attach_alternative(render_to_string("bookings/mail/workflow.html", context), "text/html")
    if logo:
        logo.put_into(mail)
    return mail
