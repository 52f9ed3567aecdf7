"""A consumer group that begins with a million events on the topic: one process, then two."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from aiokafka import AIOKafkaProducer
from motor.motor_asyncio import AsyncIOMotorClient

from bench.bulk import copies
from bench.cases import by_case, folder, lifecycles
from bench.figures import Figure
from bench.full.county import County, county
from bench.full.servers import Servers
from deploy.kafka.topics import EVENTS
from shared.adapters.kafka.records import to_records
from shared.adapters.mongo.commit_documents import to_document
from shared.eventstore.commit import Commit

NAME = "catching up"
SERVICE = "supervision"
"""The group that has most to do for an event: two views, the deadlines of each case."""
EVENTS_WANTED = 1_000_000
TOGETHER = 2000


def measure(servers: Servers, *, quick: bool) -> list[Figure]:
    pattern = by_case(lifecycles(30))[0]
    size = sum(len(commit.events) for commit in pattern)
    number = (2_000 if quick else EVENTS_WANTED) // size
    taken = []
    for processes in (1, 2):
        with folder() as path, county(servers, path, (SERVICE,)) as made:
            made.stop()
            asyncio.run(_fill(servers, made, copies(pattern, number)))
            taken.append(asyncio.run(_catch_up(made, processes)))
    one, two = (number * size / seconds for seconds in taken)
    note = f"{number * size} events of {number} cases, group {SERVICE}: {taken[0]:.0f} s in one process, {taken[1]:.0f} s in two"
    return [Figure(NAME, two, "events/s", "in one process", one, two / one, "", None, note)]


async def _fill(servers: Servers, made: County, commits: Iterator[Commit]) -> None:
    """Into log and topic, as if they had been appended and published."""
    client: Any = AsyncIOMotorClient(servers.mongo.url)
    log = client[f"{made.place['HUIYIN_MONGODB_NAME']}_log"]["commits"]
    topic = made.place["HUIYIN_KAFKA_PREFIX"] + EVENTS
    producer = AIOKafkaProducer(
        bootstrap_servers=servers.kafka.bootstrap, acks="all", linger_ms=5, max_batch_size=262_144
    )
    await producer.start()
    try:
        while batch := list(islice(commits, TOGETHER)):
            await log.insert_many([to_document(commit) for commit in batch], ordered=False)
            await _publish(producer, topic, batch)
    finally:
        await producer.stop()
        client.close()


async def _publish(producer: AIOKafkaProducer, topic: str, batch: Sequence[Commit]) -> None:
    sent = [
        await producer.send(topic, key=one.key, value=one.value, headers=one.headers)
        for commit in batch
        for one in to_records(commit)
    ]
    await asyncio.gather(*sent)


async def _catch_up(made: County, processes: int) -> float:
    names = [SERVICE, f"{SERVICE}-2"][
        :processes
    ]  # the first is the one that was there: its place in the group is its own
    start = time.perf_counter()
    for name in names:
        made.start(SERVICE, name=name)
    await made.settled(names)
    return time.perf_counter() - start
