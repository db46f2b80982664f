"""What the servers of the three providers of meeting links have in common: OAuth, meetings, and none of our ids."""

import base64
from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from tests.fakes.oauth import Identity
from tests.fakes.server import Answer, Fake, Request


class FakeMeetings(Fake, Identity):
    """Meetings by the id that the server gave them. `granted` are the scopes of who has consented."""

    rotates = True
    by_basic = False
    names_in_token = False
    granted = ""
    start_field = "start"
    api = "/"
    """What begins the paths of the API, which wants a token."""

    def __init__(self) -> None:
        Fake.__init__(self)
        Identity.__init__(self)
        self.meetings: dict[str, dict[str, Any]] = {}
        self.broken_rules: list[str] = []
        self.revoked: list[str] = []
        self._number = 91_000_000_000

    def forget(self) -> None:
        """As it was before anybody came."""
        self.calm()
        self.meetings.clear()
        self.broken_rules.clear()
        self.revoked.clear()

    def consent(self, query: dict[str, str]) -> dict[str, str]:
        return super().consent({"scope": self.granted} | query)

    def id_token(self, asked: dict[str, str]) -> str:
        return ""

    def token(self, request: Request) -> Answer:
        if self.by_basic:
            proof = request.headers.get("authorization", "").removeprefix("Basic ")
            client_id, _, secret = base64.b64decode(proof).decode().partition(":")
            if "client_secret" in request.form:
                self.broken_rules.append("the secret belongs into the header")
            request.body = urlencode(
                request.form | {"client_id": client_id, "client_secret": secret}
            ).encode()
        return super().token(request)

    def _tokens(self, asked: dict[str, str], refresh: str | None) -> dict[str, Any]:
        tokens = super()._tokens(asked, refresh)
        return tokens | ({"principal": self.email} if self.names_in_token else {})

    def next_id(self) -> str:
        self._number += 1
        return str(self._number)

    def _routed(self, request: Request) -> Answer:
        if request.path.startswith(self.api) and request.bearer not in self.access:
            return self.problem(401)
        return super()._routed(request)

    def start_of(self, meeting: dict[str, Any]) -> datetime:
        """When one of its meetings begins."""
        return datetime.fromisoformat(meeting[self.start_field])

    def problem(self, status: int, **headers: str) -> Answer:
        """A refusal in the provider's own shape, with words that must not get anywhere."""
        body = {"code": status, "message": "planted words", "errors": [{"description": "planted words"}]}
        return Answer(status, body, {name.replace("_", "-"): value for name, value in headers.items()})

    def with_meeting(self, meeting_id: str, work: Callable[[dict[str, Any]], Answer]) -> Answer:
        meeting = self.meetings.get(meeting_id)
        return self.problem(404) if meeting is None else work(meeting)

    def hold(self, what: str, body: dict[str, Any], needed: set[str], known: set[str]) -> None:
        """Notes where a body is not as the provider describes it."""
        if not needed <= set(body) <= known:
            self.broken_rules.append(f"{what}: {sorted(body)}")
