"""What a failure to deliver says: of the message, or of what it goes by."""

import smtplib
from typing import Final

from workestra.notifications.registry import CarrierAway, Refused, Wait

# RFC 4954 section 6: a wrong password is an administrator's to mend, and no fault of the message.
_AUTHENTICATION: Final = {530, 534, 535, 538}
# RFC 5321 section 4.2.3: the server closes, whatever it was asked.
_CLOSING: Final = 421


class Unreachable(Exception):
    """No mail can be handed over at all, whatever it says."""


def words_for(error: Exception) -> str:
    """The failure as administrators read it."""
    return f"{type(error).__name__}: {error}".replace("\0", "")[:500]


def is_permanent(error: Exception) -> bool:
    """Whether the same mail would be refused again: a 5yz answer (RFC 5321 section 4.2.1) or a mail nobody may send."""
    codes = _codes_of(error)
    if not codes:
        return isinstance(error, ValueError | Refused | smtplib.SMTPNotSupportedError)
    return all(500 <= code < 600 for code in codes) and not codes & _AUTHENTICATION


def is_of_message(error: Exception) -> bool:
    """Whether it is this message that was not taken, and others may well be: its recipient or its contents were refused
    for now. False where nothing at all goes through: no connection, an answer that did not come, a server that closes,
    sends us away or takes no more from us.
    """
    if isinstance(error, smtplib.SMTPRecipientsRefused | smtplib.SMTPDataError):
        return not _codes_of(error) & {_CLOSING, *_AUTHENTICATION}
    # Also what smtplib raises else, of a lost connection or a refused sender: it is an OSError.
    return not isinstance(error, Unreachable | CarrierAway | Wait | OSError)


def _codes_of(error: Exception) -> set[int]:
    match error:
        case smtplib.SMTPRecipientsRefused():
            return {code for code, _answer in error.recipients.values()}
        case smtplib.SMTPResponseException():
            return {error.smtp_code}
    return set()
