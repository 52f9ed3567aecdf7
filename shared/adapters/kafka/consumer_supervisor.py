"""Runs a subscription: retries until a broker answers, and restarts it after the group has removed this member."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog
from aiokafka.errors import KafkaError

from shared.adapters.kafka.consumer import KafkaConsumer
from shared.adapters.kafka.consumer_lag import BrokerUnavailable, GroupInUse, MissingTopic

LOGGER = structlog.get_logger("kafka")
LOOK = 2.0
"""Seconds between two looks whether the topic is there, while it is not."""


class ConsumerSupervisor:
    """Runs one subscription until `stopping` is set.

    `ended` is called with the reason when the group has removed this member twice within a minute. `instance`: the name of
    this process. `before` is awaited before each start and may raise what prevents it; `met` is called with each error that
    prevented a start, and with None once the subscription runs."""

    def __init__(
        self, subscription: KafkaConsumer, *, instance: str, ended: Callable[[str], None], stopping: asyncio.Event,
        pauses: tuple[float, float] = (0.2, 10.0), before: Callable[[], Awaitable[None]] | None = None,
        met: Callable[[BaseException | None], None] = lambda _error: None,
    ) -> None:  # fmt: skip
        self._one = subscription
        self._instance = instance
        self._before = before
        self._met = met
        self._ended = ended
        self._stopping = stopping
        self._pauses = pauses

    async def run(self) -> None:
        """Until the process stops."""
        one = self._one
        first, longest = self._pauses
        pause, said = first, ""
        while not self._stopping.is_set():
            try:
                if self._before is not None:
                    await self._before()
                await one.start()
            except (BrokerUnavailable, GroupInUse, MissingTopic, KafkaError, OSError) as error:
                self._met(error)
                if said != (said := type(error).__name__):
                    LOGGER.warning("feed_waits", group=one.receiving.group, error=said)
                await one.stop()
                await self._rest(min(pause, LOOK) if isinstance(error, MissingTopic) else pause)
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
                    f"The consumer group {one.group_id} has thrown this process out twice within a minute: another process"
                    f" runs under the same name ({self._instance}). Give each its own: HUIYIN_INSTANCE."
                )
                return
            await self._rest(first)

    async def _until_it_fails(self) -> None:
        waiting = [asyncio.create_task(event.wait()) for event in (self._one.failed, self._stopping)]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()

    async def _rest(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)
