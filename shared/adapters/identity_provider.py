"""The keys of an identity provider (OpenID Connect), fetched over HTTP and remembered.

They are fetched again when they are old, and when a token names a key that is not among them: the provider may have rotated its
keys. The latter happens at most every `AGAIN` seconds, so that forged tokens cause no load.
"""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import structlog

from shared.kernel.clock import Clock
from shared.kernel.refusals import Unavailable

FRESH = 300.0
"""Seconds for which fetched keys are used: a key that the provider withdrew is refused after that."""
AGAIN = 30.0
_LIMIT = 256 * 1024
log = structlog.get_logger("identity_provider")


class ProviderKeys:
    """The JSON Web Key Set of one issuer."""

    def __init__(
        self, issuer: str, address: str | None, clock: Clock, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        """`address`: of the key set; None: as the issuer's discovery document names it."""
        self._issuer = issuer
        self._address = address
        self._clock = clock
        self._transport = transport
        self._keys: dict[str, Any] | None = None
        self._fetched = 0.0
        self._turn = asyncio.Lock()

    async def with_key(self, kid: str | None) -> dict[str, Any]:
        """The key set; fetched again if it is old or has no key of this id. Raises Unavailable where the provider does not answer
        and nothing fresh is known."""
        async with self._turn:
            age = self._clock.monotonic() - self._fetched
            known = self._keys
            if known is not None and age < FRESH:
                listed = kid is None or any(one.get("kid") == kid for one in known["keys"])
                if listed or age < AGAIN:
                    return known
            try:
                self._keys = await self._fetch()
            except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
                log.error("identity_provider_unavailable", error=type(error).__name__)
                if known is not None and age < FRESH:
                    return known
                raise Unavailable(
                    "identity_provider_unavailable",
                    "The identity provider does not answer. Try again, or sign in with password and one-time password.",
                    detail_zh="统一身份认证暂时无法访问，请稍后重试，或使用密码和动态口令登录。",
                ) from error
            self._fetched = self._clock.monotonic()
            return self._keys

    async def _fetch(self) -> dict[str, Any]:
        async with httpx.AsyncClient(transport=self._transport, timeout=5, follow_redirects=False) as client:
            if self._address is None:
                found = await _json(client, f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
                if found["issuer"] != self._issuer:
                    raise ValueError("the discovery document is of another issuer")
                self._address = str(found["jwks_uri"])
            keys = await _json(client, self._address)
        if not all(isinstance(one, dict) for one in keys["keys"]):
            raise TypeError("the key set has no keys")
        return {"keys": keys["keys"]}


async def _json(client: httpx.AsyncClient, address: str) -> dict[str, Any]:
    answer = await client.get(address)
    answer.raise_for_status()
    if len(answer.content) > _LIMIT:
        raise ValueError("the answer is too large")
    found: dict[str, Any] = answer.json()
    return found
