"""Read models in a SQLite file: one table per view, with the parked streams and the checkpoints of the subscription."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping, Sequence, Set
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import Any

import orjson

from shared.adapters.declared_read_models import After, DeclaredReadModels
from shared.adapters.paging import pages
from shared.adapters.sqlite.connection import open_writer
from shared.adapters.sqlite.group_commit import GroupCommit, Job
from shared.adapters.sqlite.read_model_sql import Query, ReadModelSql
from shared.adapters.sqlite.reader_pool import ReaderPool
from shared.eventstore.read_models import Condition, Parked, ReadModel, Row, Value

FORMAT = 1
SCHEMA = """
CREATE TABLE shapes(name TEXT PRIMARY KEY, shape TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE checkpoints(name TEXT PRIMARY KEY, position INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE parked(name TEXT, stream TEXT, version INTEGER NOT NULL, reason TEXT NOT NULL, since TEXT NOT NULL,
    bytes BLOB NOT NULL, PRIMARY KEY(name, stream)) WITHOUT ROWID
"""

_REFUSED = (sqlite3.IntegrityError, sqlite3.InterfaceError, sqlite3.ProgrammingError, ValueError, OverflowError)
"""Errors of a task whose values cannot be stored."""
_Task = Callable[[sqlite3.Connection], int]
_Job = Job[_Task, int]


class SqliteReadModels(DeclaredReadModels[ReadModelSql]):
    """A `Views` in the file `path`.

    `synchronous=NORMAL` is enough here: after a power failure the file is consistent, and what it lacks is projected again
    from the log.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.generation = 0
        """Grows when everything is dropped; the subscription then begins again."""
        self._parked: list[Parked] | None = None
        """All parked streams, read once: every batch of every consumer needs them, and only this process changes them."""
        self._marks = 0
        """Number of changes of the parked streams."""
        self._connection = open_writer(path, "views", FORMAT, SCHEMA, synchronous="NORMAL")
        self._writer: GroupCommit[_Task, int] = GroupCommit(
            self._connection, path.name, self._write, pages_per_job=50, checkpoint_pages=20_000
        )
        self._readers = ReaderPool(path)

    def _prepare(self, view: ReadModel) -> ReadModelSql:
        return ReadModelSql(view)

    async def start(self) -> None:
        await self._do(self._create)

    async def write(self, batch: Mapping[str, Sequence[Row]], *, renew: bool = False) -> None:
        queries = [query for name, rows in batch.items() for query in self._views[name].upserts(rows, renew=renew)]
        if queries:
            await self._do(partial(_execute, queries=queries))

    async def get(self, view: str, key: str) -> Row | None:
        sql = self._views[view]
        rows = await self._readers.fetch(f'SELECT {sql.all} FROM "{sql.table}" WHERE key = ?', key)
        return sql.row(rows[0]) if rows else None

    async def applied(self, view: str, keys: Sequence[str]) -> dict[str, int]:
        table = self._views[view].table
        # One row with everything in it: each row that is fetched releases and takes the interpreter lock.
        query = f'SELECT json_group_object(key, applied) FROM "{table}" WHERE key IN (SELECT value FROM json_each(?))'
        rows = await self._readers.fetch(query, orjson.dumps(list(keys)).decode())
        found: dict[str, int] = orjson.loads(rows[0][0])
        return found

    async def _find(
        self, view: ReadModelSql, where: Sequence[Condition], order: Sequence[str], after: After, limit: int
    ) -> list[Row]:
        queries = view.find(where, order, after, limit)
        rows = await self._readers.run(partial(_fetch_page, queries=queries, limit=limit))
        return [view.row(row) for row in rows]

    async def _count(self, view: ReadModelSql, where: Sequence[Condition], by: str | None) -> list[tuple[Value, int]]:
        query, values = view.count(where, by)
        return await self._readers.fetch(query, *values)

    async def rows(self, view: str, *, batch: int = 1000) -> AsyncIterator[Sequence[Row]]:
        sql = self._views[view]
        async for page in self._pages(sql, sql.all, batch):
            yield [sql.row(row) for row in page]

    async def standing(self, view: str, *, batch: int = 1000) -> AsyncIterator[Mapping[str, int]]:
        async for page in self._pages(self._views[view], "key, applied", batch):
            yield dict(page)

    def _pages(self, sql: ReadModelSql, columns: str, batch: int) -> AsyncIterator[Sequence[Any]]:
        """All rows ordered by key; `columns` begins with the key."""

        async def read(after: str | None) -> list[Any]:
            compare = ">=" if after is None else ">"
            query = f'SELECT {columns} FROM "{sql.table}" WHERE key {compare} ? ORDER BY key LIMIT ?'
            return await self._readers.fetch(query, after or "", batch)

        return pages(read, None, itemgetter(0), batch)

    async def remove(self, view: str, keys: Sequence[str]) -> None:
        query = f'DELETE FROM "{self._views[view].table}" WHERE key IN (SELECT value FROM json_each(?))'
        await self._do(partial(_execute, queries=[(query, [orjson.dumps(list(keys)).decode()])]))

    async def clear(self, view: str | None = None) -> None:
        if view is None:
            await self._change_marks(self._drop)
        else:
            await self._do(partial(_execute, queries=[(f'DELETE FROM "{self._views[view].table}"', [])]))

    async def forget_others(self) -> None:
        await self._do(partial(self._forget, keep={sql.table for sql in self._views.values()}))

    async def park(self, parked: Parked) -> None:
        query = "INSERT OR IGNORE INTO parked VALUES (?, ?, ?, ?, ?, ?)"
        await self._change_marks(partial(_execute, queries=[(query, list(parked))]))

    async def parked(self, group: str | None = None, stream: str | None = None) -> list[Parked]:
        marks = self._parked
        if marks is None:
            before = self._marks
            query = "SELECT name, stream, version, reason, since, bytes FROM parked ORDER BY name, stream"
            marks = [Parked(*row) for row in await self._readers.fetch(query)]
            if before == self._marks:
                self._parked = marks
        return [mark for mark in marks if group in (None, mark.group) and stream in (None, mark.stream)]

    async def restate(self, mark: Parked, reason: str) -> bool:
        query = "UPDATE parked SET reason = ? WHERE name = ? AND stream = ? AND reason = ?"
        values = [reason, mark.group, mark.stream, mark.reason]
        return await self._change_marks(partial(_execute, queries=[(query, values)])) > 0

    async def unpark(self, group: str, stream: str) -> bool:
        query = "DELETE FROM parked WHERE name = ? AND stream = ?"
        return await self._change_marks(partial(_execute, queries=[(query, [group, stream])])) > 0

    async def checkpoint(self, group: str) -> int:
        rows = await self._readers.fetch("SELECT position FROM checkpoints WHERE name = ?", group)
        return int(rows[0][0]) if rows else 0

    async def newest_checkpoint(self) -> int:
        """The last position of the log that any group has handled; 0 if none has."""
        [(position,)] = await self._readers.fetch("SELECT coalesce(max(position), 0) FROM checkpoints")
        return int(position)

    async def save_checkpoint(self, group: str, position: int, generation: int) -> None:
        def save(connection: sqlite3.Connection) -> int:
            if generation == self.generation:
                connection.execute("INSERT OR REPLACE INTO checkpoints VALUES (?, ?)", (group, position))
            return 0

        await self._do(save)

    async def close(self) -> None:
        await asyncio.to_thread(self._readers.close)
        await self._writer.close()

    async def _change_marks(self, task: _Task) -> int:
        """Run a task that changes the parked streams. They are read again afterwards; a read that is running is not kept."""
        try:
            return await self._do(task)
        finally:
            self._parked = None
            self._marks += 1

    async def _do(self, task: _Task) -> int:
        return await self._writer.submit(task)

    # --- in the writing thread ---

    def _write(self, jobs: list[_Job]) -> list[_Job]:
        """Run all tasks in one transaction. If one of them is refused, each gets a transaction of its own."""
        try:
            self._transaction(jobs)
        except _REFUSED:
            for job in jobs:
                try:
                    self._transaction([job])
                except _REFUSED as error:
                    job.error = ValueError(str(error)) if isinstance(error, sqlite3.Error) else error
        return []

    def _transaction(self, jobs: list[_Job]) -> None:
        with self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            results = [job.task(self._connection) for job in jobs]
        for job, result in zip(jobs, results, strict=True):
            job.result = result
            job.done = True

    def _create(self, connection: sqlite3.Connection) -> int:
        """Create the missing tables. If one was missing, drop the checkpoints, because the new table has to be filled."""
        there = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if any(sql.table not in there for sql in self._views.values()):
            connection.execute("DELETE FROM checkpoints")
            self.generation += 1
        for sql in self._views.values():
            row = connection.execute("SELECT shape FROM shapes WHERE name = ?", (sql.table,)).fetchone()
            if row is not None and row[0] != sql.shape:
                raise ValueError(f"view {sql.view.name} is stored with other columns: give it the next version")
            connection.execute("INSERT OR IGNORE INTO shapes VALUES (?, ?)", (sql.table, sql.shape))
            for statement in sql.create():
                connection.execute(statement)
        return 0

    def _drop(self, connection: sqlite3.Connection) -> int:
        """Drop everything, including the tables of older versions. All or nothing, as part of the transaction."""
        self._forget(connection, keep=set())
        for table in ("checkpoints", "parked"):
            connection.execute(f"DELETE FROM {table}")
        self.generation += 1
        return self._create(connection)

    def _forget(self, connection: sqlite3.Connection, keep: Set[str]) -> int:
        """Drop all tables of views except `keep`; returns how many."""
        gone = [table for (table,) in connection.execute("SELECT name FROM shapes") if table not in keep]
        for table in gone:
            connection.execute(f'DROP TABLE IF EXISTS "{table}"')
            connection.execute("DELETE FROM shapes WHERE name = ?", (table,))
        return len(gone)


def _execute(connection: sqlite3.Connection, queries: Sequence[Query]) -> int:
    return sum(connection.execute(query, values).rowcount for query, values in queries)


def _fetch_page(connection: sqlite3.Connection, queries: Sequence[Query], limit: int) -> list[Any]:
    rows: list[Any] = []
    for query, values in queries:
        rows += connection.execute(query, values).fetchmany(limit - len(rows))
        if len(rows) >= limit:
            break
    return rows
