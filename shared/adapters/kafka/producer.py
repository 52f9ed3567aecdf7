"""Publishing: at once, in the background, never inside a request.

Nothing here has to be reliable: a commit counts as published only once the broker has acknowledged each of its records, and
until then it stands in the log as unpublished. It is in one hand at a time: its appender's while it is young and for as long
as that process says so, then that of whoever claims it (`sweeping.py`).
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
from shared.adapters.kafka.closing import FLUSH, close, started
from shared.adapters.kafka.connection import Connection
from shared.adapters.kafka.records import to_records
from shared.eventstore.commit import Commit
from shared.eventstore.event_store import EventStore
from shared.kernel.failpoints import failpoint

T = TypeVar("T")
LOGGER = structlog.get_logger("kafka")
TOGETHER = 500
"""Commits that are awaited together."""
MOST = 10_000
"""Commits that may wait in memory; what comes while so many do stays in the log, for the sweeper."""
STALLED = 5.0
"""Seconds without an acknowledgement, with something waiting, after which the sweeper brings nothing more."""
MOMENT = 1.0
"""Seconds after which those of a batch that are acknowledged are marked, though others are not: one partition without a leader
keeps nothing else unmarked."""
LEAVING = 3.0
"""Seconds that commits in flight have when the process stops."""
AGE = timedelta(seconds=10)
"""Younger unpublished commits belong to the process that appended them."""
LOST = (InvalidProducerEpoch, OutOfOrderSequenceNumber, ProducerFenced)
"""After these a producer never sends again."""


Place = tuple[str, int]
"""Stream and first version of a commit."""
Delivery = tuple[Commit, "asyncio.Future[list[BaseException]]"]
"""A commit on its way, and what becomes of it: the errors of its records, none where the broker has all of them."""


@dataclass
class _Waiting:
    """A commit that is in this hand. Monotonic seconds."""

    commit: Commit
    since: float
    ours: float
    """Until when nobody else takes it."""


def _place(commit: Commit) -> Place:
    return commit.stream, commit.first


class CommitProducer:
    """One idempotent producer. `add()` hands commits over, `run()` sends them for as long as the process lives.

    `ended` is told why where the producer cannot recover: lost twice within a minute."""

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
        """Producers that could not go on, and were made anew."""
        self.refused: str | None = None
        """Class of the last error for which a commit stayed unpublished although the broker answers, until all of a batch are
        acknowledged again."""
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
        """Given up, and nothing acknowledged since."""

    @property
    def waiting(self) -> int:
        """Commits handed over, and not acknowledged or not marked."""
        return len(self._waiting)

    @property
    def stands_for(self) -> float:
        """Seconds for which something has waited for the broker and nothing was acknowledged."""
        return time.monotonic() - self._progress if len(self._waiting) > self._marks.due else 0.0

    @property
    def stalled(self) -> bool:
        return self.stands_for > STALLED

    def add(self, commits: Iterable[Commit], ours: timedelta | None = None) -> None:
        """Publish these soon; for so long nobody else does, where they are new as long as commits belong to their appender.
        Told twice, a commit that still waits is sent once."""
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
        """What waits here and in so many seconds is not only ours any more."""
        until = time.monotonic() + within
        return [one.commit for one in self._waiting.values() if one.ours < until]

    def let_go_of(self, older: float) -> None:
        """What has waited here for longer than so many seconds is anybody's: perhaps others reach its partition."""
        before = time.monotonic() - older
        self._let_go([one.commit for one in self._waiting.values() if one.since < before])

    def keep(self, commits: Iterable[Commit], ours: timedelta) -> None:
        """Those of them that still wait are only ours for so long."""
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
                # each by itself: one partition whose buffer is full keeps no other waiting
                sent = [(commit, self._task(self._deliver(producer, commit))) for commit in batch]
                self._task(self._settle(producer, sent))
                await asyncio.sleep(0)  # they are handed to the producer in this order

    async def stop(self) -> None:
        """Wait a little for what is in flight. What is not acknowledged by then is published by a sweeper."""
        until = time.monotonic() + LEAVING
        while self._waiting and not self.stalled and (left := until - time.monotonic()) > 0:
            self._moved_on.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._moved_on.wait(), left)
        await self._drop()

    async def give_up(self) -> None:
        """Let go of all that waits, for any process to take: others may reach the broker where this one does not."""
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
        """The producer; tries until a broker answers."""
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
        """Hand the records to the producer and wait for the broker's answers; returns those that are errors."""
        try:
            answers = [
                await producer.send(self._topic, key=record.key, value=record.value, headers=record.headers)
                for record in to_records(commit)
            ]
        except Exception as error:
            return [error]
        return [one for one in await asyncio.gather(*answers, return_exceptions=True) if isinstance(one, BaseException)]

    async def _settle(self, producer: AIOKafkaProducer, sent: Sequence[Delivery]) -> None:
        """Wait until the broker has answered for all of these; what it has acknowledged is to be marked."""
        while sent:
            await asyncio.wait([delivery for _, delivery in sent], timeout=MOMENT)
            answered = [one for one in sent if one[1].done()]
            sent = [one for one in sent if not one[1].done()]
            if answered:
                await self._said(producer, answered)

    async def _said(self, producer: AIOKafkaProducer, answered: Sequence[Delivery]) -> None:
        """The broker has said something of each of these."""
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
        """These wait no more: they are marked, or a sweeper takes them."""
        for commit in commits:
            self._waiting.pop(_place(commit), None)
        self._moved_on.set()

    async def _renew(self, producer: AIOKafkaProducer, error: BaseException) -> None:
        """A new producer begins a new sequence: consumers apply by version, so a record that comes twice does no harm."""
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
    """The broker is away, or short of replicas, or we gave the producer up: the sweeper tries again."""
    return isinstance(error, KafkaTimeoutError | ProducerClosed) or bool(getattr(error, "retriable", False))


def _of_the_producer(error: BaseException) -> bool:
    """Would the next record meet the same? A topic that may not be written is mended at the broker."""
    of_one_record = isinstance(error, MessageSizeTooLargeError | TopicAuthorizationFailedError)
    return isinstance(error, KafkaError) and not of_one_record and not _passes(error)
