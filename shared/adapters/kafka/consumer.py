"""The only place that creates subscribers. FastStream loses records with nearly every other setting (docs/adr/0020)."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import structlog
from aiokafka import TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from aiokafka.errors import KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.kafka.subscriber.usecase import BatchSubscriber

from shared.adapters.kafka.batches import Batches, PartitionName
from shared.adapters.kafka.connection import LARGEST, Connection

LOGGER = structlog.get_logger("kafka")
LOOK_MS = 20
"""How long one fetch waits for records: short, since a person may be waiting."""
COLLECTED = 65_536
"""Bytes for which the broker does not wait any longer, if a group gathers."""
SESSION_MS = 15_000
"""How long a member that ended without leaving the group keeps its partitions; if it returns sooner, it continues with them."""
DRAIN = 6.0
"""Time limit in seconds for the current batch when the process stops."""
MINUTE = 60.0


class UnsafeSetting(Exception):
    """A subscriber could lose records. The process must not start with it."""


class KafkaConsumer(ConsumerRebalanceListener):  # type: ignore[misc]
    """The consumer of one group, with a FastStream broker of its own, so that groups fail independently. It is also the listener of
    its rebalances and the logger of its broker."""

    def __init__(
        self,
        connection: Connection,
        topic: str,
        group_id: str,
        instance: str,
        receiving: Batches,
        *,
        beginning: bool = False,
    ) -> None:
        """`beginning`: read all topics whose names begin with `topic`, also those that are created later."""
        self.group_id = group_id
        self.receiving = receiving
        self.assigned: frozenset[PartitionName] = frozenset()
        self.rebalances = 0
        self.fenced = 0
        """Number of times that the group has removed this process."""
        self.failed = asyncio.Event()
        """Set when the consumer cannot recover, or was removed twice within a minute."""
        self.out_twice = False
        self._out_at: float | None = None
        self._member = ""
        self.broker = KafkaBroker(
            **connection.broker(),
            consumer_only=True,
            allow_auto_create_topics=False,
            apply_types=False,
            graceful_timeout=DRAIN,
            logger=self,
        )
        self._subscriber = subscribe(
            self.broker,
            topic,
            beginning=beginning,
            group_id=group_id,
            instance=instance,
            most=receiving.most,
            gather=receiving.gather,
            listener=self,
        )
        self._subscriber(self._receive)
        at_least_once(self.broker)

    async def start(self) -> None:
        """Connect and join the group. Raises KafkaError or OSError when no broker answers."""
        self.failed.clear()
        self._member = ""
        self.receiving.begin()
        await self.broker.start()

    async def stop(self) -> None:
        """Finish the current batch, commit it, end."""
        self.receiving.end()
        await self.broker.stop()
        self.assigned = frozenset()

    def behind(self) -> int:
        """Number of records of its partitions that it has not handled, as far as its consumer knows."""
        consumer = self._subscriber.consumer
        if consumer is None:
            return 0
        behind = 0
        for partition in self.assigned:
            end = consumer.highwater(TopicPartition(*partition))
            begun = self.receiving.handled.get(partition)
            if end is not None and begun is not None:
                behind += max(0, end - begun)
        return behind

    async def _receive(self, records: Sequence[Any]) -> None:
        await self.receiving(records)

    def log(self, _level: int, _message: Any, /, *_: Any, exc_info: Any = None, extra: Any = None) -> None:
        """The logger of FastStream. Our lines name the type of an error, never its text."""
        if exc_info is None:
            return
        # aiokafka retries after oversized records and while no broker answers. If its coordinator has failed, every read raises
        # that error for ever.
        if type(exc_info) is KafkaError and "coordination" in str(exc_info) and not self.failed.is_set():
            self._out()
            self.failed.set()
        LOGGER.debug("kafka_client", error=type(exc_info).__name__)

    async def on_partitions_revoked(self, revoked: Any) -> None:
        self.assigned = frozenset()

    async def on_partitions_assigned(self, assigned: Any) -> None:
        self.assigned = frozenset(PartitionName(each.topic, each.partition) for each in assigned)
        self.receiving.handled = {}
        self.receiving.progress = time.monotonic()
        self.rebalances += 1
        LOGGER.info("partitions_assigned", group=self.receiving.group, count=len(self.assigned))
        member = str(getattr(getattr(self._subscriber.consumer, "_coordinator", None), "member_id", ""))
        if self._member and member != self._member:  # the broker had given its place to another process
            self._out()
        self._member = member

    def _out(self) -> None:
        now = time.monotonic()
        self.fenced += 1
        LOGGER.error("thrown_out", group=self.receiving.group)
        if self._out_at is not None and now - self._out_at < MINUTE:
            self.out_twice = True
            self.failed.set()
        self._out_at = now


def subscribe(
    broker: KafkaBroker, topic: str, *,
    group_id: str, instance: str, most: int, listener: ConsumerRebalanceListener, gather: float = 0.0, beginning: bool = False,
) -> BatchSubscriber:  # fmt: skip
    """A subscriber that loses nothing: at least once, in batches, from the beginning, as a static member of the group.

    `gather`: seconds for which the broker may collect records before it answers a fetch; 0: each record is answered at once."""
    made = broker.subscriber(
        *(() if beginning else (topic,)),
        pattern=f"^{re.escape(topic)}." if beginning else None,
        batch=True,
        max_records=most,
        batch_timeout_ms=LOOK_MS,
        group_id=group_id,
        group_instance_id=instance,
        auto_offset_reset="earliest",
        ack_policy=AckPolicy.NACK_ON_ERROR,
        session_timeout_ms=SESSION_MS,
        heartbeat_interval_ms=3000,
        max_poll_interval_ms=300_000,
        max_partition_fetch_bytes=LARGEST,
        fetch_min_bytes=COLLECTED if gather else 1,
        fetch_max_wait_ms=int(gather * 1000) if gather else 500,
        # A class of its own, because the assignor keeps its state in the class.
        partition_assignment_strategy=[type("Sticky", (StickyPartitionAssignor,), {})],
        listener=listener,
        no_reply=True,
        parser=_parse,
        decoder=_decode,
    )
    assert isinstance(made, BatchSubscriber)
    return made


def at_least_once(broker: KafkaBroker) -> None:
    """Raises UnsafeSetting unless every subscriber of `broker` has the settings of subscribe()."""
    for one in broker.subscribers:
        given = getattr(one, "_connection_args", {})
        wrong = [
            what
            for what, right in (
                ("ack_policy", one.ack_policy is AckPolicy.NACK_ON_ERROR),
                ("batch", isinstance(one, BatchSubscriber)),
                ("group_id", bool(getattr(one, "group_id", None))),
                ("group_instance_id", bool(given.get("group_instance_id"))),
                ("one topic", len(getattr(one, "topics", ())) + bool(getattr(one, "pattern", None)) == 1),
                ("auto_offset_reset", given.get("auto_offset_reset") == "earliest"),
                ("enable_auto_commit", given.get("enable_auto_commit") is False),
                ("session_timeout_ms", given.get("session_timeout_ms") == SESSION_MS),
                ("parser", one._call_options.parser is _parse and one._call_options.decoder is _decode),
            )
            if not right
        ]
        if wrong:
            raise UnsafeSetting(f"a subscriber can lose records ({', '.join(wrong)}); create it with subscribe()")


async def _parse(records: Any, original: Any) -> Any:
    """FastStream's own parser raises for a header that is not text, and then neither commits nor rewinds: the record would be
    lost with the next commit. Therefore it gets no headers and no values, and we read the records ourselves."""
    bare = tuple(replace(record, headers=(), value=None) for record in records)
    message = await original(bare)
    message.raw_message = records
    return message


async def _decode(message: Any) -> Any:
    return message.raw_message
