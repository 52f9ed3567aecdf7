"""No record is skipped, wherever an exception escapes and whatever a record contains. On a real broker."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from faststream.exceptions import AckMessage, RejectMessage, SkipMessage, StopConsume

from shared.adapters.kafka import batches as receiving
from shared.adapters.kafka import consumer as subscribing
from shared.adapters.kafka import records
from shared.adapters.kafka.connection import Connection
from shared.adapters.kafka.subscription import KafkaSubscriptions, parking
from shared.adapters.memory import MemoryEventStore, MemoryReadModels
from shared.adapters.system_clock import SystemClock
from shared.eventstore.commit import Commit
from tests.support import topics
from tests.support.commits import commit, history
from tests.support.servers.kafka import bootstrap

pytestmark = pytest.mark.needs_kafka
OURS = {module.__file__ for module in (receiving, records, subscribing)}
ON_THE_WAY = frozenset(
    ("__call__", "_handle", "_from_log", "_failed", "_rest", "sort", "_told", "_read", "handle", "_parse", "_decode")
)
"""Functions between the topic and the handler."""


class World:
    """A log, a topic and one group with a handler that can be made to fail."""

    def __init__(self, topic: str, log: MemoryEventStore) -> None:
        self.log = log
        self.topic = topic
        self.views = MemoryReadModels()
        self.seen: dict[tuple[str, int], int] = {}
        self.fail: list[BaseException] = []
        self.ended: list[str] = []
        clock = SystemClock()
        self.feed = KafkaSubscriptions(
            log, Connection(bootstrap()), topic, clock=clock, instance="one", park=parking(self.views, clock),
            ended=self.ended.append, prefix=f"{topic}-", pause=0.005, longest=0.02, sweep=0.1, age=timedelta(0),
        )  # fmt: skip
        self.feed.subscribe("group", self.handle, max_commits=20)

    async def handle(self, commits: Sequence[Commit]) -> None:
        await asyncio.sleep(0)
        if self.fail:
            raise self.fail.pop()
        for one in commits:
            for version in range(one.first, one.last + 1):
                place = (one.stream, version)
                self.seen[place] = self.seen.get(place, 0) + 1

    async def settled(self) -> None:
        async with asyncio.timeout(20):
            await self.feed.drain()

    async def send(
        self, value: bytes | None, headers: Sequence[tuple[str, Any]] = (), key: bytes | None = b"k"
    ) -> None:
        """Send any record to the topic, as a foreign producer might."""
        producer = AIOKafkaProducer(bootstrap_servers=bootstrap())
        await producer.start()
        try:
            await producer.send_and_wait(self.topic, value=value, key=key, headers=list(headers), partition=0)
        finally:
            await producer.stop()


@asynccontextmanager
async def world(partitions: int = 2) -> AsyncIterator[World]:
    async with topics.topic(partitions) as name:
        made = World(name, MemoryEventStore(outbox=True))
        await made.feed.start()
        try:
            yield made
        finally:
            await made.feed.stop()


class Fault(Exception):
    """Raised by this test only."""


class Tracer:
    """Notes the lines between topic and handler that run, and raises once at `at`, when it comes by."""

    def __init__(self, at: str = "") -> None:
        self.at = at
        self.lines: set[str] = set()
        self.hit = False

    def __call__(self, frame: FrameType, _event: str, _argument: Any) -> Any:
        code = frame.f_code
        return self._line if code.co_filename in OURS and code.co_name in ON_THE_WAY else None

    def _line(self, frame: FrameType, event: str, _argument: Any) -> Any:
        if event == "line" and not self.hit:
            line = f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"
            self.lines.add(line)
            if line == self.at:
                self.hit = True
                raise Fault
        return self._line


@pytest.mark.nightly
async def test_exception_is_raised_at_every_line() -> None:
    async with world() as here:

        async def run(tracer: Tracer, number: int) -> None:
            here.fail = [OSError("away")]  # the lines that answer a failure are to run, too
            (whole,) = history(f"case/{number}", 1, events=2)
            sys.settrace(tracer)
            try:
                await here.log.append(whole)
                await here.send(b"nobody can read this")
                await here.send(whole.events[0])
                await here.settled()
            finally:
                sys.settrace(None)
            assert {(whole.stream, 1), (whole.stream, 2)} <= here.seen.keys(), f"lost at {tracer.at}"
            assert len(await here.views.parked("group")) == number + 1, f"lost at {tracer.at}"

        seen = Tracer()
        await run(seen, 0)
        assert len(seen.lines) > 50
        for number, line in enumerate(sorted(seen.lines), start=1):
            tracer = Tracer(line)
            await run(tracer, number)
            assert tracer.hit
        assert not here.ended


@pytest.mark.parametrize(
    "error",
    [
        AckMessage(),
        RejectMessage(),
        SkipMessage(),
        StopConsume(),
        asyncio.CancelledError(),
        KeyError("x"),
        MemoryError(),
    ],
)
async def test_handler_exception_never_skips_batch(error: BaseException) -> None:
    async with world() as here:
        here.fail = [error]
        made = [await here.log.append(each) for each in history("case/a", 5)]
        await here.settled()
        assert here.seen.keys() == {("case/a", one.first) for one in made}
        more = await here.log.append(commit("case/b"))
        await here.settled()
        assert (more.stream, 1) in here.seen


async def test_unreadable_records_are_parked_without_blocking() -> None:
    async with world(1) as here:
        await here.log.append(commit("case/a"))
        await here.settled()
        strange: list[tuple[bytes | None, list[tuple[str, Any]]]] = [
            (b"\xff\xfe", []),
            (b"", [("ce_subject", b"\xff")]),
            (None, []),
            (b"{}", [("x", b"\xff\xfe"), ("y", None)]),
        ]
        for value, headers in strange:
            await here.send(value, headers)
        await here.log.append(commit("case/b"))
        await here.settled()
        assert {("case/a", 1), ("case/b", 1)} == here.seen.keys()
        marks = await here.views.parked("group")
        assert [(mark.stream, mark.reason, mark.bytes) for mark in marks] == [
            (f"record/{here.topic}/0/{offset}", "no_stream", b"") for offset in (1, 2, 3, 4)
        ]


async def test_record_without_headers_is_read_from_log() -> None:
    async with world(1) as here:
        made = await here.log.append(commit("case/a", events=2))
        await here.settled()
        here.seen.clear()
        await here.send(made.events[1])
        await here.settled()
        assert here.seen == {("case/a", 1): 1, ("case/a", 2): 1}


async def test_large_event_is_delivered() -> None:
    async with world() as here:
        await here.log.append(commit("case/a", mark="长" * 900_000))
        await here.settled()
        assert ("case/a", 1) in here.seen
