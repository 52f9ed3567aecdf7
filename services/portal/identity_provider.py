"""The identity provider as the portal sees it: where a person signs in, and the code that becomes an ID token (OpenID Connect
Core 3.1, PKCE by RFC 7636). The interface verifies the token; the portal does not trust its content."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

import httpx

from services.portal.api import Problem

_SECONDS = httpx.Timeout(10.0, connect=3.0)
_LIMIT = 256 * 1024


class Attempt(NamedTuple):
    """One sign-in that is under way; it is kept in a cookie of the browser that began it."""

    state: str
    nonce: str
    verifier: str
    back: str
    joins: bool
    """True: it links the account to the person of an invitation."""

    def text(self) -> str:
        """As a cookie."""
        return ".".join((self.state, self.nonce, self.verifier, "join" if self.joins else "", self.back.encode().hex()))


def begun(back: str, *, joins: bool) -> Attempt:
    return Attempt(
        secrets.token_urlsafe(24), secrets.token_urlsafe(24), secrets.token_urlsafe(48), back, joins
    )  # fmt: skip


def attempt_of(text: str | None) -> Attempt | None:
    """The attempt of a cookie; None for anything else."""
    parts = (text or "").split(".")
    if len(parts) != 5 or not all(parts[:3]):
        return None
    try:
        back = bytes.fromhex(parts[4]).decode()
    except ValueError:
        return None
    return Attempt(parts[0], parts[1], parts[2], back, parts[3] == "join")


def away() -> Problem:
    return Problem(
        503,
        "identity_provider_away",
        "The identity provider does not answer. Try again, or sign in with a passkey or a password.",
        "统一身份认证暂时无法访问，请稍后重试，或者使用通行密钥或密码登录。",
    )


def not_finished() -> Problem:
    return Problem(
        403,
        "sign_in_not_finished",
        "The sign-in at the identity provider was not finished, or took too long. Begin again.",
        "统一身份认证登录未完成或者已超时，请重新登录。",
    )


class Provider:
    """Asks one identity provider. `transport`: for tests."""

    def __init__(self, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._transport = transport
        self._known: dict[str, dict[str, Any]] = {}

    async def address(self, issuer: str, client: str, attempt: Attempt, returns_to: str) -> str:
        """Where the browser goes to sign in. Raises Problem."""
        found = await self._discovered(issuer)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(attempt.verifier.encode()).digest()).decode().rstrip("=")
        asked = {
            "response_type": "code", "client_id": client, "redirect_uri": returns_to, "scope": "openid",
            "state": attempt.state, "nonce": attempt.nonce, "code_challenge": challenge, "code_challenge_method": "S256",
        }  # fmt: skip
        base = str(found["authorization_endpoint"])
        return f"{base}{'&' if urlsplit(base).query else '?'}{urlencode(asked)}"

    async def id_token(
        self, issuer: str, client: str, attempt: Attempt, returns_to: str, answered: dict[str, str]
    ) -> str:
        """The ID token for the code with which the browser came back. Raises Problem.

        Args:
            answered: The parameters of the answer: code, state, iss (RFC 9207).
        """
        same = hmac.compare_digest(answered.get("state", "").encode(), attempt.state.encode())
        if not same or not answered.get("code") or answered.get("iss", issuer) != issuer:
            raise not_finished()
        found = await self._discovered(issuer)
        body = {
            "grant_type": "authorization_code", "code": answered["code"], "redirect_uri": returns_to,
            "client_id": client, "code_verifier": attempt.verifier,
        }  # fmt: skip
        token = (await self._asked("POST", str(found["token_endpoint"]), data=body)).get("id_token")
        if not isinstance(token, str):
            raise not_finished()
        return token

    async def _discovered(self, issuer: str) -> dict[str, Any]:
        known = self._known.get(issuer)
        if known is None:
            known = await self._asked("GET", f"{issuer.rstrip('/')}/.well-known/openid-configuration")
            ends = [known.get(name) for name in ("authorization_endpoint", "token_endpoint")]
            if known.get("issuer") != issuer or not all(isinstance(one, str) for one in ends):
                raise away()
            if any(urlsplit(str(one)).scheme not in ("https", urlsplit(issuer).scheme) for one in ends):
                raise away()
            self._known[issuer] = known
        return known

    async def _asked(self, method: str, address: str, **more: Any) -> dict[str, Any]:
        try:
            async with httpx.AsyncClient(transport=self._transport, timeout=_SECONDS, follow_redirects=False) as client:
                answer = await client.request(method, address, headers={"accept": "application/json"}, **more)
            found = answer.json() if len(answer.content) <= _LIMIT else None
        except (httpx.HTTPError, OSError, ValueError):
            raise away() from None
        if answer.is_server_error or not isinstance(found, dict):
            raise away()
        if not answer.is_success:
            raise not_finished()
        return found
