"""Views in a SQLite file: one table per view, beside them the parked marks and the feed's checkpoints."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping, Sequence, Set
from functools import partial
from pathlib import Path
from typing import Any

import orjson

from shared.adapters.querying import require_index
from shared.adapters.sqlite.connection import open_writer
from shared.adapters.sqlite.readers import Readers
from shared.adapters.sqlite.view_sql import Query, ViewSql
from shared.adapters.sqlite.writer import Job, Writer
from shared.views import Condition, Parked, Row, Value, View

FORMAT = 1
SCHEMA = """
CREATE TABLE shapes(name TEXT PRIMARY KEY, shape TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE checkpoints(name TEXT PRIMARY KEY, position INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE parked(name TEXT, stream TEXT, version INTEGER NOT NULL, reason TEXT NOT NULL, since TEXT NOT NULL,
    bytes BLOB NOT NULL, PRIMARY KEY(name, stream)) WITHOUT ROWID
"""

_Task = Callable[[sqlite3.Connection], int]
_Job = Job[_Task, int]


class SqliteViews:
    """A `Views` in the file `path`. `synchronous=NORMAL` is right here: after a power failure the file is whole, and
    what it lacks comes again from the log."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.generation = 0
        """Grows when everything is dropped: the feed then begins again."""
        self._views: dict[str, ViewSql] = {}
        self._parked: list[Parked] | None = None
        """All marks, read once: every batch of every consumer asks, and only this process changes them."""
        self._marks = 0
        self._connection = open_writer(path, "views", FORMAT, SCHEMA, synchronous="NORMAL")
        self._writer: Writer[_Task, int] = Writer(
            self._connection, path.name, self._write, pages_per_job=50, checkpoint_pages=20_000
        )
        self._readers = Readers(path)

    def declare(self, view: View) -> None:
        known = self._views.get(view.name)
        if known is not None and known.view != view:
            raise ValueError(f"view {view.name} is declared with another shape")
        if known is None:
            self._views[view.name] = ViewSql(view)

    async def start(self) -> None:
        await self._do(self._create)

    async def write(self, batch: Mapping[str, Sequence[Row]], *, renew: bool = False) -> None:
        queries = [query for name, rows in batch.items() for query in self._views[name].upserts(rows, renew=renew)]
        if queries:
            await self._do(partial(_execute, queries=queries))

    async def get(self, view: str, key: str) -> Row | None:
        sql = self._views[view]
        rows = await self._fetch(f'SELECT {sql.all} FROM "{sql.table}" WHERE key = ?', [key])
        return sql.row(rows[0]) if rows else None

    async def applied(self, view: str, keys: Sequence[str]) -> dict[str, int]:
        table = self._views[view].table
        # One row with everything in it: each row that is stepped over hands the interpreter's lock over.
        query = f'SELECT json_group_object(key, applied) FROM "{table}" WHERE key IN (SELECT value FROM json_each(?))'
        rows = await self._fetch(query, [orjson.dumps(list(keys)).decode()])
        found: dict[str, int] = orjson.loads(rows[0][0])
        return found

    async def find(
        self,
        view: str,
        where: Sequence[Condition] = (),
        *,
        order: Sequence[str] = (),
        after: Sequence[Value] | None = None,
        limit: int = 50,
    ) -> list[Row]:
        sql = self._views[view]
        require_index(sql.view, where, order)
        queries = sql.find(where, order, after, limit)
        rows = await self._readers.run(partial(_fetch_page, queries=queries, limit=limit))
        return [sql.row(row) for row in rows]

    async def count(self, view: str, where: Sequence[Condition] = (), *, by: str | None = None) -> dict[Value, int]:
        sql = self._views[view]
        require_index(sql.view, where, by=by)
        rows = await self._fetch(*sql.count(where, by))
        return {sql.value(by, value): number for value, number in rows}

    async def rows(self, view: str, *, batch: int = 1000) -> AsyncIterator[Sequence[Row]]:
        sql = self._views[view]
        query = f'SELECT {sql.all} FROM "{sql.table}" WHERE key {{}} ? ORDER BY key LIMIT ?'
        place, compare = "", ">="
        while True:
            rows = await self._fetch(query.format(compare), [place, batch])
            if rows:
                yield [sql.row(row) for row in rows]
            if len(rows) < batch:
                return
            place, compare = rows[-1][0], ">"

    async def standing(self, view: str, *, batch: int = 1000) -> AsyncIterator[Mapping[str, int]]:
        query = f'SELECT key, applied FROM "{self._views[view].table}" WHERE key {{}} ? ORDER BY key LIMIT ?'
        place, compare = "", ">="
        while found := dict(await self._fetch(query.format(compare), [place, batch])):
            yield found
            place, compare = next(reversed(found)), ">"

    async def remove(self, view: str, keys: Sequence[str]) -> None:
        query = f'DELETE FROM "{self._views[view].table}" WHERE key IN (SELECT value FROM json_each(?))'
        await self._do(partial(_execute, queries=[(query, [orjson.dumps(list(keys)).decode()])]))

    async def clear(self, view: str | None = None) -> None:
        if view is not None:
            await self._do(partial(_execute, queries=[(f'DELETE FROM "{self._views[view].table}"', [])]))
            return
        try:
            await self._do(self._drop)
        finally:
            self._marks_changed()

    async def forget_others(self) -> None:
        await self._do(partial(self._forget, keep={sql.table for sql in self._views.values()}))

    async def park(self, parked: Parked) -> None:
        query = "INSERT OR IGNORE INTO parked VALUES (?, ?, ?, ?, ?, ?)"
        try:
            await self._do(partial(_execute, queries=[(query, list(parked))]))
        finally:
            self._marks_changed()

    async def parked(self, group: str | None = None, stream: str | None = None) -> list[Parked]:
        marks = self._parked
        if marks is None:
            before = self._marks
            query = "SELECT name, stream, version, reason, since, bytes FROM parked ORDER BY name, stream"
            marks = [Parked(*row) for row in await self._fetch(query, [])]
            if before == self._marks:
                self._parked = marks
        return [mark for mark in marks if group in (None, mark.group) and stream in (None, mark.stream)]

    async def unpark(self, group: str, stream: str) -> bool:
        query = "DELETE FROM parked WHERE name = ? AND stream = ?"
        try:
            return await self._do(partial(_execute, queries=[(query, [group, stream])])) > 0
        finally:
            self._marks_changed()

    async def checkpoint(self, group: str) -> int:
        """Position up to which the group has handled the log."""
        rows = await self._fetch("SELECT position FROM checkpoints WHERE name = ?", [group])
        return int(rows[0][0]) if rows else 0

    async def save_checkpoint(self, group: str, position: int, generation: int) -> None:
        """Nothing is saved for a generation that was dropped."""

        def save(connection: sqlite3.Connection) -> int:
            if generation == self.generation:
                connection.execute("INSERT OR REPLACE INTO checkpoints VALUES (?, ?)", (group, position))
            return 0

        await self._do(save)

    async def close(self) -> None:
        await asyncio.to_thread(self._readers.close)
        await self._writer.close()

    def _marks_changed(self) -> None:
        """Read them again when next asked; a read that is under way is not kept."""
        self._parked = None
        self._marks += 1

    async def _do(self, task: _Task) -> int:
        return await self._writer.submit(task)

    async def _fetch(self, query: str, values: Sequence[Any]) -> list[Any]:
        return await self._readers.run(lambda connection: connection.execute(query, values).fetchall())

    # --- in the writing thread ---

    def _write(self, jobs: list[_Job]) -> list[_Job]:
        """One transaction for all; a bad task must not harm the others, so after an error each has its own."""
        try:
            self._transaction(jobs)
        except (sqlite3.IntegrityError, sqlite3.InterfaceError, sqlite3.ProgrammingError, ValueError, OverflowError):
            for job in jobs:
                try:
                    self._transaction([job])
                except (sqlite3.IntegrityError, sqlite3.InterfaceError, sqlite3.ProgrammingError) as error:
                    job.error = ValueError(str(error))
                except (ValueError, OverflowError) as error:
                    job.error = error
        return []

    def _transaction(self, jobs: list[_Job]) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            results = [job.task(self._connection) for job in jobs]
            self._connection.execute("COMMIT")
        finally:
            if self._connection.in_transaction:
                self._connection.rollback()
        for job, result in zip(jobs, results, strict=True):
            job.result = result
            job.done = True

    def _create(self, connection: sqlite3.Connection) -> int:
        """Make the tables that are missing. Where one was, no checkpoint is true any more: nobody has filled it."""
        there = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if any(sql.table not in there for sql in self._views.values()):
            connection.execute("DELETE FROM checkpoints")
            self.generation += 1
        for sql in self._views.values():
            row = connection.execute("SELECT shape FROM shapes WHERE name = ?", (sql.table,)).fetchone()
            if row is not None and row[0] != sql.shape:
                raise ValueError(f"view {sql.view.name} has other columns in the data: give it the next version")
            connection.execute("INSERT OR IGNORE INTO shapes VALUES (?, ?)", (sql.table, sql.shape))
            for statement in sql.create():
                connection.execute(statement)
        return 0

    def _drop(self, connection: sqlite3.Connection) -> int:
        """The tables of older versions go too. All or nothing, as part of the transaction."""
        self._forget(connection, keep=set())
        for table in ("checkpoints", "parked"):
            connection.execute(f"DELETE FROM {table}")
        self.generation += 1
        return self._create(connection)

    def _forget(self, connection: sqlite3.Connection, keep: Set[str]) -> int:
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
