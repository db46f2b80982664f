"""What the OAuth providers share: PKCE, and reading a token endpoint's answer (RFC 6749 5.1, 5.2; RFC 7636)."""

import base64
import hashlib
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import requests

from workestra.calendars.domain.backoff import retry_after
from workestra.calendars.providers.provider import (
    AccessRevoked,
    BadRequest,
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
