"""What the OAuth providers share: PKCE, reading a token endpoint's answer, and the code grant of those without a
library (RFC 6749 4.1, 5.1, 5.2; RFC 7636)."""

import base64
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

import requests

from workestra.calendars.domain.backoff import retry_after
from workestra.calendars.providers.provider import (
    AccessRevoked,
    BadRequest,
    Grant,
    NotConnected,
    ProviderDown,
    RateLimited,
)

SECONDS: Final = 10

# RFC 6749 5.2 and 4.1.2.1: the account's owner has to connect again.
_OVER: Final = {
    "invalid_grant",
    "access_denied",
    "interaction_required",
    "consent_required",
    "login_required",
}
_OURS: Final = {"invalid_client", "unauthorized_client"}


def new_verifier() -> str:
    return secrets.token_urlsafe(48)


def challenge(verifier: str) -> str:
    """RFC 7636 4.2, S256."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


def refuse(error: str) -> None:
    """Raises what this error code means. The provider's own words are left out: they may repeat what was sent."""
    if error in _OVER:
        raise AccessRevoked(f"The access was taken away or refused ({error}).")
    if error in _OURS:
        raise NotConnected(f"The provider does not accept this installation's credentials ({error}).")
    raise BadRequest(f"The provider refused ({error[:60]}).")


def post_form(url: str, form: Mapping[str, str], *, is_answered: bool = True, **more: Any) -> dict[str, Any]:
    """The JSON of a token endpoint; {} where nobody reads what a good answer says (RFC 7009 2.2).

    Raises: AccessRevoked, NotConnected, BadRequest, RateLimited, ProviderDown.
    """
    try:
        response = requests.post(url, data=dict(form), timeout=SECONDS, allow_redirects=False, **more)
    except requests.RequestException as error:
        raise ProviderDown(f"The provider does not answer ({type(error).__name__}).") from None
    wait = retry_after(response.headers.get("Retry-After"), datetime.now(UTC))
    if response.status_code == 429:
        raise RateLimited("The provider asks to wait.", wait)
    if response.status_code >= 500:
        raise ProviderDown(f"The provider answered {response.status_code}.", wait)
    if not is_answered and response.status_code < 300:
        return {}
    try:
        answer = response.json()
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise ProviderDown("The provider's answer cannot be read.")
    if response.status_code >= 400:
        refuse(str(answer.get("error", response.status_code)))
    return answer


def expires_at(answer: Mapping[str, Any], now: datetime) -> str:
    """When the access token of this answer ends, as ISO 8601."""
    return (now + timedelta(seconds=int(answer.get("expires_in") or 3600))).isoformat()


@dataclass(frozen=True, slots=True)
class CodeGrant:
    """The authorization code grant with PKCE, as it stands in the RFCs. `client` is id and secret.

    `scopes` are asked for, where the provider does not take them from the application's own page; `needed` must be
    among those that are granted, where it says which. With `by_basic` the client proves itself by HTTP Basic, else in
    the form.
    """

    name: str
    authorize_url: str
    token_url: str
    client: tuple[str, str] = field(repr=False)
    scopes: tuple[str, ...] = ()
    needed: tuple[str, ...] = ()
    by_basic: bool = False

    def begin(self, redirect_uri: str, state: str) -> tuple[str, dict[str, Any]]:
        verifier = new_verifier()
        asked = {
            "client_id": self.client[0],
            "redirect_uri": redirect_uri,
            "response_type": "code",
            "state": state,
            "code_challenge": challenge(verifier),
            "code_challenge_method": "S256",
        }
        if self.scopes:
            asked["scope"] = " ".join(self.scopes)
        return f"{self.authorize_url}?{urlencode(asked)}", {"verifier": verifier}

    def finish(
        self, redirect_uri: str, kept: Mapping[str, Any], answer: Mapping[str, str], now: datetime
    ) -> Grant:
        """The grant is named where the token says whose it is (`principal`); else the account itself is asked."""
        if error := answer.get("error"):
            refuse(error)
        tokens = self._tokens(
            {
                "grant_type": "authorization_code",
                "code": answer.get("code", ""),
                "code_verifier": str(kept["verifier"]),
                "redirect_uri": redirect_uri,
            }
        )
        scopes = tuple(str(tokens.get("scope") or "").split())
        if scopes and not set(self.needed) <= set(scopes):
            missing = ", ".join(sorted(set(self.needed) - set(scopes)))
            raise BadRequest(f"{self.name} did not grant all that is needed; missing: {missing}.")
        if not tokens.get("refresh_token"):
            raise BadRequest(f"{self.name} gave no lasting access.")
        return Grant(
            name=str(tokens.get("principal") or "")[:254],
            scopes=scopes,
            secrets=self._secrets(tokens, {}, now),
        )

    def refresh(self, secrets: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
        tokens = self._tokens({"grant_type": "refresh_token", "refresh_token": secrets["refresh_token"]})
        return self._secrets(tokens, secrets, now)

    def _tokens(self, form: dict[str, str]) -> dict[str, Any]:
        if self.by_basic:
            return post_form(self.token_url, form, auth=self.client)
        client_id, client_secret = self.client
        return post_form(self.token_url, form | {"client_id": client_id, "client_secret": client_secret})

    def _secrets(
        self, tokens: Mapping[str, Any], before: Mapping[str, Any], now: datetime
    ) -> Mapping[str, Any]:
        if not tokens.get("access_token"):
            raise ProviderDown(f"{self.name}’s answer cannot be read.")
        return {
            "access_token": tokens["access_token"],
            # Some give another one each time, and forget the one before.
            "refresh_token": tokens.get("refresh_token") or before["refresh_token"],
            "expires_at": expires_at(tokens, now),
        }
