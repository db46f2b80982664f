"""The part of OAuth 2.0 that both identity servers share: codes with PKCE, access tokens, refresh tokens."""

import base64
import hashlib
import json
import secrets
from typing import Any

from tests.fakes.server import Answer, Request

LIFETIME = 3600


class Identity:
    """Knows one account. `rotates` gives another refresh token each time, and forgets the one before."""

    client_id = "client-of-workestra"
    client_secret = "planted-client-secret"
    email = "alice@larkhill.example"
    rotates = False

    def __init__(self) -> None:
        self.codes: dict[str, dict[str, str]] = {}
        self.access: set[str] = set()
        self.refreshing: set[str] = set()
        self.declines: set[str] = set()
        """Scopes whose box the visitor leaves empty."""
        self.refreshes = 0

    def consent(self, query: dict[str, str]) -> dict[str, str]:
        """What the visitor comes back with after saying yes on the page that `query` opens."""
        assert query["client_id"] == self.client_id
        assert query["response_type"] == "code"
        assert query["code_challenge_method"] == "S256"
        assert len(query["state"]) >= 20
        code = f"planted-code-{secrets.token_urlsafe(16)}"
        self.codes[code] = query
        return {"code": code, "state": query["state"]}

    def revoke_all(self) -> None:
        self.access.clear()
        self.refreshing.clear()

    def expire(self) -> None:
        """Access tokens are over; what refreshes them is not."""
        self.access.clear()

    def token(self, request: Request) -> Answer:
        form = request.form
        if (form.get("client_id"), form.get("client_secret")) != (self.client_id, self.client_secret):
            return Answer(401, {"error": "invalid_client", "error_description": "planted: who are you?"})
        if form.get("grant_type") == "refresh_token":
            if form.get("refresh_token") not in self.refreshing:
                return Answer(
                    400, {"error": "invalid_grant", "error_description": "Token has been expired or revoked."}
                )
            self.refreshes += 1
            return Answer(200, self._tokens({}, form["refresh_token"]))
        asked = self.codes.pop(form.get("code", ""), None)
        verifier = form.get("code_verifier", "").encode()
        proof = base64.urlsafe_b64encode(hashlib.sha256(verifier).digest()).decode().rstrip("=")
        if (
            asked is None
            or asked["code_challenge"] != proof
            or asked["redirect_uri"] != form.get("redirect_uri")
        ):
            return Answer(400, {"error": "invalid_grant"})
        return Answer(200, self._tokens(asked, None))

    def _tokens(self, asked: dict[str, str], refresh: str | None) -> dict[str, Any]:
        access = f"planted-access-{secrets.token_urlsafe(16)}"
        self.access.add(access)
        answer: dict[str, Any] = {"access_token": access, "expires_in": LIFETIME, "token_type": "Bearer"}
        if refresh is None or self.rotates:
            self.refreshing.discard(refresh or "")
            answer["refresh_token"] = f"planted-refresh-{secrets.token_urlsafe(16)}"
            self.refreshing.add(answer["refresh_token"])
        if asked:
            answer["scope"] = " ".join(s for s in asked["scope"].split() if s not in self.declines)
            answer["id_token"] = self.id_token(asked)
        return answer

    def issue(self) -> dict[str, Any]:
        """Tokens as somebody has them who connected earlier."""
        return self._tokens({}, None)

    def id_token(self, asked: dict[str, str]) -> str:
        return _jwt({"aud": self.client_id, "sub": "1", "email": self.email})


def _jwt(claims: dict[str, Any]) -> str:
    def part(content: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")

    return f"{part({'alg': 'RS256', 'typ': 'JWT'})}.{part(claims)}.{'s' * 40}"
