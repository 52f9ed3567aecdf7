"""The whole of a topic, from its first record to the one that was the last when reading began: a log can be made of it again."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterable
from typing import NamedTuple

import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from shared.adapters.kafka.connection import Connection
from shared.adapters.kafka.consumer_lag import BrokerUnavailable, MissingTopic
from shared.adapters.kafka.records import CommitPart, IncomingRecord, told
from shared.adapters.kafka.topics import asking
from shared.eventstore.commit import Commit

PATIENCE = 60.0
"""Seconds without a record, while there are more, after which the brokers count as away."""
TOGETHER = 2000
"""Records of one turn."""


class RecoveredCommit(NamedTuple):
    """What one turn brought."""

    commits: list[Commit]
    records: int
    """Read so far."""
    of: int
    """How many there are."""


class Pieces:
    """Puts commits together from the records of their events, however far apart those lie."""

    def __init__(self) -> None:
        self.unusable = 0
        """Records that belong to no commit."""
        self._begun: dict[tuple[str, int, str], tuple[CommitPart, dict[int, bytes]]] = {}

    def add(self, records: Iterable[IncomingRecord]) -> list[Commit]:
        """The commits that are whole with these."""
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
        """Commits of which only a part came."""
        return (part for part, _events in self._begun.values())


def _commit(part: CommitPart, events: tuple[bytes, ...]) -> Commit:
    """No header says whose request it was; the events do."""
    try:
        request = orjson.loads(events[0]).get("request")
    except (AttributeError, ValueError):
        request = None
    return Commit(part.stream, part.first, part.cause, events, part.previous, part.hash, part.at, request)


async def reread(connection: Connection, topic: str, pieces: Pieces) -> AsyncIterator[RecoveredCommit]:
    """Read all of it, in no group: nobody's place in the topic moves. Raises Away, MissingTopic, Refusal."""
    async with asking(connection) as brokers:
        found = await brokers.existing([topic])
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
                raise BrokerUnavailable("no record came any more")
            left = [one for one in left if await consumer.position(one) < ends[one]]
    except (KafkaError, OSError) as error:
        raise BrokerUnavailable(type(error).__name__) from error
    finally:
        await consumer.stop()
