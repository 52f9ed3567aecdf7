"""Reads a whole topic, from its first record to the one that was the last when reading began, to recover a log from it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterable
from typing import NamedTuple

import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from shared.adapters.kafka.connection import Connection
from shared.adapters.kafka.consumer_lag import BrokerUnavailable, MissingTopic, unavailable
from shared.adapters.kafka.records import CommitPart, IncomingRecord, told
from shared.adapters.kafka.topics import Topics, admin_client
from shared.eventstore.commit import Commit

PATIENCE = 60.0
"""Seconds without a record, while there are more, after which the brokers count as unavailable."""
TOGETHER = 2000
"""Maximum number of records of one batch."""


class RecoveredCommit(NamedTuple):
    """The commits that one batch of records completed."""

    commits: list[Commit]
    records: int
    """Number of records read so far."""
    of: int
    """Number of records in all."""


class Pieces:
    """Assembles commits from the records of their events, however far apart those are."""

    def __init__(self) -> None:
        self.unusable = 0
        """Number of records that belong to no commit."""
        self._begun: dict[tuple[str, int, str], tuple[CommitPart, dict[int, bytes]]] = {}

    def add(self, records: Iterable[IncomingRecord]) -> list[Commit]:
        """The commits that these records complete."""
        whole: list[Commit] = []
        for record in records:
            part = told(record)
            if part is None or not record.value:
                self.unusable += 1
                continue
            place = (part.stream, part.first, part.hash)
            events = self._begun.setdefault(place, (part, {}))[1]
            events[part.version] = record.value
            if len(events) == part.last - part.first + 1:
                del self._begun[place]
                whole.append(_commit(part, tuple(events[version] for version in sorted(events))))
        return whole

    def missing(self) -> Iterable[CommitPart]:
        """Commits that are incomplete."""
        return (part for part, _events in self._begun.values())


def _commit(part: CommitPart, events: tuple[bytes, ...]) -> Commit:
    """The commit of these events. The request is not in the headers, only in the events."""
    try:
        request = orjson.loads(events[0]).get("request")
    except (AttributeError, ValueError):
        request = None
    return Commit(part.stream, part.first, part.cause, events, part.previous, part.hash, part.at, request)


async def reread(connection: Connection, topic: str, pieces: Pieces) -> AsyncIterator[RecoveredCommit]:
    """Read the whole topic, without a group, so that no committed offset changes. Raises BrokerUnavailable, MissingTopic,
    Refusal."""
    async with admin_client(connection) as admin:
        found = await Topics(admin).existing([topic])
    if topic not in found:
        raise MissingTopic(topic)
    consumer = AIOKafkaConsumer(**connection.client(), enable_auto_commit=False, auto_offset_reset="earliest")
    try:
        await consumer.start()
        wanted = [TopicPartition(topic, number) for number in range(found[topic].partitions)]
        begins = await consumer.beginning_offsets(wanted)
        ends = await consumer.end_offsets(wanted)
        left = [one for one in wanted if begins[one] < ends[one]]
        of = sum(ends[one] - begins[one] for one in left)
        records, heard = 0, time.monotonic()
        consumer.assign(left)
        for one in left:
            consumer.seek(one, begins[one])
        while left:
            batch = [
                record
                for part, own in (await consumer.getmany(*left, timeout_ms=500, max_records=TOGETHER)).items()
                for record in own
                if record.offset < ends[part]
            ]
            if batch:
                records, heard = records + len(batch), time.monotonic()
                yield RecoveredCommit(pieces.add(batch), records, of)
            elif time.monotonic() - heard > PATIENCE:
                raise BrokerUnavailable("no more records arrived")
            left = [one for one in left if await consumer.position(one) < ends[one]]
    except (KafkaError, OSError) as error:
        raise await unavailable(connection, error) from error
    finally:
        await consumer.stop()
