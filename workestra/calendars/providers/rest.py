"""JSON over HTTP with an account's token, for providers that have no client library worth its weight."""

from datetime import UTC, datetime
from typing import Any, Final

import requests

from workestra.calendars.domain.backoff import retry_after
from workestra.calendars.providers.provider import (
    AccessRevoked,
    BadRequest,
    Conflict,
    Gone,
    NotAllowed,
    ProviderDown,
    RateLimited,
    Tokens,
)

SECONDS: Final = 10


class Rest:
    """The API below `base`, of the provider called `name`. Its own words never get into a failure's text."""

    def __init__(self, tokens: Tokens, base: str, name: str) -> None:
        self._tokens = tokens
        self._base = base
        self._name = name
        self._session = requests.Session()

    def ask(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """What it answers, None when it says nothing (204); once more with another token when this one is refused.

        Raises: AccessRevoked, NotAllowed, Gone, Conflict, RateLimited, ProviderDown, BadRequest.
        """
        token = self._tokens.current()
        response = self._send(method, path, body, query, token)
        if response.status_code == 401:
            response = self._send(method, path, body, query, self._tokens.renewed(token))
        self._check(response)
        if response.status_code == 204:
            return None
        try:
            return response.json()
        except ValueError:
            raise ProviderDown(f"{self._name}’s answer cannot be read.") from None

    def close(self) -> None:
        self._session.close()

    def unread(self) -> ProviderDown:
        """An answer that has not what it should have."""
        return ProviderDown(f"{self._name}’s answer cannot be read.")

    def _send(self, method: str, path: str, body: Any, query: Any, token: str) -> requests.Response:
        try:
            return self._session.request(
                method,
                self._base + path,
                json=body,
                params=query,
                headers={"Authorization": f"Bearer {token}", "Accept": "application/json"},
                timeout=SECONDS,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise ProviderDown(f"{self._name} does not answer ({type(error).__name__}).") from None

    def _check(self, response: requests.Response) -> None:
        status = response.status_code
        text = f"{self._name} answered {status}."
        wait = retry_after(response.headers.get("Retry-After"), datetime.now(UTC))
        if status == 429 or (status == 503 and wait is not None):
            raise RateLimited(text, wait)
        if status >= 500 or status in {408, 423}:
            raise ProviderDown(text, wait)
        match status:
            case 401:
                raise AccessRevoked(text)
            case 403:
                raise NotAllowed(text)
            case 404 | 410:
                raise Gone(text)
            case 409 | 412:
                raise Conflict(text)
        if status >= 300:
            raise BadRequest(text)
