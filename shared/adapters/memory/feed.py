"""The feed in memory. It misbehaves as badly as the port allows, so that no bug waits for Kafka."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from random import Random

import structlog

from shared.adapters.memory.log import MemoryLog
from shared.feed import Feed, Handler
from shared.log import Commit

LOGGER = structlog.get_logger()


class MemoryFeed(Feed):
    """A `Feed` over a MemoryLog that repeats, delays and swaps deliveries as `seed` says; the same seed does the same.

    `seed=None` delivers straight: once and in order. A failing handler gets its batch again after `pause` seconds,
    growing to `longest`. Positions live in this object: a new one begins at the beginning.
    """

    def __init__(self, log: MemoryLog, *, seed: int | None = 0, pause: float = 0.01, longest: float = 1.0) -> None:
        self._log = log
        self._pause = pause
        self._longest = longest
        self._seed = seed
        self._groups: dict[str, _Group] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._moved = asyncio.Event()
        self._stopping = False
        self._unlisten: Callable[[], None] | None = None

    async def publish(self, commits: Sequence[Commit]) -> None:
        """Nothing to do but to wake the groups: the log holds the commits."""
        self._wake()

    def subscribe(self, group: str, handler: Handler, *, max_commits: int = 500, gather: float = 0.0) -> None:
        if group in self._groups:
            raise ValueError(f"group {group} is subscribed already")
        if self._tasks:
            raise RuntimeError("subscribe before start()")
        random = None if self._seed is None else Random(f"{self._seed}:{group}")
        self._groups[group] = _Group(self._log, handler, max_commits, random)

    async def start(self) -> None:
        self._stopping = False
        self._unlisten = self._log.listen(self._wake)
        self._tasks = [asyncio.create_task(self._run(name, group), name=name) for name, group in self._groups.items()]

    async def stop(self) -> None:
        self._stopping = True
        self._wake()
        self._moved.set()
        if self._unlisten is not None:
            self._unlisten()
            self._unlisten = None
        await asyncio.gather(*self._tasks)
        self._tasks = []

    async def rewind(self, group: str) -> None:
        if self._tasks:
            raise RuntimeError("rewind while the feed does not run")
        self._groups[group].begin_again()

    async def drain(self) -> None:
        """Returns when every group has handled everything, what handlers appended meanwhile included."""
        while not all(group.done() for group in self._groups.values()):
            if self._stopping or not self._tasks:
                raise RuntimeError("the feed does not run")
            self._moved.clear()
            await self._moved.wait()

    async def lag(self) -> dict[str, int]:
        return {name: group.lag() for name, group in self._groups.items()}

    def last_progress(self, group: str) -> float:
        return self._groups[group].progress

    def _wake(self, _commits: Sequence[Commit] = ()) -> None:
        for group in self._groups.values():
            group.woken.set()

    async def _run(self, name: str, group: _Group) -> None:
        pause = self._pause
        while not self._stopping:
            group.woken.clear()
            batch = group.batch or group.take()
            if batch:
                try:
                    await group.handler(batch)
                except Exception as error:
                    LOGGER.warning("feed_again", group=name, error=type(error).__name__)
                    await self._rest(group, pause)
                    pause = min(pause * 2, self._longest)
                    continue
                pause = self._pause
                group.batch = []
            group.progress = time.monotonic()
            self._moved.set()
            if group.done() and not self._stopping:
                await group.woken.wait()

    async def _rest(self, group: _Group, seconds: float) -> None:
        """Wait; stop() cuts it short, new commits do not."""
        end = time.monotonic() + seconds
        while not self._stopping and (left := end - time.monotonic()) > 0:
            group.woken.clear()
            try:
                await asyncio.wait_for(group.woken.wait(), left)
            except TimeoutError:
                return


class _Group:
    """Where one group stands, and how its deliveries are mixed up."""

    def __init__(self, log: MemoryLog, handler: Handler, most: int, random: Random | None) -> None:
        self.handler = handler
        self.woken = asyncio.Event()
        self.progress = time.monotonic()
        self.batch: list[Commit] = []
        """In hand: given to the handler, not yet handled."""
        self._log = log
        self._most = most
        self._random = random
        self._taken = 0
        self._delayed: list[Commit] = []

    def done(self) -> bool:
        return not self.batch and not self._delayed and self._taken == self._log.position

    def lag(self) -> int:
        waiting = {commit.position for commit in (*self.batch, *self._delayed)}
        return self._log.position - self._taken + len(waiting)

    def begin_again(self) -> None:
        self.batch, self._delayed, self._taken = [], [], 0

    def take(self) -> list[Commit]:
        """The next batch, [] when everything was delivered."""
        fresh = self._log.first_after(self._taken, self._most)
        self._taken += len(fresh)
        if self._random is None:
            self.batch = fresh
            return fresh
        pool = self._delayed + fresh
        self._delayed = []
        if fresh:
            keep = self._random.random() * 0.5
            delayed = [self._random.random() < keep for _ in pool]
            self._delayed = [commit for commit, wait in zip(pool, delayed, strict=True) if wait]
            pool = [commit for commit, wait in zip(pool, delayed, strict=True) if not wait]
        pool += [commit for commit in pool if self._random.random() < 0.15]
        if self._taken and self._random.random() < 0.2:  # something long handled comes once more
            pool += self._log.first_after(self._random.randrange(self._taken), 1)
        self._random.shuffle(pool)
        self._delayed, self.batch = self._delayed + pool[self._most :], pool[: self._most]
        return self.batch
