"""The sign-in of a person: password with one-time password, passkey, or the identity provider.

A one-time password is accepted once, also by other processes: the log remembers it. Every wrong sign-in gets the same answer.
 Wrong ones are limited for each person and network, for each network, and for each person.
Over a limit only an attempt with the right one-time password is looked at further, so that nobody can lock out the right person.
"""

from __future__ import annotations

import hmac
import secrets
from hashlib import sha256
from typing import Any, NamedTuple

from services.intake.person_records import added, invitation_used, person_of, record
from services.intake.sign_in.id_tokens import IdTokens
from services.intake.sign_in.passkeys import Passkeys
from services.intake.sign_in.passwords import (
    PasswordHashes,
    check_password,
    matching_step,
    new_secret,
    provisioning_uri,
)
from shared.application.persons import Person, Post, principal_of
from shared.application.problem import NotAuthenticated, TooMany
from shared.application.sealed_tokens import open_token, seal_token
from shared.commands.authorization import Principal
from shared.commands.command import NewEvent
from shared.commands.event_writer import EventMetadata
from shared.events.base import Event
from shared.events.persons import CredentialAdded, OneTimePasswordUsed
from shared.eventstore.errors import StoreFull
from shared.hosting.process import Process
from shared.kernel.refusals import Denied, Invalid, Refused
from shared.queries.query_code_access import RateLimiter

STREAM = "one-time/"
SETUP = "hyt_"
"""Prefix of the sealed shared secret that an invitation offers until it is confirmed."""
NETWORK_TIMES, PERSON_TIMES = 20, 20
"""How many times as many wrong sign-ins a whole network may send, and a person may get, as one network for one person."""
ISSUER = "Huiyin"
_NO_KEY = "0" * 32


class Offer(NamedTuple):
    """What an invitation offers to set."""

    person: Person
    name: str | None
    secret: str
    setup: str
    address: str
    passkey: tuple[str, dict[str, Any]] | None


def wrong() -> NotAuthenticated:
    return NotAuthenticated(
        "wrong_credentials",
        "Staff code, password and one-time password do not match. Each one-time password is accepted once.",
        detail_zh="人员代码、密码与动态口令不匹配。每个动态口令只能使用一次。",
    )


class SignIn:
    """Finds out who signs in."""

    def __init__(self, runtime: Process, id_tokens: IdTokens | None) -> None:
        ports, settings = runtime.ports, runtime.settings
        self._handling = ports.handling("intake")
        self._keys = ports.keys
        self._clock = ports.clock
        self._persons = runtime.persons
        self._metrics = runtime.metrics
        self._hashes = PasswordHashes()
        self._id_tokens = id_tokens
        self.passkeys = Passkeys(settings.site, ports.keys, ports.clock)
        most = settings.sign_in_misses
        self._pairs = RateLimiter(ports.clock, most)
        self._networks = RateLimiter(ports.clock, most * NETWORK_TIMES)
        self._codes = RateLimiter(ports.clock, most * PERSON_TIMES)
        self._used: dict[str, int] = {}
        """Person -> the time step of the last one-time password that this process accepted."""

    def _counted(self, refusal: Refused) -> Refused:
        self._metrics.refused("sign_in", refusal.code)
        return refusal

    # ---------------------------------------------------------------- password

    async def by_password(self, network: str, code: str, password: str, one_time: str) -> Person:
        """Raises NotAuthenticated `wrong_credentials`, and TooMany."""
        limits = ((self._pairs, f"{network} {code}"), (self._networks, network), (self._codes, code))
        waits = [limiter.take(name) for limiter, name in limits]
        person = await self._persons.get(code)
        stored, secret = await self._secrets(person)
        step = matching_step(secret or new_secret(), one_time, self._clock.now())
        fresh = secret is not None and step is not None and step > self._used.get(code, -1)
        if any(waits) and not fresh:
            seconds = max(waits)
            raise self._counted(
                TooMany(
                    "too_many_sign_ins",
                    f"Too many wrong sign-ins. Wait {seconds} seconds, or use the current one-time password.",
                    detail_zh=f"登录失败次数过多，请{seconds}秒后再试，或使用当前的动态口令。",
                    retry_after=seconds,
                )
            )
        right = await self._hashes.verified(stored, password)
        if not right or not fresh or step is None or step <= self._used.get(code, -1):  # used meanwhile
            raise self._counted(wrong())
        self._used[code] = step
        if not await self._first_use(person, step):
            raise self._counted(wrong())
        for (limiter, name), wait in zip(limits, waits, strict=True):
            if not wait:
                limiter.give_back(name)
        return person

    async def _first_use(self, person: Person, step: int) -> bool:
        """True if no process has accepted the one-time password of this time step. A full log keeps nobody out: then only this
        process remembers it."""
        stamp = EventMetadata(acting(person), cause=f"{person.of('totp')[-1].id}:{step}")
        try:
            _commit, repeated = await self._handling.append(
                STREAM + person.code, stamp, lambda _head: [NewEvent(OneTimePasswordUsed(step=step))]
            )
        except StoreFull:
            return True
        return not repeated

    async def _secrets(self, person: Person) -> tuple[str | None, str | None]:
        """The hash of the password and the shared secret. The same reads for a person who has none."""
        found: list[str | None] = []
        for credentials in (person.of("password"), person.of("totp")):
            if credentials:
                found.append(await self._persons.secret(credentials[-1]))
            else:
                await self._keys.get([_NO_KEY])
                found.append(None)
        return found[0], found[1]

    # ---------------------------------------------------------------- passkey and identity provider

    async def by_passkey(self, network: str, challenge: str, credential: dict[str, Any]) -> Person:
        """Raises NotAuthenticated `passkey_refused`, and TooMany."""
        wait = self._networks.take(network)
        if wait:
            raise self._counted(_too_many(wait))
        try:
            code, _id = self.passkeys.named(credential)
            person = await self._persons.get(code)
            stored = [await self._persons.secret(one) for one in person.of("passkey")]
            self.passkeys.verified(challenge, credential, [one for one in stored if one is not None])
        except NotAuthenticated as refusal:
            raise self._counted(refusal) from None
        self._networks.give_back(network)
        return person

    async def by_id_token(self, network: str, token: str, nonce: str) -> Person:
        """Raises NotAuthenticated `id_token_…` or `account_not_linked`, and TooMany."""
        lookup = await self._account(network, token, nonce)
        for person in await self._persons.all():
            if any(one.lookup is not None and hmac.compare_digest(one.lookup, lookup) for one in person.of("oidc")):
                return await self._persons.get(person.code)
        raise self._counted(
            NotAuthenticated(
                "account_not_linked",
                "This account is not linked to a person. Open your invitation and link it, or ask the operators"
                " for an invitation.",
                detail_zh="该账号尚未与本系统人员关联，请通过邀请链接关联，或联系管理员。",
            )
        )

    async def _account(self, network: str, token: str, nonce: str) -> str:
        """The keyed digest of the account that a valid token names."""
        if self._id_tokens is None:
            raise Refused(
                "identity_provider_not_set_up",
                "No identity provider is set up (HUIYIN_OIDC_ISSUER, HUIYIN_OIDC_CLIENT).",
                detail_zh="尚未配置统一身份认证（HUIYIN_OIDC_ISSUER、HUIYIN_OIDC_CLIENT）。",
            )
        wait = self._networks.take(network)
        if wait:
            raise self._counted(_too_many(wait))
        try:
            issuer, subject = await self._id_tokens.subject(token, nonce)
        except NotAuthenticated as refusal:
            raise self._counted(refusal) from None
        self._networks.give_back(network)
        named = f"{issuer}\x1f{subject}".encode()
        return hmac.new(self._keys.secret("oidc-account"), named, sha256).hexdigest()

    # ---------------------------------------------------------------- invitations

    async def offered(self, network: str, invitation: str) -> Offer:
        """What this invitation offers. Raises Unknown `invitation_used`, and TooMany."""
        person = await self._invited(network, invitation)
        name, secret = await self._persons.name(person), new_secret()
        setup = seal_token(self._keys.secret("totp-setup"), SETUP, f"{person.code} {secret}".encode())
        address = provisioning_uri(secret, person.code, ISSUER)
        passkey = self.passkeys.creation(person.code, name, []) if self.passkeys.available else None
        return Offer(person, name, secret, setup, address, passkey)

    async def _invited(self, network: str, invitation: str) -> Person:
        """The person whose open invitation this is. Raises Unknown."""
        wait = self._networks.take(network)
        if wait:
            raise self._counted(_too_many(wait))
        code = person_of(invitation)
        person = await self._persons.get(code or "-", at_once=True)
        added(person, invitation, (), self._clock.now())
        if code is None:
            raise invitation_used()
        self._networks.give_back(network)
        return person

    async def accept_password(self, network: str, invitation: str, setup: str, password: str, one_time: str) -> Person:
        """Set password and one-time password. Raises Invalid, and Unknown `invitation_used`."""
        person = await self._invited(network, invitation)
        check_password(password, person.code)
        content = open_token(self._keys.secret("totp-setup"), SETUP, setup)
        named, _, secret = (content or b"").decode().partition(" ")
        step = matching_step(secret, one_time, self._clock.now()) if named == person.code else None
        if step is None:
            raise Invalid(
                "wrong_one_time_password",
                "The one-time password does not match the new secret. Enter the six digits that the app shows now.",
                detail_zh="动态口令不正确，请输入验证器当前显示的六位数字。",
                field="totp",
            )
        hashed = await self._hashes.made(password)
        new = (
            CredentialAdded(credential=_id(), kind="password", secret=hashed),
            CredentialAdded(credential=_id(), kind="totp", secret=secret),
        )
        person = await self._add(person, invitation, new)
        self._used[person.code] = step
        await self._first_use(person, step)
        return person

    async def accept_passkey(self, network: str, invitation: str, challenge: str, credential: dict[str, Any]) -> Person:
        """Set a passkey. Raises NotAuthenticated, and Unknown `invitation_used`."""
        person = await self._invited(network, invitation)
        stored = self.passkeys.registered(challenge, credential, person.code)
        return await self._add(person, invitation, (CredentialAdded(credential=_id(), kind="passkey", secret=stored),))

    async def accept_account(self, network: str, invitation: str, token: str, nonce: str) -> Person:
        """Link an account of the identity provider. Raises NotAuthenticated, and Unknown `invitation_used`."""
        person = await self._invited(network, invitation)
        lookup = await self._account(network, token, nonce)
        for other in await self._persons.all(at_once=True):
            if other.code != person.code and any(one.lookup == lookup for one in other.of("oidc")):
                raise Refused(
                    "account_of_another",
                    "This account is linked to another person. Sign in at the identity provider with your own.",
                    detail_zh="该账号已与其他人员关联，请使用本人的账号。",
                )
        return await self._add(person, invitation, (CredentialAdded(credential=_id(), kind="oidc", lookup=lookup),))

    async def _add(self, person: Person, invitation: str, new: tuple[CredentialAdded, ...]) -> Person:
        def decide(found: Person) -> list[Event]:
            return added(found, invitation, new, self._clock.now())

        return await record(self._handling, self._persons, person.code, acting(person), decide)

    # ---------------------------------------------------------------- the post that acts

    async def post(self, person: Person, wanted: str | None) -> tuple[Post, str]:
        """The post that acts, and the staff code of its holder. Raises Denied for a person without any, Invalid for one that the
        person may not act in."""
        posts = await self._persons.posts_of(person)
        if not posts:
            raise Denied(
                "no_post",
                "You hold no post. Ask the operators for one: huiyin person post CODE ROLE ORG.",
                detail_zh="您目前没有职务，请联系管理员。",
            )
        if wanted is None:
            return posts[0]
        for post, holder in posts:
            if post.id == wanted:
                return post, holder
        raise Invalid(
            "unknown_post",
            "You may not act in a post of this id; see GET /v1/me.",
            detail_zh="您不能以这一职务办理，请选择您担任的职务。",
            field="post",
        )


def acting(person: Person) -> Principal:
    """The principal that records what a person does to their own credentials."""
    posts = person.held
    return (
        principal_of(person.code, posts[0]) if posts else Principal("service", None, "invitation", person=person.code)
    )


def _too_many(wait: int) -> TooMany:
    return TooMany(
        "too_many_sign_ins",
        f"Too many wrong sign-ins from your network. Try again in {wait} seconds.",
        detail_zh=f"您所在的网络登录失败次数过多，请{wait}秒后再试。",
        retry_after=wait,
    )


def _id() -> str:
    return secrets.token_hex(6)
