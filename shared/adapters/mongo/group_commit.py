"""Group commit in the event loop: tasks that are submitted together are written together.

There is no artificial delay: while some batches are being written, the next one accumulates.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable
from functools import partial
from typing import Generic, TypeVar

from shared.adapters.mongo.client import ANSWER_SECONDS
from shared.eventstore.errors import StoreFull, StoreUnavailable

T = TypeVar("T")
R = TypeVar("R")


class Job(Generic[T, R]):
    """One submitted task. The `write` function gives it a result or an error."""

    __slots__ = ("future", "task")

    def __init__(self, task: T, future: asyncio.Future[R]) -> None:
        self.task = task
        self.future = future

    @property
    def given_up(self) -> bool:
        """True when the caller has its answer or has stopped waiting."""
        return self.future.done()

    def succeed(self, result: R) -> None:
        if not self.future.done():
            self.future.set_result(result)

    def fail(self, error: BaseException) -> None:
        if not self.future.done():
            self.future.set_exception(error)


class GroupCommit(Generic[T, R]):
    """Collects tasks into batches. A task whose caller stops waiting before the task was taken is dropped.

    Args:
        write: Answers each job of a batch, immediately or later. What it raises becomes the error of the jobs that have no
            answer yet.
        key: Tasks with the same key are never in one batch: the next one is taken once the one before is answered.
        late: True for a task that will be refused in any case and therefore need not wait for its key.
        at_once: Number of batches that are written at the same time.
        most: Maximum number of tasks in a batch.
        waiting: Maximum number of waiting tasks.
        seconds: Time limit for a caller.
    """

    def __init__(
        self,
        write: Callable[[list[Job[T, R]]], Awaitable[None]],
        *,
        key: Callable[[T], Hashable] | None = None,
        late: Callable[[T], bool] = lambda task: False,
        at_once: int = 1,
        most: int = 500,
        waiting: int = 20_000,
        seconds: float = ANSWER_SECONDS,
    ) -> None:
        self._write = write
        self._key = key
        self._late = late
        self._at_once = at_once
        self._most = most
        self._limit = waiting
        self._seconds = seconds
        self._waiting: deque[Job[T, R]] = deque()
        self._busy: set[Hashable] = set()
        self._running: set[asyncio.Task[None]] = set()
        self._runners = 0
        self._closed = False

    async def submit(self, task: T) -> R:
        """The result of the task, once it is durable.

        Raises:
            StoreUnavailable: after the time limit, or when too many tasks are waiting.
        """
        if self._closed:
            raise RuntimeError("the store is closed")
        if len(self._waiting) >= self._limit:
            raise StoreUnavailable("too many writes are waiting for MongoDB; send it again later")
        job: Job[T, R] = Job(task, asyncio.get_running_loop().create_future())
        self._waiting.append(job)
        self._go()
        try:
            async with asyncio.timeout(self._seconds):
                return await job.future
        except TimeoutError as error:
            raise StoreUnavailable("MongoDB does not answer") from error

    async def close(self) -> None:
        """Write everything that was submitted, then return."""
        self._closed = True
        while self._running:
            await asyncio.wait(self._running)

    def _go(self) -> None:
        """Start a runner unless enough of them are active. It begins after all callers of this turn of the event loop have
        submitted their tasks."""
        if self._runners < self._at_once:
            self._runners += 1
            runner = asyncio.create_task(self._run())
            self._running.add(runner)
            runner.add_done_callback(self._running.discard)

    async def _run(self) -> None:
        try:
            while batch := self._take():
                await self._write_batch(batch)
        finally:
            self._runners -= (
                1  # in the same turn of the loop as the last _take(), so that the next submit() starts another runner
            )

    async def _write_batch(self, batch: list[Job[T, R]]) -> None:
        try:
            await self._write(batch)
        except Exception as error:
            for job in batch:
                job.fail(type(error)(*error.args) if isinstance(error, StoreUnavailable | StoreFull) else error)

    def _take(self) -> list[Job[T, R]]:
        batch: list[Job[T, R]] = []
        later: list[Job[T, R]] = []
        while self._waiting and len(batch) < self._most:
            job = self._waiting.popleft()
            if job.given_up:
                continue
            if self._key is not None and not self._late(job.task):
                key = self._key(job.task)
                if key in self._busy:
                    later.append(job)
                    continue
                self._busy.add(key)
                job.future.add_done_callback(partial(self._answered, key))
            batch.append(job)
        self._waiting.extendleft(reversed(later))
        return batch

    def _answered(self, key: Hashable, _future: asyncio.Future[R]) -> None:
        self._busy.discard(key)
        if self._waiting:
            self._go()
