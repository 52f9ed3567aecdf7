"""Receives the records of all inbound topics of one kind. A record is answered before its offset is committed."""

from __future__ import annotations

from collections.abc import Callable

from shared.adapters.kafka.batches import InboundBatches
from shared.adapters.kafka.connection import Connection
from shared.adapters.kafka.consumer import KafkaConsumer
from shared.adapters.kafka.consumer_supervisor import ConsumerSupervisor
from shared.messaging.partner_topics import MessageHandler, TopicFigures

AT_ONCE = 100
"""Maximum number of records of a batch: each costs a decision and an answer."""


class KafkaInbound(ConsumerSupervisor):
    """One consumer group on the topics `<prefix><kind>.<jurisdiction>.<owner>`, including topics that are created
    later. It can start while no broker answers."""

    def __init__(
        self, connection: Connection, kind: str, group: str, answering: MessageHandler, *,
        instance: str, ended: Callable[[str], None], prefix: str = "", pause: float = 0.2, longest: float = 10.0,
    ) -> None:  # fmt: skip
        self.kind = kind
        begins = f"{prefix}{kind}."
        batches = InboundBatches(group, f"{prefix}{kind}", answering, most=AT_ONCE, pause=pause, longest=longest)
        consumer = KafkaConsumer(
            connection, begins, f"{prefix}svc-{group}", f"{group}-{instance}", batches, beginning=True
        )
        super().__init__(consumer, instance=instance, ended=ended, pauses=(pause, longest))

    @property
    def progress(self) -> float:
        """Monotonic seconds at which a batch was last answered."""
        return self.consumer.receiving.progress

    def figures(self) -> TopicFigures:
        batches = self.consumer.receiving
        return TopicFigures(self.kind, self.consumer.behind(), batches.records, batches.failures)
