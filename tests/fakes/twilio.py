"""Twilio's Messages resource (2010-04-01), as far as we use it, and its signed webhooks.

Answers as documented: https://www.twilio.com/docs/messaging/api/message-resource, errors
https://www.twilio.com/docs/api/errors. What is easily forgotten: whoever wrote STOP cannot be texted (21610), a text
that is queued has no date_sent yet, and there is no way to send the same thing twice without it arriving twice.
"""

import base64
import re
import secrets
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from tests.fakes.server import Answer, Fake, Request

ACCOUNT = "AC" + "0a" * 16
TOKEN = "planted-twilio-token-5e1f"
FROM = "+14155550123"
_MESSAGES = f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"


def problem(status: int, code: int, message: str, **headers: str) -> Answer:
    body = {
        "code": code,
        "message": message,
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }
    return Answer(status, body, {name.replace("_", "-"): value for name, value in headers.items()})


class FakeTwilio(Fake):
    routes = [("POST", _MESSAGES, "create"), ("GET", _MESSAGES, "list")]

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[dict[str, Any]] = []
        self.stopped: set[str] = set()

    @property
    def sent(self) -> list[tuple[str, str]]:
        """Number and body of each text that was taken, in order."""
        return [(message["to"], message["body"]) for message in self.messages]

    def _routed(self, request: Request) -> Answer:
        wanted = base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {wanted}":
            return problem(401, 20003, "Authenticate")
        return super()._routed(request)

    def create(self, request: Request) -> Answer:
        form = request.form
        to, body = form.get("To", ""), form.get("Body", "")
        if not to:
            return problem(400, 21604, "A 'To' phone number is required.")
        if not re.fullmatch(r"\+[1-9]\d{6,14}", to) or to.endswith("0000000"):
            return problem(400, 21211, f"The 'To' number {to} is not a valid phone number.")
        if "From" not in form and "MessagingServiceSid" not in form:
            return problem(400, 21603, "A 'From' phone number is required.")
        if not body:
            return problem(400, 21602, "Message body is required.")
        if len(body) > 1600:
            return problem(400, 21617, "The concatenated message body exceeds the 1600 character limit")
        if to in self.stopped:
            return problem(400, 21610, "Attempt to send to unsubscribed recipient")
        message = {
            "sid": f"SM{secrets.token_hex(16)}",
            "account_sid": ACCOUNT,
            "to": to,
            "from": form.get("From"),
            "messaging_service_sid": form.get("MessagingServiceSid"),
            "body": body,
            "status": "queued" if "From" in form else "accepted",
            "direction": "outbound-api",
            "num_segments": "1",
            "num_media": "0",
            "date_created": format_datetime(datetime.now(UTC)),
            "date_updated": format_datetime(datetime.now(UTC)),
            "date_sent": None,
            "price": None,
            "price_unit": "USD",
            "error_code": None,
            "error_message": None,
            "api_version": "2010-04-01",
            "uri": "",
            "subresource_uris": {},
        }
        self.messages.append(message)
        return Answer(201, message)

    def list(self, request: Request) -> Answer:
        to = request.query.get("To")
        found = [each for each in reversed(self.messages) if to in {None, each["to"]}]
        return Answer(
            200,
            {"messages": found, "page": 0, "page_size": 50, "next_page_uri": None, "uri": request.path},
        )
