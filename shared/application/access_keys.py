"""Access keys: issuing and revoking them, and the principal that a presented key belongs to.

Only the SHA-256 of a key's 256 random bits is stored, in events of the stream `principals`. The key itself is shown
once, when it is issued.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256

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
    expires: datetime | None = None
    revoked_at: datetime | None = None

    @property
    def principal(self) -> Principal:
        return Principal(self.role, self.org, self.id, jurisdiction=self.jurisdiction)

    def valid(self, now: datetime) -> bool:
        return self.revoked_at is None and (self.expires is None or now < self.expires)


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

    async def follow(self, *, at_once: bool = False) -> None:
        """Read what was appended since the last call; at most once a second unless `at_once`."""
        now = self._clock.monotonic()
        if not at_once and self._looked is not None and now - self._looked < FRESH_SECONDS:
            return
        self._looked = now
        for commit in await self._log.load(STREAM, after=self._version):
            for event in commit.recorded:
                self._apply(event.body, event.recorded_at)
            self._version = commit.last

    def _apply(self, body: object, at: datetime) -> None:
        if isinstance(body, KeyIssued) and body.role in ROLES:
            expires = body.expires if isinstance(body.expires, datetime) else None
            key = AccessKey(body.key, body.digest, body.role, body.org, body.jurisdiction, at, expires)
            self._by_id[key.id] = key
            self._by_digest[key.digest] = key.id
        elif isinstance(body, KeyRevoked) and (known := self._by_id.get(body.key)) is not None:
            self._by_id[known.id] = replace(known, revoked_at=at)

    async def authenticate(self, key: str) -> Principal | None:
        """The owner of this key; None if it is wrong, revoked or expired. The digest is looked up, so the response time
        reveals nothing about the key."""
        await self.follow()
        digest = digest_of(key)
        known = self._by_id.get(self._by_digest.get(digest, ""))
        if known is None or not hmac.compare_digest(known.digest, digest) or not known.valid(self._clock.now()):
            return None
        return known.principal

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
    ) -> tuple[AccessKey, str]:
        """Issue a key. Returns its record and its text, which is never shown again. `jurisdiction`: the cases that it gives
        access to; optional while there is only one."""
        authorize(principal, OPERATE)
        if role not in PEOPLE:
            raise Invalid(
                "unknown_role", f"Choose one of: {', '.join(PEOPLE)}.", detail_zh="没有这种角色。", field="role"
            )
        if role in NEEDS_ORG and not org:
            raise Invalid(
                "org_missing",
                f"A key for a {role} needs the code of its organisation.",
                detail_zh="缺少单位代码。",
                field="org",
            )
        if role not in NEEDS_ORG | MAY_NAME_ORG and org:
            raise Invalid(
                "org_not_used",
                f"A key for {role} belongs to no organisation; leave org out.",
                detail_zh="该角色不属于任何单位。",
                field="org",
            )
        if role in NEEDS_ORG:
            jurisdiction = await _one_of(handling, jurisdiction)
        text = f"hy_{role}_{secrets.token_urlsafe(32)}"
        key_id = secrets.token_hex(6)
        issued = KeyIssued(
            key=key_id, digest=digest_of(text), role=role, org=org, jurisdiction=jurisdiction, expires=expires
        )
        stamp = EventMetadata(principal, cause=f"{principal.name}:issue:{key_id}")
        await handling.append(STREAM, stamp, lambda _head: [NewEvent(issued)])
        await self.follow(at_once=True)
        return self._by_id[key_id], text

    async def revoke(self, handling: CommandHandler, principal: Principal, key_id: str) -> AccessKey:
        """Revoke this key. Revoking it twice does no harm."""
        authorize(principal, OPERATE)
        await self.follow(at_once=True)
        if key_id not in self._by_id:
            raise Unknown("unknown_key", "There is no key of this id; see: huiyin keys list", detail_zh="没有该密钥。")
        if self._by_id[key_id].revoked_at is None:
            stamp = EventMetadata(principal, cause=f"{principal.name}:revoke:{key_id}")
            await handling.append(STREAM, stamp, lambda _head: [NewEvent(KeyRevoked(key=key_id))])
            await self.follow(at_once=True)
        return self._by_id[key_id]


async def _one_of(handling: CommandHandler, named: str | None) -> str | None:
    """The jurisdiction of a new key. Raises Invalid for an unknown one, and where several are active and none is named."""
    books = await handling.policies.all()
    if named is not None and named not in books:
        raise Invalid(
            "unknown_jurisdiction", "No policy is active for it.", detail_zh="没有该辖区。", field="jurisdiction"
        )
    if named is None and len(books) > 1:
        raise Invalid(
            "jurisdiction_needed",
            "Several jurisdictions are active; name the one that this key gives access to.",
            detail_zh="有多个辖区，请指明。",
            field="jurisdiction",
        )
    return named or next(iter(books), None)


async def named_nowhere(policies: PolicyRepository, key: AccessKey) -> bool:
    """True if no policy in force lists its organisation or platform. It may be added later; more often it is a typing error,
    and the key gives access to an inbox that stays empty."""
    if key.org is None:
        return False
    books = await policies.all()
    chosen = [book for name, book in books.items() if key.jurisdiction in (None, name)]
    if key.role == "platform":
        return not any(channel.platform == key.org for book in chosen for channel in book.channels.values())
    return all(book.organisation(key.org) is None for book in chosen)


def shown(key: AccessKey) -> dict[str, str | None]:
    """The fields of a key that are shown to people, without its digest."""
    return {
        "id": key.id,
        "role": key.role,
        "org": key.org,
        "jurisdiction": key.jurisdiction,
        "issued_at": to_text(key.issued_at),
        "expires": to_text(key.expires) if key.expires else None,
        "revoked_at": to_text(key.revoked_at) if key.revoked_at else None,
    }
