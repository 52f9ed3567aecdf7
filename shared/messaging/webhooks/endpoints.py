"""The webhook endpoints of a deployment: held in memory and updated from the stream `webhooks`, like access keys."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from shared.application.ports import Ports
from shared.commands.authorization import Action, Principal, authorize
from shared.commands.command import NewEvent
from shared.commands.command_handler import CommandHandler
from shared.commands.event_writer import EventMetadata
from shared.events import webhooks as w
from shared.events.fields import Service
from shared.eventstore.field_encryption import open_sealed
from shared.eventstore.recorded_event import RecordedEvent
from shared.kernel.legal_time import instant_of
from shared.kernel.refusals import Denied, Invalid, Refused, Unknown
from shared.messaging.member import Member
from shared.messaging.webhooks.signatures import KeyPair

STREAM = "webhooks"
FRESH_SECONDS = 1.0
"""Maximum time until this process knows an endpoint that another process changed."""
BOTH_FOR = timedelta(days=7)
"""During a rotation both pairs of keys sign (Standard Webhooks: own choice of the sender; seven days)."""
MOST = 10
"""Endpoints of one organisation or platform (own choice)."""
MANAGE = Action("webhooks", ("organisation", "platform"))
LOOK = Action("webhooks", ("organisation", "platform", "operations"))
"""Operations see, disable and enable endpoints, but see neither their addresses nor their keys."""
ENABLE = LOOK


@dataclass(frozen=True)
class Endpoint:
    """One webhook, without its address and keys."""

    id: str
    audience: w.Audience
    member: Member
    kinds: tuple[str, ...]
    after: int
    created_at: datetime
    public_key: str
    disabled: str | None = None
    disabled_at: datetime | None = None
    both_until: datetime | None = None
    sealed: tuple[RecordedEvent, ...] = ()
    """The event with the address and the present keys, and before it the one with the keys of before."""
    added: RecordedEvent | None = None
    changes: int = 0
    """Number of its events, so that each change has a cause of its own."""

    @property
    def service(self) -> Service:
        """The service that sends to it."""
        return "routing" if self.audience == "organisation" else "intake"

    def wants(self, kind: str) -> bool:
        return not self.kinds or kind in self.kinds


class Opened(NamedTuple):
    """What is needed to send to an endpoint."""

    url: str
    pairs: tuple[KeyPair, ...]
    """The present keys, and during a rotation those of before."""


def not_stopped(principal: Principal, endpoint: Endpoint) -> None:
    """Raises Denied where operations disabled the endpoint: only they have anything sent to it again, a test message too."""
    if endpoint.disabled == "operations" and principal.role != "operations":
        raise Denied(
            "disabled_by_operations",
            "The operators disabled this webhook, so only they can enable it. Ask them why.",
            detail_zh="该推送地址由运维人员停用，只能由运维人员启用，请向其了解原因。",
            field="webhook",
        )


class WebhookEndpoints:
    """The endpoints. One instance per process."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._by_id: dict[str, Endpoint] = {}
        self._version = 0
        self._looked: float | None = None
        self._lock = asyncio.Lock()

    async def follow(self, *, at_once: bool = False) -> None:
        """Read what was appended since the last call; at most once a second unless `at_once`."""
        now = self._ports.clock.monotonic()
        if not at_once and self._looked is not None and now - self._looked < FRESH_SECONDS:
            return
        for commit in await self._ports.log.load(STREAM, after=self._version):
            if commit.last <= self._version:  # another caller has read it meanwhile
                continue
            for event in commit.recorded:
                self._apply(event)
            self._version = commit.last
        self._looked = now

    def _apply(self, event: RecordedEvent) -> None:
        body = event.body
        if isinstance(body, w.WebhookAdded):
            member = Member(event.jurisdiction, body.member)
            self._by_id[body.party] = Endpoint(
                body.party,
                body.audience,
                member,
                body.kinds,
                body.after,
                event.recorded_at,
                body.public_key,
                sealed=(event,),
                added=event,
            )
            return
        known = self._by_id.get(getattr(body, "party", ""))
        if known is None:
            return
        known = replace(known, changes=known.changes + 1)
        if isinstance(body, w.WebhookRotated):
            until = instant_of(body.both_until, "UTC")
            known = replace(known, public_key=body.public_key, both_until=until, sealed=(*known.sealed[-1:], event))
        elif isinstance(body, w.WebhookDisabled):
            known = replace(known, disabled=body.reason, disabled_at=event.recorded_at)
        elif isinstance(body, w.WebhookEnabled):
            known = replace(known, disabled=None, disabled_at=None)
        self._by_id[known.id] = known

    async def all(self) -> list[Endpoint]:
        await self.follow()
        return list(self._by_id.values())

    async def get(self, webhook: str) -> Endpoint | None:
        await self.follow()
        return self._by_id.get(webhook)

    async def find(self, principal: Principal, webhook: str) -> Endpoint:
        """The endpoint, if the principal may see it. Raises Unknown `unknown_webhook`."""
        await self.follow(at_once=True)
        found = self._by_id.get(webhook)
        if found is None or not sees(principal, found):
            raise Unknown(
                "unknown_webhook",
                "There is no such webhook, or you may not see it. List them with: huiyin webhook list",
                detail_zh="没有该推送地址，或您无权查看。可用 huiyin webhook list 查看。",
                field="webhook",
            )
        return found

    async def seen_by(self, principal: Principal) -> list[Endpoint]:
        authorize(principal, LOOK)
        await self.follow(at_once=True)
        return [one for one in self._by_id.values() if sees(principal, one)]

    async def opened(self, endpoint: Endpoint, now: datetime) -> Opened | None:
        """The address and the keys. None if they were erased."""
        assert endpoint.added is not None
        events = {event.version: event for event in (endpoint.added, *endpoint.sealed)}
        values = {
            part.version: part.values
            for part in await open_sealed(self._ports.keys, list(events.values()))
            if not part.erased
        }
        url = values.get(endpoint.added.version, {}).get("url")
        current, *before = reversed(endpoint.sealed)
        live = [current]
        if before and endpoint.both_until is not None and now < endpoint.both_until:
            live += before[:1]
        pairs = [
            KeyPair(found["secret"], found["private_key"], getattr(event.body, "public_key", ""))
            for event in live
            if "secret" in (found := values.get(event.version, {}))
        ]
        return Opened(url, tuple(pairs)) if url is not None and pairs else None

    async def add(
        self, principal: Principal, member: Member, url: str, kinds: Sequence[str], after: int, cause: str
    ) -> tuple[Endpoint, KeyPair]:
        """Add an endpoint. Returns it with its keys, which are never shown again.

        Raises:
            Denied: the role has no entries.
            Invalid: `webhook_url_wrong`, `webhook_address_refused`, `too_many_webhooks`.
        """
        authorize(principal, MANAGE)
        await self.follow(at_once=True)
        audience: w.Audience = "platform" if principal.role == "platform" else "organisation"
        if sum(one.member == member and one.audience == audience for one in self._by_id.values()) >= MOST:
            raise Refused(
                "too_many_webhooks",
                f"One organisation or platform has at most {MOST} webhooks. Use one of those that exist.",
                detail_zh=f"每个单位或平台最多设置 {MOST} 个推送地址，请使用已有的地址。",
            )
        assert self._ports.outbound is not None
        await self._ports.outbound.check(url)
        webhook, pair = f"wh_{secrets.token_hex(8)}", KeyPair.new()
        added = w.WebhookAdded(
            party=webhook,
            audience=audience,
            member=member.code,
            kinds=tuple(kinds),
            after=after,
            public_key=pair.public,
            url=url,
            secret=pair.secret,
            private_key=pair.private,
        )
        stamp = EventMetadata(principal, f"{principal.name}:webhook:{cause}", jurisdiction=member.jurisdiction)
        commit, repeated = await self._handling(audience).append(STREAM, stamp, lambda _head: [NewEvent(added)])
        await self.follow(at_once=True)
        if repeated:
            raise Refused(
                "webhook_exists",
                "A webhook was added under this command id; its keys are not shown again. Use a new id, or rotate its keys.",
                detail_zh="该命令编号已用于新增推送地址，密钥不再显示。请使用新的编号，或更换密钥。",
                field="command_id",
            )
        assert commit is not None
        return self._by_id[webhook], pair

    async def rotate(self, principal: Principal, webhook: str) -> tuple[Endpoint, KeyPair]:
        """Give the endpoint new keys. The old ones sign for BOTH_FOR as well."""
        authorize(principal, MANAGE)
        found, pair = await self.find(principal, webhook), KeyPair.new()
        body = w.WebhookRotated(
            party=found.id,
            both_until=self._ports.clock.now() + BOTH_FOR,
            public_key=pair.public,
            secret=pair.secret,
            private_key=pair.private,
        )
        await self._append(found, principal, body, f"rotate:{self._ports.clock.new_id()}")
        return self._by_id[webhook], pair

    async def disable(self, principal: Principal, webhook: str, reason: w.DisabledFor) -> Endpoint:
        """Send nothing more to it. Repeating it has no effect. Operations can also disable what its owner has disabled."""
        found = await self.find(principal, webhook)
        if found.disabled is None or (reason == "operations" != found.disabled):
            body = w.WebhookDisabled(party=found.id, reason=reason)
            await self._append(found, principal, body, f"disable:{found.changes}")
        return self._by_id[webhook]

    async def enable(self, principal: Principal, webhook: str) -> Endpoint:
        """Continue sending from where it stopped. Repeating it has no effect. Raises Denied as in not_stopped()."""
        authorize(principal, ENABLE)
        found = await self.find(principal, webhook)
        not_stopped(principal, found)
        if found.disabled is not None:
            await self._append(found, principal, w.WebhookEnabled(party=found.id), f"enable:{found.changes}")
        return self._by_id[webhook]

    async def _append(
        self,
        endpoint: Endpoint,
        principal: Principal,
        body: w.WebhookRotated | w.WebhookDisabled | w.WebhookEnabled,
        cause: str,
    ) -> None:
        stamp = EventMetadata(principal, f"webhook:{endpoint.id}:{cause}", jurisdiction=endpoint.member.jurisdiction)
        await self._handling(endpoint.audience).append(STREAM, stamp, lambda _head: [NewEvent(body)])
        await self.follow(at_once=True)

    def _handling(self, audience: w.Audience) -> CommandHandler:
        return self._ports.handling("routing" if audience == "organisation" else "intake")


def sees(principal: Principal, endpoint: Endpoint) -> bool:
    """True for the member whose endpoint it is, and for operations of its jurisdiction. `service` is the sender itself."""
    if principal.role == "service":
        return True
    if principal.jurisdiction not in (None, endpoint.member.jurisdiction):
        return False
    if principal.role == "operations":
        return True
    return principal.role == endpoint.audience and principal.org == endpoint.member.code


def no_kinds(unknown: Sequence[str], known: Sequence[str]) -> Invalid:
    """The refusal of kinds of entries that do not exist."""
    return Invalid(
        "unknown_kind",
        f"There are no entries of this kind. Choose from: {', '.join(known)}; leave kinds out to get all.",
        detail_zh="没有这种通知类型，请从目录中选择；不填则接收全部。",
        field="kinds",
    )
