"""Receives the records of all inbound topics of one kind. A record is answered before its offset is committed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from shared.adapters.kafka.batches import InboundBatches
from shared.adapters.kafka.connection import Connection
from shared.adapters.kafka.consumer import DRAIN, KafkaConsumer
from shared.adapters.kafka.consumer_supervisor import ConsumerSupervisor
from shared.messaging.partner_topics import MessageHandler, TopicFigures

AT_ONCE = 100
"""Most records of one batch: each costs a decision and an answer."""


class KafkaInbound:
    """One consumer group on the topics `<prefix><kind>.<owner>`, including topics that are created later. It can start while no
    broker answers."""

    def __init__(
        self, connection: Connection, kind: str, group: str, answering: MessageHandler, *,
        instance: str, ended: Callable[[str], None], prefix: str = "", pause: float = 0.2, longest: float = 10.0,
    ) -> None:  # fmt: skip
        self.group = group
        self.kind = kind
        begins = f"{prefix}{kind}."
        opening = InboundBatches(group, begins, answering, most=AT_ONCE, pause=pause, longest=longest)
        self._subscription = KafkaConsumer(
            connection, begins, f"{prefix}svc-{group}", f"{group}-{instance}", opening, beginning=True
        )
        self._stopping = asyncio.Event()
        self._keeper = ConsumerSupervisor(
            self._subscription,
            instance=instance,
            ended=ended,
            stopping=self._stopping,
            pauses=(pause, longest),
        )
        self._task: asyncio.Task[Any] | None = None

    async def start(self) -> None:
        """Begin to connect, and return."""
        self._stopping.clear()
        self._task = asyncio.create_task(self._keeper.run(), name=self.group)

    async def stop(self) -> None:
        """Finish the current batch, then end. What was not answered is delivered again after the next start."""
        self._stopping.set()
        if self._task is not None:
            await asyncio.wait([self._task], timeout=DRAIN + 1)
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    @property
    def progress(self) -> float:
        """Monotonic seconds at which a batch was last answered."""
        return self._subscription.receiving.progress

    def figures(self) -> TopicFigures:
        one = self._subscription.receiving
        return TopicFigures(self.kind, self._subscription.behind(), one.records, one.failures)
