"""Sweeping: what nobody has in hand is published by whoever finds it."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import structlog

from shared.adapters.kafka.producer import AGE, MOST, TOGETHER, CommitProducer
from shared.eventstore.event_store import EventStore
from shared.kernel.clock import Clock

LOGGER = structlog.get_logger("kafka")
HOLD = timedelta(seconds=30)
"""How long a claim, or a word of who has it still, keeps others away."""
PATIENCE = 120.0
"""Seconds without any acknowledgement after which a process leaves what waits there to others: perhaps only it is cut off."""


class Sweeper:
    """Claims what was not acknowledged in time, whoever appended it, and publishes it; and says of what this process has
    handed to its producer that it has it still. So what a silent broker keeps waiting is not sent by two. After `patience`
    it is anybody's. Where nothing at all was acknowledged for so long, this process gives its producer up, and asks with one commit
    at a time, of those that nobody has taken for as long, until it gets an answer.

    `every` is at most half of `age`: who has a commit says so while it is young."""

    def __init__(
        self,
        log: EventStore,
        publisher: CommitProducer,
        clock: Clock,
        *,
        every: float = 5.0,
        age: timedelta = AGE,
        patience: float = PATIENCE,
    ) -> None:
        self.claimed = 0
        self._log = log
        self._publisher = publisher
        self._clock = clock
        self._every = every
        self._age = age
        self._patience = patience

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
        if publisher.stands_for > self._patience:
            await publisher.give_up()
        publisher.let_go_of(self._patience)
        now = self._clock.now()
        ours = publisher.ending(1.5 * self._every)
        for start in range(0, len(ours), TOGETHER):
            held = ours[start : start + TOGETHER]
            await self._log.hold(held, now + HOLD)
            publisher.keep(held, HOLD)
        if publisher.stalled or publisher.waiting > (0 if publisher.silent else MOST // 2):
            return False
        most, age = (1, timedelta(seconds=self._patience)) if publisher.silent else (TOGETHER, self._age)
        commits = await self._log.claim(now - age, now + HOLD, most)
        if commits:
            self.claimed += len(commits)
            publisher.add(commits, HOLD)
        return len(commits) == TOGETHER
