"""Connecting a Google account: https://developers.google.com/identity/protocols/oauth2/web-server"""

import base64
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

import requests
from django.conf import settings
from google.auth.exceptions import GoogleAuthError, RefreshError, TransportError
from google.auth.transport.requests import Request
from google.oauth2.credentials import Credentials

from workestra.calendars.providers.oauth_http import (
    SECONDS,
    challenge,
    expires_at,
    new_verifier,
    post_form,
    refuse,
)
from workestra.calendars.providers.provider import BadRequest, Grant, ProviderDown

_API: Final = "https://www.googleapis.com/auth/"
NEEDED: Final = (
    f"{_API}calendar.calendarlist.readonly",
    f"{_API}calendar.events",
    f"{_API}calendar.freebusy",
)
SCOPES: Final = ("openid", "email", *NEEDED)


class MissingScopes(BadRequest):
    """The visitor did not tick every box of the consent page."""


class GoogleOAuth:
    def begin(self, redirect_uri: str, state: str) -> tuple[str, dict[str, Any]]:
        verifier = new_verifier()
        asked = {
            "client_id": settings.GOOGLE_CLIENT_ID,
            "redirect_uri": redirect_uri,
            "response_type": "code",
            "scope": " ".join(SCOPES),
            "state": state,
            "code_challenge": challenge(verifier),
            "code_challenge_method": "S256",
            # Without both, a second consent gives no refresh token.
            "access_type": "offline",
            "prompt": "consent select_account",
        }
        return f"{settings.GOOGLE_AUTHORIZE_URL}?{urlencode(asked)}", {"verifier": verifier}

    def finish(
        self, redirect_uri: str, kept: Mapping[str, Any], answer: Mapping[str, str], now: datetime
    ) -> Grant:
        if error := answer.get("error"):
            refuse(error)
        tokens = post_form(
            settings.GOOGLE_TOKEN_URL,
            {
                "grant_type": "authorization_code",
                "code": answer.get("code", ""),
                "code_verifier": str(kept["verifier"]),
                "redirect_uri": redirect_uri,
                "client_id": settings.GOOGLE_CLIENT_ID,
                "client_secret": settings.GOOGLE_CLIENT_SECRET,
            },
        )
        scopes = tuple(str(tokens.get("scope", "")).split())
        if not set(NEEDED) <= set(scopes):
            raise MissingScopes("Not every box was ticked: connect again and leave all of them on.")
        if not tokens.get("refresh_token"):
            raise BadRequest("Google gave no lasting access.")
        secrets = {
            "access_token": tokens["access_token"],
            "refresh_token": tokens["refresh_token"],
            "expires_at": expires_at(tokens, now),
        }
        return Grant(name=_address(tokens), scopes=scopes, secrets=secrets)

    def refresh(self, secrets: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
        credentials = Credentials(  # type: ignore[no-untyped-call]
            token=None,
            refresh_token=secrets["refresh_token"],
            token_uri=settings.GOOGLE_TOKEN_URL,
            client_id=settings.GOOGLE_CLIENT_ID,
            client_secret=settings.GOOGLE_CLIENT_SECRET,
        )
        session = requests.Session()
        try:
            credentials.refresh(_limited(Request(session)))  # type: ignore[no-untyped-call]
        except TransportError as error:
            raise ProviderDown(f"Google does not answer ({type(error).__name__}).") from None
        except RefreshError as error:
            details = next((each for each in error.args if isinstance(each, dict)), {})
            if error.retryable or not details:
                raise ProviderDown("Google gave no new token.") from None
            refuse(str(details.get("error", "")))
        except GoogleAuthError as error:
            raise ProviderDown(f"Google gave no new token ({type(error).__name__}).") from None
        finally:
            session.close()
        expiry = credentials.expiry
        return {
            # Google gives no second refresh token, unless it does.
            "refresh_token": credentials.refresh_token or secrets["refresh_token"],
            "access_token": credentials.token,
            "expires_at": f"{expiry.isoformat()}+00:00" if expiry else expires_at({}, now),
        }


def _limited(request: Request) -> Any:
    def limited(*args: Any, **kwargs: Any) -> Any:
        return request(*args, **kwargs | {"timeout": SECONDS})

    return limited


def _address(tokens: Mapping[str, Any]) -> str:
    """The account's address, out of the id token, which came straight from Google over TLS (OpenID Connect 3.1.3.7)."""
    try:
        body = str(tokens.get("id_token", "")).split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    except (IndexError, ValueError) as error:
        raise ProviderDown("Google's answer cannot be read.") from error
    if claims.get("aud") != settings.GOOGLE_CLIENT_ID:
        raise BadRequest("Google's answer is for another application.")
    return str(claims.get("email") or claims.get("sub", ""))[:254]
