"""Workflows to begin with: their messages are complete, and anybody's to change."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from scheduling.domain.workflows import Channel, StepDraft, To, Trigger, WorkflowDraft

DAY: Final = timedelta(days=1)
HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Preset:
    key: str
    icon: str
    says: str
    draft: WorkflowDraft


def _preset(
    key: str,
    icon: str,
    name: str,
    says: str,
    trigger: Trigger,
    delay: timedelta,
    subject: str,
    body: str,
    *,
    asks: bool = False,
    replaces: bool = False,
    channel: Channel = Channel.EMAIL,
) -> Preset:
    step = StepDraft(None, delay, To.BOOKER, subject, body, asks=asks, channel=channel)
    return Preset(key, icon, says, WorkflowDraft(name, trigger, (step,), every_link=False, replaces=replaces))


PRESETS: Final = (
    _preset(
        "reminder",
        "bell",
        "Reminder",
        "The day before, in place of the standard reminder.",
        Trigger.BEFORE_START,
        DAY,
        "Reminder: {{event_title}}, {{start_time}}",
        "Hello {{first_name}},\n\n{{host_name}} is looking forward to {{event_title}} on {{start_time}}.\n"
        "{{other_time}}\n\nWhere: {{location}}\n{{join_url}}\n\nMove or cancel it: {{manage_url}}",
        replaces=True,
    ),
    _preset(
        "reconfirm",
        "circle-help",
        "Still coming?",
        "Asks the day before. The answer stands on the booking.",
        Trigger.BEFORE_START,
        DAY,
        "Still good for {{start_time}}?",
        "Hello {{first_name}},\n\n{{host_name}} is looking forward to {{event_title}} on {{start_time}}.\n"
        "{{other_time}}\n\nAre you still coming?",
        asks=True,
        replaces=True,
    ),
    _preset(
        "text",
        "smartphone",
        "Text before",
        "A text three hours before, to who agreed to texts.",
        Trigger.BEFORE_START,
        3 * HOUR,
        "",
        "{{company}}: {{event_title}} with {{host_name}}, {{start_time}}. {{join_url}}",
        channel=Channel.SMS,
    ),
    _preset(
        "prepare",
        "file-text",
        "What to bring",
        "Three days before, with what to have at hand.",
        Trigger.BEFORE_START,
        3 * DAY,
        "Getting ready for {{event_title}}",
        "Hello {{first_name}},\n\nyou meet {{host_name}} on {{start_time}}, for {{duration}}.\n{{other_time}}\n\n"
        "It helps to have your questions at hand, and what you work with today.\n\n"
        "Where: {{location}}\n{{join_url}}",
    ),
    _preset(
        "thanks",
        "message-circle",
        "How did it go?",
        "An hour after the end: thanks, and one question.",
        Trigger.ENDS,
        HOUR,
        "Thank you for meeting {{host_name}}",
        "Hello {{first_name}},\n\nthank you for your time on {{start_time}}.\n{{other_time}}\n\n"
        "How did it go? Answer this email with a number from 1 to 10, and a word if you like.",
    ),
    _preset(
        "missed",
        "user-x",
        "Missed you",
        "One hour after a no-show, with a link to pick again.",
        Trigger.NO_SHOW,
        HOUR,
        "Sorry we missed you",
        "Hello {{first_name}},\n\n{{host_name}} was waiting for you on {{start_time}}.\n{{other_time}}\n\n"
        "Pick another time: {{rebook_url}}",
    ),
)
BY_KEY: Final = {preset.key: preset for preset in PRESETS}
