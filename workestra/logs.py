"""What the log may say."""

import logging
import re
from typing import Final

# The last part of /b/<slug>/manage/<token>, /one-off/<token> and /accounts/password/reset/key/<user>-<token>/.
_SECRET: Final = re.compile(r"((?:/manage|(?<!/calendar)/one-off|/password/reset/key|/feed)/)[^/\s?#\"']+")


# What a provider sends a visitor back with (RFC 6749 4.1.2).
_GRANT: Final = re.compile(r"([?&](?:code|state)=)[^&\s\"']+")


# A phone number in E.164, as it is or in an address.
_NUMBER: Final = re.compile(r"(?:\+|%2B)[1-9][0-9]{6,14}\b")


class MaskingFormatter(logging.Formatter):
    """Keeps secret addresses out of the log: whoever reads `/b/…/manage/…` could cancel somebody's meeting.

    And phone numbers, which are nobody's business there.
    """

    def format(self, record: logging.LogRecord) -> str:
        text = _SECRET.sub(r"\1…", super().format(record))
        return _NUMBER.sub("+…", _GRANT.sub(r"\1…", text))
