"""What a workflow's text message says, and whether its reader agreed to it."""

from collections.abc import Mapping
from typing import Final

from bookings.models import Attendee
from scheduling.domain import variables
from scheduling.domain.workflows import To
from scheduling.models import WorkflowStep
from workestra.notifications.registry import Skip, Text
from workestra.sms import selectors as sms
from workestra.sms.domain.segments import plainer, segments_of
from workestra.sms.domain.words import with_opt_out

LONGEST_VALUE: Final = 120
"""Characters of what a variable stands for; addresses are never cut."""
_SHORTER: Final = (LONGEST_VALUE, 60, 30, 15)
_TYPED: Final = frozenset({"first_name", "booker_name", "host_name", "event_title", "location", "company"})
"""What people typed: a text that gets too long has less of it. A time would say nothing."""
MOST_PARTS: Final = 4
"""Messages that one text takes at the most."""


def text_of(step: WorkflowStep, attendee: Attendee, recipient: str, values: Mapping[str, str]) -> Text | Skip:
    """The text of a run, or why nobody is texted."""
    number, reason = _number(step, attendee, recipient)
    asked = sms.why_not_own if step.to == To.ADDRESS else sms.why_not
    if reason := reason or asked(attendee.booking.workspace_id, number):
        return Skip(reason)
    return _unless_too_long(number, fitted(step.body, values, To(step.to)))


def trial_of(step: WorkflowStep, email: str, values: Mapping[str, str]) -> Text | Skip:
    """The text as somebody wants to see it who wrote it, on his own confirmed number."""
    workspace = step.workflow.workspace_id
    number = sms.number_of_host(workspace, email)
    reason = sms.why_not(workspace, number) if number else NO_OWN_NUMBER
    return (
        Skip(reason)
        if reason
        else _unless_too_long(number, fitted(f"Test: {step.body}", values, To(step.to)))
    )


NO_OWN_NUMBER: Final = "You have confirmed no number of your own"


def fitted(body: str, values: Mapping[str, str], to: To) -> str:
    """The text as it goes out: it has as much of what people typed as `MOST_PARTS` messages have room for. It takes
    more where the author's own words, times and links do."""
    for longest in _SHORTER:
        text = written(body, values, to, longest)
        if segments_of(text).parts <= MOST_PARTS:
            break
    return text


def written(body: str, values: Mapping[str, str], to: To, longest: int = LONGEST_VALUE) -> str:
    """The text with its variables filled in, what people typed with `longest` characters at the most: how to opt out
    stands in it, but for hosts, who end texts where they asked for them."""
    short = {
        name: value
        if name in variables.LINKS
        else value[: longest if name in _TYPED else LONGEST_VALUE].rstrip()
        for name, value in values.items()
    }
    paragraphs = variables.paragraphs(body, short)
    text = "\n\n".join(
        "\n".join("".join(piece.text for piece in line) for line in lines) for lines in paragraphs
    )
    plain = plainer(text).strip()
    return plain if to == To.HOST else with_opt_out(plain)


def _unless_too_long(number: str, body: str) -> Text | Skip:
    parts = segments_of(body).parts
    if parts > MOST_PARTS:
        return Skip(f"With this booking it takes {parts} texts, and {MOST_PARTS} are the most")
    return Text(number, body)


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
