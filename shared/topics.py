"""What goes through topics of organisations and platforms: streams of the log that are carried out, letters that come in.

An organisation that works through Kafka has a topic with what its stream of the log says (`outbox/zj` -> `assignments.zj`) and
one into which it writes (`actions.zj`). The stream is the truth: a topic repeats it, under the same ids and in its order.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from shared.envelope import Recorded


class Letter(NamedTuple):
    """One record that somebody outside wrote into a topic of their own."""

    owner: str
    """Whose topic it is: the only thing that says who wrote it."""
    partition: int
    offset: int
    sent_at: datetime
    """By the sender's clock."""
    value: bytes | None

    @property
    def place(self) -> str:
        return f"{self.partition}:{self.offset}"


Answering = Callable[[Sequence[Letter]], Awaitable[None]]
"""Handles one batch: returning means that each letter has its answer in the log. It never raises for what stands in a letter;
what it raises is a fault of the infrastructure, and the batch comes again."""


class Line(NamedTuple):
    """One entry of a stream as its reader gets it."""

    seq: int
    """Version in the stream: the reader's cursor, the same by pull and by topic."""
    key: str
    """Entries about one case share it. Never personal."""
    kind: str
    value: bytes
    """JSON, the same as over HTTP."""
    at: datetime


@dataclass(frozen=True)
class Route:
    """Streams that are carried to topics: `<stream><name>` to `<topic>.<name>`."""

    stream: str
    """What the streams begin with, for example `outbox/`."""
    topic: str
    """Kind of topic, for example `assignments`."""
    names: Callable[[], Awaitable[Collection[str]]]
    """Who wants theirs carried, as the policy in force says."""
    lines: Callable[[str, Sequence[Recorded]], Awaitable[Sequence[Line]]]
    """(name, events) -> what is told of them, in order. An event that is not told is left out."""


@dataclass(frozen=True)
class PartnerTopics:
    """The topics through which a service talks to organisations or platforms."""

    kind: str
    """Kind of the topics that are read, for example `actions`."""
    group: str
    """Consumer group that reads them."""
    route: Route
    answering: Callable[[], Answering]
    """Makes the handler of what is read."""


class Figures(NamedTuple):
    """What operations watches of the letters of one kind."""

    kind: str
    waiting: int
    """Letters that are not answered, as far as this process has heard of them."""
    answered: int
    failures: int
    """Batches that came again."""


class Letters(Protocol):
    """Where letters of one kind come in."""

    @property
    def group(self) -> str: ...
    @property
    def progress(self) -> float:
        """Monotonic seconds at which a batch was last answered."""
        ...

    def figures(self) -> Figures: ...

    async def start(self) -> None:
        """Begin to connect, and return."""
        ...

    async def stop(self) -> None:
        """Finish the batch in hand, then end. What was not answered comes again."""
        ...


class Carrying(Protocol):
    """What carries streams to topics."""

    @property
    def sent(self) -> int:
        """Lines that topics have taken."""
        ...

    @property
    def missing(self) -> frozenset[str]:
        """Topics that are wanted and not there, or not ours to write."""
        ...

    @property
    def behind(self) -> int:
        """Streams that were not carried to their end."""
        ...

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def again(self, stream: str, after: int) -> None:
        """Let the topic have everything after that version once more. It is carried in the background."""
        ...
