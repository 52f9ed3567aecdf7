"""Publishing: at once, in the background, never inside a request; and the sweeper for what was not acknowledged.

Nothing here has to be reliable: a commit counts as published only once the broker has acknowledged each of its records, and
until then it stands in the log as unpublished, for any process to claim.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    InvalidProducerEpoch,
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    OutOfOrderSequenceNumber,
    ProducerFenced,
    TopicAuthorizationFailedError,
)

from shared.adapters.kafka.connection import LARGEST, Connection
from shared.adapters.kafka.records import to_records
from shared.clock import Clock
from shared.failpoints import failpoint
from shared.log import Commit, Log

LOGGER = structlog.get_logger("kafka")
TOGETHER = 500
"""Commits that are awaited and marked together."""
MOST = 10_000
"""Commits that may wait in memory; what comes while so many do stays in the log, for the sweeper."""
STALLED = 5.0
"""Seconds without an acknowledgement, with something waiting, after which the sweeper brings nothing more."""
MOMENT = 1.0
"""Seconds that an acknowledgement mostly takes less than."""
FLUSH = 3.0
"""Seconds that commits in flight have when the process stops."""
AGE = timedelta(seconds=10)
"""Younger unpublished commits belong to the process that appended them."""
CALM = 0.6
"""Part of that age, without an acknowledgement for which nobody knows whether the broker answered meanwhile. Longer than a
sweeper waits between two looks."""
HOLD = timedelta(seconds=30)
"""How long a claim keeps others away."""
LOST = (InvalidProducerEpoch, OutOfOrderSequenceNumber, ProducerFenced)
"""After these a producer never sends again."""


class Publisher:
    """One idempotent producer. `add()` hands commits over, `run()` sends them for as long as the process lives.

    `ended` is told why where the producer cannot recover: lost twice within a minute."""

    def __init__(
        self,
        log: Log,
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
        self.answered = -math.inf
        """When the broker last acknowledged something. Monotonic, as the next one."""
        self.answering = math.inf
        """Since when it has gone on doing so."""
        self.refused: str | None = None
        """Class of the last error for which a commit stayed unpublished although the broker answers, until all of a batch are
        acknowledged again."""
        self._log = log
        self._connection = connection
        self._topic = topic
        self._ended = ended
        self._first_pause = pause
        self.calm = max(CALM * age.total_seconds(), 1.0)
        """Seconds that may lie between two acknowledgements of a broker that answers."""
        self._waiting: dict[tuple[str, int], Commit] = {}
        self._queue: deque[Commit] = deque()
        self._moved = asyncio.Event()
        self._answered = asyncio.Event()
        self._progress = time.monotonic()
        self._settling: set[asyncio.Task[None]] = set()
        self._producer: AIOKafkaProducer | None = None
        self._lost = 0.0

    @property
    def waiting(self) -> int:
        """Commits handed over and not acknowledged."""
        return len(self._waiting)

    @property
    def stalled(self) -> bool:
        """Something waits, and nothing is acknowledged."""
        return bool(self._waiting) and time.monotonic() - self._progress > STALLED

    @property
    def quiet(self) -> bool:
        """Something waits, and for a moment nothing was acknowledged."""
        return bool(self._waiting) and time.monotonic() - self._progress > MOMENT

    def add(self, commits: Iterable[Commit]) -> None:
        """Publish these soon. Told twice, a commit that still waits is sent once."""
        if not self._waiting:
            self._progress = time.monotonic()
        for commit in commits:
            place = (commit.stream, commit.first)
            if place not in self._waiting and len(self._waiting) < MOST:
                self._waiting[place] = commit
                self._queue.append(commit)
        self._moved.set()

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            await self._moved.wait()
            self._moved.clear()
            while self._queue:
                producer = await self._connected()
                batch = [self._queue.popleft() for _ in range(min(TOGETHER, len(self._queue)))]
                sent = [(commit, await self._sent(producer, commit)) for commit in batch]
                settling = asyncio.create_task(self._settle(producer, sent))
                self._settling.add(settling)
                settling.add_done_callback(self._settling.discard)

    async def stop(self) -> None:
        """Wait a little for what is in flight. What is not acknowledged by then is published by a sweeper."""
        until = time.monotonic() + FLUSH
        while self._waiting and not self.stalled and (left := until - time.monotonic()) > 0:
            self._answered.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._answered.wait(), left)
        for task in self._settling:
            task.cancel()
        await self._close(self._producer)
        self._producer = None
        self._waiting.clear()
        self._queue.clear()

    async def _connected(self) -> AIOKafkaProducer:
        """The producer; tries until a broker answers."""
        pause = self._first_pause
        while self._producer is None:
            producer = AIOKafkaProducer(
                **self._connection.client(),
                acks="all",
                enable_idempotence=True,
                linger_ms=5,
                max_batch_size=262_144,
                max_request_size=LARGEST,
                compression_type="lz4",
            )
            try:
                await producer.start()
                self._producer = producer
            except (KafkaError, OSError) as error:
                await self._close(producer)
                LOGGER.warning("producer_away", error=type(error).__name__)
                await asyncio.sleep(pause)
                pause = min(pause * 2, 10.0)
            except BaseException:
                await self._close(producer)
                raise
        return self._producer

    async def _sent(self, producer: AIOKafkaProducer, commit: Commit) -> Sequence[Any]:
        """Futures of the commit's records, or the error for which there is none."""
        try:
            return [
                await producer.send(self._topic, key=record.key, value=record.value, headers=record.headers)
                for record in to_records(commit)
            ]
        except Exception as error:
            return [error]

    async def _settle(self, producer: AIOKafkaProducer, sent: Sequence[tuple[Commit, Sequence[Any]]]) -> None:
        """Wait until the broker has answered for all of these, and mark what it has acknowledged."""
        done: list[Commit] = []
        lost: BaseException | None = None
        for commit, futures in sent:
            errors = [one for one in futures if isinstance(one, BaseException)]
            if not errors:
                answers = await asyncio.gather(*futures, return_exceptions=True)
                errors = [one for one in answers if isinstance(one, BaseException)]
            if errors:
                lost = next(filter(_of_the_producer, errors), lost)
                name = type(errors[0]).__name__
                if not all(map(_passes, errors)):
                    self.refused = name
                LOGGER.warning("not_published", stream=commit.stream, version=commit.first, error=name)
            else:
                done.append(commit)
                self._acknowledged()
        if done:
            failpoint("feed.acknowledged")
            self.published += len(done)
            self.refused = None if len(done) == len(sent) else self.refused
            try:
                await self._log.mark_published(done)
            except Exception as error:  # then they are published once more
                LOGGER.warning("not_marked", count=len(done), error=type(error).__name__)
        for commit, _futures in sent:
            self._waiting.pop((commit.stream, commit.first), None)
        self._answered.set()
        if lost is not None and self._producer is producer:
            await self._renew(producer, lost)

    def _acknowledged(self) -> None:
        now = self._progress = time.monotonic()
        if now - self.answered > self.calm:
            self.answering = now
        self.answered = now

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
        await self._close(producer)

    async def _close(self, producer: AIOKafkaProducer | None) -> None:
        if producer is None:
            return
        with suppress(Exception):
            await asyncio.wait_for(producer.stop(), 2)


def _passes(error: BaseException) -> bool:
    """The broker is away, or short of replicas: the sweeper tries again."""
    return isinstance(error, KafkaTimeoutError) or bool(getattr(error, "retriable", False))


def _of_the_producer(error: BaseException) -> bool:
    """Would the next record meet the same? A topic that may not be written is mended at the broker."""
    of_one_record = isinstance(error, MessageSizeTooLargeError | TopicAuthorizationFailedError)
    return isinstance(error, KafkaError) and not of_one_record and not _passes(error)


class Sweeper:
    """Claims what was not acknowledged in time, whoever appended it, and publishes it.

    While the broker is away, and just when it is back, what is old is mostly on its way by its appender. So one commit at a time
    is taken, to ask, until the broker has answered for as long as an appender has; then all there is."""

    def __init__(
        self, log: Log, publisher: Publisher, clock: Clock, *, every: float = 5.0, age: timedelta = AGE
    ) -> None:
        self.claimed = 0
        self._log = log
        self._publisher = publisher
        self._clock = clock
        self._every = every
        self._age = age

    async def run(self) -> None:
        """Look every few seconds, at once again while there is more."""
        while True:
            try:
                more = await self.look()
            except Exception as error:  # the log is away: it says so itself where it matters
                LOGGER.warning("sweep_failed", error=type(error).__name__)
                more = False
            await asyncio.sleep(0.05 if more else self._every)

    async def look(self) -> bool:
        """Take one batch. True where there may be more."""
        publisher = self._publisher
        if publisher.stalled or publisher.waiting > MOST // 2:
            return False
        now, instant = self._clock.now(), time.monotonic()
        answers = (
            instant - publisher.answered <= publisher.calm
            and instant - publisher.answering >= self._age.total_seconds()
        )
        commits = await self._log.claim(now - self._age, now + HOLD, TOGETHER if answers else 1)
        if commits:
            self.claimed += len(commits)
            publisher.add(commits)
        return len(commits) == TOGETHER
