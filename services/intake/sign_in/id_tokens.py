"""ID tokens of the identity provider (OpenID Connect Core, 3.1.3.7). A token that fails any check is refused and counted."""

from __future__ import annotations

import hmac
from collections import OrderedDict
from hashlib import sha256
from typing import Any, Protocol

from shared.application.problem import NotAuthenticated
from shared.kernel.clock import Clock

ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA")
"""Accepted signature algorithms: asymmetric ones, so that nobody who knows a public key can sign."""
LEEWAY = 60
"""Seconds by which the clocks of provider and server may differ."""
OLDEST = 600
"""Seconds after which a token is too old to sign in with, whatever its own expiry."""
_MOST_REMEMBERED = 10_000
LONGEST = 16_384


class KeySource(Protocol):
    async def with_key(self, kid: str | None) -> dict[str, Any]: ...


def refused(why: str, detail: str, detail_zh: str) -> NotAuthenticated:
    return NotAuthenticated(
        f"id_token_{why}", f"{detail} Sign in again.", detail_zh=f"{detail_zh}请重新登录。", field="id_token"
    )


class IdTokens:
    """Verifies ID tokens of one issuer for one client."""

    def __init__(self, issuer: str, client: str, keys: KeySource, clock: Clock) -> None:
        self._issuer = issuer
        self._client = client
        self._keys = keys
        self._clock = clock
        self._seen: OrderedDict[str, float] = OrderedDict()

    async def subject(self, token: str, nonce: str) -> tuple[str, str]:
        """(issuer, subject) of a valid token. Raises NotAuthenticated `id_token_…` with what is wrong."""
        claims = await self._claims(token)
        now = self._clock.now().timestamp()
        if claims.get("iss") != self._issuer:
            raise refused("issuer", "The token is of another issuer.", "令牌的签发方不符，")
        audience = claims.get("aud")
        named = audience if isinstance(audience, list) else [audience]
        if self._client not in named or (len(named) > 1 and claims.get("azp") != self._client):
            raise refused("audience", "The token was issued for another application.", "令牌不是为本系统签发的，")
        if claims.get("azp") not in (None, self._client):
            raise refused("audience", "The token was issued for another application.", "令牌不是为本系统签发的，")
        expires, issued = _seconds(claims.get("exp")), _seconds(claims.get("iat"))
        if expires is None or issued is None:
            raise refused("incomplete", "The token has no expiry or time of issue.", "令牌缺少有效期或签发时间，")
        if now >= expires + LEEWAY or now - issued > OLDEST + LEEWAY:
            raise refused("expired", "The token has expired.", "令牌已过期，")
        not_before = _seconds(claims.get("nbf"))
        if issued > now + LEEWAY or (not_before is not None and not_before > now + LEEWAY):
            raise refused(
                "not_yet_valid", "The token is not valid yet; compare the clocks.", "令牌尚未生效，请核对时钟，"
            )
        found = claims.get("nonce")
        if not isinstance(found, str) or not nonce or not hmac.compare_digest(found.encode(), nonce.encode()):
            raise refused("nonce", "The token belongs to another sign-in.", "令牌不属于本次登录，")
        subject = claims.get("sub")
        if not isinstance(subject, str) or not 0 < len(subject) <= 255:
            raise refused("incomplete", "The token names no person.", "令牌未注明人员，")
        self._once(token, now)
        return self._issuer, subject

    async def _claims(self, token: str) -> dict[str, Any]:
        from joserfc import jwk, jws, jwt
        from joserfc.errors import JoseError

        unreadable = refused("unreadable", "The token cannot be read.", "令牌无法读取，")
        if len(token) > LONGEST or token.count(".") != 2:
            raise unreadable
        try:
            header = jws.extract_compact(token.encode("ascii")).headers()
            algorithm, kid = header.get("alg"), header.get("kid")
        except (JoseError, ValueError, AttributeError) as error:
            raise unreadable from error
        if algorithm not in ALGORITHMS:
            raise refused(
                "algorithm", "The token is signed with an algorithm that is not accepted.", "令牌的签名算法不被接受，"
            )
        if "crit" in header or (kid is not None and not isinstance(kid, str)):
            raise unreadable
        keys = [one for one in (await self._keys.with_key(kid))["keys"] if _fits(one, algorithm, kid)]
        if not keys:
            raise refused(
                "key",
                "The token is signed with a key that the provider no longer has.",
                "令牌的签名密钥已停用，",
            )
        for one in keys:
            try:
                key = jwk.import_key(one)
                decoded = jwt.decode(token, key, algorithms=[algorithm])
            except (JoseError, ValueError, TypeError):
                continue
            return dict(decoded.claims)
        raise refused("signature", "The signature of the token is wrong.", "令牌签名有误，")

    def _once(self, token: str, now: float) -> None:
        """Raises NotAuthenticated for a token that this process has accepted before."""
        digest = sha256(token.encode()).hexdigest()
        while self._seen and (next(iter(self._seen.values())) < now or len(self._seen) >= _MOST_REMEMBERED):
            self._seen.popitem(last=False)
        if digest in self._seen:
            raise refused("used", "The token was used before.", "令牌已使用过，")
        self._seen[digest] = now + OLDEST + 2 * LEEWAY


_KINDS = {"RS256": "RSA", "PS256": "RSA", "ES256": "EC", "EdDSA": "OKP"}


def _fits(key: dict[str, Any], algorithm: str, kid: str | None) -> bool:
    """True for a public signing key of the kind that the algorithm needs."""
    if key.get("kty") != _KINDS[algorithm] or key.get("use") not in (None, "sig"):
        return False
    return key.get("alg") in (None, algorithm) and (kid is None or key.get("kid") == kid)


def _seconds(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
