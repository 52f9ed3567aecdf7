"""The event log in a SQLite file: one row per commit, written by one thread.

One process owns a file: it holds the lock of the data folder.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Collection, Sequence
from datetime import datetime
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple

from shared.adapters.event_store_base import EventStoreBase, whole_streams
from shared.adapters.paging import pages
from shared.adapters.sqlite.commit_cache import CommitCache
from shared.adapters.sqlite.commit_rows import (
    COLUMNS,
    place_of,
    select,
    select_cause,
    select_heads,
    select_next,
    select_stream,
)
from shared.adapters.sqlite.connection import open_writer
from shared.adapters.sqlite.group_commit import GroupCommit, Job
from shared.adapters.sqlite.reader_pool import ReaderPool
from shared.adapters.sqlite.unpublished import MARK, UnpublishedCommits
from shared.adapters.sqlite.verification import verify_file
from shared.eventstore.commit import EMPTY_HEAD, Commit, StreamHead
from shared.eventstore.errors import StoreBroken
from shared.eventstore.event_store import Conflict, DuplicateCommand
from shared.eventstore.verification import Finding
from shared.kernel.legal_time import to_text

_CASES = "case/"
"""Whether a case has anything new, or exists, is always looked up in the file: otherwise an answer about a hidden case that was
written lately would come sooner than one about a case that does not exist (docs/adr/0034)."""

_TOGETHER = 200
"""Streams that one statement reads."""

FORMAT = 2
# THE storage format. `events` is the bytes of the events joined by a newline, which JSON text never contains raw.
SCHEMA = """
CREATE TABLE commits(
    position INTEGER PRIMARY KEY, stream TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
    cause TEXT NOT NULL, request TEXT, recorded_at TEXT NOT NULL, previous TEXT NOT NULL, hash TEXT NOT NULL,
    events BLOB NOT NULL, UNIQUE(stream, first), UNIQUE(stream, cause));
CREATE TABLE unpublished(position INTEGER PRIMARY KEY REFERENCES commits, since TEXT NOT NULL);
CREATE INDEX unpublished_since ON unpublished(since, position);
CREATE TRIGGER never_changed BEFORE UPDATE ON commits BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;
CREATE TRIGGER never_deleted BEFORE DELETE ON commits BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END
"""


class _Statement(NamedTuple):
    """A statement other than an append that the writing connection must run."""

    sql: str
    values: tuple[Any, ...]


_Task = Commit | _Statement
_Job = Job[_Task, Commit | None]


class SqliteEventStore(EventStoreBase, UnpublishedCommits):
    """A `Log` in the file `path`.

    Args:
        outbox: Mark each commit as unpublished; for deployments in which a message broker delivers the commits.
        max_pages: Limit of the file size in pages, so that operators and tests get StoreFull before the disk is full.
    """

    def __init__(self, path: Path, *, outbox: bool = False, max_pages: int | None = None) -> None:
        EventStoreBase.__init__(self)
        self.path = path
        self._connection = open_writer(path, "log", FORMAT, SCHEMA, synchronous="FULL")
        if outbox:
            self._connection.execute(MARK)
        if max_pages is not None:
            self._connection.execute(f"PRAGMA max_page_count={max_pages}").fetchall()
        self._next = self._top() + 1
        self._recent = CommitCache(self._next - 1)
        self._writer: GroupCommit[_Task, Commit | None] = GroupCommit(
            self._connection, path.name, self._write, delivered=self._delivered
        )
        UnpublishedCommits.__init__(self, ReaderPool(path), self._run_statement)

    async def newest(self) -> datetime | None:
        """When the last commit was recorded; None in an empty log, and where damage hides it, which `verify` reports."""
        try:
            found = await self._readers.run(partial(select, where="ORDER BY position DESC LIMIT 1", values=()))
        except StoreBroken:
            return None
        return found[0].recorded_at if found and found[0].intact() else None

    @property
    def position(self) -> int:
        """Position of the last commit."""
        return self._recent.top

    @property
    def broken(self) -> StoreBroken | None:
        return self._writer.broken

    async def append(self, commit: Commit) -> Commit:
        for data in commit.events:
            if b"\n" in data:
                raise ValueError("the bytes of an event must not contain a newline")
        if not commit.events:
            raise ValueError("a commit needs at least one event")
        written = await self._writer.submit(commit)
        assert written is not None
        return written

    async def load(self, stream: str, after: int = 0, limit: int | None = None) -> list[Commit]:
        known = self._recent.load(stream, after)
        if known or (known is not None and not stream.startswith(_CASES)):
            return known if limit is None else known[:limit]
        if after or limit is not None:
            return await self._readers.run(partial(select_stream, stream=stream, after=after, limit=limit))
        mark = self._recent.begin(stream)
        commits = await self._readers.run(partial(select_stream, stream=stream, after=0))
        self._recent.fill(stream, mark, commits)
        return commits

    async def load_many(self, streams: Collection[str]) -> dict[str, list[Commit]]:
        found = {stream: known for stream in streams if (known := self._recent.load(stream, 0))}
        unknown = [stream for stream in dict.fromkeys(streams) if stream not in found]
        for start in range(0, len(unknown), _TOGETHER):
            some = unknown[start : start + _TOGETHER]
            marks = {stream: self._recent.begin(stream) for stream in some}
            where = f"WHERE stream IN ({','.join('?' * len(some))}) ORDER BY stream, first"
            read = whole_streams(some, await self._readers.run(partial(select, where=where, values=some)))
            for stream, commits in read.items():
                self._recent.fill(stream, marks[stream], commits)
            found |= read
        return found

    async def by_cause(self, stream: str, cause: str) -> Commit | None:
        known, commit = self._recent.by_cause(stream, cause)
        if known:
            return commit
        short = not self._recent.knows(stream)
        mark = self._recent.begin(stream)
        found, whole = await self._readers.run(partial(select_cause, stream=stream, cause=cause, whole=short))
        if whole is not None:
            self._recent.fill(stream, mark, whole)
        return found

    async def since(self, position: int, limit: int, *, look: bool = False) -> list[Commit]:
        """The next commits after `position`, in the order of their append. `look` reads the file in any case."""
        known = None if look else self._recent.since(position, limit)
        if known is not None:
            return known
        where = "WHERE position > ? ORDER BY position LIMIT ?"
        commits = await self._readers.run(partial(select, where=where, values=(position, limit)))
        if look and commits and commits[-1].position > self._recent.top:
            self._recent.restart(commits[-1].position)
        return commits

    def scan(self, prefix: str = "", *, batch: int = 500) -> AsyncIterator[Sequence[Commit]]:
        async def read(place: tuple[str, int]) -> list[Commit]:
            return await self._readers.run(partial(select_next, prefix=prefix, place=place, batch=batch))

        return pages(read, (prefix, 0), place_of, batch)

    def heads(self, prefix: str = "", *, batch: int = 1000) -> AsyncIterator[Sequence[tuple[str, StreamHead]]]:
        async def read(after: str | None) -> list[tuple[str, StreamHead]]:
            return await self._readers.run(partial(select_heads, prefix=prefix, after=after, batch=batch))

        return pages(read, None, lambda found: found[0], batch)

    async def limit(self, max_pages: int) -> None:
        """Set another limit of the file size in pages. A log that was full accepts the next append."""
        await self._run_statement(f"PRAGMA max_page_count={max_pages}")

    async def verify(self) -> AsyncIterator[Finding]:
        """Everything that is wrong with the file, including what cannot be decoded."""
        for finding in await asyncio.to_thread(verify_file, self.path):
            yield finding

    async def close(self) -> None:
        self._listeners.clear()
        await asyncio.to_thread(self._readers.close)
        await self._writer.close()

    async def _run_statement(self, sql: str, *values: Any) -> None:
        await self._writer.submit(_Statement(sql, values))

    # --- in the writing thread ---

    def _write(self, jobs: list[_Job]) -> list[_Job]:
        """Write at most one commit of each stream: the answer to a second one depends on the first.

        Returns the jobs that have to wait for the next batch.
        """
        batch: dict[str, tuple[_Job, Commit]] = {}
        later: list[_Job] = []
        for job in jobs:
            task = job.task
            if isinstance(task, _Statement):
                self._connection.execute(*task).fetchall()
                job.done = True
            elif task.stream in batch:
                later.append(job)
            else:
                batch[task.stream] = (job, task)
        good: list[tuple[_Job, Commit]] = []
        doubtful: list[tuple[_Job, Commit]] = []
        for pair in batch.values():
            (good if self._fits(pair[1]) else doubtful).append(pair)
        if good:
            try:
                self._insert(good)
            except sqlite3.IntegrityError:  # a repeated cause, or a stream that has another head than remembered
                doubtful += good
            else:
                self._accept(good)
        if doubtful:
            self._write_carefully(doubtful)
        return later

    def _fits(self, commit: Commit) -> bool:
        """True when the commit follows the remembered head.

        A stream that is not remembered and begins at version 1 is protected by UNIQUE(stream, first).
        """
        head = self._heads.get(commit.stream)
        if head is None:
            head = self._read_head(commit.stream) if commit.first > 1 else EMPTY_HEAD
        return head == (commit.first - 1, commit.previous)

    def _write_carefully(self, jobs: list[tuple[_Job, Commit]]) -> None:
        """Check every commit against the file. The cause is checked before the version, as the port promises."""
        self._connection.execute("BEGIN IMMEDIATE")
        self._next = self._top() + 1
        admitted = []
        for job, commit in jobs:
            same = select(self._connection, "WHERE stream = ? AND cause = ?", (commit.stream, commit.cause))
            head = self._read_head(commit.stream)
            if same:
                job.error = DuplicateCommand(same[0])
            elif head != (commit.first - 1, commit.previous):
                job.error = Conflict(commit.stream)
            else:
                admitted.append((job, commit))
        if admitted:
            self._insert(admitted)
        self._connection.execute("COMMIT")
        self._accept(admitted)

    def _insert(self, jobs: list[tuple[_Job, Commit]]) -> None:
        """Insert the whole batch with one statement, which is a transaction of its own outside of one.

        Each statement releases and takes the interpreter lock twice; next to a busy event loop, that is the main cost.
        """
        values: list[Any] = []
        for position, (_, commit) in enumerate(jobs, self._next):
            values += row_of(commit, position)
        self._connection.execute(insert_of(len(jobs)), values)

    def _accept(self, jobs: list[tuple[_Job, Commit]]) -> None:
        """Record that the commits are durable."""
        for job, commit in jobs:
            job.result = commit.at(self._next)
            job.done = True
            self._next += 1
            self._remember(commit.stream, commit.head)

    def _read_head(self, stream: str) -> StreamHead:
        row = self._connection.execute(
            "SELECT last, hash FROM commits WHERE stream = ? ORDER BY first DESC LIMIT 1", (stream,)
        ).fetchone()
        head = StreamHead(*row) if row else EMPTY_HEAD
        self._remember(stream, head)
        return head

    def _top(self) -> int:
        (top,) = self._connection.execute("SELECT coalesce(max(position), 0) FROM commits").fetchone()
        return int(top)

    # --- in the event loop ---

    def _delivered(self, jobs: list[_Job]) -> None:
        appended: list[Commit] = []
        for job in jobs:
            if job.result is not None:
                self._recent.add(job.result)
                appended.append(job.result)
            elif isinstance(job.task, Commit):
                self._recent.forget(job.task.stream)
        if appended:
            self._announce(appended)


@lru_cache(maxsize=256)
def insert_of(count: int) -> str:
    """The statement that inserts `count` commits; its parameters are those of `row_of`, one row after the other."""
    row = "(?,?,?,?,?,?,?,?,?,?)"
    return f"INSERT INTO commits({COLUMNS}, last) VALUES {','.join([row] * count)}"


def row_of(commit: Commit, position: int) -> tuple[Any, ...]:
    """The row of a commit that is stored at `position`."""
    return (
        position,
        commit.stream,
        commit.first,
        commit.cause,
        commit.request,
        to_text(commit.recorded_at),
        commit.previous,
        commit.hash,
        b"\n".join(commit.events),
        commit.last,
    )
