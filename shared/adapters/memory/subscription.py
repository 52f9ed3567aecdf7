"""Subscriptions in memory. They repeat, delay and reorder deliveries as much as the port allows, as Kafka may."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from shared.adapters.log_subscription import Group, LogSubscription
from shared.adapters.memory.event_store import MemoryEventStore
from shared.eventstore.commit import Commit
from shared.eventstore.subscription import Handler


class _ShuffledGroup(Group):
    """A group whose deliveries are repeated, delayed and reordered by `random`; None delivers once and in order."""

    def __init__(self, log: MemoryEventStore, name: str, handler: Handler, most: int, random: Random | None) -> None:
        super().__init__(name, handler, most)
        self._log = log
        self._random = random
        self.begin_again()

    def begin_again(self) -> None:
        self._taken = 0
        """Position up to which commits were taken from the log."""
        self._batch: list[Commit] = []
        self._delayed: list[Commit] = []

    async def take(self) -> Sequence[Commit]:
        if not self._batch:
            self._batch = self._next()
        return self._batch

    def handled(self, commits: Sequence[Commit]) -> None:
        self._batch = []

    def done(self) -> bool:
        return not self._batch and not self._delayed and self._taken == self._log.position

    def lag(self) -> int:
        waiting = {commit.position for commit in (*self._batch, *self._delayed)}
        return self._log.position - self._taken + len(waiting)

    async def restore(self) -> None:
        """Nothing to do: positions are not stored."""

    async def save(self, *, now: bool) -> None:
        """Nothing to do: positions are not stored."""

    def _next(self) -> list[Commit]:
        fresh = self._log.first_after(self._taken, self.most)
        self._taken += len(fresh)
        if self._random is None:
            return fresh
        pool = self._delayed + fresh
        self._delayed = []
        if fresh:
            keep = self._random.random() * 0.5
            delayed = [self._random.random() < keep for _ in pool]
            self._delayed = [commit for commit, wait in zip(pool, delayed, strict=True) if wait]
            pool = [commit for commit, wait in zip(pool, delayed, strict=True) if not wait]
        pool += [commit for commit in pool if self._random.random() < 0.15]
        if self._taken and self._random.random() < 0.2:  # repeat one commit that was handled long ago
            pool += self._log.first_after(self._random.randrange(self._taken), 1)
        self._random.shuffle(pool)
        self._delayed += pool[self.most :]
        return pool[: self.most]


class MemorySubscriptions(LogSubscription[_ShuffledGroup]):
    """A `Feed` over a MemoryEventStore. Positions are kept in this object: a new one begins at the first commit.

    Args:
        seed: Determines how deliveries are disturbed, the same way in every run. None delivers once and in order.
        pause: Seconds before a failed batch is delivered again; doubles up to `longest`.
    """

    def __init__(
        self, log: MemoryEventStore, *, seed: int | None = 0, pause: float = 0.01, longest: float = 1.0
    ) -> None:
        super().__init__(log, poll=None, pause=pause, longest=longest)
        self._log = log
        self._seed = seed

    def _group(self, name: str, handler: Handler, max_commits: int, gather: float) -> _ShuffledGroup:
        random = None if self._seed is None else Random(f"{self._seed}:{name}")
        return _ShuffledGroup(self._log, name, handler, max_commits, random)

    async def _begin_again(self, group: str) -> None:
        self._groups[group].begin_again()
