"""What people are told in text messages, what they agree to, and the words by which they stop them."""

import re
from enum import StrEnum
from typing import Final

OPT_OUT: Final = "Reply STOP to opt out."
_SAYS_STOP: Final = re.compile(r"\bSTOP\b")


class Keyword(StrEnum):
    """What a whole message of one word asks for."""

    STOP = "stop"
    START = "start"
    HELP = "help"


# https://help.twilio.com/articles/223134027: Twilio's own lists; only messages of one word count.
_KEYWORDS: Final = {
    **dict.fromkeys(
        ("STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"), Keyword.STOP
    ),
    **dict.fromkeys(("START", "YES", "UNSTOP"), Keyword.START),
    **dict.fromkeys(("HELP", "INFO"), Keyword.HELP),
}


def keyword_in(text: str) -> Keyword | None:
    """What the message asks for; None for any other one. Case, blanks around and a full stop behind do not matter."""
    return _KEYWORDS.get(text.strip().rstrip(".!").upper())


def with_opt_out(text: str) -> str:
    """The text with how to stop such messages, unless its author says so himself."""
    text = text.strip()
    return text if _SAYS_STOP.search(text) else f"{text} {OPT_OUT}".strip()


def agreement(sender: str) -> str:
    """What a booker agrees to with a tick."""
    return f"Text me about this meeting. {sender} texts the number above; your carrier may charge for it."


def agreement_hint() -> str:
    return "Not needed to book. Reply STOP to any text to end them, HELP for help."


def own_agreement(sender: str) -> str:
    """What a host agrees to when he confirms his number."""
    return f"{sender} may text me about my meetings. I can end it here, or by replying STOP."


def answer_to(keyword: Keyword, *, contact: str) -> str:
    """What is texted back."""
    match keyword:
        case Keyword.STOP:
            return "You get no more texts from us. Reply START to get them again."
        case Keyword.START:
            return "You get texts about meetings you agreed to again. Reply STOP to end them, HELP for help."
        case Keyword.HELP:
            return f"Texts about meetings you booked. Questions: {contact}. Carriers may charge. Reply STOP to end."
