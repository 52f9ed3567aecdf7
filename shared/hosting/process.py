"""A running process: the modules of all services on one set of ports. Created by `deploy/`, used by HTTP and command line."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog

from shared.application.access_keys import AccessKeys
from shared.application.persons import Persons
from shared.application.ports import Ports
from shared.application.sessions import Sessions
from shared.commands.command_handler import CommandHandler
from shared.consumers.consumer import CaseConsumer
from shared.consumers.redrive import retry
from shared.events.fields import Service
from shared.eventstore.commit import Commit
from shared.eventstore.errors import StoreBroken, StoreUnavailable
from shared.eventstore.subscription import Handler
from shared.hosting.backpressure import Backpressure
from shared.hosting.log_format import flush_forever
from shared.hosting.metrics import Metrics
from shared.hosting.service_module import ServiceModule
from shared.hosting.worker_pool import WorkerPool
from shared.kernel.settings import Settings
from shared.messaging.partner_topics import InboundTopics, Relay
from shared.messaging.webhooks.endpoints import WebhookEndpoints

KEYS_SECONDS, KEYS_LINE = 600.0, 86_400.0
"""Interval at which the access keys are looked at, and of the log lines about those that expire soon."""
RETRY_SECONDS = 5.0
"""Interval between two retries of the streams that were parked for a temporary reason."""
log = structlog.get_logger("runtime")


@dataclass
class Process:
    """The services of this process, their ports, and what runs in the background."""

    settings: Settings
    ports: Ports
    parts: Sequence[ServiceModule]
    principals: AccessKeys
    webhooks: WebhookEndpoints
    sessions: Sessions
    beside: Sequence[ServiceModule] = ()
    """Services whose consumers run in other processes. Their read models are in the same store as ours."""
    back_up: Callable[[Path], Awaitable[dict[str, Any]]] | None = None
    """Copies the running system into a folder; None where nothing is stored."""
    spread: WorkerPool | None = None
    """Starts worker processes for a rebuild; None if only this process can read the log."""
    folder: Path | None = None
    """The data folder; None where nothing is stored."""
    loops: Sequence[Callable[[], Awaitable[None]]] = ()
    """Background loops in addition to those of the services."""
    pressure: Backpressure | None = None
    """Limits the commits that wait for the broker; None if there is no broker."""
    letters: Sequence[InboundTopics] = ()
    """Receives the records of organisations and platforms from topics."""
    relay: Relay | None = None
    """Repeats streams of the log in topics; None if there is no broker."""
    metrics: Metrics = field(default_factory=Metrics)
    observers: list[Callable[[str, Sequence[Commit]], None]] = field(default_factory=list)
    """Called with each batch that a consumer group has handled."""
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the process has to end, because of `broken` or after a signal."""
    pages_port: int | None = None
    """The port on which this process serves the pages for people; None where another process does, or before it listens."""
    stopping: bool = False
    feeding: bool = False
    """True while the consumers run."""
    filling: bool = False
    """True while read models of a new shape are incomplete: requests are routed to a process whose read models are complete."""
    broken: str | None = None
    """Why the log cannot be written."""
    unable: str | None = None
    """Why this process cannot continue although the log can be written."""
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)
    _waiting: dict[str, set[asyncio.Event]] = field(default_factory=dict)
    """Stream -> the events of those who wait for its next append."""
    _unlisten: Callable[[], None] | None = None

    @property
    def persons(self) -> Persons:
        return self.sessions.persons

    @property
    def consumers(self) -> list[CaseConsumer]:
        return [consumer for part in self.parts for consumer in part.consumers]

    @property
    def outside(self) -> list[InboundTopics | Relay]:
        """The inbound topics and the relay."""
        return [*self.letters, *([self.relay] if self.relay is not None else [])]

    def handling(self, service: Service) -> CommandHandler:
        return self.ports.handling(service)

    async def start(self, *, feed: bool = True, tasks: bool = True) -> None:
        """Start the read models and, unless disabled, the subscriptions and the background loops."""
        for part in self.parts:
            for consumer in part.consumers:
                self.ports.feed.subscribe(consumer.group, self._guarded(consumer), gather=consumer.gather)
        await self.ports.views.start()
        if feed:
            await self._fill()
            await self.ports.feed.start()
            self.feeding = True
            for one in self.outside:
                await one.start()
        if tasks:
            self._tasks = [
                asyncio.create_task(self._forever(part.ticker.run), name=f"{part.name}-task")
                for part in self.parts
                if part.ticker is not None
            ]
            loops = (*self.loops, self._keys, flush_forever, *self._senders())
            self._tasks += [asyncio.create_task(self._forever(loop), name="loop") for loop in loops]
            if feed:
                self._tasks.append(asyncio.create_task(self._forever(self._retry), name="retry"))

    def _senders(self) -> Iterator[Callable[[], Awaitable[None]]]:
        """The loops that send something to the outside, in a process that may."""
        if self.ports.outbound is None:
            return
        for part in self.parts:
            yield from (one.run for one in (part.webhooks, *part.senders) if one is not None)

    async def _fill(self) -> None:
        """Rewind the groups whose facts or index were deleted or reset, since their checkpoints are not reset with them."""
        for part in self.parts:
            if part.index is not None and not await part.index[1].started():
                await self.ports.feed.rewind(part.index[0])
                await part.index[1].start()
            if part.facts is None:
                continue
            try:
                empty = await part.facts.empty()
            except Exception as error:  # only statistics: case work continues without them
                log.error("facts_not_open", part=part.name, error=type(error).__name__)
                continue
            for consumer in part.consumers:
                if empty and consumer.sink is not None:
                    await self.ports.feed.rewind(consumer.group)

    def _guarded(self, consumer: CaseConsumer) -> Handler:
        async def handle(commits: Sequence[Commit]) -> None:
            try:
                await consumer(commits)
            except StoreBroken as error:
                self.fail(error)
                raise
            self.metrics.observe(consumer.group, commits, self.ports.clock.now())
            for observe in self.observers:
                observe(consumer.group, commits)

        return handle

    async def _forever(self, task: Callable[[], Awaitable[None]]) -> None:
        """Run a background loop, and restart it after an error. A broken log ends the process."""
        while not self.stopping:
            try:
                await task()
                return
            except StoreBroken as error:
                self.fail(error)
                return
            except Exception as error:
                log.error("task_failed", error=type(error).__name__)
                await self.ports.clock.sleep(1)

    def fail(self, error: BaseException) -> None:
        """End this process, because durability is no longer certain."""
        if self.broken is None:
            self.broken = str(error) or type(error).__name__
            log.critical("log_broken", error=type(error).__name__)
        self.ended.set()

    def end(self, why: str) -> None:
        """End this process. Another one, or this one after a restart, can continue."""
        if self.unable is None:
            self.unable = why
            log.critical("unable", reason=why)
        self.ended.set()

    async def _keys(self) -> None:
        """Report, once a day, the access keys that expire soon."""
        clock, said = self.ports.clock, -KEYS_LINE
        while True:
            with suppress(StoreUnavailable):
                await self.principals.follow()
            soon = self.principals.expiring()
            if soon and clock.monotonic() - said >= KEYS_LINE:
                said = clock.monotonic()
                log.warning("keys_expire_soon", count=len(soon), reason=",".join(key.id for key in soon))
            await clock.sleep(KEYS_SECONDS)

    async def _retry(self) -> None:
        """Retry the streams that were parked for a temporary reason."""
        while True:
            await self.ports.clock.sleep(RETRY_SECONDS)
            for consumer in self.consumers:
                await retry(consumer)

    def _moved(self, commits: Sequence[Commit]) -> None:
        for commit in commits:
            for event in self._waiting.get(commit.stream, ()):
                event.set()

    def tell(self) -> None:
        """Wake all that wait for an append."""
        for events in self._waiting.values():
            for event in events:
                event.set()

    @contextmanager
    def watching(self, stream: str) -> Iterator[asyncio.Event]:
        """An event that is set whenever this process appends to `stream`, and when it stops. Appends to other streams do not
        wake the waiter."""
        if self._unlisten is None:
            self._unlisten = self.ports.log.listen(self._moved)
        event = asyncio.Event()
        self._waiting.setdefault(stream, set()).add(event)
        try:
            yield event
        finally:
            self._waiting[stream].discard(event)
            if not self._waiting[stream]:
                del self._waiting[stream]

    async def drain(self, seconds: float = 60.0) -> bool:
        """Wait until every group has handled everything. False if that takes longer than `seconds`."""
        until = self.ports.clock.monotonic() + seconds
        while any((await self.ports.feed.lag()).values()):
            if self.ports.clock.monotonic() > until:
                return False
            await asyncio.sleep(0.005)
        return True

    async def stop(self) -> None:
        """Finish the current batches, then close everything, also after an error (the disk may be full). The servers have
        stopped accepting requests before."""
        self.stopping = True
        self.ended.set()
        self.tell()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._unlisten is not None:
            self._unlisten()
        ports = self.ports
        stores = (ports.log, ports.blobs, ports.candidates, ports.uploads, ports.keys, ports.views, ports.outbound)
        async with AsyncExitStack() as closing:  # the last one that is named closes first
            for one in (*stores, *(part.facts for part in self.parts)):
                if one is not None:
                    closing.push_async_callback(one.close)
            if self.feeding:
                for source in self.outside:
                    await source.stop()
                await ports.feed.stop()
