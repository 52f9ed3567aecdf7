"""The one place that makes subscribers. FastStream loses records with nearly every other setting (docs/adr/0020)."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Sequence
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
"""How long a consumer waits for records at once, and again where there are none: small, since a person may be waiting."""
SESSION_MS = 15_000
"""A member that ended without a word keeps its partitions so long; one that comes back sooner goes on with them."""
DRAIN = 6.0
"""Seconds that a batch in hand has to end when the process stops."""
MINUTE = 60.0


class UnsafeSetting(Exception):
    """A subscriber could lose records. The process must not start with it."""


class KafkaConsumer:
    """One group's consumer, and its broker of FastStream: each group lives and fails by itself."""

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
        """`beginning`: every topic whose name begins so, those too that are made later."""
        self.group_id = group_id
        self.receiving = receiving
        self.assigned: frozenset[PartitionName] = frozenset()
        self.rebalances = 0
        self.fenced = 0
        """Times that the group threw this process out."""
        self.failed = asyncio.Event()
        """The consumer does not come back by itself, or was thrown out twice within a minute."""
        self.out_twice = False
        self._out_at: float | None = None
        self._member = ""
        self.broker = KafkaBroker(
            **connection.broker(),
            consumer_only=True,
            allow_auto_create_topics=False,
            apply_types=False,
            graceful_timeout=DRAIN,
            logger=_Errors(self._client_failed),
        )
        self._subscriber = subscribe(
            self.broker,
            topic,
            beginning=beginning,
            group_id=group_id,
            instance=instance,
            most=receiving.most,
            listener=_Listener(self),
        )
        self._subscriber(receiving_handler(receiving))
        at_least_once(self.broker)

    async def start(self) -> None:
        """Connect and join the group. Raises KafkaError or OSError when no broker answers."""
        self.failed.clear()
        self._member = ""
        self.receiving.begin()
        await self.broker.start()

    async def stop(self) -> None:
        """Finish the batch in hand, commit it, end."""
        self.receiving.end()
        await self.broker.stop()
        self.assigned = frozenset()

    def behind(self) -> int:
        """Records of its partitions that it has not handled, as far as its consumer has heard of them."""
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

    def _client_failed(self, error: BaseException | None) -> None:
        # Records that are too large, and a broker that is away, are met by trying again. What is left is a coordinator that
        # gave up: aiokafka raises it from every read, for ever.
        if type(error) is KafkaError and "coordination" in str(error) and not self.failed.is_set():
            self._out()
            self.failed.set()

    def dealt(self, partitions: frozenset[PartitionName]) -> None:
        """The group has dealt its partitions out again."""
        self.assigned = partitions
        self.receiving.handled = {}
        self.receiving.progress = time.monotonic()
        self.rebalances += 1
        LOGGER.info("partitions_assigned", group=self.receiving.group, count=len(partitions))
        member = str(getattr(getattr(self._subscriber.consumer, "_coordinator", None), "member_id", ""))
        if self._member and member != self._member:  # the broker had given its place to another
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
    group_id: str, instance: str, most: int, listener: ConsumerRebalanceListener, beginning: bool = False,
) -> BatchSubscriber:  # fmt: skip
    """A subscriber that loses nothing: at least once, in batches, from the beginning, with a place of its own in the group."""
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
        partition_assignment_strategy=[
            type("Sticky", (StickyPartitionAssignor,), {})
        ],  # it keeps its memory in the class
        listener=listener,
        no_reply=True,
        parser=_parse,
        decoder=_decode,
    )
    assert isinstance(made, BatchSubscriber)
    return made


def receiving_handler(receiving: Batches) -> Callable[[Sequence[Any]], Awaitable[None]]:
    """FastStream needs a plain function."""

    async def handle(records: Sequence[Any]) -> None:
        await receiving(records)

    return handle


def at_least_once(broker: KafkaBroker) -> None:
    """Raises Unsafe unless every subscriber of `broker` was made as subscribe() makes them."""
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
            raise UnsafeSetting(f"a subscriber can lose records ({', '.join(wrong)}); make it with subscribe()")


async def _parse(records: Any, original: Any) -> Any:
    """FastStream's own parser raises for a header that is no text, and then neither commits nor rewinds: the record would be
    lost with the next commit. So it is shown no headers and no values; we read the records ourselves."""
    bare = tuple(replace(record, headers=(), value=None) for record in records)
    message = await original(bare)
    message.raw_message = records
    return message


async def _decode(message: Any) -> Any:
    return message.raw_message


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    """Keeps count of what is assigned."""

    def __init__(self, subscription: KafkaConsumer) -> None:
        self._subscription = subscription

    async def on_partitions_revoked(self, revoked: Any) -> None:
        self._subscription.assigned = frozenset()

    async def on_partitions_assigned(self, assigned: Any) -> None:
        self._subscription.dealt(frozenset(PartitionName(each.topic, each.partition) for each in assigned))


class _Errors:
    """Where FastStream logs to: our lines have a type and no text, and who runs the consumer hears of its errors."""

    def __init__(self, heard: Callable[[BaseException | None], None]) -> None:
        self._heard = heard

    def log(self, level: int, message: Any, /, *_: Any, exc_info: Any = None, extra: Any = None) -> None:
        if exc_info is None:
            return
        self._heard(exc_info)
        LOGGER.debug("kafka_client", error=type(exc_info).__name__)
