"""Passkeys: a software authenticator registers and signs in; every other answer is refused."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from typing import Any

import cbor2
import orjson
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from services.intake.sign_in.passkeys import CHALLENGE_SECONDS, Passkeys
from shared.adapters.memory import SetClock
from shared.application.problem import NotAuthenticated
from shared.kernel.refusals import Refused
from tests.support.county import MORNING
from tests.support.persons import Staff, invited
from tests.support.serving import served

SITE, ORIGIN = "huiyin.example", "https://huiyin.example"
PRESENT_AND_VERIFIED, WITH_KEY = 0x05, 0x40


def text(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


class Authenticator:
    """A platform authenticator with one key."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.id = b"credential-of-this-device"
        self.count = 0

    def _data(self, site: str, flags: int, more: bytes = b"") -> bytes:
        self.count += 1
        return hashlib.sha256(site.encode()).digest() + bytes([flags]) + self.count.to_bytes(4, "big") + more

    @staticmethod
    def _client(kind: str, challenge: str, origin: str) -> bytes:
        return orjson.dumps({"type": kind, "challenge": challenge, "origin": origin, "crossOrigin": False})

    def create(
        self, options: dict[str, Any], *, origin: str = ORIGIN, flags: int = PRESENT_AND_VERIFIED
    ) -> dict[str, Any]:
        numbers = self.key.public_key().public_numbers()
        cose = cbor2.dumps({1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")})
        attested = bytes(16) + len(self.id).to_bytes(2, "big") + self.id + cose
        data = self._data(options["rp"]["id"], flags | WITH_KEY, attested)
        client = self._client("webauthn.create", options["challenge"], origin)
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        response = {"clientDataJSON": text(client), "attestationObject": text(attestation)}
        return {"id": text(self.id), "rawId": text(self.id), "type": "public-key", "response": response}

    def get(
        self,
        options: dict[str, Any],
        person: str,
        *,
        origin: str = ORIGIN,
        site: str | None = None,
        flags: int = PRESENT_AND_VERIFIED,
    ) -> dict[str, Any]:
        data = self._data(site or options["rpId"], flags)
        client = self._client("webauthn.get", options["challenge"], origin)
        signature = self.key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        response = {
            "clientDataJSON": text(client),
            "authenticatorData": text(data),
            "signature": text(signature),
            "userHandle": text(person.encode()),
        }
        return {"id": text(self.id), "rawId": text(self.id), "type": "public-key", "response": response}


async def test_invited_person_sets_a_passkey_and_signs_in() -> None:
    async with served(public_url=ORIGIN) as here:
        device, person = Authenticator(), Staff(here, "z-01")
        invitation = await invited(here, "z-01")
        offer = (await person.post("/v1/invitations", {"invitation": invitation})).json()["passkey"]
        body = {
            "method": "passkey",
            "invitation": invitation,
            "challenge": offer["challenge"],
            "credential": device.create(offer["options"]),
        }
        accepted = await person.post("/v1/invitations/accept", body)
        assert accepted.status_code == 200, accepted.text
        options = (await person.post("/v1/sessions/passkey")).json()
        answer = {
            "method": "passkey",
            "challenge": options["challenge"],
            "credential": device.get(options["options"], "z-01"),
        }
        signed_in = await person.post("/v1/sessions", answer)
        assert signed_in.status_code == 200 and signed_in.json()["person"] == "z-01"
        again = await person.post("/v1/sessions", answer)
        assert (again.status_code, again.json()["code"]) == (401, "passkey_refused"), "a challenge is answered once"
        for stranger in ("nobody", "z-02"):
            options = (await person.post("/v1/sessions/passkey")).json()
            answer = {
                "method": "passkey",
                "challenge": options["challenge"],
                "credential": device.get(options["options"], stranger),
            }
            assert (await person.post("/v1/sessions", answer)).json()["code"] == "passkey_refused"


class Registered:
    def __init__(self) -> None:
        from shared.adapters.memory import MemoryKeyStore

        self.clock = SetClock(MORNING)
        self.passkeys = Passkeys(ORIGIN, MemoryKeyStore(), self.clock)
        self.device = Authenticator()
        challenge, options = self.passkeys.creation("z-01", None, [])
        self.stored = self.passkeys.registered(challenge, self.device.create(options), "z-01")


@pytest.mark.parametrize(
    "wrong",
    [
        {"origin": "https://evil.example"},
        {"site": "evil.example"},
        {"flags": 0x01},
        {"flags": 0x04},
    ],
    ids=["origin", "site", "not verified", "not present"],
)
def test_answer_of_another_site_or_without_verification_is_refused(wrong: dict[str, Any]) -> None:
    here = Registered()
    challenge, options = here.passkeys.assertion()
    with pytest.raises(NotAuthenticated):
        here.passkeys.verified(challenge, here.device.get(options, "z-01", **wrong), [here.stored])


def test_other_key_old_challenge_and_copied_device_are_refused() -> None:
    here = Registered()
    challenge, options = here.passkeys.assertion()
    with pytest.raises(NotAuthenticated):
        here.passkeys.verified(challenge, Authenticator().get(options, "z-01"), [here.stored])
    challenge, options = here.passkeys.assertion()
    here.clock.advance(CHALLENGE_SECONDS)
    with pytest.raises(NotAuthenticated):
        here.passkeys.verified(challenge, here.device.get(options, "z-01"), [here.stored])
    challenge, options = here.passkeys.assertion()
    here.passkeys.verified(challenge, here.device.get(options, "z-01"), [here.stored])
    here.device.count -= 1  # a copy of the device has an older counter
    challenge, options = here.passkeys.assertion()
    with pytest.raises(NotAuthenticated):
        here.passkeys.verified(challenge, here.device.get(options, "z-01"), [here.stored])


def test_challenge_of_another_kind_or_person_is_refused() -> None:
    here = Registered()
    challenge, options = here.passkeys.creation("z-02", None, [])
    with pytest.raises(NotAuthenticated):
        here.passkeys.registered(challenge, here.device.create(options), "z-01")
    challenge, options = here.passkeys.assertion()
    with pytest.raises(NotAuthenticated):
        here.passkeys.registered(challenge, here.device.create({**options, "rp": {"id": SITE}}), "z-01")
    for nonsense in ({}, {"id": 1}, {"response": None}, {"id": "x", "response": {"userHandle": "ÿ"}}):
        challenge, _options = here.passkeys.assertion()
        with pytest.raises(NotAuthenticated):
            here.passkeys.verified(challenge, nonsense, [here.stored])


def test_without_public_url_there_are_no_passkeys() -> None:
    from shared.adapters.memory import MemoryKeyStore

    passkeys = Passkeys(None, MemoryKeyStore(), SetClock(MORNING))
    assert not passkeys.available
    with pytest.raises(Refused, match="HUIYIN_PUBLIC_URL"):
        passkeys.assertion()
