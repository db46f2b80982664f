"""What a workflow's text message says, and whether its reader agreed to it."""

from collections.abc import Mapping
from typing import Final

from bookings.models import Attendee
from scheduling.domain import variables
from scheduling.domain.workflows import To
from scheduling.models import WorkflowStep
from workestra.notifications.registry import Skip, Text
from workestra.sms import selectors as sms
from workestra.sms.domain.segments import plainer
from workestra.sms.domain.words import with_opt_out

LONGEST_VALUE: Final = 120
"""Characters of what a variable stands for; addresses are never cut."""


def text_of(step: WorkflowStep, attendee: Attendee, recipient: str, values: Mapping[str, str]) -> Text | Skip:
    """The text of a run, or why nobody is texted."""
    number, reason = _number(step, attendee, recipient)
    reason = reason or sms.why_not(attendee.booking.workspace_id, number)
    return Skip(reason) if reason else Text(number, written(step.body, values, To(step.to)))


def trial_of(step: WorkflowStep, email: str, values: Mapping[str, str]) -> Text | Skip:
    """The text as somebody wants to see it who wrote it, on his own confirmed number."""
    workspace = step.workflow.workspace_id
    number = sms.number_of_host(workspace, email)
    reason = sms.why_not(workspace, number) if number else NO_OWN_NUMBER
    return Skip(reason) if reason else Text(number, f"Test: {written(step.body, values, To(step.to))}")


NO_OWN_NUMBER: Final = "You have confirmed no number of your own"


def written(body: str, values: Mapping[str, str], to: To) -> str:
    """The text with its variables filled in, as it goes out: how to opt out stands in it, but for hosts, who end texts
    where they asked for them."""
    short = {
        name: value if name in variables.LINKS else value[:LONGEST_VALUE] for name, value in values.items()
    }
    paragraphs = variables.paragraphs(body, short)
    text = "\n\n".join(
        "\n".join("".join(piece.text for piece in line) for line in lines) for lines in paragraphs
    )
    plain = plainer(text).strip()
    return plain if to == To.HOST else with_opt_out(plain)


def _number(step: WorkflowStep, attendee: Attendee, recipient: str) -> tuple[str, str]:
    """The number that is texted, and why there is none."""
    match To(step.to):
        case To.BOOKER:
            if not attendee.phone:
                return "", "The booker left no phone number"
            return attendee.phone, "" if attendee.wants_texts else "The booker did not agree to text messages"
        case To.HOST:
            number = sms.number_of_host(attendee.booking.workspace_id, recipient)
            return number, "" if number else "The host has confirmed no number"
    return recipient, ""
