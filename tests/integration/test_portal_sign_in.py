"""Sign-in at the identity provider through the portal, passkeys in forms, and connections that are not encrypted."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from services.intake.http import sessions
from services.portal.api import Api
from services.portal.application import build
from services.portal.browser import COOKIE
from services.portal.identity_provider import Provider
from shared.adapters.identity_provider import ProviderKeys
from tests.support.persons import invited, staff
from tests.support.serving import Served, served

ISSUER, CLIENT = "https://id.example", "huiyin"
EN = {"accept-language": "en", "sec-fetch-site": "same-origin"}


class IdentityProvider:
    """An identity provider that checks PKCE and signs what a test wants."""

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "k-1", "use": "sig"})
        self.claims: dict[str, Any] = {}
        self.asked: dict[str, str] = {}
        self.now: Callable[[], float] = lambda: 0.0
        self.down = False
        self.signer: Any = None

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        if self.down:
            raise httpx.ConnectError("down")
        if request.url.path.endswith("openid-configuration"):
            ends = {name: f"{ISSUER}/{name}" for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")}
            return httpx.Response(200, json={"issuer": ISSUER, **ends})
        if request.url.path == "/jwks_uri":
            return httpx.Response(200, json={"keys": [self.key.as_dict(private=False)]})
        sent = dict(parse_qsl(request.content.decode()))
        digest = base64.urlsafe_b64encode(hashlib.sha256(sent["code_verifier"].encode()).digest()).decode().rstrip("=")
        if digest != self.asked["code_challenge"] or sent["redirect_uri"] != self.asked["redirect_uri"]:
            return httpx.Response(400, json={"error": "invalid_grant"})
        now = int(self.now())
        own = {"iss": ISSUER, "aud": CLIENT, "sub": "u-1", "nonce": self.asked["nonce"], "iat": now, "exp": now + 300}
        key = self.signer or self.key
        token = jwt.encode({"alg": "RS256", "kid": key.kid}, {**own, **self.claims}, key)
        return httpx.Response(200, json={"id_token": token, "access_token": "x", "token_type": "Bearer"})


@pytest.fixture
async def county(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Served, IdentityProvider]]:
    provider = IdentityProvider()

    def keys(issuer: str, address: str | None, clock: Any) -> ProviderKeys:
        return ProviderKeys(issuer, address, clock, httpx.MockTransport(provider))

    monkeypatch.setattr(sessions, "ProviderKeys", keys)
    async with served(oidc_issuer=ISSUER, oidc_client=CLIENT) as here:
        provider.now = lambda: here.clock.now().timestamp()
        yield here, provider


def pages(here: Served, provider: IdentityProvider) -> httpx.AsyncClient:
    api = Api(httpx.AsyncClient(transport=httpx.ASGITransport(here.app), base_url="http://huiyin"))
    app = build(api, provider=Provider(httpx.MockTransport(provider)))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://huiyin.test", headers=EN)


async def there(browser: httpx.AsyncClient, provider: IdentityProvider, start: str = "/sign-in/oidc") -> dict[str, str]:
    """Go to the provider; returns the parameters with which the browser comes back."""
    went = await browser.get(start)
    assert went.status_code == 303, went.text
    address = urlsplit(went.headers["location"])
    provider.asked = dict(parse_qsl(address.query))
    assert f"{address.scheme}://{address.netloc}" == ISSUER and provider.asked["code_challenge_method"] == "S256"
    return {"code": "c-1", "state": provider.asked["state"], "iss": ISSUER}


async def linked(here: Served, provider: IdentityProvider) -> None:
    """A clerk whose invitation was used to link the account."""
    invitation = await invited(here, "z-1")
    async with pages(here, provider) as browser:
        offer = await browser.post("/join", data={"invitation": invitation})
        assert "/sign-in/oidc?join=1" in offer.text
        back = await there(browser, provider, "/sign-in/oidc?join=1")
        done = await browser.get("/sign-in/oidc/done", params=back)
        assert (done.status_code, done.headers["location"]) == (303, "/desk"), done.text


async def test_account_is_linked_by_invitation_and_signs_in(county: tuple[Served, IdentityProvider]) -> None:
    here, provider = county
    await linked(here, provider)
    async with pages(here, provider) as browser:
        assert "/sign-in/oidc?back=" in (await browser.get("/sign-in")).text
        here.clock.advance(1)
        back = await there(browser, provider, "/sign-in/oidc?back=/desk/register")
        done = await browser.get("/sign-in/oidc/done", params=back)
        assert (done.status_code, done.headers["location"]) == (303, "/desk/register"), done.text
        assert (await browser.get("/desk")).status_code == 200
        again = await browser.get("/sign-in/oidc/done", params=back)
        assert again.status_code == 403 and "sign_in_not_finished" in again.text, "an answer is used once"


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"nonce": "another"}, "id_token_nonce"),
        ({"aud": "other-app"}, "id_token_audience"),
        ({"iss": "https://evil.example"}, "id_token_issuer"),
        ({"exp": 1, "iat": 1}, "id_token_expired"),
        ({"sub": "stranger"}, "account_not_linked"),
    ],
)
async def test_wrong_tokens_are_refused_and_counted(
    county: tuple[Served, IdentityProvider], claims: dict[str, Any], code: str
) -> None:
    here, provider = county
    await linked(here, provider)
    provider.claims = claims
    async with pages(here, provider) as browser:
        done = await browser.get("/sign-in/oidc/done", params=await there(browser, provider))
    assert done.status_code == 401 and code in done.text and f"{COOKIE}session" not in str(done.headers)
    counted = here.runtime.metrics.registry.get_sample_value(
        "petition_events_rejected_total", {"command": "sign_in", "rule": code}
    )
    assert counted == 1


async def test_rotated_key_is_refused(county: tuple[Served, IdentityProvider]) -> None:
    here, provider = county
    await linked(here, provider)
    provider.signer, provider.key = provider.key, RSAKey.generate_key(2048, {"kid": "k-2", "use": "sig"})
    here.clock.advance(301)
    async with pages(here, provider) as browser:
        done = await browser.get("/sign-in/oidc/done", params=await there(browser, provider))
    assert done.status_code == 401 and "id_token_key" in done.text


@pytest.mark.parametrize(
    "more", [{"state": "x"}, {"code": ""}, {"iss": "https://evil.example"}, {"error": "access_denied", "code": ""}]
)
async def test_answers_that_do_not_belong_to_the_sign_in_are_refused(
    county: tuple[Served, IdentityProvider], more: dict[str, str]
) -> None:
    here, provider = county
    async with pages(here, provider) as browser:
        done = await browser.get("/sign-in/oidc/done", params={**await there(browser, provider), **more})
        assert done.status_code == 403 and "sign_in_not_finished" in done.text
    async with pages(here, provider) as stranger:
        done = await stranger.get("/sign-in/oidc/done", params={"code": "c-1", "state": "s"})
        assert done.status_code == 403, "another browser cannot finish it"


async def test_provider_away_leaves_the_password(county: tuple[Served, IdentityProvider]) -> None:
    here, provider = county
    provider.down = True
    async with pages(here, provider) as browser:
        answer = await browser.get("/sign-in/oidc")
    assert answer.status_code == 503 and "identity_provider_away" in answer.text and 'id="password"' in answer.text


async def test_without_provider_there_is_no_such_page() -> None:
    async with served() as here, here.browser(**EN) as browser:
        assert (await browser.get("/sign-in/oidc")).status_code == 404
        assert (await browser.get("/sign-in/oidc/done", params={"code": "1", "state": "2"})).status_code == 403
        assert "/sign-in/oidc" not in (await browser.get("/sign-in")).text


@pytest.mark.parametrize(
    "credential", ["", "[", "[]", '{"id": 1}', '{"response": {"userHandle": "eC0x"}, "id": "AAAA"}']
)
async def test_forged_passkeys_are_refused_and_what_was_typed_stays(credential: str) -> None:
    async with served(public_url="https://huiyin.test") as here, here.browser(**EN) as browser:
        await staff(here, "x-1")
        options = await browser.post("/sign-in/passkey/options")
        assert options.json()["options"]["rpId"] == "huiyin.test"
        kept = {"resume": "/desk/register", "text": "打了很久的字"}
        form = {"challenge": options.json()["challenge"], "credential": credential, **kept}
        answer = await browser.post("/sign-in/passkey", data=form)
    assert answer.status_code in (401, 422) and "打了很久的字" in answer.text and 'name="credential"' in answer.text
    assert f"{COOKIE}session" not in str(answer.headers)


@pytest.mark.parametrize("path", ["/sign-in", "/join", "/sign-in/oidc"])
async def test_signing_in_without_encryption_is_refused_with_the_remedy(path: str) -> None:
    async with served(oidc_issuer=ISSUER, oidc_client=CLIENT) as here:
        transport = here.browser()._transport
        for host, refused in (("huiyin.test", True), ("localhost", False)):
            client = httpx.AsyncClient(transport=transport, base_url=f"http://{host}", headers=EN)
            if not refused and path.endswith("oidc"):
                continue
            answer = await client.get(path)
            assert (answer.status_code == 403, "not_encrypted" in answer.text) == (refused, refused), host
            assert not refused or ("TLS" in answer.text and 'type="password"' not in answer.text)
        for page in ("/sign-in", "/sign-in/passkey", "/join"):
            client = httpx.AsyncClient(transport=transport, base_url="http://huiyin.test", headers=EN)
            answer = await client.post(page, data={"person": "z", "password": "p", "totp": "1", "invitation": "i"})
            assert answer.status_code == 403 and "not_encrypted" in answer.text
