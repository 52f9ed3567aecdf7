"""Group commit in the one writing thread of a file.

The event loop queues tasks; the thread takes all that are waiting, writes them in one transaction and reports to the loop
once per batch. There is no artificial delay: while one batch is made durable, the next one accumulates.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from shared.adapters.sqlite.connection import trouble
from shared.eventstore.errors import StoreBroken, StoreFull, StoreUnavailable

T = TypeVar("T")
R = TypeVar("R")
MOST_WAITING = 50_000
"""Limit of the queue, so that a disk that hangs does not fill the memory."""


class Job(Generic[T, R]):
    """One queued task. The writing thread sets `done` and `result`, or `error`."""

    __slots__ = ("done", "error", "future", "result", "task")

    def __init__(self, task: T, future: asyncio.Future[R]) -> None:
        self.task = task
        self.future = future
        self.done = False
        self.result: R | None = None
        self.error: BaseException | None = None


class GroupCommit(Generic[T, R]):
    """Runs `write` in its own thread, one batch of jobs after the other.

    After StoreBroken nothing is ever written again: after a failed fsync the kernel may have dropped the pages, and a second
    attempt would succeed without them.

    Args:
        write: Sets `done` or `error` of each job and returns the jobs that must wait for the next batch. What it raises
            becomes the error of every job that has no answer yet.
        delivered: Runs in the event loop before the callers get their answers.
        most: Jobs that a batch takes from the queue at most.
        pages_per_job: Estimated pages that a job adds to the WAL.
        checkpoint_pages: The WAL is copied into the file after about this many pages.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        name: str,
        write: Callable[[list[Job[T, R]]], Sequence[Job[T, R]]],
        *,
        delivered: Callable[[list[Job[T, R]]], None] = lambda jobs: None,
        most: int = 128,
        pages_per_job: int = 3,
        checkpoint_pages: int = 4000,
    ) -> None:
        self._connection = connection
        self._write = write
        self._delivered = delivered
        self._most = most
        self._pages_per_job = pages_per_job
        self._checkpoint_pages = checkpoint_pages
        self._pages = 0
        self._waiting: queue.SimpleQueue[Job[T, R] | None] = queue.SimpleQueue()
        self._held: list[Job[T, R]] = []
        self._closed = False
        self.broken: StoreBroken | None = None
        self._thread = threading.Thread(target=self._run, name=f"write {name}", daemon=True)
        self._thread.start()

    def submit(self, task: T) -> asyncio.Future[R]:
        """Queue a task. The returned future is done once the task is durable or was refused.

        Raises:
            StoreBroken: An earlier write failed for good.
            StoreUnavailable: The queue is full.
        """
        if self.broken is not None:
            raise StoreBroken(*self.broken.args)
        if self._closed:
            raise RuntimeError("the store is closed")
        if self._waiting.qsize() >= MOST_WAITING:
            raise StoreUnavailable("too many writes are waiting for the disk; send it again later")
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.put(Job(task, future))
        return future

    async def close(self) -> None:
        """Write what is queued, then close the connection."""
        if not self._closed:
            self._closed = True
            self._waiting.put(None)
        while self._thread.is_alive():
            await asyncio.to_thread(self._thread.join)
        self._connection.close()

    def _run(self) -> None:
        open_ = True
        while open_ or self._held:
            jobs, self._held = self._held, []
            if not jobs:
                job = self._waiting.get()
                if job is None:
                    return
                jobs.append(job)
            room = self._most
            while room and open_:
                try:
                    job = self._waiting.get_nowait()
                except queue.Empty:
                    break
                if job is None:
                    open_ = False
                else:
                    jobs.append(job)
                    room -= 1
            self._batch(jobs)

    def _batch(self, jobs: list[Job[T, R]]) -> None:
        before = self._connection.total_changes
        if self.broken is None:
            try:
                self._held = list(self._write(jobs))
            except BaseException as error:
                self._failed(jobs, error)
            else:
                pages = (len(jobs) - len(self._held)) * self._pages_per_job + 2
                self._pages += max(pages, self._connection.total_changes - before)  # a job may write many rows
        else:
            self._failed(jobs, self.broken)
        held = set(map(id, self._held))
        done = [job for job in jobs if id(job) not in held] if held else jobs
        loops: defaultdict[asyncio.AbstractEventLoop, list[Job[T, R]]] = defaultdict(list)
        for job in done:
            loops[job.future.get_loop()].append(job)
        for loop, answers in loops.items():
            try:
                loop.call_soon_threadsafe(self._deliver, answers)
            except RuntimeError:  # that event loop has ended, so no caller is waiting
                continue
        if self._pages >= self._checkpoint_pages and self.broken is None:
            self._checkpoint()

    def _failed(self, jobs: list[Job[T, R]], error: BaseException) -> None:
        meaning = trouble(error) or error
        if isinstance(meaning, StoreBroken):
            self.broken = meaning
        elif isinstance(meaning, StoreFull):
            self._pages = self._checkpoint_pages  # a checkpoint may make room in the WAL
        if self._connection.in_transaction:
            try:
                self._connection.rollback()
            except sqlite3.Error as worse:
                meaning = self.broken = StoreBroken(f"the rollback failed: {worse}")
        self._held = []
        for job in jobs:
            if not job.done and job.error is None:
                job.error = type(meaning)(*meaning.args) if isinstance(meaning, StoreFull | StoreBroken) else meaning

    def _checkpoint(self) -> None:
        """Copy the pages of the WAL into the file, after the callers got their answers."""
        try:
            self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
            self._pages = 0
        except sqlite3.Error as error:
            meaning = trouble(error)
            if isinstance(meaning, StoreBroken):
                self.broken = meaning
            self._pages = self._checkpoint_pages // 2  # full or busy: try again later

    def _deliver(self, jobs: list[Job[T, R]]) -> None:
        self._delivered(jobs)
        for job in jobs:
            if job.future.done():  # the caller was cancelled
                continue
            if job.error is not None:
                job.future.set_exception(job.error)
            else:
                job.future.set_result(job.result)  # type: ignore[arg-type]
