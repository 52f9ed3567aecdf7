"""Topics of organisations and platforms: streams of the log that are repeated in topics, and records that are received.

An organisation that works through Kafka has a topic that repeats its stream of the log (`inbox/cn-demo/zj` ->
`assignments.cn-demo.zj`) and one into which it writes (`actions.cn-demo.zj`). The stream is authoritative: the topic repeats it,
under the same ids and in its order.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from shared.eventstore.recorded_event import RecordedEvent
from shared.messaging.member import Member


class InboundMessage(NamedTuple):
    """One record that an organisation or a platform wrote into its own topic."""

    owner: Member
    """Whose topic it is. Nothing else identifies the sender."""
    partition: int
    offset: int
    sent_at: datetime
    """By the sender's clock."""
    value: bytes | None

    @property
    def place(self) -> str:
        return f"{self.partition}:{self.offset}"


MessageHandler = Callable[[Sequence[InboundMessage]], Awaitable[None]]
"""Handles one batch: returning means that each record has its answer in the log. It never raises because of the content of a
record; it raises only faults of the infrastructure, and then the batch is delivered again."""


class OutboundMessage(NamedTuple):
    """One entry of a stream as its reader receives it."""

    seq: int
    """Version in the stream: the reader's cursor, the same by pull and by topic."""
    key: str
    """Entries about one case have the same key. It holds no personal data."""
    kind: str
    value: bytes
    """JSON, the same as over HTTP."""
    at: datetime


@dataclass(frozen=True)
class OutboundTopic:
    """Streams that are repeated in topics: those of each member in its topic."""

    stream: str
    """Prefix of the streams, for example `inbox/`."""
    topic: str
    """Kind of topic, for example `assignments`."""
    members: Callable[[], Awaitable[Collection[Member]]]
    """Returns the members whose streams are repeated, by the policy in force."""
    lines: Callable[[Member, Sequence[RecordedEvent]], Awaitable[Sequence[OutboundMessage]]]
    """(member, events) -> their lines, in order. An event that its reader must not see is left out."""


@dataclass(frozen=True)
class PartnerTopics:
    """The topics through which a service talks to organisations or platforms."""

    kind: str
    """Kind of the topics that are read, for example `actions`."""
    group: str
    """Consumer group that reads them."""
    route: OutboundTopic
    answering: Callable[[], MessageHandler]
    """Makes the handler of what is read."""


class TopicFigures(NamedTuple):
    """Counters of the records of one kind, for operations."""

    kind: str
    waiting: int
    """Records that are not answered yet, as far as this process knows."""
    answered: int
    failures: int
    """Batches that were delivered again."""


class InboundTopics(Protocol):
    """Receives the records of one kind."""

    group: str

    @property
    def progress(self) -> float:
        """Monotonic seconds at which a batch was last answered."""
        ...

    def figures(self) -> TopicFigures: ...

    async def start(self) -> None:
        """Begin to connect, and return."""
        ...

    async def stop(self) -> None:
        """Finish the current batch, then end. What was not answered is delivered again after the next start."""
        ...


class Relay(Protocol):
    """Repeats streams in topics."""

    sent: int
    """Entries that the brokers have acknowledged."""
    missing: frozenset[str]
    """Topics that the policy requires and that do not exist, or that this process may not write."""
    behind: int
    """Streams whose topics lag behind."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def again(self, stream: str, after: int) -> None:
        """Send everything after that version to the topic again, in the background."""
        ...
