"""The fact store of analytics, in DuckDB. It can be deleted and rebuilt from the log.

DuckDB allows only one *process* to open a file, even for reading. This class is the only one that opens it; a command line next to
a running server queries the server. In the process one thread writes and another reads its own snapshot, so that the event
loop never waits.

A snapshot of a case only replaces an older one. DuckDB's unique index triples the cost of an insert, so the writer compares with
the versions in the table, once for each batch; nothing grows in memory with the number of cases.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, get_args

import duckdb
import pyarrow as pa
import structlog

from services.analytics.fact_rows import Snapshot, case_batch
from services.analytics.fact_store.arrow_batches import unpack
from services.analytics.fact_store.schema import COLUMNS, CREATE, DROP, KEYS, SCHEMA, Table
from shared.kernel.refusals import Unavailable

T = TypeVar("T")
Statement = tuple[str, Mapping[str, Any]]
"""SQL, and the values of its named parameters."""


_CONFIG: Mapping[str, Any] = {"autoinstall_known_extensions": False, "autoload_known_extensions": False}


class FactLimits(NamedTuple):
    """What DuckDB may use; 0: its own choice, most of the machine."""

    memory_mb: int = 0
    threads: int = 0

    @property
    def config(self) -> dict[str, Any]:
        memory = {"memory_limit": f"{self.memory_mb}MB"} if self.memory_mb else {}
        return {**memory, **({"threads": self.threads} if self.threads else {})}


NO_LIMITS = FactLimits()


_CLOSED_TO_US = re.compile(r"lock|permission|denied|directory|space|read-only|too many", re.IGNORECASE)
"""Words of an error of DuckDB that says nothing about the content of the file."""
log = structlog.get_logger("facts")

_NO_PAST: Mapping[str, Sequence[Snapshot]] = {}
_END = (
    'INSERT INTO past SELECT cases.* REPLACE (batch.ends AS until) FROM cases JOIN batch ON cases."case" = batch."case"'
)
"""Makes present rows past ones."""


class Facts:
    """The fact tables: `cases`, `clocks` and `asked` (evaluations)."""

    tables: tuple[Table, ...] = get_args(Table)

    def __init__(self, path: Path | str | None = None, limits: FactLimits = NO_LIMITS) -> None:
        self._limits = limits
        self._path = str(path) if path is not None else ":memory:"
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._rebuilding = False
        """True between begin_anew() and end_anew(), when one transaction is open for all writes."""
        self._writer = ThreadPoolExecutor(1, "facts-write")
        self._reader = ThreadPoolExecutor(1, "facts-read")

    async def start(self) -> None:
        """Open or create the file; the first use does the same. Raises Unavailable `facts_in_use` while another process has it
        open."""
        if self._connection is None:
            await self._write(self._open)

    async def held(self, cases: Sequence[str]) -> dict[str, tuple[int, date]]:
        """Case -> (version, first day) of its present row, of those of `cases` that have one."""
        await self.start()
        found: dict[str, tuple[int, date]] = {}

        def look() -> None:
            found.update(self._versions(cases))

        await self._write(look)
        return found

    async def write(
        self, snapshots: Sequence[Snapshot], *, past: Mapping[str, Sequence[Snapshot]] = _NO_PAST, renew: bool = False
    ) -> None:
        """Write one batch in one transaction. Late and repeated batches are harmless.

        Args:
            past: case -> all its past snapshots, which replace the rows of its past. Of another case, the present row becomes
                past when the new one begins on a later day.
            renew: the policy changed but the case did not, so a snapshot of the same version is replaced too.
        """
        if snapshots:
            await self.start()
            await self._write(lambda: self._store(snapshots, past, renew))

    async def absorb(self, packed: bytes) -> None:
        """Write complete cases from the rows that another process made (arrow_batches.pack), replacing their previous rows."""
        await self.start()
        await self._write(lambda: self._absorb(packed))

    async def select(self, statements: Sequence[Statement]) -> list[list[tuple[Any, ...]]]:
        """The rows of each statement. All run in one transaction, so that they see the same facts."""
        await self.start()
        return await self._in_reader(lambda: self._select(statements))

    def columns(self, table: Table) -> tuple[str, ...]:
        """The columns of rows(), in order."""
        return COLUMNS[table]

    async def rows(self, table: Table, *, batch: int = 5000) -> AsyncIterator[list[tuple[Any, ...]]]:
        """All rows in canonical order, for the views digest: times as text, without the times of writing."""
        order = ", ".join(f'"{name}"' for name in KEYS[table])
        chosen = ", ".join(f'"{name}"' for name in COLUMNS[table])
        await self.start()
        cursor = await self._in_reader(self._own().cursor)
        try:
            await self._in_reader(lambda: cursor.execute(f"SELECT {chosen} FROM {table} ORDER BY {order}"))
            while found := await self._in_reader(lambda: cursor.fetchmany(batch)):
                yield [tuple(cell.isoformat() if isinstance(cell, date) else cell for cell in row) for row in found]
        finally:
            await self._in_reader(cursor.close)

    async def begin_anew(self) -> None:
        """Start one transaction that lasts until end_anew(). Readers keep their snapshot; a killed process rolls it back."""
        await self.start()
        await self._write(self._recreate)

    async def end_anew(self, *, whole: bool) -> None:
        """Commit the writes since begin_anew(), or roll them back unless `whole`. A failed batch has rolled them back already."""
        await self._write(self._end_rebuild if whole else self._roll_back)

    async def empty(self) -> bool:
        """True if the store has no case."""
        await self.start()
        [found] = await self.select([("SELECT 1 FROM cases LIMIT 1", {})])
        return not found

    async def close(self) -> None:
        """Close the file. The object must not be used afterwards."""
        await self._write(self._shut)
        self._writer.shutdown(wait=False)
        self._reader.shutdown(wait=False)

    # ---------------------------------------------------------------- in the threads

    async def _write(self, job: Callable[[], None]) -> None:
        await asyncio.get_running_loop().run_in_executor(self._writer, job)

    async def _in_reader(self, job: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._reader, job)

    def _open(self) -> None:
        if self._connection is not None:
            return
        try:
            found = self._connect()
        except duckdb.Error as error:
            if self._path == ":memory:" or _CLOSED_TO_US.search(str(error)):
                raise Unavailable(
                    "facts_in_use",
                    "The facts file cannot be opened, probably because another process uses it. Query the server of that"
                    " process.",
                    detail_zh="统计数据文件无法打开，可能正由另一进程使用，请向该服务查询。",
                ) from error
            log.error("facts_damaged", error=type(error).__name__)  # its message may quote values
            self._discard()
            found = self._connect()
        if found != [(SCHEMA,)]:
            self._recreate()
            self._end_rebuild()

    def _connect(self) -> list[Any]:
        """Open the file; the rows that state its schema."""
        own = duckdb.connect(self._path, config={**_CONFIG, **self._limits.config})
        try:
            own.execute(CREATE[0])
            found: list[Any] = own.execute("SELECT schema FROM about").fetchall()
        except BaseException:
            own.close()
            raise
        self._connection = own
        return found

    def _discard(self) -> None:
        """Remove a file that cannot be read; it holds nothing that is not in the log."""
        for end in ("", ".wal"):
            Path(self._path + end).unlink(missing_ok=True)

    def _recreate(self) -> None:
        """Begin the transaction of a rebuild, with empty tables."""
        own = self._own()
        own.execute("BEGIN")
        self._rebuilding = True
        for statement in (*DROP, *CREATE[1:]):
            own.execute(statement)
        own.execute("INSERT INTO about VALUES (?)", [SCHEMA])

    def _end_rebuild(self) -> None:
        if not self._rebuilding:
            raise RuntimeError("begin_anew() was not called")
        try:
            self._own().execute("COMMIT")
        except BaseException:  # for example a full disk: the previous facts stay
            self._roll_back()
            raise
        self._rebuilding = False

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """A transaction of its own, or a part of the one of a rebuild, which a failure rolls back as a whole."""
        try:
            if not self._rebuilding:
                self._own().execute("BEGIN")
            yield
            if not self._rebuilding:
                self._own().execute("COMMIT")
        except BaseException:
            self._roll_back()
            raise

    def _roll_back(self) -> None:
        with suppress(duckdb.Error):  # no transaction is open, or DuckDB has rolled back itself
            self._own().execute("ROLLBACK")
        self._rebuilding = False

    def _store(self, snapshots: Sequence[Snapshot], past: Mapping[str, Sequence[Snapshot]], renew: bool) -> None:
        newest: dict[str, Snapshot] = {}
        for snapshot in snapshots:
            case = snapshot.case
            other = newest.get(case.id)
            if other is None or case.version >= other.case.version:
                newest[case.id] = snapshot
        with self._transaction():
            known = self._versions(list(newest))
            fresh = [one for case, one in newest.items() if one.case.version + renew > known.get(case, (0,))[0]]
            replaced = [one for one in fresh if one.case.id in known]
            ended = [one for one in replaced if one.case.id not in past and known[one.case.id][1] < one.since]
            if ended:
                batch = pa.table({"case": [one.case.id for one in ended], "ends": [one.since for one in ended]})
                self._execute_with(batch, _END)
            self._delete([one.case.id for one in replaced], "cases")
            anew = [one.case.id for one in fresh if one.case.id in past]
            self._delete(anew, "past")
            if fresh:
                self._insert("cases", case_batch(fresh))
            if before := [one for case in anew for one in past[case]]:
                self._insert("past", case_batch(before))

    def _versions(self, cases: Sequence[str]) -> dict[str, tuple[int, date]]:
        """Case -> version and first day of its row, of those of `cases` that have one."""
        own = self._own()
        own.register("batch", pa.table({"case": pa.array(cases, pa.string())}))
        try:
            rows = own.execute('SELECT "case", version, since FROM cases SEMI JOIN batch USING ("case")').fetchall()
        finally:
            own.unregister("batch")
        return {case: (version, since) for case, version, since in rows}

    def _absorb(self, packed: bytes) -> None:
        cases, past = unpack(packed)
        names: list[Any] = cases["case"].to_pylist()
        with self._transaction():
            self._delete(list(self._versions(names)), "cases", "past")
            self._insert("cases", cases)
            self._insert("past", past)

    def _delete(self, cases: Sequence[str], *tables: str) -> None:
        if cases:
            batch = pa.table({"case": cases})
            for table in tables:
                self._execute_with(batch, f'DELETE FROM {table} USING batch WHERE {table}."case" = batch."case"')

    def _insert(self, table: str, batch: pa.Table) -> None:
        self._execute_with(batch, f"INSERT INTO {table} SELECT * FROM batch")

    def _execute_with(self, batch: pa.Table, sql: str) -> None:
        """Run `sql`, which reads `batch`."""
        own = self._own()
        own.register("batch", batch)
        try:
            own.execute(sql)
        finally:
            own.unregister("batch")

    def _own(self) -> duckdb.DuckDBPyConnection:
        if self._connection is None:
            raise RuntimeError("facts are closed")
        return self._connection

    def _select(self, statements: Sequence[Statement]) -> list[list[tuple[Any, ...]]]:
        with self._own().cursor() as cursor:
            cursor.execute("BEGIN")
            return [cursor.execute(sql, dict(values)).fetchall() for sql, values in statements]

    def _shut(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
