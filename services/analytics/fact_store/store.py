"""The fact store of analytics, in DuckDB. It can be deleted and rebuilt from the log.

DuckDB allows only one *process* to open a file, even for reading. This class is the only one that opens it; a command line next to
a running server queries the server. In the process one thread writes and another reads its own snapshot, so that the event
loop never waits.

Rows are keyed by (case, version): a known event is not written again, and a snapshot only replaces an older one. DuckDB's unique
index triples the cost of an insert (measured: 1.3 µs per event without, 4.2 µs with it), so the writer keeps the keys itself: per
case the version of the snapshot and of the events, about 0.3 kB, read from the file at the start.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from pathlib import Path
from typing import Any, TypeVar, get_args

import duckdb
import pyarrow as pa

from services.analytics.fact_rows import Snapshot, case_batch, event_batch
from services.analytics.fact_store.arrow_batches import unpack
from services.analytics.fact_store.known_versions import KnownVersions
from services.analytics.fact_store.schema import CREATE, DROP, KEYS, SCHEMA, Table, columns_of
from services.analytics.fact_store.visibility import LogExtent, rests_of
from shared.case import STREAM
from shared.eventstore.recorded_event import RecordedEvent
from shared.kernel.refusals import Unavailable

T = TypeVar("T")
Connection = duckdb.DuckDBPyConnection


class Facts:
    """The fact tables: `cases`, `clocks`, `asked` (evaluations) and `events`."""

    tables: tuple[Table, ...] = get_args(Table)

    def __init__(self, path: Path | str | None = None) -> None:
        self._path = str(path) if path is not None else ":memory:"
        self._connection: Connection | None = None
        self._held = KnownVersions()
        self._anew = False
        """True while one transaction is open for all writes: see begin_anew()."""
        self._writer = ThreadPoolExecutor(1, "facts-write")
        self._reader = ThreadPoolExecutor(1, "facts-read")

    async def start(self) -> None:
        """Open or create the file; the first use does the same. Raises Unavailable `facts_in_use` while another process has it
        open."""
        if self._connection is None:
            await self._write(self._open)

    async def write(
        self, snapshots: Sequence[Snapshot], events: Sequence[RecordedEvent] = (), *, renew: bool = False
    ) -> None:
        """Write one batch in one transaction. Late and repeated batches are harmless.

        Args:
            renew: the policy changed but the case did not, so a snapshot of the same version is replaced too.
        """
        if snapshots or events:
            await self.start()
            await self._write(lambda: self._store(snapshots, events, renew))

    async def absorb(self, packed: bytes) -> None:
        """Write complete cases from the rows that another process made (see packed.py), replacing their previous rows."""
        await self.start()
        await self._write(lambda: self._take(packed))

    async def read(self, question: Callable[[Connection], T]) -> T:
        """Run `question` in a thread and in one transaction, so that all its queries see the same facts."""
        await self.start()
        return await asyncio.get_running_loop().run_in_executor(self._reader, lambda: self._ask(question))

    async def rests(self) -> LogExtent:
        """The numbers of cases and events that an answer would rest on now."""
        return await self.read(rests_of)

    def columns(self, table: Table) -> tuple[str, ...]:
        """The columns of rows(), in order."""
        return columns_of(table)

    async def rows(self, table: Table, *, batch: int = 5000) -> AsyncIterator[list[tuple[Any, ...]]]:
        """All rows in canonical order, for the views digest: times as text, without the times of writing."""
        order = ", ".join(f'"{name}"' for name in KEYS[table])
        chosen = ", ".join(f'"{name}"' for name in columns_of(table))
        await self.start()
        loop = asyncio.get_running_loop()
        cursor = await loop.run_in_executor(self._reader, lambda: self._own().cursor())
        try:
            sql = f"SELECT {chosen} FROM {table} ORDER BY {order}"
            await loop.run_in_executor(self._reader, lambda: cursor.execute(sql))
            while found := await loop.run_in_executor(self._reader, lambda: cursor.fetchmany(batch)):
                yield [tuple(_plain(value) for value in row) for row in found]
        finally:
            await loop.run_in_executor(self._reader, cursor.close)

    async def begin_anew(self) -> None:
        """Start one transaction that lasts until end_anew(). Readers keep their snapshot; a killed process rolls it back."""
        await self.start()
        await self._write(self._empty)

    async def end_anew(self, *, whole: bool) -> None:
        """Commit the writes since begin_anew(), or roll them back unless `whole`. A failed batch has rolled them back already."""
        await self._write(self._show if whole else self._forget)

    async def empty(self) -> bool:
        """True if the store has no case."""
        await self.start()
        return not self._held.shown

    async def close(self) -> None:
        """Close the file. The object must not be used afterwards."""
        await self._write(self._shut)
        self._writer.shutdown(wait=False)
        self._reader.shutdown(wait=False)

    # ---------------------------------------------------------------- in the writer's thread

    async def _write(self, job: Callable[[], None]) -> None:
        await asyncio.get_running_loop().run_in_executor(self._writer, job)

    def _open(self) -> None:
        if self._connection is not None:
            return
        try:
            own = duckdb.connect(
                self._path, config={"autoinstall_known_extensions": False, "autoload_known_extensions": False}
            )
        except duckdb.IOException as error:
            raise Unavailable(
                "facts_in_use",
                "The facts file cannot be opened, probably because another process uses it. Query the server of that process.",
                why_zh="统计数据文件无法打开，可能正由另一进程使用，请向该服务查询。",
            ) from error
        own.execute(CREATE[0])
        found = own.execute("SELECT schema FROM about").fetchall()
        self._connection = own
        if found == [(SCHEMA,)]:
            self._recall()
        else:
            self._reset()

    def _reset(self) -> None:
        self._empty()
        self._show()

    def _empty(self) -> None:
        own = self._own()
        own.execute("BEGIN")
        self._anew = True
        for statement in (*DROP, *CREATE[1:]):
            own.execute(statement)
        own.execute("INSERT INTO about VALUES (?)", [SCHEMA])
        self._held = KnownVersions()

    def _show(self) -> None:
        if not self._anew:
            raise RuntimeError("begin_anew() was not called")
        try:
            self._own().execute("COMMIT")
        except BaseException:  # for example a full disk: the previous facts stay
            self._undo()
            raise
        self._anew = False

    def _forget(self) -> None:
        if self._anew:
            self._undo()

    def _begin(self) -> None:
        if not self._anew:
            self._own().execute("BEGIN")

    def _commit(self) -> None:
        if not self._anew:
            self._own().execute("COMMIT")

    def _recall(self) -> None:
        """Read the known versions from the tables."""
        own = self._own()
        held = KnownVersions()
        held.shown = dict(own.execute('SELECT "case", version FROM cases').fetchall())
        whole = 'SELECT "case", max(version) AS last FROM events GROUP BY "case" HAVING max(version) = count(*)'
        held.upto = dict(own.execute(whole).fetchall())
        gaps = f'SELECT "case", version FROM events ANTI JOIN ({whole}) USING ("case") ORDER BY ALL'
        for case, version in own.execute(gaps).fetchall():
            held.add(case, version)
        self._held = held

    def _store(self, snapshots: Sequence[Snapshot], events: Sequence[RecordedEvent], renew: bool) -> None:
        own, held = self._own(), self._held
        newest: dict[str, Snapshot] = {}
        for snapshot in snapshots:
            case = snapshot.case
            if case.version + renew > held.shown.get(case.id, 0):
                known = newest.get(case.id)
                if known is None or case.version >= known.case.version:
                    newest[case.id] = snapshot
        stale = [case for case in newest if case in held.shown]
        skip, add = len(STREAM), held.add
        try:
            fresh = [event for event in events if add(event.stream[skip:], event.version)]
            self._begin()
            if stale:
                gone = pa.table({"case": stale})
                _with(own, gone, 'DELETE FROM cases USING batch WHERE cases."case" = batch."case"')
            if newest:
                _with(own, case_batch(list(newest.values())), "INSERT INTO cases SELECT * FROM batch")
            if fresh:
                _with(own, event_batch(fresh, skip), "INSERT INTO events SELECT * FROM batch")
            self._commit()
        except BaseException:
            self._undo()
            raise
        held.shown.update((case, snapshot.case.version) for case, snapshot in newest.items())

    def _take(self, packed: bytes) -> None:
        own, held = self._own(), self._held
        cases, events = unpack(packed)
        names: list[Any] = cases["case"].to_pylist()
        versions: list[Any] = cases["version"].to_pylist()
        shown: dict[str, int] = dict(zip(names, versions, strict=True))
        stale = [case for case in shown if case in held.shown or case in held.upto or case in held.ahead]
        try:
            self._begin()
            if stale:
                gone = pa.table({"case": stale})
                for table in ("cases", "events"):
                    _with(own, gone, f'DELETE FROM {table} USING batch WHERE {table}."case" = batch."case"')
            _with(own, cases, "INSERT INTO cases SELECT * FROM batch")
            _with(own, events, "INSERT INTO events SELECT * FROM batch")
            self._commit()
        except BaseException:
            self._undo()
            raise
        for case in stale:
            held.ahead.pop(case, None)
        held.shown.update(shown)
        held.upto.update(shown)

    def _undo(self) -> None:
        own = self._own()
        with contextlib.suppress(duckdb.Error):  # no transaction is open, or DuckDB has rolled back itself
            own.execute("ROLLBACK")
        self._anew = False
        self._recall()

    def _own(self) -> Connection:
        if self._connection is None:
            raise RuntimeError("facts are closed")
        return self._connection

    def _ask(self, question: Callable[[Connection], T]) -> T:
        with self._own().cursor() as cursor:
            cursor.execute("BEGIN")
            return question(cursor)

    def _shut(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _with(connection: Connection, batch: pa.Table, sql: str) -> None:
    """Run `sql`, which reads `batch`."""
    connection.register("batch", batch)
    try:
        connection.execute(sql)
    finally:
        connection.unregister("batch")


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime | date) else value
