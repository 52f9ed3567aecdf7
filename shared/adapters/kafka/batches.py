"""Handles a batch of records between the topic and a consumer. No record is ever skipped:

- a record that cannot be read is read from the log, or parked by its position in the topic, and delays no other record;
- the only exception that leaves `Batches` is Redeliver, after which FastStream delivers the batch again.
"""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import structlog

from shared.adapters.kafka.duplicates import DuplicateFilter
from shared.adapters.kafka.records import Gap, IncomingRecord, sort
from shared.adapters.timed_wait import set_within
from shared.eventstore.commit import Commit
from shared.eventstore.errors import Damaged
from shared.eventstore.event_store import EventStore
from shared.eventstore.subscription import Handler
from shared.kernel.failpoints import failpoint
from shared.messaging.member import Member
from shared.messaging.partner_topics import InboundMessage, MessageHandler

LOGGER = structlog.get_logger("kafka")


class TopicPosition(NamedTuple):
    """The position of a record."""

    topic: str
    partition: int
    offset: int


class PartitionName(NamedTuple):
    """A partition of a topic."""

    topic: str
    partition: int


Park = Callable[[str, TopicPosition], Awaitable[None]]
"""(group, position): marks a record that names no stream. Raises only faults of the infrastructure."""


class Redeliver(Exception):
    """The batch was not handled and has to be delivered again."""


class Batches(ABC):
    """Passes the records of one group to their handler.

    `gather`: seconds between two batches that are not full. `pause` and `longest`: the shortest and the longest pause after a
    failure."""

    def __init__(
        self, group: str, *, most: int = 500, gather: float = 0.0, pause: float = 0.2, longest: float = 10.0
    ) -> None:
        self.group = group
        self.most = most
        self.handled: dict[PartitionName, int] = {}
        """Partition -> offset after the last record that was handled."""
        self.progress = time.monotonic()
        self.records = 0
        self.failures = 0
        self.repeats = DuplicateFilter()
        self.gather = gather
        self._first_pause = self._pause = pause
        self._longest = longest
        self._stopping = asyncio.Event()

    def begin(self) -> None:
        """Called before the group starts or restarts."""
        self._stopping.clear()
        self._pause = self._first_pause
        self.handled.clear()
        self.progress = time.monotonic()

    def end(self) -> None:
        """End pauses early, because the process stops."""
        self._stopping.set()

    async def __call__(self, records: Sequence[IncomingRecord]) -> None:
        """Handle one batch. Raises only Redeliver, after a pause that grows with each failure."""
        began = time.monotonic()
        try:
            await self.handle(records)
            failpoint("feed.handled")
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise  # the process stops
            # The handler awaited something that was cancelled. FastStream would neither commit nor rewind, and the next batch
            # would be committed together with this one.
            await self._failed(error)
        except Exception as error:
            await self._failed(error)
        self._pause = self._first_pause
        self.progress = time.monotonic()
        self.records += len(records)
        for record in records:
            partition = PartitionName(record.topic, record.partition)
            self.handled[partition] = max(record.offset + 1, self.handled.get(partition, 0))
        if len(records) < self.most and (early := began + self.gather - self.progress) > 0:
            await set_within(self._stopping, early)

    @abstractmethod
    async def handle(self, records: Sequence[IncomingRecord]) -> None:
        """Handle a batch. After any exception it is delivered again."""

    async def _failed(self, error: BaseException) -> None:
        self.failures += 1
        LOGGER.warning("feed_again", group=self.group, error=type(error).__name__)
        await set_within(self._stopping, self._pause)
        self._pause = min(self._pause * 2, self._longest)
        raise Redeliver(self.group) from error


class CommitBatches(Batches):
    """Assembles commits from records and passes them to a consumer."""

    def __init__(self, group: str, log: EventStore, handler: Handler, park: Park, **more: Any) -> None:
        super().__init__(group, **more)
        self._log = log
        self._handler = handler
        self._park = park

    async def handle(self, records: Sequence[IncomingRecord]) -> None:
        found = sort(records)
        commits = [*found.commits, *[await self._from_log(gap) for gap in found.gaps]]
        for record in found.unusable:
            LOGGER.error("record_parked", group=self.group, position=record.offset, reason="no_stream")
            await self._park(self.group, TopicPosition(record.topic, record.partition, record.offset))
        if commits:
            await self._handler(commits)
            self.repeats.handled(sorted(commits, key=lambda one: one.first))

    async def _from_log(self, gap: Gap) -> Commit:
        """The commit that holds this version. If the log has none or cannot be read, the record as it came: its case is parked."""
        try:
            held = await self._log.load(gap.stream, after=gap.version - 1, limit=1)
        except (Damaged, ValueError):
            return gap.as_it_came()
        return held[0] if held else gap.as_it_came()


class InboundBatches(Batches):
    """Passes the records of organisations or platforms to the handler that answers them."""

    def __init__(self, group: str, kind: str, answering: MessageHandler, **more: Any) -> None:
        """`kind`: the topics, with the prefix of the deployment; the rest of a name is the owner."""
        super().__init__(group, **more)
        self._kind = kind
        self._answering = answering

    async def handle(self, records: Sequence[IncomingRecord]) -> None:
        await self._answering(
            [
                InboundMessage(
                    Member.of_topic(self._kind, record.topic),
                    record.partition,
                    record.offset,
                    datetime.fromtimestamp(max(0, record.timestamp) / 1000, UTC),
                    record.value,
                )
                for record in records
            ]
        )
