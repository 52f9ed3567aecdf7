"""Publishes the commits that no process is publishing."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import structlog

from shared.adapters.kafka.producer import AGE, MOST, TOGETHER, CommitProducer
from shared.eventstore.event_store import EventStore
from shared.kernel.clock import Clock

LOGGER = structlog.get_logger("kafka")
HOLD = timedelta(seconds=30)
"""How long a claim or its extension keeps other processes away."""
PATIENCE = 120.0
"""Seconds without any acknowledgement after which a process releases its commits, since perhaps only its network failed."""


class Sweeper:
    """Claims commits that were not acknowledged in time, whichever process appended them, and publishes them. It also extends the
    claims on the commits that wait in the producer of this process, so that no two processes send a commit while a broker does
    not answer. After `patience` any process may claim a commit. If nothing at all was acknowledged for so long, this process
    closes its producer and probes with one commit at a time, of those that were not claimed for as long, until it gets an answer.

    `every` is at most half of `age`, so that a claim is extended before it ends."""

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
        """Look every few seconds, and again immediately while there are more commits."""
        while True:
            try:
                more = await self.look()
            except Exception as error:  # the log does not answer; readiness reports it
                LOGGER.warning("sweep_failed", error=type(error).__name__)
                more = False
            await asyncio.sleep(0.05 if more else self._every)

    async def look(self) -> bool:
        """Extend our claims, and claim one batch of free commits. True if there may be more."""
        publisher = self._publisher
        if self._clock.trust.doubt is not None:  # its claims would last for as long as the clock is wrong
            return False
        if publisher.silence > self._patience:
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
