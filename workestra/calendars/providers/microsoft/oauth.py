"""Connecting a Microsoft account: https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow"""

import json
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

import msal
import requests
from django.conf import settings

from workestra.calendars.providers.oauth_http import SECONDS, expires_at, refuse
from workestra.calendars.providers.provider import BadRequest, Grant, ProviderDown

SCOPES: Final = ("Calendars.ReadWrite", "User.Read")
"""msal adds openid, profile and offline_access."""
_PUBLIC_CLOUD: Final = "login.microsoftonline.com"


class MicrosoftOAuth:
    def begin(self, redirect_uri: str, state: str) -> tuple[str, dict[str, Any]]:
        with _named_failures(), warnings.catch_warnings():
            # msal recommends form_post: but no session cookie comes with another site's POST (SameSite).
            warnings.filterwarnings("ignore", "response_mode='form_post'", UserWarning)
            flow: dict[str, Any] = _application().initiate_auth_code_flow(
                list(SCOPES), redirect_uri=redirect_uri, state=state, prompt="select_account"
            )
        if "error" in flow:
            refuse(str(flow["error"]))
        return str(flow["auth_uri"]), {name: value for name, value in flow.items() if name != "auth_uri"}

    def finish(
        self, redirect_uri: str, kept: Mapping[str, Any], answer: Mapping[str, str], now: datetime
    ) -> Grant:
        with _named_failures():
            tokens = _application().acquire_token_by_auth_code_flow(dict(kept), dict(answer))
        if "error" in tokens:
            refuse(str(tokens["error"]))
        if not tokens.get("refresh_token"):
            raise BadRequest("Microsoft gave no lasting access.")
        claims = tokens.get("id_token_claims", {})
        name = claims.get("preferred_username") or claims.get("email") or claims.get("sub", "")
        return Grant(
            name=str(name)[:254],
            scopes=tuple(str(tokens.get("scope", "")).split()),
            secrets=_secrets(tokens, {}, now),
        )

    def refresh(self, secrets: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
        with _named_failures():
            tokens = _application().acquire_token_by_refresh_token(secrets["refresh_token"], list(SCOPES))
        if "error" in tokens:
            refuse(str(tokens["error"]))
        return _secrets(tokens, secrets, now)


def _application() -> Any:
    host = urlsplit(settings.MICROSOFT_LOGIN_URL).hostname
    return msal.ConfidentialClientApplication(
        settings.MICROSOFT_CLIENT_ID,
        client_credential=settings.MICROSOFT_CLIENT_SECRET,
        authority=f"{settings.MICROSOFT_LOGIN_URL}/{settings.MICROSOFT_TENANT}",
        # The public cloud need not be asked about another one that the administrator has named.
        instance_discovery=None if host == _PUBLIC_CLOUD else False,
        http_client=_Limited(),
    )


class _Limited(requests.Session):
    """msal itself sets no limit to how long it waits."""

    def request(self, method: Any, url: Any, *args: Any, **kwargs: Any) -> requests.Response:
        kwargs.setdefault("timeout", SECONDS)
        return super().request(method, url, *args, **kwargs)


@contextmanager
def _named_failures() -> Iterator[None]:
    try:
        yield
    except requests.RequestException as error:
        raise ProviderDown(f"Microsoft does not answer ({type(error).__name__}).") from None
    except json.JSONDecodeError:
        raise ProviderDown("Microsoft's answer cannot be read.") from None
    except (ValueError, RuntimeError, KeyError) as error:
        # State, nonce or audience are not those of this visitor's request; or there is no such tenant.
        raise BadRequest(
            f"Microsoft's answer does not belong to this request ({type(error).__name__})."
        ) from None


def _secrets(tokens: Mapping[str, Any], before: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    return {
        "access_token": tokens["access_token"],
        # Each refresh gives another refresh token; the one before goes on for a while.
        "refresh_token": tokens.get("refresh_token") or before["refresh_token"],
        "expires_at": expires_at(tokens, now),
    }
