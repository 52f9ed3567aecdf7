"""The metrics of the feed on a real broker."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest

from shared.adapters.kafka.connection import Connection
from shared.adapters.kafka.subscription import KafkaSubscriptions, parking
from shared.adapters.memory import MemoryEventStore, MemoryReadModels
from shared.adapters.system_clock import SystemClock
from shared.eventstore.commit import Commit
from tests.support import topics
from tests.support.commits import history
from tests.support.servers.kafka import bootstrap

pytestmark = pytest.mark.needs_kafka


async def until(true: Callable[[], object]) -> None:
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end
        await asyncio.sleep(0.02)


async def test_published_received_duplicate_and_failed_records_are_counted() -> None:
    log, clock = MemoryEventStore(outbox=True), SystemClock()
    fail: list[Exception] = []

    async def handle(commits: Sequence[Commit]) -> None:
        assert commits
        if fail:
            raise fail.pop()

    async with topics.topic(4) as name:
        feed = KafkaSubscriptions(
            log, Connection(bootstrap()), name, clock=clock, instance="one", park=parking(MemoryReadModels(), clock),
            ended=pytest.fail, prefix=f"{name}-", pause=0.01, longest=0.02, sweep=0.1, age=timedelta(days=9999),
        )  # fmt: skip
        feed.subscribe("group", handle)
        await feed.start()
        try:
            made = [await log.append(one) for one in history("case/a", 5)]
            await until(lambda: feed.figures()["group"].records == 5)
            first = feed.figures()["group"]
            assert (first.topic, first.partitions, first.skipped, first.failures, first.fenced) == (name, 4, 0, 0, 0)
            assert first.rebalances >= 1
            await until(lambda: feed.sending() == (5, 0, 0) and not feed.publisher.waiting)
            feed.publisher.add(made[:3])
            await until(lambda: feed.figures()["group"].records == 8)
            assert feed.figures()["group"].skipped == 3
            fail.append(OSError())
            await log.append(history("case/b", 1)[0])
            await until(lambda: feed.figures()["group"].records == 9)
            last = feed.figures()["group"]
            assert (last.failures, last.skipped) == (1, 3), "what comes again after a failure was not handled before"
        finally:
            await feed.stop()
