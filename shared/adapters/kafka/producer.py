"""Publishes commits to a topic: at once, in the background, never inside a request.

Nothing here has to be reliable: a commit counts as published only once the broker has acknowledged each of its records, and
until then the log holds it as unpublished. One process at a time is responsible for a commit: the one that appended it while it
is new and for as long as that process extends its claim, then the one whose sweeper claims it (`sweeper.py`).
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    InvalidProducerEpoch,
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    OutOfOrderSequenceNumber,
    ProducerClosed,
    ProducerFenced,
    TopicAuthorizationFailedError,
)

from shared.adapters.kafka.acknowledgements import Acknowledgements
from shared.adapters.kafka.connection import LARGEST, Connection
from shared.adapters.kafka.records import to_records
from shared.adapters.timed_wait import set_within
from shared.eventstore.commit import Commit
from shared.eventstore.event_store import EventStore
from shared.kernel.failpoints import failpoint

T = TypeVar("T")
LOGGER = structlog.get_logger("kafka")
TOGETHER = 500
"""Commits that are awaited together."""
MOST = 10_000
"""Maximum number of commits that wait in memory; further ones stay in the log, for the sweeper."""
STALLED = 5.0
"""Seconds without an acknowledgement, while commits wait, after which the sweeper adds nothing more."""
MOMENT = 1.0
"""Seconds after which the acknowledged commits of a batch are marked although others are not: a partition without a leader does
not delay the commits of the others."""
LEAVING = 3.0
"""Time limit in seconds for commits in flight when the process stops."""
AGE = timedelta(seconds=10)
"""Younger unpublished commits belong to the process that appended them."""
LOST = (InvalidProducerEpoch, OutOfOrderSequenceNumber, ProducerFenced)
"""After these errors a producer never sends again."""
FLUSH = 2.0
"""Time limit in seconds for the flush of a producer that is closed."""
_CLOSE_CONNECTIONS = 2.0
_CANCELLATIONS = 40

Place = tuple[str, int]
"""Stream and first version of a commit."""
Delivery = tuple[Commit, "asyncio.Future[list[BaseException]]"]
"""A commit that is being sent, and the errors of its records: none if the broker has acknowledged all of them."""


async def started(connection: Connection, compression: str = "lz4") -> AIOKafkaProducer:
    """An idempotent producer that is connected. Raises KafkaError or OSError if no broker answers; then nothing of it is left."""
    producer = AIOKafkaProducer(
        **connection.client(),
        acks="all",
        enable_idempotence=True,
        linger_ms=5,
        max_batch_size=262_144,
        max_request_size=LARGEST,
        compression_type=compression,
    )
    try:
        await producer.start()
    except BaseException:
        await close(producer)
        raise
    return producer


async def close(producer: AIOKafkaProducer | None, flush: float = FLUSH) -> None:
    """Stop the producer; after `flush` seconds even if it cannot flush.

    aiokafka's stop() waits for the flush without a limit. If it is cancelled there, it leaves sender, metadata task and
    connections running, and records would be sent a second time when a broker comes back."""
    if producer is None:
        return
    with suppress(Exception):
        await asyncio.wait_for(producer.stop(), flush)
    sender = producer._sender.sender_task if producer._sender is not None else None
    if sender is not None:
        sender.cancel()
    with suppress(Exception):
        await asyncio.wait_for(producer.client.close(), _CLOSE_CONNECTIONS)
    # A cancelled sender waits for each request in flight, and each waits for metadata that never come: cancel once more each.
    for _ in range(_CANCELLATIONS):
        if sender is None or sender.done():
            return
        sender.cancel()
        await asyncio.wait([sender], timeout=0.05)


@dataclass
class _Waiting:
    """A commit that this process has to publish. Monotonic seconds."""

    commit: Commit
    since: float
    ours: float
    """Until when no other process claims it."""


def _place(commit: Commit) -> Place:
    return commit.stream, commit.first


class CommitProducer:
    """One idempotent producer. `add()` queues commits, `run()` sends them for as long as the process lives.

    `ended` is called with the reason if the producer cannot recover: it was lost twice within a minute."""

    def __init__(
        self,
        log: EventStore,
        connection: Connection,
        topic: str,
        *,
        ended: Callable[[str], None],
        pause: float = 0.2,
        age: timedelta = AGE,
    ) -> None:
        self.published = 0
        """Commits that the broker has acknowledged since the start."""
        self.given_up = 0
        """Number of producers that failed and were replaced."""
        self.refused: str | None = None
        """Class of the last error that left a commit unpublished although the broker answers; None again once all commits of a
        batch are acknowledged."""
        self._connection = connection
        self._topic = topic
        self._marks = Acknowledgements(log, self._let_go)
        self._ended = ended
        self._first_pause = pause
        self._age = age
        self._waiting: dict[Place, _Waiting] = {}
        self._queue: deque[Commit] = deque()
        self._moved = asyncio.Event()
        self._moved_on = asyncio.Event()
        self._progress = time.monotonic()
        self._running: set[asyncio.Task[Any]] = set()
        self._producer: AIOKafkaProducer | None = None
        self._lost = 0.0
        self.silent = False
        """True after `give_up` until the next acknowledgement."""

    @property
    def waiting(self) -> int:
        """Number of queued commits that are not acknowledged or not marked yet."""
        return len(self._waiting)

    @property
    def silence(self) -> float:
        """Seconds for which commits have waited for the broker without any acknowledgement."""
        return time.monotonic() - self._progress if len(self._waiting) > self._marks.due else 0.0

    @property
    def stalled(self) -> bool:
        return self.silence > STALLED

    def add(self, commits: Iterable[Commit], ours: timedelta | None = None) -> None:
        """Publish these soon. `ours`: how long no other process claims them; by default as long as new commits belong to the
        process that appended them. A commit that is added again while it waits is sent once."""
        now = time.monotonic()
        if len(self._waiting) <= self._marks.due:
            self._progress = now
        until = now + (ours or self._age).total_seconds()
        for commit in commits:
            if _place(commit) not in self._waiting and len(self._waiting) < MOST:
                self._waiting[_place(commit)] = _Waiting(commit, now, until)
                self._queue.append(commit)
        self._moved.set()

    def ending(self, within: float) -> list[Commit]:
        """The waiting commits that other processes may claim in `within` seconds."""
        until = time.monotonic() + within
        return [one.commit for one in self._waiting.values() if one.ours < until]

    def let_go_of(self, older: float) -> None:
        """Release the commits that have waited for longer than so many seconds: other processes may reach their partition."""
        before = time.monotonic() - older
        self._let_go([one.commit for one in self._waiting.values() if one.since < before])

    def keep(self, commits: Iterable[Commit], ours: timedelta) -> None:
        """No other process claims those of them that still wait for so long."""
        until = time.monotonic() + ours.total_seconds()
        for commit in commits:
            if (waiting := self._waiting.get(_place(commit))) is not None:
                waiting.ours = until

    async def run(self) -> None:
        """Send and mark until cancelled."""
        async with asyncio.TaskGroup() as both:
            both.create_task(self._send())
            both.create_task(self._marks.run())

    async def _send(self) -> None:
        while True:
            await self._moved.wait()
            self._moved.clear()
            while self._queue:
                producer = await self._connected()
                batch = [self._queue.popleft() for _ in range(min(TOGETHER, len(self._queue)))]
                # One task each, so that a partition whose buffer is full does not delay the others.
                sent = [(commit, self._task(self._deliver(producer, commit))) for commit in batch]
                self._task(self._settle(producer, sent))
                await asyncio.sleep(0)  # the producer gets them in this order

    async def stop(self) -> None:
        """Wait a little for commits in flight. A sweeper publishes those that are not acknowledged by then."""
        until = time.monotonic() + LEAVING
        while self._waiting and not self.stalled and (left := until - time.monotonic()) > 0:
            self._moved_on.clear()
            await set_within(self._moved_on, left)
        await self._drop()

    async def give_up(self) -> None:
        """Release all waiting commits, since other processes may reach the broker although this one does not."""
        self.silent = True
        LOGGER.warning("producer_away", error="given_up")
        await self._drop(flush=0.01)

    async def _drop(self, flush: float = FLUSH) -> None:
        """Forget everything that waits, and close the producer."""
        producer, self._producer = self._producer, None
        for task in self._running:
            task.cancel()
        self._waiting.clear()
        self._queue.clear()
        await close(producer, flush)

    async def _connected(self) -> AIOKafkaProducer:
        """The producer. Retries until a broker answers."""
        pause = self._first_pause
        while self._producer is None:
            try:
                self._producer = await started(self._connection)
            except (KafkaError, OSError) as error:
                LOGGER.warning("producer_away", error=type(error).__name__)
                await asyncio.sleep(pause)
                pause = min(pause * 2, 10.0)
        return self._producer

    def _task(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def _deliver(self, producer: AIOKafkaProducer, commit: Commit) -> list[BaseException]:
        """Send the records and wait for the broker's answers; returns those that are errors."""
        try:
            answers = [
                await producer.send(self._topic, key=record.key, value=record.value, headers=record.headers)
                for record in to_records(commit)
            ]
        except Exception as error:
            return [error]
        return [one for one in await asyncio.gather(*answers, return_exceptions=True) if isinstance(one, BaseException)]

    async def _settle(self, producer: AIOKafkaProducer, sent: Sequence[Delivery]) -> None:
        """Wait until the broker has answered for all of these, and mark those that it has acknowledged."""
        while sent:
            await asyncio.wait([delivery for _, delivery in sent], timeout=MOMENT)
            answered = [one for one in sent if one[1].done()]
            sent = [one for one in sent if not one[1].done()]
            if answered:
                await self._answered(producer, answered)

    async def _answered(self, producer: AIOKafkaProducer, answered: Sequence[Delivery]) -> None:
        """Process the broker's answers to these deliveries."""
        done: list[Commit] = []
        failed: list[Commit] = []
        lost: BaseException | None = None
        for commit, delivery in answered:
            errors = delivery.result()
            if errors:
                lost = next(filter(_of_the_producer, errors), lost)
                name = type(errors[0]).__name__
                if not all(map(_passes, errors)):
                    self.refused = name
                failed.append(commit)
                LOGGER.warning("not_published", stream=commit.stream, version=commit.first, error=name)
            else:
                done.append(commit)
        if done:
            self._progress, self.silent = time.monotonic(), False
            failpoint("feed.acknowledged")
            self.published += len(done)
            self.refused = self.refused if failed else None
            self._marks.add(done)
        self._let_go(failed)
        if lost is not None and self._producer is producer:
            await self._renew(producer, lost)

    def _let_go(self, commits: Iterable[Commit]) -> None:
        """These do not wait any more: they are marked, or a sweeper claims them."""
        for commit in commits:
            self._waiting.pop(_place(commit), None)
        self._moved_on.set()

    async def _renew(self, producer: AIOKafkaProducer, error: BaseException) -> None:
        """Replace the producer. A new one begins a new sequence: consumers apply by version, so a repeated record has no
        effect."""
        self._producer = None
        self.given_up += 1
        now = time.monotonic()
        LOGGER.error("producer_lost", error=type(error).__name__)
        if isinstance(error, LOST) or type(error) is KafkaError:
            if self._lost and now - self._lost < 60:
                self._ended(f"The Kafka producer was lost twice within a minute ({type(error).__name__}).")
            self._lost = now
        await close(producer)


def _passes(error: BaseException) -> bool:
    """True if the broker is away or short of replicas, or the producer was closed: the sweeper tries again."""
    return isinstance(error, KafkaTimeoutError | ProducerClosed) or bool(getattr(error, "retriable", False))


def _of_the_producer(error: BaseException) -> bool:
    """True if the next record would fail in the same way. A topic without write access is repaired at the broker."""
    of_one_record = isinstance(error, MessageSizeTooLargeError | TopicAuthorizationFailedError)
    return isinstance(error, KafkaError) and not of_one_record and not _passes(error)
