"""Runs a consumer: retries until a broker answers, and restarts it after the group has removed this member."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog
from aiokafka.errors import KafkaError

from shared.adapters.kafka.consumer import DRAIN, KafkaConsumer
from shared.adapters.kafka.consumer_lag import BrokerUnavailable, GroupInUse, MissingTopic
from shared.adapters.timed_wait import set_within

LOGGER = structlog.get_logger("kafka")
LOOK = 2.0
"""Maximum number of seconds between two attempts while the topic does not exist."""


async def _nothing() -> None:
    """Prevents no start."""


class ConsumerSupervisor:
    """Runs one consumer from `start` to `stop`.

    `ended` is called with the reason when the group has removed this member twice within a minute, and when the supervisor
    fails. `instance`: the name of this process. `before` is awaited before each start and may raise what prevents it; `met` is
    called with each error that prevented a start, and with None once the consumer runs."""

    def __init__(
        self, consumer: KafkaConsumer, *, instance: str, ended: Callable[[str], None],
        pauses: tuple[float, float] = (0.2, 10.0), before: Callable[[], Awaitable[None]] = _nothing,
        met: Callable[[BaseException | None], None] = lambda _error: None,
    ) -> None:  # fmt: skip
        self.consumer = consumer
        self.group = consumer.receiving.group
        self._instance = instance
        self._before = before
        self._met = met
        self._ended = ended
        self._stopping = asyncio.Event()
        self._pauses = pauses
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to connect, and return."""
        self._stopping.clear()
        self._task = asyncio.create_task(self._run(), name=self.group)
        self._task.add_done_callback(self._over)

    async def stop(self) -> None:
        """Finish the current batch, then end. What was not handled is delivered again after the next start."""
        self._stopping.set()
        if self._task is not None:
            await asyncio.wait([self._task], timeout=DRAIN + 1)
            if self._task.cancel():  # it is still connecting to a broker that does not answer
                await asyncio.gather(self._task, return_exceptions=True)
                with suppress(KafkaError, OSError, TimeoutError):
                    await asyncio.wait_for(self.consumer.stop(), 1)
            self._task = None

    def _over(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None and not self._stopping.is_set():
            self._ended(f"The consumer of {self.group} ended ({type(error).__name__}).")

    async def _run(self) -> None:
        one = self.consumer
        first, longest = self._pauses
        pause, logged = first, ""
        while not self._stopping.is_set():
            try:
                await self._before()
                await one.start()
            except (BrokerUnavailable, GroupInUse, MissingTopic, KafkaError, OSError) as error:
                self._met(error)
                if logged != (logged := type(error).__name__):
                    LOGGER.warning("feed_waits", group=self.group, error=logged)
                await one.stop()
                await set_within(self._stopping, min(pause, LOOK) if isinstance(error, MissingTopic) else pause)
                pause = min(pause * 2, longest)
                continue
            self._met(None)
            pause = first
            await self._until_it_fails()
            await one.stop()
            if self._stopping.is_set():
                return
            if one.out_twice:
                self._ended(
                    f"The consumer group {one.group_id} has removed this process twice within a minute: another process runs"
                    f" under the same name ({self._instance}). Give each process its own name: HUIYIN_INSTANCE."
                )
                return
            await set_within(self._stopping, first)

    async def _until_it_fails(self) -> None:
        waiting = [asyncio.create_task(event.wait()) for event in (self.consumer.failed, self._stopping)]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
