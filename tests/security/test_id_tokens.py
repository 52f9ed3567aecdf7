"""ID tokens of the identity provider: a good one signs in, each bad one is refused and counted."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable
from functools import cache
from hashlib import sha256
from itertools import cycle
from typing import Any

import httpx
import orjson
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from services.intake.http import sessions
from services.intake.sign_in.id_tokens import IdTokens
from shared.adapters.identity_provider import AGAIN, FRESH, ProviderKeys
from shared.adapters.memory import SetClock
from shared.kernel.refusals import Unavailable
from tests.support.county import MORNING
from tests.support.persons import invited
from tests.support.serving import Served, served

ISSUER, CLIENT, NONCE = "https://id.example", "huiyin", "nonce-of-this-sign-in"


class Provider:
    """An identity provider: keys that rotate, and tokens."""

    def __init__(self, clock: SetClock) -> None:
        self.clock = clock
        self.keys = [rsa({"kid": "k-1", "use": "sig"})]
        self.fetched = 0
        self.down = False
        self.issuer = ISSUER

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.fetched += 1
        if self.down:
            raise httpx.ConnectError("down")
        if request.url.path.endswith("openid-configuration"):
            return httpx.Response(200, json={"issuer": self.issuer, "jwks_uri": f"{ISSUER}/keys"})
        return httpx.Response(200, json={"keys": [key.as_dict(private=False) for key in self.keys]})

    def rotate(self, kid: str, key: Any = None) -> None:
        self.keys = [key or rsa({"kid": kid, "use": "sig"})]

    def claims(self, **more: Any) -> dict[str, Any]:
        now = int(self.clock.now().timestamp())
        own = {"iss": ISSUER, "aud": CLIENT, "sub": "u-1", "nonce": NONCE, "iat": now, "exp": now + 300}
        return {name: value for name, value in {**own, **more}.items() if value is not None}

    def token(self, *, key: Any = None, alg: str = "RS256", header: dict[str, Any] | None = None, **more: Any) -> str:
        key = key or self.keys[0]
        head = {"alg": alg, "kid": key.kid, **(header or {})}
        return jwt.encode(head, self.claims(**more), key, algorithms=[alg])


@cache
def _material(number: int) -> dict[str, Any]:
    """A key pair; made once, since it takes long."""
    return RSAKey.generate_key(2048).as_dict(private=True)  # type: ignore[return-value]


_PAIRS = cycle(range(4))


def rsa(parameters: dict[str, str]) -> RSAKey:
    """A key with these parameters that differs from the three before."""
    pair = {name: value for name, value in _material(next(_PAIRS)).items() if name != "kid"}
    return RSAKey.import_key({**pair, **parameters})


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Provider:
    found = Provider(SetClock(MORNING))

    def keys(issuer: str, address: str | None, clock: Any) -> ProviderKeys:
        found.clock = clock
        return ProviderKeys(issuer, address, clock, httpx.MockTransport(found))

    monkeypatch.setattr(sessions, "ProviderKeys", keys)
    return found


def with_provider() -> Any:
    return served(oidc_issuer=ISSUER, oidc_client=CLIENT)


async def sent(here: Served, token: str, nonce: str = NONCE) -> httpx.Response:
    async with here.client() as client:
        return await client.post("/v1/sessions", json={"method": "oidc", "id_token": token, "nonce": nonce})


async def linked(here: Served, provider: Provider) -> None:
    body = {"method": "oidc", "invitation": await invited(here, "z-01"), "id_token": provider.token(), "nonce": NONCE}
    async with here.client() as client:
        answer = await client.post("/v1/invitations/accept", json=body)
    assert answer.status_code == 200, answer.text
    here.clock.advance(2)


async def test_linked_account_signs_in(provider: Provider) -> None:
    async with with_provider() as here:
        await linked(here, provider)
        answer = await sent(here, provider.token())
        assert answer.status_code == 200, answer.text
        assert answer.json()["person"] == "z-01"
        async with here.client(key=answer.json()["token"]) as client:
            assert (await client.get("/v1/cases")).status_code == 200
            methods = (await client.get("/v1/sessions/methods")).json()
        assert (methods["oidc_issuer"], methods["oidc_client"]) == (ISSUER, CLIENT)
        other = await sent(here, provider.token(sub="u-2"))
        assert (other.status_code, other.json()["code"]) == (401, "account_not_linked")
        stored = b"".join(b"".join(c.events) for c in await here.runtime.ports.log.load("person/z-01"))
        assert b"u-1" not in stored and ISSUER.encode() not in stored


def unsigned(provider: Provider) -> str:
    parts = (orjson.dumps({"alg": "none", "kid": "k-1"}), orjson.dumps(provider.claims()))
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts) + "."


def confused(provider: Provider) -> str:
    """Signed with the public key as if it were a shared secret."""
    public = provider.keys[0].as_pem(private=False)
    parts = (orjson.dumps({"alg": "HS256", "kid": "k-1"}), orjson.dumps(provider.claims()))
    signing = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    mac = base64.urlsafe_b64encode(hmac.new(public, signing, sha256).digest()).rstrip(b"=")
    return (signing + b"." + mac).decode()


def embedded_key(provider: Provider) -> str:
    own = rsa({"kid": "k-1"})
    return provider.token(key=own, header={"jwk": own.as_dict(private=False)})


BAD: dict[str, tuple[Callable[[Provider], str], str]] = {
    "issuer": (lambda p: p.token(iss="https://other.example"), "id_token_issuer"),
    "no issuer": (lambda p: p.token(iss=None), "id_token_issuer"),
    "audience": (lambda p: p.token(aud="another"), "id_token_audience"),
    "several audiences": (lambda p: p.token(aud=[CLIENT, "another"]), "id_token_audience"),
    "authorised party": (lambda p: p.token(azp="another"), "id_token_audience"),
    "nonce": (lambda p: p.token(nonce="another"), "id_token_nonce"),
    "no nonce": (lambda p: p.token(nonce=None), "id_token_nonce"),
    "expired": (lambda p: p.token(exp=int(p.clock.now().timestamp()) - 61), "id_token_expired"),
    "old": (lambda p: p.token(iat=int(p.clock.now().timestamp()) - 700), "id_token_expired"),
    "no expiry": (lambda p: p.token(exp=None), "id_token_incomplete"),
    "text as expiry": (lambda p: p.token(exp="9999999999"), "id_token_incomplete"),
    "true as expiry": (lambda p: p.token(exp=True), "id_token_incomplete"),
    "of the future": (lambda p: p.token(iat=int(p.clock.now().timestamp()) + 600), "id_token_not_yet_valid"),
    "not before": (lambda p: p.token(nbf=int(p.clock.now().timestamp()) + 600), "id_token_not_yet_valid"),
    "no subject": (lambda p: p.token(sub=None), "id_token_incomplete"),
    "unsigned": (unsigned, "id_token_algorithm"),
    "key confusion": (confused, "id_token_algorithm"),
    "shared secret": (
        lambda p: p.token(key=OctKey.generate_key(256, {"kid": "k-1"}), alg="HS256"),
        "id_token_algorithm",
    ),
    "key of another kind": (
        lambda p: p.token(key=ECKey.generate_key("P-256", {"kid": "k-1"}), alg="ES256"),
        "id_token_key",
    ),
    "another key": (lambda p: p.token(key=rsa({"kid": "k-1"})), "id_token_signature"),
    "key in the header": (embedded_key, "id_token_unreadable"),
    "unknown key": (lambda p: p.token(key=rsa({"kid": "k-9"})), "id_token_key"),
    "changed": (lambda p: p.token()[:-8] + "AAAAAAAA", "id_token_signature"),
    "no token": (lambda _p: "not a token", "id_token_unreadable"),
    "empty parts": (lambda _p: "..", "id_token_unreadable"),
    "long": (lambda _p: "a.b." + "c" * 16_000, "id_token_unreadable"),
}


@pytest.mark.parametrize("name", BAD)
async def test_bad_token_is_refused_and_counted(provider: Provider, name: str) -> None:
    async with with_provider() as here:
        await linked(here, provider)
        make, code = BAD[name]
        answer = await sent(here, make(provider))
        assert (answer.status_code, answer.json()["code"]) == (401, code), answer.text
        assert answer.json()["detail_zh"] and "u-1" not in answer.text
        counted = here.runtime.metrics.registry.get_sample_value(
            "petition_events_rejected_total", {"command": "sign_in", "rule": code}
        )
        assert counted == 1


async def test_token_is_used_once(provider: Provider) -> None:
    async with with_provider() as here:
        await linked(here, provider)
        token = provider.token()
        assert (await sent(here, token)).status_code == 200
        again = await sent(here, token)
        assert (again.status_code, again.json()["code"]) == (401, "id_token_used")


async def test_rotated_keys_are_followed_and_old_ones_end(provider: Provider) -> None:
    async with with_provider() as here:
        await linked(here, provider)
        old = provider.keys[0]
        provider.rotate("k-2")
        here.clock.advance(AGAIN)
        assert (await sent(here, provider.token())).status_code == 200, "a new key is fetched at once"
        refused = await sent(here, provider.token(key=old))
        assert (refused.status_code, refused.json()["code"]) == (401, "id_token_key")
        fetched = provider.fetched
        for place in range(20):
            await sent(here, provider.token(key=rsa({"kid": f"x-{place}"})))
        assert provider.fetched - fetched <= 1, "forged key ids cause no load"


async def test_withdrawn_key_of_the_same_id_ends_after_a_while(provider: Provider) -> None:
    async with with_provider() as here:
        await linked(here, provider)
        old = provider.keys[0]
        provider.rotate("k-1")
        here.clock.advance(FRESH)
        refused = await sent(here, provider.token(key=old))
        assert (refused.status_code, refused.json()["code"]) == (401, "id_token_signature")


async def test_silent_provider_is_unavailable(provider: Provider) -> None:
    clock = SetClock(MORNING)
    provider.clock = clock
    keys = ProviderKeys(ISSUER, None, clock, httpx.MockTransport(provider))
    tokens = IdTokens(ISSUER, CLIENT, keys, clock)
    provider.down = True
    with pytest.raises(Unavailable):
        await tokens.subject(provider.token(), NONCE)
    provider.down, provider.issuer = False, "https://impostor.example"
    with pytest.raises(Unavailable):
        await tokens.subject(provider.token(), NONCE)
    provider.issuer = ISSUER
    assert await tokens.subject(provider.token(), NONCE) == (ISSUER, "u-1")


async def test_account_of_another_person_is_not_linked_again(provider: Provider) -> None:
    async with with_provider() as here:
        await linked(here, provider)
        body = {
            "method": "oidc",
            "invitation": await invited(here, "z-02"),
            "nonce": NONCE,
            "id_token": provider.token(),
        }
        async with here.client() as client:
            answer = await client.post("/v1/invitations/accept", json=body)
        assert (answer.status_code, answer.json()["code"]) == (409, "account_of_another")


async def test_without_provider_the_way_is_named() -> None:
    async with served() as here:
        answer = await sent(here, "a.b.c")
        assert (answer.status_code, answer.json()["code"]) == (409, "identity_provider_not_set_up")
