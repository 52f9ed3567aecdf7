"""A whole Huiyin in this process for tests: all services on memory or SQLite, the demo county, a set clock."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from deploy.modes.outbound import Outbound
from services.intake import bootstrap as intake
from services.intake.commands.filing import FileCase
from services.intake.registration import Receipt, file_case
from services.routing import bootstrap as routing
from services.supervision import bootstrap as supervision
from shared.adapters.folder.blobs import FolderBlobs
from shared.adapters.memory.blobs import MemoryBlobs
from shared.adapters.memory.candidates import MemoryCandidates
from shared.adapters.memory.clock import SetClock
from shared.adapters.memory.event_store import MemoryEventStore
from shared.adapters.memory.key_store import MemoryKeyStore
from shared.adapters.memory.read_models import MemoryReadModels
from shared.adapters.memory.subscription import MemorySubscriptions
from shared.adapters.memory.uploads import MemoryUploads
from shared.adapters.sqlite.candidates import SqliteCandidates
from shared.adapters.sqlite.event_store import SqliteEventStore
from shared.adapters.sqlite.key_store import SqliteKeyStore
from shared.adapters.sqlite.read_models import SqliteReadModels
from shared.adapters.sqlite.subscription import SqliteSubscriptions
from shared.adapters.sqlite.uploads import SqliteUploads
from shared.application.ports import Ports
from shared.case import Case
from shared.commands.authorization import Principal
from shared.commands.command import RULES, NewEvent
from shared.commands.command_handler import CommandResult
from shared.commands.event_writer import EventMetadata
from shared.eventstore.recorded_event import RecordedEvent
from shared.hosting.service_module import ServiceModule
from shared.kernel.legal_time import LegalTime
from shared.kernel.settings import Settings
from shared.messaging.gateway import Gateway
from shared.messaging.sender_lease import SENDERS
from shared.messaging.webhooks.endpoints import WebhookEndpoints
from shared.policy.loading.loader import bundled
from shared.repositories.case_repository import CaseRepository
from shared.repositories.policy_repository import STREAM as POLICY
from shared.repositories.policy_repository import PolicyRepository

DEMO = "cn-demo"
MORNING = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
"""09:00 on a Monday in the demo county."""


def clerk(org: str, ref: str = "k-clerk", *, head: bool = False) -> Principal:
    """A clerk whose staff code is the id of the key."""
    return Principal("clerk", org, ref, person=ref, head=head)


REGISTRAR = Principal("registrar", "xfj", "k-registrar")
SUPERVISOR = Principal("supervisor", "xfj", "k-supervisor")


class County:
    """Commands in, effects drained, cases out."""

    def __init__(self, ports: Ports, parts: list[ServiceModule], clock: SetClock, webhooks: WebhookEndpoints) -> None:
        self.ports = ports
        self.parts = {part.name: part for part in parts}
        self.clock = clock
        self.webhooks = webhooks
        self._ids = 0

    async def file(self, item: str = "1", **fields: Any) -> Receipt:
        given = {"channel": "web", "item": item, "text": "路灯不亮", **fields}
        filed = await file_case(self.ports.handling("intake"), REGISTRAR, FileCase.model_validate(given), DEMO)
        await self.settle()
        return filed

    async def act(
        self,
        case: str,
        name: str,
        principal: Principal,
        *,
        at: LegalTime | None = None,
        command_id: str = "",
        **fields: Any,
    ) -> CommandResult:
        """Give a command as the API does, and wait for everything that follows from it."""
        rule = RULES[name]
        self._ids += 1
        command = rule.model.model_validate(fields)
        stamp = EventMetadata(principal, f"{principal.name}:{command_id or self._ids}", at)
        done = await self.ports.handling(rule.service).handle(
            case, rule.action, stamp, lambda found, given: rule(found, command, given), others=rule.named(command)
        )
        await self.settle()
        return done

    async def case(self, case: str) -> Case:
        return (await self.ports.cases.load_confirmed(case)).case

    async def events(self, stream: str) -> list[RecordedEvent]:
        return [event for commit in await self.ports.log.load(stream) for event in commit.recorded]

    async def settle(self) -> None:
        await self.ports.feed.drain()  # type: ignore[attr-defined]

    async def tick(self) -> None:
        """Let the ticker look once, and everything follow."""
        await self.settle()
        ticker = self.parts["supervision"].ticker
        while await ticker.look():
            await self.settle()
        await self.settle()


async def activate(ports: Ports, policy: str, jurisdiction: str, since: date) -> None:
    """Put a bundled policy in force."""
    for entry in bundled(policy):
        await ports.handling("supervision").append(
            POLICY + jurisdiction,
            EventMetadata(SUPERVISOR, f"activate:{entry.section}:{entry.hash}", since, jurisdiction=jurisdiction),
            lambda _head, entry=entry: [NewEvent(entry.activation())],
        )


@asynccontextmanager
async def county(
    folder: Path | None = None,
    *,
    start: datetime = MORNING,
    seed: int | None = 7,
    settings: Settings | None = None,
    gateways: Mapping[str, Gateway] | None = None,
) -> AsyncIterator[County]:
    """A county on memory (deliveries repeated, delayed and swapped by `seed`), or on SQLite in `folder`."""
    clock = SetClock(start)
    if folder is None:
        log: Any = MemoryEventStore()
        views: Any = MemoryReadModels()
        keys: Any = MemoryKeyStore()
        blobs: Any = MemoryBlobs()
        uploads: Any = MemoryUploads()
        candidates: Any = MemoryCandidates()
        feed: Any = MemorySubscriptions(log, seed=seed)
    else:
        log, views, keys = (
            SqliteEventStore(folder / "log.sqlite"),
            SqliteReadModels(folder / "views.sqlite"),
            SqliteKeyStore(folder),
        )
        feed = SqliteSubscriptions(log, views)
        blobs, uploads = FolderBlobs(folder / "blobs"), SqliteUploads(folder / "uploads.sqlite")
        candidates = SqliteCandidates(folder / "candidates.sqlite")
    kept = None if folder is None else views
    settings = settings or Settings()
    ports = Ports(
        *(log, feed, views, keys, clock, CaseRepository(log), PolicyRepository(log), blobs, uploads),
        candidates=candidates,
        checkpoints=kept,
        outbound=Outbound(settings),
    )
    endpoints = WebhookEndpoints(ports)
    parts = [
        intake.build(ports, settings, endpoints, gateways or {}),
        routing.build(ports, settings, endpoints),
        supervision.build(ports),
    ]
    views.declare(SENDERS)
    for part in parts:
        for consumer in part.consumers:
            feed.subscribe(consumer.group, consumer, gather=consumer.gather)
    await views.start()
    await activate(ports, "demo", DEMO, date(2000, 1, 1))
    await feed.start()
    try:
        yield County(ports, parts, clock, endpoints)
    finally:
        for part in parts:
            if part.webhooks is not None:
                await part.webhooks.stop()
            for one in part.senders:
                await one.stop()  # type: ignore[attr-defined]
        await feed.stop()
        await ports.outbound.close()  # type: ignore[union-attr]
        for port in (views, log, keys, blobs, uploads, candidates):
            await port.close()
