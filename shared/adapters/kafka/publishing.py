"""Publishing: at once, in the background, never inside a request.

Nothing here has to be reliable: a commit counts as published only once the broker has acknowledged each of its records, and
until then it stands in the log as unpublished. It is in one hand at a time: its appender's while it is young and for as long
as that process says so, then that of whoever claims it (`sweeping.py`).
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any, cast

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
from shared.adapters.kafka.marking import Marks
from shared.adapters.kafka.records import to_records
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
"""Seconds after which those of a batch that are acknowledged are marked, though others are not: one partition without a leader
keeps nothing else unmarked."""
FLUSH = 3.0
"""Seconds that commits in flight have when the process stops."""
AGE = timedelta(seconds=10)
"""Younger unpublished commits belong to the process that appended them."""
LOST = (InvalidProducerEpoch, OutOfOrderSequenceNumber, ProducerFenced)
"""After these a producer never sends again."""


_Sent = tuple[Commit, Sequence[Any]]
"""A commit, and for each of its records the broker's answer to come, or the error for which there is none."""


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
        self.refused: str | None = None
        """Class of the last error for which a commit stayed unpublished although the broker answers, until all of a batch are
        acknowledged again."""
        self._connection = connection
        self._topic = topic
        self._marks = Marks(log, self._let_go)
        self._ended = ended
        self._first_pause = pause
        self._age = age
        self._waiting: dict[tuple[str, int], Commit] = {}
        self._ours: dict[tuple[str, int], float] = {}
        """Until when nobody else takes what waits. Monotonic."""
        self._queue: deque[Commit] = deque()
        self._moved = asyncio.Event()
        self._moved_on = asyncio.Event()
        self._progress = time.monotonic()
        self._settling: set[asyncio.Task[None]] = set()
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
        """Seconds for which something has waited and nothing was acknowledged."""
        return time.monotonic() - self._progress if self._waiting else 0.0

    @property
    def stalled(self) -> bool:
        return self.stands_for > STALLED

    def add(self, commits: Iterable[Commit], ours: timedelta | None = None) -> None:
        """Publish these soon; for so long nobody else does, where they are new as long as commits belong to their appender.
        Told twice, a commit that still waits is sent once."""
        now = time.monotonic()
        if not self._waiting:
            self._progress = now
        until = now + (ours or self._age).total_seconds()
        for commit in commits:
            place = (commit.stream, commit.first)
            if place not in self._waiting and len(self._waiting) < MOST:
                self._waiting[place] = commit
                self._ours[place] = until
                self._queue.append(commit)
        self._moved.set()

    def ending(self, within: float) -> list[Commit]:
        """What waits here and in so many seconds is not only ours any more."""
        until = time.monotonic() + within
        return [self._waiting[place] for place, ours in self._ours.items() if ours < until]

    def keep(self, commits: Iterable[Commit], ours: timedelta) -> None:
        """Those of them that still wait are only ours for so long."""
        until = time.monotonic() + ours.total_seconds()
        for commit in commits:
            place = (commit.stream, commit.first)
            if place in self._waiting:
                self._ours[place] = until

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
                sent = [(commit, await self._sent(producer, commit)) for commit in batch]
                settling = asyncio.create_task(self._settle(producer, sent))
                self._settling.add(settling)
                settling.add_done_callback(self._settling.discard)

    async def stop(self) -> None:
        """Wait a little for what is in flight. What is not acknowledged by then is published by a sweeper."""
        until = time.monotonic() + FLUSH
        while self._waiting and not self.stalled and (left := until - time.monotonic()) > 0:
            self._moved_on.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._moved_on.wait(), left)
        producer, self._producer = self._producer, None
        self._forget()
        await self._close(producer)

    async def give_up(self) -> None:
        """Let go of all that waits, for any process to take: others may reach the broker where this one does not."""
        self.silent = True
        producer, self._producer = self._producer, None
        self._forget()
        LOGGER.warning("producer_away", error="given_up")
        await self._close(producer)

    def _forget(self) -> None:
        for task in self._settling:
            task.cancel()
        self._waiting.clear()
        self._ours.clear()
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

    async def _settle(self, producer: AIOKafkaProducer, sent: Sequence[_Sent]) -> None:
        """Wait until the broker has answered for all of these; what it has acknowledged is to be marked."""
        while sent:
            open_ = [future for _, futures in sent for future in futures if isinstance(future, asyncio.Future)]
            if open_:
                await asyncio.wait(open_, timeout=MOMENT)
            answered: list[_Sent] = []
            waiting: list[_Sent] = []
            for one in sent:
                (answered if all(map(_is_answer, one[1])) else waiting).append(one)
            if answered:
                await self._said(producer, answered)
            sent = waiting

    async def _said(self, producer: AIOKafkaProducer, answered: Sequence[_Sent]) -> None:
        """The broker has said something of each of these."""
        done: list[Commit] = []
        failed: list[Commit] = []
        lost: BaseException | None = None
        for commit, futures in answered:
            errors = [error for error in map(_error_of, futures) if error is not None]
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
            place = (commit.stream, commit.first)
            self._waiting.pop(place, None)
            self._ours.pop(place, None)
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
        await self._close(producer)

    async def _close(self, producer: AIOKafkaProducer | None) -> None:
        if producer is None:
            return
        with suppress(Exception):
            await asyncio.wait_for(producer.stop(), 2)


def _is_answer(one: Any) -> bool:
    return not isinstance(one, asyncio.Future) or one.done()


def _error_of(answer: Any) -> BaseException | None:
    """Why a record did not arrive; None where it did."""
    if not isinstance(answer, asyncio.Future):
        return cast("BaseException", answer)
    return asyncio.CancelledError() if answer.cancelled() else answer.exception()


def _passes(error: BaseException) -> bool:
    """The broker is away, or short of replicas: the sweeper tries again."""
    return isinstance(error, KafkaTimeoutError) or bool(getattr(error, "retriable", False))


def _of_the_producer(error: BaseException) -> bool:
    """Would the next record meet the same? A topic that may not be written is mended at the broker."""
    of_one_record = isinstance(error, MessageSizeTooLargeError | TopicAuthorizationFailedError)
    return isinstance(error, KafkaError) and not of_one_record and not _passes(error)
