"""Subscriptions of a process that reads its event log directly: the loop that both the SQLite and the memory adapter run."""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar

import structlog

from shared.adapters.timed_wait import set_within
from shared.eventstore.commit import Commit
from shared.eventstore.event_store import Listener
from shared.eventstore.subscription import Handler, Subscriptions

LOGGER = structlog.get_logger()


class NumberedLog(Protocol):
    """A log whose commits have consecutive positions and that reports its own appends."""

    @property
    def position(self) -> int: ...
    def listen(self, listener: Listener) -> Callable[[], None]: ...


class Group(ABC):
    """One consumer group: its handler and its progress through the log."""

    def __init__(self, name: str, handler: Handler, most: int, gather: float = 0.0) -> None:
        self.name = name
        self.handler = handler
        self.most = most
        """Maximum number of commits in a batch."""
        self.gather = gather
        """Seconds that a commit may wait for more commits."""
        self.look = False
        """True when the next read must ask the store, because no append was reported for one poll interval."""
        self.woken = asyncio.Event()
        self.handled_at = 0.0
        self.progress = time.monotonic()

    @abstractmethod
    async def take(self) -> Sequence[Commit]:
        """The next batch; empty when everything was delivered. The same batch again until `handled` is called."""

    @abstractmethod
    def handled(self, commits: Sequence[Commit]) -> None:
        """Advance past `commits`, which the handler has processed."""

    @abstractmethod
    def done(self) -> bool:
        """True when every commit of the log was handled."""

    @abstractmethod
    def lag(self) -> int:
        """Number of commits that were not handled yet."""

    @abstractmethod
    async def restore(self) -> None:
        """Continue at the stored position, if the adapter stores one."""

    @abstractmethod
    async def save(self, *, now: bool) -> None:
        """Store the position, if the adapter stores one. `now` overrides the interval between two writes."""


G = TypeVar("G", bound=Group)


class LogSubscription(Subscriptions, ABC, Generic[G]):
    """Base of the `Subscriptions` adapters that read the log themselves. A failed batch is delivered again after a growing pause.

    Args:
        log: An append in this process wakes all groups at once.
        poll: Seconds between two reads without an append; None waits for the next append.
        pause: Seconds before the first redelivery; doubles with each failure.
        longest: Upper limit of the pause in seconds.
    """

    def __init__(self, log: NumberedLog, *, poll: float | None, pause: float, longest: float) -> None:
        self._numbered = log
        self._poll = poll
        self._pause = pause
        self._longest = longest
        self._groups: dict[str, G] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._moved = asyncio.Event()
        self._stopping = False
        self._hurried = asyncio.Event()
        """Set while groups must not gather: `drain` waits for them, or the subscription stops."""
        self._unlisten: Callable[[], None] = lambda: None

    @abstractmethod
    def _group(self, name: str, handler: Handler, max_commits: int, gather: float) -> G:
        """A new group at the position where it has to begin."""

    @abstractmethod
    async def _begin_again(self, group: str) -> None:
        """Set the group's position to the beginning of the log."""

    async def publish(self, commits: Sequence[Commit]) -> None:
        """Do nothing: the commits are already in the log, and their append woke the groups."""

    def subscribe(self, group: str, handler: Handler, *, max_commits: int = 500, gather: float = 0.0) -> None:
        if group in self._groups:
            raise ValueError(f"group {group} is already subscribed")
        if self._tasks:
            raise RuntimeError("call subscribe() before start()")
        self._groups[group] = self._group(group, handler, max_commits, gather)

    async def start(self) -> None:
        self._stopping = False
        self._hurried.clear()
        for group in self._groups.values():
            await group.restore()
        self._unlisten = self._numbered.listen(self._wake)
        self._tasks = [asyncio.create_task(self._run(group), name=name) for name, group in self._groups.items()]

    async def stop(self) -> None:
        self._stopping = True
        self._hurried.set()
        self._wake()
        self._moved.set()
        self._unlisten()
        self._unlisten = lambda: None
        await asyncio.gather(*self._tasks)
        self._tasks = []
        for group in self._groups.values():
            await group.save(now=True)

    async def rewind(self, group: str) -> None:
        if self._tasks:
            raise RuntimeError("call rewind() before start() or after stop()")
        await self._begin_again(group)

    async def drain(self) -> None:
        """Return once every group has handled everything, including what handlers append meanwhile.

        Raises:
            RuntimeError: The subscription is not running.
        """
        while behind := [group for group in self._groups.values() if not group.done()]:
            if self._stopping or not self._tasks:
                raise RuntimeError("the feed does not run; call start() first")
            if all(group.gather for group in behind):
                self._hurried.set()
            self._moved.clear()
            await self._moved.wait()
            if not self._stopping:
                self._hurried.clear()

    async def lag(self) -> dict[str, int]:
        return {name: group.lag() for name, group in self._groups.items()}

    def last_progress(self, group: str) -> float:
        return self._groups[group].progress

    def _wake(self, _commits: Sequence[Commit] = ()) -> None:
        for group in self._groups.values():
            group.woken.set()

    async def _run(self, group: G) -> None:
        pause = self._pause
        while not self._stopping:
            group.woken.clear()
            try:
                await self._gather(group)
                commits = await group.take()
                if commits:
                    await group.handler(commits)
            except Exception as error:
                LOGGER.warning("feed_again", group=group.name, error=type(error).__name__)
                await self._rest(group, pause)
                pause = min(pause * 2, self._longest)
                continue
            pause = self._pause
            group.progress = time.monotonic()
            if commits:
                group.handled(commits)
                group.handled_at = group.progress
                group.look = False
            self._moved.set()
            idle = group.done()
            try:
                await group.save(now=idle and group.look)
            except Exception as error:  # a full disk: what is not saved is delivered again after a restart
                LOGGER.warning("checkpoint_later", group=group.name, error=type(error).__name__)
                await self._rest(group, pause)
            if idle and not self._stopping:
                group.look = not await set_within(group.woken, self._poll)

    async def _gather(self, group: G) -> None:
        """Wait until `gather` seconds after the last batch, unless a full batch is waiting or `drain` is called."""
        early = group.handled_at + group.gather - time.monotonic()
        if early > 0 and group.lag() < group.most:
            await set_within(self._hurried, early)

    async def _rest(self, group: G, seconds: float) -> None:
        """Wait; stop() ends the wait early, new commits do not."""
        end = time.monotonic() + seconds
        while not self._stopping and (left := end - time.monotonic()) > 0:
            group.woken.clear()
            await set_within(group.woken, left)
