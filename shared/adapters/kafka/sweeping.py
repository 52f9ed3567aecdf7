"""Sweeping: what nobody has in hand is published by whoever finds it."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import structlog

from shared.adapters.kafka.publishing import AGE, MOST, TOGETHER, Publisher
from shared.clock import Clock
from shared.log import Log

LOGGER = structlog.get_logger("kafka")
HOLD = timedelta(seconds=30)
"""How long a claim, or a word of who has it still, keeps others away."""


class Sweeper:
    """Claims what was not acknowledged in time, whoever appended it, and publishes it; and says of what this process has
    handed to its producer that it has it still. So what a silent broker keeps waiting is not sent by two.

    `every` is at most half of `age`: who has a commit says so while it is young."""

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
        """Keep what is ours, and take one batch of what is nobody's. True where there may be more."""
        publisher = self._publisher
        now = self._clock.now()
        ours = publisher.ending(1.5 * self._every)
        for start in range(0, len(ours), TOGETHER):
            held = ours[start : start + TOGETHER]
            await self._log.hold(held, now + HOLD)
            publisher.keep(held, HOLD)
        if publisher.stalled or publisher.waiting > MOST // 2:
            return False
        commits = await self._log.claim(now - self._age, now + HOLD, TOGETHER)
        if commits:
            self.claimed += len(commits)
            publisher.add(commits, HOLD)
        return len(commits) == TOGETHER
