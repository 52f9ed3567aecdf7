"""Streams of the log, repeated in topics: what an organisation was told, in the order and under the ids of its stream.

The stream is the truth, so nothing here has to be reliable: how far a topic has come stands in a row beside the views, and
where that row is gone, in the topic's own last record. What was sent and not noted is sent again, under the same id. Whoever
carries a stream holds its row for a while (a lease), so that two processes do not carry the same entries at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from shared.adapters.kafka.connection import Connection
from shared.adapters.kafka.producer import close, started
from shared.eventstore.commit import Commit
from shared.eventstore.errors import Damaged, StoreUnavailable
from shared.eventstore.event_store import EventStore
from shared.eventstore.read_models import ReadModel, ReadModelStore, Row
from shared.kernel.clock import Clock
from shared.kernel.legal_time import instant_from_text, to_text
from shared.messaging.partner_topics import OutboundMessage, OutboundTopic

LOGGER = structlog.get_logger("kafka")
RELAYS = ReadModel("relays", {"holder": "text", "until": "text", "position": "integer"})
"""Stream -> who carries it now, and the version up to which its topic has it."""
TOGETHER = 200
"""Commits that are read, sent and awaited together."""
LEASE = timedelta(seconds=30)
ANSWER = 15.0
"""Seconds that the brokers have for one batch: less than the lease."""
LOOK = 5.0
"""Seconds between two looks at every stream: for what another process appended, and topics that were missing."""
SOON = 0.3
"""Seconds after which a stream is tried again that another process was carrying."""


class TopicGone(Exception):
    """There is no such topic, or we may not write to it."""


class OutboxRelay:
    """Carries the streams of `routes`. One in each process that may write to their topics."""

    def __init__(
        self, log: EventStore, views: ReadModelStore, connection: Connection, routes: Sequence[OutboundTopic], *,
        clock: Clock, instance: str, prefix: str = "", look: float = LOOK,
    ) -> None:  # fmt: skip
        self.sent = 0
        """Lines that the brokers have acknowledged."""
        self.missing: frozenset[str] = frozenset()
        """Topics that are wanted and not there, or not ours to write."""
        self.behind = 0
        """Streams that were not carried to their end at the last look."""
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
        """These were appended: carry them soon."""
        for commit in commits:
            if any(commit.stream.startswith(route.stream) for route in self._routes):
                self._moved.add(commit.stream)
        if self._moved:
            self._woken.set()

    async def again(self, stream: str, after: int) -> None:
        """Let the topic have everything after that version once more, beyond what it keeps, too."""
        while not await self._take(stream):  # noqa: ASYNC110 - another process holds it, and tells nobody when it is done
            await asyncio.sleep(SOON)
        await self._give_back(stream, after)
        self._moved.add(stream)
        self._woken.set()

    async def _run(self) -> None:
        while True:
            whole = False
            try:
                async with asyncio.timeout(self._look):
                    await self._woken.wait()
            except TimeoutError:
                whole = True
            self._woken.clear()
            moved, self._moved = self._moved, set()
            try:
                await self._round(None if whole else moved)
            except Exception as error:  # the log is away, or no broker answers: at the next look
                LOGGER.warning("relay_waits", error=type(error).__name__)
                self._moved |= moved
                await self._close()
                await asyncio.sleep(SOON)

    async def _round(self, moved: set[str] | None) -> None:
        """Carry these streams, or look at every one."""
        missing: set[str] = set() if moved is None else set(self.missing)
        waiting = 0
        for route in self._routes:
            wanted = {route.stream + name for name in await route.names()}
            found = wanted & moved if moved is not None else await self._late(route, wanted)
            for stream in sorted(found):
                topic = f"{self._prefix}{route.topic}.{stream.removeprefix(route.stream)}"
                try:
                    done = await self._carry(route, stream, topic)
                    missing.discard(topic)
                except TopicGone:
                    missing.add(topic)
                    done = True
                except Damaged:  # said by the log itself; the other streams go on
                    done = True
                if not done:
                    waiting += 1
                    self._moved.add(stream)
        self.missing, self.behind = frozenset(missing), waiting
        if self._moved:
            asyncio.get_running_loop().call_later(SOON, self._woken.set)

    async def _late(self, route: OutboundTopic, wanted: set[str]) -> set[str]:
        """Those of `wanted` whose topic has not come to their end."""
        if not wanted:
            return set()
        late: set[str] = set()
        async for heads in self._log.heads(route.stream):
            for stream, head in heads:
                if stream in wanted and (await self._row(stream))[1] != head.version:
                    late.add(stream)
        return late

    async def _carry(self, route: OutboundTopic, stream: str, topic: str) -> bool:
        """Carry what the topic lacks. False: another process is at it. Raises TopicGone, KafkaError, StoreUnavailable, Damaged."""
        if not await self._take(stream):
            return False
        _row, position = await self._row(stream)
        at = position
        try:
            async with asyncio.timeout(LEASE.total_seconds() - ANSWER / 3):
                producer = await self._connected(topic)
                at = await self._last_of(topic) if at is None else at
                while commits := await self._log.load(stream, after=at, limit=TOGETHER):
                    events = [event for commit in commits for event in commit.recorded if event.version > at]
                    lines = await route.lines(stream.removeprefix(route.stream), events)
                    await self._send(producer, topic, route, lines)
                    at = commits[-1].last
        except TimeoutError:
            return False  # the lease ends; what was sent is noted, and the rest is carried in the next round
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
        """The producer, once the topic is there. Raises TopicGone, KafkaError."""
        if self._producer is None:
            async with asyncio.timeout(ANSWER):
                self._producer = await started(self._connection)
        if topic not in self._producer.client.cluster.topics():
            async with asyncio.timeout(ANSWER):
                there = await self._producer.client.fetch_all_metadata()
            if topic not in there.topics():
                raise TopicGone(topic)
        return self._producer

    async def _last_of(self, topic: str) -> int:
        """The version that the topic's last record tells of; 0 where it holds none."""
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
        """Is this process the one that may carry it now?"""
        row, position = await self._row(stream)
        now = self._clock.now()
        values = (row.values if row is not None else None) or {}
        until = values.get("until")
        if values.get("holder") and until and instant_from_text(str(until)) > now:
            return False
        mine = {"holder": self._instance, "until": to_text(now + LEASE), "position": position}
        number = 1 if row is None else row.applied + 1
        await self._views.write({RELAYS.name: [Row(stream, number, mine)]})
        kept = await self._views.get(RELAYS.name, stream)
        return kept is not None and kept.applied == number and (kept.values or {}).get("holder") == self._instance

    async def _give_back(self, stream: str, position: int | None) -> None:
        row, _position = await self._row(stream)
        number = 1 if row is None else row.applied + 1
        values = {"holder": None, "until": None, "position": position}
        await self._views.write({RELAYS.name: [Row(stream, number, values)]})

    async def _row(self, stream: str) -> tuple[Row | None, int | None]:
        row = await self._views.get(RELAYS.name, stream)
        position = (row.values or {}).get("position") if row is not None else None
        return row, int(position) if isinstance(position, int) else None

    async def _close(self) -> None:
        producer, self._producer = self._producer, None
        await close(producer)
