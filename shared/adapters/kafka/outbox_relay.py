"""Repeats streams of the log in topics: the notifications of an organisation, in the order and with the ids of its stream.

The stream is authoritative, so nothing here has to be reliable. The position of a topic is stored in a row next to the read
models; if that row is missing, it is read from the last record of the topic. Entries that were sent without storing the position
are sent again with the same id. The process that relays a stream has a lease on its row, so that no two processes send the same
entries at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any, NamedTuple

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from shared.adapters.kafka.connection import Connection
from shared.adapters.kafka.producer import close, started
from shared.adapters.timed_wait import set_within
from shared.eventstore.commit import Commit
from shared.eventstore.errors import Damaged, StoreUnavailable
from shared.eventstore.event_store import EventStore
from shared.eventstore.read_models import ReadModel, ReadModelStore, Row
from shared.kernel.clock import Clock
from shared.kernel.clock_trust import runs
from shared.kernel.legal_time import instant_from_text, to_text
from shared.messaging.member import Member
from shared.messaging.partner_topics import OutboundMessage, OutboundTopic

LOGGER = structlog.get_logger("kafka")
RELAYS = ReadModel("relays", {"holder": "text", "until": "text", "position": "integer"})
"""Stream -> the process that relays it now, and the version up to which its topic has it."""
TOGETHER = 200
"""Number of commits that are read, sent and awaited together."""
LEASE = timedelta(seconds=30)
ANSWER = 15.0
"""Time limit in seconds for one batch: less than the lease."""
LOOK = 5.0
"""Seconds between two checks of every stream, for appends of other processes and for topics that were missing."""
PLAIN = "gzip"
"""Compression of topics that others read: every client has it without further libraries."""
SOON = 0.3
"""Seconds until the next attempt if another process relays the stream."""


class TopicGone(Exception):
    """The topic does not exist, or this process may not write to it."""


class _Lease(NamedTuple):
    """The row of a stream; without a holder where no process relays it now."""

    number: int
    holder: str | None
    until: str | None
    position: int | None


class OutboxRelay:
    """Relays the streams of `routes`. One in each process that may write to their topics."""

    def __init__(
        self, log: EventStore, views: ReadModelStore, connection: Connection, routes: Sequence[OutboundTopic], *,
        clock: Clock, instance: str, prefix: str = "", look: float = LOOK,
    ) -> None:  # fmt: skip
        self.sent = 0
        """Number of entries that the brokers have acknowledged."""
        self.missing: frozenset[str] = frozenset()
        """Required topics that do not exist or that this process may not write."""
        self.behind = 0
        """Number of streams that were not relayed to their end in the last round."""
        self._log = log
        self._views = views
        self._connection = connection
        self._routes = routes
        self._clock = clock
        self._instance = instance
        self._prefix = prefix
        self._look = look
        self._moved: set[str] = set()
        self._woken = asyncio.Event()
        self._producer: AIOKafkaProducer | None = None
        self._task: asyncio.Task[None] | None = None
        self._unlisten: Callable[[], None] | None = None

    async def start(self) -> None:
        self._unlisten = self._log.listen(self.add)
        self._task = asyncio.create_task(self._run(), name="relay")

    async def stop(self) -> None:
        if self._unlisten is not None:
            self._unlisten()
            self._unlisten = None
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        await self._close()

    def add(self, commits: Sequence[Commit]) -> None:
        """Relay these appended commits soon."""
        for commit in commits:
            if any(commit.stream.startswith(route.stream) for route in self._routes):
                self._moved.add(commit.stream)
        if self._moved:
            self._woken.set()

    async def again(self, stream: str, after: int) -> None:
        """Send everything after that version to the topic once more, also records beyond its retention."""
        while not await self._take(stream):  # noqa: ASYNC110 - another process has the lease, and does not signal its end
            await asyncio.sleep(SOON)
        await self._give_back(stream, after)
        self._moved.add(stream)
        self._woken.set()

    async def _run(self) -> None:
        while True:
            woken = await set_within(self._woken, self._look)
            self._woken.clear()
            moved, self._moved = self._moved, set()
            try:
                await self._round(moved if woken else None)
            except Exception as error:  # the log or the brokers do not answer: try again in the next round
                LOGGER.warning("relay_waits", error=type(error).__name__)
                self._moved |= moved
                self.behind = max(1, len(self._moved))  # something could not be sent or looked at
                await self._close()
                await asyncio.sleep(SOON)

    async def _round(self, moved: set[str] | None) -> None:
        """Relay these streams; None: check every one."""
        missing: set[str] = set() if moved is None else set(self.missing)
        waiting = 0
        for route in self._routes:
            wanted = {member.stream(route.stream) for member in await route.members()}
            found = wanted & moved if moved is not None else await self._late(route, wanted)
            for stream in sorted(found):
                topic = self._prefix + Member.of_stream(route.stream, stream).topic(route.topic)
                done = True
                try:
                    done = await self._relay(route, stream, topic)
                    missing.discard(topic)
                except TopicGone:
                    missing.add(topic)
                except Damaged:  # the log reports it; the other streams continue
                    pass
                if not done:
                    waiting += 1
                    self._moved.add(stream)
        self.missing, self.behind = frozenset(missing), waiting
        if self._moved:
            asyncio.get_running_loop().call_later(SOON, self._woken.set)

    async def _late(self, route: OutboundTopic, wanted: set[str]) -> set[str]:
        """Those of `wanted` whose topic lags behind."""
        if not wanted:
            return set()
        late: set[str] = set()
        async for heads in self._log.heads(route.stream):
            for stream, head in heads:
                if stream in wanted and (await self._row(stream)).position != head.version:
                    late.add(stream)
        return late

    async def _relay(self, route: OutboundTopic, stream: str, topic: str) -> bool:
        """Send what the topic lacks. False if another process does. Raises TopicGone, KafkaError, StoreUnavailable, Damaged."""
        if not await self._take(stream):
            return False
        at = (await self._row(stream)).position
        try:
            async with asyncio.timeout(LEASE.total_seconds() - ANSWER / 3):
                producer = await self._connected(topic)
                at = await self._last_of(topic) if at is None else at
                while commits := await self._log.load(stream, after=at, limit=TOGETHER):
                    events = [event for commit in commits for event in commit.recorded if event.version > at]
                    lines = await route.lines(Member.of_stream(route.stream, stream), events)
                    await self._send(producer, topic, route, lines)
                    at = commits[-1].last
        except TimeoutError:
            return False  # the lease ends; the position is stored, and the rest is sent in the next round
        finally:
            with suppress(StoreUnavailable):
                await self._give_back(stream, at)
        return True

    async def _send(
        self, producer: AIOKafkaProducer, topic: str, route: OutboundTopic, lines: Sequence[OutboundMessage]
    ) -> None:
        sent = []
        for line in lines:
            headers = [
                ("content-type", b"application/json"),
                ("ce_specversion", b"1.0"),
                ("ce_id", f"{topic.removeprefix(self._prefix)}/{line.seq}".encode()),
                ("ce_source", b"/huiyin"),
                ("ce_type", f"huiyin.{route.topic}.{line.kind}".encode()),
                ("ce_subject", line.key.encode()),
                ("ce_time", to_text(line.at).encode()),
                ("ce_sequence", b"%d" % line.seq),
            ]
            sent.append(await producer.send(topic, key=line.key.encode(), value=line.value, headers=headers))
        async with asyncio.timeout(ANSWER):
            await asyncio.gather(*sent)
        self.sent += len(sent)

    async def _connected(self, topic: str) -> AIOKafkaProducer:
        """The producer, if the topic exists. Raises TopicGone, KafkaError."""
        if self._producer is None:
            async with asyncio.timeout(ANSWER):
                self._producer = await started(self._connection, PLAIN)
        if topic not in self._producer.client.cluster.topics():
            async with asyncio.timeout(ANSWER):
                there = await self._producer.client.fetch_all_metadata()
            if topic not in there.topics():
                raise TopicGone(topic)
        return self._producer

    async def _last_of(self, topic: str) -> int:
        """The version in the last record of the topic; 0 if there is none."""
        reader = AIOKafkaConsumer(enable_auto_commit=False, **self._connection.client())
        place = TopicPartition(topic, 0)
        try:
            async with asyncio.timeout(ANSWER):
                await reader.start()
                reader.assign([place])
                begin = (await reader.beginning_offsets([place]))[place]
                end = (await reader.end_offsets([place]))[place]
                if begin >= end:
                    return 0
                reader.seek(place, end - 1)
                record = await reader.getone(place)
        finally:
            with suppress(Exception):
                await reader.stop()
        for name, value in record.headers:
            if name == "ce_sequence" and value.isdigit():
                return int(value)
        return 0

    async def _take(self, stream: str) -> bool:
        """Take the lease of the stream. False if another process has it."""
        lease = await self._row(stream)
        now = self._clock.now()
        if self._clock.trust.doubt is not None:
            return False
        if lease.holder and lease.until and runs(instant_from_text(lease.until), now, LEASE):
            return False
        mine = _Lease(lease.number + 1, self._instance, to_text(now + LEASE), lease.position)
        await self._store(stream, mine)
        return await self._row(stream) == mine

    async def _give_back(self, stream: str, position: int | None) -> None:
        await self._store(stream, _Lease((await self._row(stream)).number + 1, None, None, position))

    async def _row(self, stream: str) -> _Lease:
        row = await self._views.get(RELAYS.name, stream)
        values: Any = (row.values if row is not None else None) or {}
        number = 0 if row is None else row.applied
        return _Lease(number, values.get("holder"), values.get("until"), values.get("position"))

    async def _store(self, stream: str, lease: _Lease) -> None:
        number, *values = lease
        await self._views.write({RELAYS.name: [Row(stream, number, dict(zip(RELAYS.columns, values, strict=True)))]})

    async def _close(self) -> None:
        producer, self._producer = self._producer, None
        await close(producer)
