"""The feed of the embedded mode: the log's own table, read by position, with a checkpoint for each group."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

import structlog

from shared.adapters.sqlite.log import SqliteLog
from shared.adapters.sqlite.views import SqliteViews
from shared.feed import Feed, Handler
from shared.log import Commit

LOGGER = structlog.get_logger()
_SAVE_EVERY = 0.2  # seconds; what a crash makes come again


class SqliteFeed(Feed):
    """A `Feed` that an append in this process wakes at once, and otherwise looks every `poll` seconds.

    A checkpoint is written after the handler returned, lazily, into the same file as the rows that the handler wrote:
    it can be behind them, never ahead. Dropping the views drops the checkpoints, and everything comes again.
    """

    def __init__(
        self, log: SqliteLog, views: SqliteViews, *, poll: float = 0.5, pause: float = 0.2, longest: float = 10.0
    ) -> None:
        self._log = log
        self._views = views
        self._poll = poll
        self._pause = pause
        self._longest = longest
        self._groups: dict[str, _Group] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._moved = asyncio.Event()
        self._stopping = False
        self._hurried = asyncio.Event()
        """drain() waits only for groups that gather, or all ends: nobody gathers."""
        self._unlisten: Callable[[], None] | None = None

    async def publish(self, commits: Sequence[Commit]) -> None:
        """Nothing to do: they stand in the log, and the append has woken the groups."""

    def subscribe(self, group: str, handler: Handler, *, max_commits: int = 500, gather: float = 0.0) -> None:
        if group in self._groups:
            raise ValueError(f"group {group} is subscribed already")
        if self._tasks:
            raise RuntimeError("subscribe before start()")
        self._groups[group] = _Group(group, handler, max_commits, gather)

    async def start(self) -> None:
        self._stopping = False
        self._hurried.clear()
        for group in self._groups.values():
            await self._rewind(group)
        self._unlisten = self._log.listen(self._wake)
        self._tasks = [asyncio.create_task(self._run(group), name=name) for name, group in self._groups.items()]

    async def stop(self) -> None:
        self._stopping = True
        self._hurried.set()
        self._wake()
        self._moved.set()
        if self._unlisten is not None:
            self._unlisten()
            self._unlisten = None
        await asyncio.gather(*self._tasks)
        self._tasks = []
        for group in self._groups.values():
            await self._save(group, now=True)

    async def rewind(self, group: str) -> None:
        if self._tasks:
            raise RuntimeError("rewind while the feed does not run")
        await self._views.save_checkpoint(group, 0, self._views.generation)

    async def drain(self) -> None:
        """Returns when every group has handled everything, what handlers appended meanwhile included."""
        while behind := [group for group in self._groups.values() if self._behind(group)]:
            if self._stopping or not self._tasks:
                raise RuntimeError("the feed does not run")
            if all(group.gather for group in behind):
                self._hurried.set()
            self._moved.clear()
            await self._moved.wait()
            if not self._stopping:
                self._hurried.clear()

    async def lag(self) -> dict[str, int]:
        return {name: self._log.position - group.position for name, group in self._groups.items()}

    def last_progress(self, group: str) -> float:
        return self._groups[group].progress

    def _wake(self, _commits: Sequence[Commit] = ()) -> None:
        for group in self._groups.values():
            group.woken.set()

    def _behind(self, group: _Group) -> bool:
        return group.position < self._log.position or group.generation != self._views.generation

    async def _run(self, group: _Group) -> None:
        pause = self._pause
        look = False
        while not self._stopping:
            group.woken.clear()
            try:
                if group.generation != self._views.generation:
                    await self._rewind(group)
                await self._gathered(group)
                commits = await self._log.since(group.position, group.most, look=look)
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
                group.position = commits[-1].position
                group.handled_at = group.progress
                look = False
            self._moved.set()
            idle = not self._behind(group)
            try:
                await self._save(group, now=idle and look)
            except Exception as error:  # a full disk: what is not saved comes again after a restart
                LOGGER.warning("checkpoint_later", group=group.name, error=type(error).__name__)
                await self._rest(group, pause)
            if idle and not self._stopping:
                look = not await self._woken(group, self._poll)

    async def _gathered(self, group: _Group) -> None:
        """Let so much time pass since the last batch that this one is worth its transaction."""
        early = group.handled_at + group.gather - time.monotonic()
        if early > 0 and self._log.position - group.position < group.most:
            try:
                await asyncio.wait_for(self._hurried.wait(), early)
            except TimeoutError:
                return

    async def _rest(self, group: _Group, seconds: float) -> None:
        """Wait; stop() cuts it short, new commits do not."""
        end = time.monotonic() + seconds
        while not self._stopping and (left := end - time.monotonic()) > 0:
            group.woken.clear()
            await self._woken(group, left)

    async def _woken(self, group: _Group, seconds: float) -> bool:
        try:
            await asyncio.wait_for(group.woken.wait(), seconds)
        except TimeoutError:
            return False
        return True

    async def _rewind(self, group: _Group) -> None:
        group.generation = self._views.generation
        group.position = group.saved = await self._views.checkpoint(group.name)

    async def _save(self, group: _Group, *, now: bool) -> None:
        late = time.monotonic() - group.saved_at >= _SAVE_EVERY
        if group.position == group.saved or not (now or late) or group.generation != self._views.generation:
            return
        position = group.position
        await self._views.save_checkpoint(group.name, position, group.generation)
        group.saved, group.saved_at = position, time.monotonic()


class _Group:
    """Where one group stands."""

    def __init__(self, name: str, handler: Handler, most: int, gather: float) -> None:
        self.name = name
        self.handler = handler
        self.most = most
        self.gather = gather
        self.handled_at = 0.0
        self.woken = asyncio.Event()
        self.position = 0
        self.saved = 0
        self.saved_at = 0.0
        self.progress = time.monotonic()
        self.generation = 0
