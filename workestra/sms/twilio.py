"""Twilio's Messages resource, through Twilio's own client.

https://www.twilio.com/docs/messaging/api/message-resource
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import requests
from django.conf import settings
from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from workestra.notifications.registry import CarrierAway, Refused, Wait

TIMEOUT: Final = 10
BUSY_FOR: Final = 5.0
"""Seconds to wait where Twilio asks to wait and does not say for how long."""
LOOKED_AT: Final = 50
SKEW: Final = timedelta(minutes=5)
STOPPED: Final = 21610
# A wrong token, an account that is suspended: an administrator's to mend, and no fault of the message.
_OF_ACCOUNT: Final = {20003, 20005, 20006, 20008}

# Twilio's client logs each request with its numbers and texts.
_silent = logging.getLogger(f"{__name__}.client")
_silent.setLevel(logging.CRITICAL)


class StoppedThere(Exception):
    """Twilio knows of a STOP from this number."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A message as Twilio has it."""

    sid: str
    status: str


class _Http(TwilioHttpClient):  # type: ignore[misc]  # Twilio's package has no types.
    """The same; it remembers for how long the last answer asked to wait, which Twilio's exceptions do not say."""

    retry_after = ""

    def request(self, *args: Any, **more: Any) -> Any:
        answer = super().request(*args, **more)
        self.retry_after = answer.headers.get("Retry-After", "")
        return answer


class Twilio:
    """Connected as the settings say, when it is first asked."""

    def __init__(self) -> None:
        self._http = _Http(timeout=TIMEOUT, logger=_silent)
        self._client = Client(settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN, http_client=self._http)
        self._client.api.base_url = settings.TWILIO_API_URL

    def send(self, number: str, body: str, status_url: str) -> Taken:
        """Hand a text over.

        Raises: StoppedThere; Refused for good; Wait; CarrierAway. After CarrierAway and any other exception Twilio may
        have taken it all the same; after the others it has not.
        """
        sender = (
            {"messaging_service_sid": settings.TWILIO_MESSAGING_SERVICE_SID}
            if settings.TWILIO_MESSAGING_SERVICE_SID
            else {"from_": settings.TWILIO_FROM}
        )
        made = self._asked(
            lambda: self._client.messages.create(to=number, body=body, status_callback=status_url, **sender)
        )
        return Taken(made.sid, made.status)

    def find(self, number: str, body: str, since: datetime, claimed: set[str]) -> Taken | None:
        """The text with this body that went to the number since then and is none of the `claimed`; None without one.

        The latest are looked at. Not by DateSent, which a text that is still queued does not have. Raises: Wait;
        CarrierAway.
        """
        found = self._asked(lambda: self._client.messages.list(to=number, limit=LOOKED_AT))
        for message in found:
            if (
                message.body == body
                and message.direction != "inbound"
                and message.sid not in claimed
                and message.date_created >= since - SKEW
            ):
                return Taken(message.sid, message.status)
        return None

    def _asked(self, ask: Any) -> Any:
        try:
            return ask()
        except TwilioRestException as error:
            # Its own text prints the address, which names the account.
            words = f"Twilio answered {error.status}, error {error.code}: {error.msg}"
            if error.code == STOPPED:
                raise StoppedThere from None
            if error.status == 429:
                raise Wait(words, _seconds(self._http.retry_after)) from None
            if error.status in {401, 403} or error.code in _OF_ACCOUNT:
                raise CarrierAway(words) from None
            if error.status < 500:
                raise Refused(words) from None
            raise CarrierAway(words) from None
        except requests.RequestException as error:
            raise CarrierAway(f"Twilio did not answer ({type(error).__name__})") from None


def _seconds(text: str) -> float:
    return float(text) if text.isascii() and text.isdigit() and len(text) < 6 else BUSY_FOR
