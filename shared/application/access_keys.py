"""Access keys: issuing and revoking them, and the principal that a presented key belongs to.

Each key belongs to one jurisdiction. The exceptions are named: a key of the role operations or portal may have `ALL`, because
neither role sees a case. A key without a jurisdiction gives no access; such keys were issued before this rule.


Only the SHA-256 of a key's 256 random bits is stored, in events of the stream `principals`. The key itself is shown
once, when it is issued.
"""

from __future__ import annotations

import hmac
import re
import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256

from shared.application.problem import NotAuthenticated
from shared.commands.authorization import MAY_NAME_ORG, NEEDS_ORG, OPERATE, ROLES, Principal, Role, authorize
from shared.commands.command import NewEvent
from shared.commands.command_handler import CommandHandler
from shared.commands.event_writer import EventMetadata
from shared.events.intake import KeyIssued, KeyRevoked
from shared.eventstore.event_store import EventStore
from shared.kernel.clock import Clock
from shared.kernel.legal_time import to_text
from shared.kernel.refusals import Invalid, Unknown
from shared.repositories.policy_repository import PolicyRepository

STREAM = "principals"
FRESH_SECONDS = 1.0
"""Maximum time until this process knows a key that another process issued or revoked."""
ALL = "*"
"""In the place of a jurisdiction: all of them, for the roles in EVERYWHERE only."""
EVERYWHERE: frozenset[Role] = frozenset({"operations", "portal"})
DEFAULT_LIFE = timedelta(days=365)
"""From issue to expiry, where no expiry is given (own choice)."""
WARNED = timedelta(days=30)
"""Before its expiry a key is reported for so long: in the log, in the metrics, to its owner and to operators (own choice)."""
_CODE = re.compile(r"[A-Za-z0-9._-]{1,80}")
PEOPLE: tuple[Role, ...] = tuple(role for role in ROLES if role not in ("citizen", "service"))
"""Roles that keys are issued for. Citizens use number and query code; services need no key."""


@dataclass(frozen=True)
class AccessKey:
    """One issued key, without the key itself."""

    id: str
    digest: str
    role: Role
    org: str | None
    jurisdiction: str | None
    issued_at: datetime
    person: str | None = None
    head: bool = False
    expires: datetime | None = None
    revoked_at: datetime | None = None

    @property
    def principal(self) -> Principal:
        """Its owner. Raises NotAuthenticated for a key that belongs to no jurisdiction, or to all without being allowed to."""
        if self.jurisdiction is None or (self.jurisdiction == ALL and self.role not in EVERYWHERE):
            raise NotAuthenticated(
                "key_without_jurisdiction",
                "This key was issued without a jurisdiction and no longer gives access. Ask the operators for a"
                " new one:"
                " huiyin keys add ROLE [ORG] --jurisdiction CODE.",
                detail_zh="该密钥未指明辖区，已不能使用。请运维人员重新签发（huiyin keys add ROLE [ORG] --jurisdiction 代码）。",
            )
        everywhere = self.jurisdiction == ALL
        jurisdiction = None if everywhere else self.jurisdiction
        return Principal(self.role, self.org, self.id, jurisdiction=jurisdiction, person=self.person, head=self.head)

    def valid(self, now: datetime) -> bool:
        return self.revoked_at is None and (self.expires is None or now < self.expires)

    def expires_soon(self, now: datetime) -> bool:
        return self.valid(now) and self.expires is not None and self.expires - now <= WARNED


def digest_of(key: str) -> str:
    return sha256(key.encode()).hexdigest()


class AccessKeys:
    """The keys of this deployment, held in memory and updated from the log."""

    def __init__(self, log: EventStore, clock: Clock) -> None:
        self._log = log
        self._clock = clock
        self._by_id: dict[str, AccessKey] = {}
        self._by_digest: dict[str, str] = {}
        self._version = 0
        self._looked: float | None = None
        self.own_portal = f"hy_portal_{secrets.token_urlsafe(32)}"
        """The key of a portal in this process. It is known to nobody else and ends with the process."""

    async def of_portal(self, key: str) -> bool:
        """True for a valid key of the role portal, also for `own_portal`."""
        if hmac.compare_digest(key.encode(), self.own_portal.encode()):
            return True
        known = await self.authenticate(key)
        return known is not None and known.role == "portal"

    async def follow(self, *, at_once: bool = False) -> None:
        """Read what was appended since the last call; at most once a second unless `at_once`."""
        now = self._clock.monotonic()
        if not at_once and self._looked is not None and now - self._looked < FRESH_SECONDS:
            return
        for commit in await self._log.load(STREAM, after=self._version):
            if commit.last <= self._version:  # another request has read it meanwhile
                continue
            for event in commit.recorded:
                self._apply(event.body, event.recorded_at)
            self._version = commit.last
        self._looked = now  # only now, so that a request beside this one does not rely on what is not read yet

    def _apply(self, body: object, at: datetime) -> None:
        if isinstance(body, KeyIssued) and body.role in ROLES:
            expires = body.expires if isinstance(body.expires, datetime) else None
            key = AccessKey(
                body.key, body.digest, body.role, body.org, body.jurisdiction, at, body.person, body.head, expires
            )
            self._by_id[key.id] = key
            self._by_digest[key.digest] = key.id
        elif isinstance(body, KeyRevoked) and (known := self._by_id.get(body.key)) is not None:
            self._by_id[known.id] = replace(known, revoked_at=at)

    async def authenticate(self, key: str) -> AccessKey | None:
        """The record of this key; None if it is wrong, revoked or expired. The digest is looked up, so the response time
        reveals nothing about the key."""
        await self.follow()
        digest = digest_of(key)
        known = self._by_id.get(self._by_digest.get(digest, ""))
        if known is None or not hmac.compare_digest(known.digest, digest) or not known.valid(self._clock.now()):
            return None
        return known

    async def still_valid(self, key_id: str) -> bool:
        """False as soon as this process knows that the key with this id was revoked or has expired. What is not the id of a key
        stays valid: the owner of the data folder, and citizens."""
        await self.follow()
        known = self._by_id.get(key_id)
        return known is None or known.valid(self._clock.now())

    def expiring(self) -> list[AccessKey]:
        """The keys that expire soon, as far as this process knows them."""
        now = self._clock.now()
        return [key for key in self._by_id.values() if key.expires_soon(now)]

    async def all(self) -> list[AccessKey]:
        await self.follow(at_once=True)
        return sorted(self._by_id.values(), key=lambda key: key.issued_at)

    async def issue(
        self,
        handling: CommandHandler,
        principal: Principal,
        role: str,
        org: str | None,
        expires: datetime | None = None,
        jurisdiction: str | None = None,
        person: str | None = None,
        head: bool = False,
    ) -> tuple[AccessKey, str]:
        """Issue a key. Returns its record and its text, which is never shown again.

        Args:
            expires: When it expires; None: after DEFAULT_LIFE.
            jurisdiction: The one that it gives access to, or ALL for operations. Optional while exactly one is active.
            person: Staff code of the person who holds it. Needed for a head, and to ask for an extension.
            head: True for the head (负责人) of the organisation, who approves extensions.
        Raises:
            Invalid: the role, organisation, jurisdiction or expiry is wrong.
        """
        authorize(principal, OPERATE)
        check_role(role, org, head, person)
        jurisdiction = await one_jurisdiction(handling, role, jurisdiction)
        now = self._clock.now()
        if expires is not None and expires <= now:
            raise Invalid(
                "expires_past",
                "expires is in the past. Give a later instant.",
                detail_zh="到期时间已过，请填写以后的时间。",
                field="expires",
            )
        expires = expires or now + DEFAULT_LIFE
        text = f"hy_{role}_{secrets.token_urlsafe(32)}"
        key_id = secrets.token_hex(6)
        issued = KeyIssued(
            key=key_id,
            digest=digest_of(text),
            role=role,
            org=org,
            jurisdiction=jurisdiction,
            person=person,
            head=head,
            expires=expires,
        )
        stamp = EventMetadata(principal, cause=f"{principal.name}:issue:{key_id}")
        await handling.append(STREAM, stamp, lambda _head: [NewEvent(issued)])
        await self.follow(at_once=True)
        return self._by_id[key_id], text

    async def revoke(self, handling: CommandHandler, principal: Principal, key_id: str) -> AccessKey:
        """Revoke this key. Revoking it twice has no effect."""
        authorize(principal, OPERATE)
        await self.follow(at_once=True)
        if key_id not in self._by_id:
            raise Unknown(
                "unknown_key",
                "There is no key of this id; see: huiyin keys list",
                detail_zh="没有该编号的密钥，可用 huiyin keys list 查看。",
            )
        if self._by_id[key_id].revoked_at is None:
            stamp = EventMetadata(principal, cause=f"{principal.name}:revoke:{key_id}")
            await handling.append(STREAM, stamp, lambda _head: [NewEvent(KeyRevoked(key=key_id))])
            await self.follow(at_once=True)
        return self._by_id[key_id]


def check_role(role: str, org: str | None, head: bool, person: str | None) -> None:
    """Raises Invalid for a role that does not exist, or does not go with this organisation, person and headship."""
    if role not in PEOPLE:
        raise Invalid(
            "unknown_role",
            f"Choose one of: {', '.join(PEOPLE)}.",
            detail_zh="没有这一角色，请从所列角色中选择。",
            field="role",
        )
    if role in NEEDS_ORG and not org:
        raise Invalid(
            "org_missing",
            f"A key for a {role} needs the code of its organisation.",
            detail_zh="缺少单位代码，请填写。",
            field="org",
        )
    if role not in NEEDS_ORG | MAY_NAME_ORG and org:
        raise Invalid(
            "org_not_used",
            f"A key for {role} belongs to no organisation; leave org out.",
            detail_zh="该角色不属于任何单位，请不要填写单位。",
            field="org",
        )
    if head and (role != "clerk" or person is None):
        raise Invalid(
            "head_is_a_person",
            "A head is a person of an organisation: issue a key of the role clerk with its staff code (person).",
            detail_zh="负责人须为单位的工作人员，请签发 clerk 密钥并注明人员代码（person）。",
            field="head",
        )


async def one_jurisdiction(handling: CommandHandler, role: str, named: str | None) -> str:
    """The jurisdiction of a new key or post.

    Raises Invalid if none is named and it is not clear which is meant, for an unknown one, and for `ALL` with a role that may not
    have it."""
    if named == ALL:
        if role in EVERYWHERE:
            return ALL
        raise Invalid(
            "jurisdiction_not_all",
            "Only a key of the role operations or portal, which see no case, may belong to all jurisdictions. Name one.",
            detail_zh="只有运维和门户角色的密钥可以不限辖区，请指明一个辖区。",
            field="jurisdiction",
        )
    books = await handling.policies.all()
    if named is None and len(books) == 1:
        return next(iter(books))
    if named is None:
        why = "Several jurisdictions are active" if books else "No policy is active yet"
        why_zh = "有多个辖区" if books else "尚无生效的规则"
        raise Invalid(
            "jurisdiction_needed",
            f"{why}: name the jurisdiction that this key gives access to (--jurisdiction CODE).",
            detail_zh=f"{why_zh}，请指明该密钥所属的辖区（--jurisdiction 代码）。",
            field="jurisdiction",
        )
    if (books and named not in books) or not _CODE.fullmatch(named):
        raise Invalid(
            "unknown_jurisdiction",
            "No policy is active for this jurisdiction. Activate it first, or correct the code.",
            detail_zh="该辖区没有生效的规则，请先启用规则或更正代码。",
            field="jurisdiction",
        )
    return named


async def named_nowhere(policies: PolicyRepository, key: AccessKey) -> bool:
    """True if no policy in force lists its organisation or platform. It may be added later; more often it is a typing error,
    and the key gives access to an inbox that stays empty."""
    if key.org is None:
        return False
    books = await policies.all()
    chosen = [book for name, book in books.items() if key.jurisdiction == name]
    if key.role == "platform":
        return not any(channel.platform == key.org for book in chosen for channel in book.channels.values())
    return all(book.organisation(key.org) is None for book in chosen)


def shown(key: AccessKey, now: datetime) -> dict[str, str | bool | None]:
    """The fields of a key that are shown to people, without its digest."""
    return {
        "id": key.id,
        "role": key.role,
        "org": key.org,
        "jurisdiction": key.jurisdiction,
        "person": key.person,
        "head": key.head,
        "issued_at": to_text(key.issued_at),
        "expires": to_text(key.expires) if key.expires else None,
        "revoked_at": to_text(key.revoked_at) if key.revoked_at else None,
        "expires_soon": key.expires_soon(now),
    }
