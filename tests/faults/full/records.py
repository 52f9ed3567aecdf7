"""Unauthorised records in the topic of events: repeated, reordered, and invalid ones."""

from __future__ import annotations

import asyncio
import random
import time
from base64 import b64encode
from collections.abc import Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import ConsumerRecord, TopicPartition

from deploy.kafka.topics import EVENTS
from tests.faults.full.deployment import Deployment

NOBODY = "case/none"
"""A case that does not exist, which one kind of garbage names: it is parked under this name, any other as `record/…`."""
PATIENCE = 60.0
"""Seconds more that a busy machine has until the first record is read."""
GARBAGE = (
    b"",
    b"\x00\xff\xfe garbage",
    b"{",
    b"[" * 10_000,
    b'{"type": "CaseRegistered", "type": "CaseClosed"}',
    b'{"type": "CaseRegistered", "version": NaN}',
    b'{"type": "CaseRegistered", "version": 9223372036854775808}',
    b'{"text": "\\ud800"}',
    f'{{"type": "NobodyKnowsThis", "stream": "{NOBODY}", "version": 1}}'.encode(),
    b"x" * 500_000,
)


async def repeat(deployment: Deployment, seconds: float, rng: random.Random, *, shuffle: bool) -> int:
    """For this time: read the topic from its beginning and send the records again; returns their number."""
    topic = deployment.prefix + EVENTS
    reader = _reader(deployment)
    writer = AIOKafkaProducer(bootstrap_servers=deployment.kafka.bootstrap, acks="all")
    ours: set[tuple[int, int]] = set()
    count = 0
    await reader.start()
    await writer.start()
    try:
        reader.assign(await _partitions(reader, topic))
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 or (not ours and left > -PATIENCE):
            batches = await reader.getmany(timeout_ms=500, max_records=300)
            found = [one for batch in batches.values() for one in batch if (one.partition, one.offset) not in ours]
            again = [one for one in found for _ in range(1 if shuffle else rng.randint(1, 4))]
            if shuffle:
                rng.shuffle(again)
            sent = [
                await writer.send(
                    topic, key=one.key, value=one.value, headers=list(one.headers), partition=one.partition
                )
                for one in again
            ]
            for put in await asyncio.gather(*sent):  # before the next are read, for these are among them
                ours.add((put.partition, put.offset))
                count += 1
        assert ours, "no record was there to be put again"
    finally:
        await reader.stop()
        await writer.stop()
    return count


async def garbage(deployment: Deployment, seconds: float, rng: random.Random) -> int:
    """Ten records of garbage a second; returns how many were put."""
    topic = deployment.prefix + EVENTS
    writer = AIOKafkaProducer(bootstrap_servers=deployment.kafka.bootstrap, acks="all")
    count = 0
    await writer.start()
    try:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            headers = rng.choice(([], [("ce_id", b"x")], [("content-type", b"text/html")]))
            await writer.send_and_wait(topic, key=rng.randbytes(8), value=rng.choice(GARBAGE), headers=headers)
            count += 1
            await asyncio.sleep(0.1)
    finally:
        await writer.stop()
    return count


async def dumped(deployment: Deployment) -> list[dict[str, Any]]:
    """All records of the topic of events, in the form that the checker reads."""
    topic = deployment.prefix + EVENTS
    reader = _reader(deployment)
    await reader.start()
    try:
        parts = await _partitions(reader, topic)
        ends = await reader.end_offsets(parts)
        reader.assign(parts)
        found: list[ConsumerRecord] = []
        while any([await reader.position(part) < ends[part] for part in parts]):
            for part, batch in (await reader.getmany(timeout_ms=1000, max_records=2000)).items():
                found += (one for one in batch if one.offset < ends[part])  # more may arrive, since the clock runs
        assert len(found) == sum(ends.values()), f"{len(found)} of {sum(ends.values())} records were read"
        return [_told(one) for one in found]
    finally:
        await reader.stop()


def doubled(records: Sequence[dict[str, Any]]) -> int:
    """How many of them came before under the same id."""
    return len(records) - len({one["headers"].get("ce_id", one["value"]) for one in records})


def _told(one: ConsumerRecord) -> dict[str, Any]:
    headers = {name: value.decode(errors="replace") for name, value in one.headers}
    return {
        "topic": EVENTS,
        "key": (one.key or b"").decode(errors="replace"),
        "headers": headers,
        "value": b64encode(one.value or b"").decode(),
    }


def _reader(deployment: Deployment) -> AIOKafkaConsumer:
    """A reader of no group, which begins at the first record."""
    return AIOKafkaConsumer(
        bootstrap_servers=deployment.kafka.bootstrap, enable_auto_commit=False, auto_offset_reset="earliest"
    )


async def _partitions(reader: AIOKafkaConsumer, topic: str) -> list[TopicPartition]:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        await reader._client.force_metadata_update()
        reader._client.set_topics([topic])
        found = reader.partitions_for_topic(topic)
        if found:
            return [TopicPartition(topic, number) for number in sorted(found)]
        await asyncio.sleep(0.5)
    raise AssertionError(f"{topic} is not there")
