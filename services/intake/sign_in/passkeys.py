"""Passkeys (WebAuthn). A challenge is a sealed token: nothing is stored until it is answered, and each is answered once."""

from __future__ import annotations

import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import OrderedDict
from typing import Any
from urllib.parse import urlsplit

import orjson

from shared.application.problem import NotAuthenticated
from shared.application.sealed_tokens import open_token, seal_token
from shared.eventstore.key_store import KeyStore
from shared.kernel.clock import Clock
from shared.kernel.refusals import Refused

CHALLENGE = "hyw_"
CHALLENGE_SECONDS = 300
_MOST_REMEMBERED = 10_000


def not_accepted() -> NotAuthenticated:
    return NotAuthenticated(
        "passkey_refused",
        "The passkey was not accepted. Try again, or sign in with password and one-time password.",
        detail_zh="通行密钥未通过验证，请重试，或使用密码和动态口令登录。",
    )


class Passkeys:
    """Registers and verifies passkeys of the site at `public_url`."""

    def __init__(self, public_url: str | None, keys: KeyStore, clock: Clock) -> None:
        parts = urlsplit(public_url) if public_url else None
        self._site = parts.hostname if parts is not None else None
        self._origin = f"{parts.scheme}://{parts.netloc}" if parts is not None else ""
        self._keys = keys
        self._clock = clock
        self._answered: OrderedDict[bytes, float] = OrderedDict()
        self._counts: dict[str, int] = {}

    @property
    def available(self) -> bool:
        return self._site is not None

    def _of_site(self) -> str:
        if self._site is None:
            raise Refused(
                "passkeys_not_set_up",
                "Passkeys need HUIYIN_PUBLIC_URL. Use password and one-time password.",
                detail_zh="通行密钥需要设置 HUIYIN_PUBLIC_URL，请使用密码和动态口令。",
            )
        return self._site

    def creation(self, person: str, name: str | None, known: list[str]) -> tuple[str, dict[str, Any]]:
        """(challenge, options) for a new passkey. `known`: ids of the person's passkeys."""
        from webauthn import generate_registration_options, options_to_json
        from webauthn.helpers.structs import (
            AuthenticatorSelectionCriteria,
            PublicKeyCredentialDescriptor,
            ResidentKeyRequirement,
            UserVerificationRequirement,
        )

        challenge = secrets.token_bytes(32)
        options = generate_registration_options(
            rp_id=self._of_site(),
            rp_name="Huiyin 回音",
            user_name=person,
            user_display_name=name or person,
            user_id=person.encode(),
            challenge=challenge,
            exclude_credentials=[PublicKeyCredentialDescriptor(id=_bytes(one)) for one in known],
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
            ),
        )
        return self._sealed("create", challenge, person), orjson.loads(options_to_json(options))

    def assertion(self) -> tuple[str, dict[str, Any]]:
        """(challenge, options) for a sign-in. They are the same for everybody: the authenticator knows its person."""
        from webauthn import generate_authentication_options, options_to_json
        from webauthn.helpers.structs import UserVerificationRequirement

        challenge = secrets.token_bytes(32)
        options = generate_authentication_options(
            rp_id=self._of_site(), challenge=challenge, user_verification=UserVerificationRequirement.REQUIRED
        )
        return self._sealed("get", challenge, ""), orjson.loads(options_to_json(options))

    def registered(self, challenge: str, credential: dict[str, Any], person: str) -> str:
        """What is stored of a new passkey, as text. Raises NotAuthenticated."""
        from webauthn import verify_registration_response
        from webauthn.helpers.exceptions import WebAuthnException

        expected = self._opened("create", challenge, person)
        try:
            done = verify_registration_response(
                credential=credential,
                expected_challenge=expected,
                expected_rp_id=self._of_site(),
                expected_origin=self._origin,
                require_user_verification=True,
            )
        except (WebAuthnException, ValueError, KeyError, TypeError, AttributeError) as error:
            raise not_accepted() from error
        kept = {"id": _text(done.credential_id), "key": _text(done.credential_public_key), "count": done.sign_count}
        return orjson.dumps(kept).decode()

    @staticmethod
    def named(credential: dict[str, Any]) -> tuple[str, str]:
        """(staff code, credential id) that an answer claims. Raises NotAuthenticated for one that names nobody."""
        try:
            code = _bytes(credential["response"]["userHandle"]).decode("ascii")
            return code, _text(_bytes(credential["id"]))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise not_accepted() from error

    def verified(self, challenge: str, credential: dict[str, Any], stored: list[str]) -> None:
        """Raises NotAuthenticated unless one of the stored passkeys answered the challenge."""
        from webauthn import verify_authentication_response
        from webauthn.helpers.exceptions import WebAuthnException

        expected = self._opened("get", challenge, "")
        _code, wanted = self.named(credential)
        for text in stored:
            kept = orjson.loads(text)
            if kept["id"] != wanted:
                continue
            try:
                done = verify_authentication_response(
                    credential=credential,
                    expected_challenge=expected,
                    expected_rp_id=self._of_site(),
                    expected_origin=self._origin,
                    credential_public_key=_bytes(kept["key"]),
                    credential_current_sign_count=self._counts.get(wanted, kept["count"]),
                    require_user_verification=True,
                )
            except (WebAuthnException, ValueError, KeyError, TypeError, AttributeError) as error:
                raise not_accepted() from error
            self._counts[wanted] = done.new_sign_count
            return
        raise not_accepted()

    def _sealed(self, kind: str, challenge: bytes, person: str) -> str:
        until = int(self._clock.now().timestamp()) + CHALLENGE_SECONDS
        content = orjson.dumps([kind, _text(challenge), until, person])
        return seal_token(self._keys.secret("passkey-challenge"), CHALLENGE, content)

    def _opened(self, kind: str, token: str, person: str) -> bytes:
        """The challenge of a token of this kind and person, once. Raises NotAuthenticated."""
        content = open_token(self._keys.secret("passkey-challenge"), CHALLENGE, token)
        now = self._clock.now().timestamp()
        if content is None:
            raise not_accepted()
        its_kind, challenge, until, its_person = orjson.loads(content)
        found = _bytes(challenge)
        if (its_kind, its_person) != (kind, person) or now >= until or found in self._answered:
            raise not_accepted()
        while self._answered and (next(iter(self._answered.values())) < now or len(self._answered) >= _MOST_REMEMBERED):
            self._answered.popitem(last=False)
        self._answered[found] = until
        return found


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
