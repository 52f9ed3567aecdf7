"""From append to consumer, in one process: log, publisher, topic, feed. Compared with bare produce and consume."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import timedelta
from statistics import median

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from bench.figures import Figure, at_least, beside, quotient
from bench.full.commits import AT_ONCE, cases_of
from bench.full.servers import Servers, database
from shared.adapters.kafka.batches import TopicPosition
from shared.adapters.kafka.records import to_records
from shared.adapters.kafka.subscription import KafkaSubscriptions
from shared.adapters.mongo.client import Mongo
from shared.adapters.mongo.event_store import MongoEventStore
from shared.adapters.system_clock import SystemClock
from shared.eventstore.commit import Commit

NAME = "carrying"
AIM = 0.1


def measure(servers: Servers, *, quick: bool) -> list[Figure]:
    cases = cases_of(30 if quick else 1200)
    number = sum(len(commit.events) for case in cases for commit in case)
    works = {
        "ours": lambda: asyncio.run(_ours(servers, servers.topic(), cases, number)),
        "bare": lambda: asyncio.run(_bare(servers, servers.topic(), cases, number)),
    }
    taken = beside(works, 1 if quick else 3)
    here, there = (number / median(taken[name]) for name in ("ours", "bare"))
    ratio = quotient(taken["bare"], taken["ours"])
    note = f"{number} events: append, publish, mark, consume, decode, commit the offset"
    return [Figure(NAME, here, "events/s", "bare produce + consume", there, ratio, *at_least(ratio, AIM), note)]


async def _ours(servers: Servers, topic: str, cases: Sequence[Sequence[Commit]], number: int) -> float:
    log = await MongoEventStore.open(Mongo(servers.mongo.url, "motor"), database(), outbox=True)
    came: set[tuple[str, int]] = set()
    whole = asyncio.Event()

    async def handle(commits: Sequence[Commit]) -> None:
        came.update((commit.stream, event.version) for commit in commits for event in commit.recorded)
        if len(came) == number:
            whole.set()

    feed = KafkaSubscriptions(
        log,
        servers.connection,
        topic,
        clock=SystemClock(),
        instance="bench",
        park=_unexpected,
        ended=lambda _why: None,
        age=timedelta(seconds=30),
        prefix=f"{topic}-",
    )
    feed.subscribe("bench", handle)
    await feed.start()
    try:
        while (await feed.lag())["bench"] or not feed.figures()["bench"].partitions:
            await asyncio.sleep(0.05)
        waiting = list(cases)

        async def caller() -> None:
            while waiting:
                for commit in waiting.pop():
                    await log.append(commit)

        start = time.perf_counter()
        await asyncio.gather(*(caller() for _ in range(AT_ONCE)))
        await whole.wait()
        return time.perf_counter() - start
    finally:
        await feed.stop()
        await log.close()


async def _unexpected(group: str, place: TopicPosition) -> None:
    raise AssertionError(f"{group} cannot read the record at {place}")


async def _bare(servers: Servers, topic: str, cases: Sequence[Sequence[Commit]], number: int) -> float:
    records = [record for case in cases for commit in case for record in to_records(commit)]
    producer = AIOKafkaProducer(
        bootstrap_servers=servers.kafka.bootstrap,
        acks="all",
        enable_idempotence=True,
        linger_ms=5,
        max_batch_size=128 * 1024,
    )
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=servers.kafka.bootstrap,
        group_id=f"{topic}-bare",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    await producer.start()
    await consumer.start()
    try:
        while not consumer.assignment():
            await asyncio.sleep(0.05)

        async def consume() -> None:
            found = 0
            while found < number:
                batches = await consumer.getmany(max_records=2000, timeout_ms=100)
                found += sum(map(len, batches.values()))
                if batches:
                    await consumer.commit()

        start = time.perf_counter()
        consuming = asyncio.create_task(consume())
        sent = [await producer.send(topic, key=one.key, value=one.value, headers=one.headers) for one in records]
        await asyncio.gather(*sent)
        await consuming
        return time.perf_counter() - start
    finally:
        await consumer.stop()
        await producer.stop()
