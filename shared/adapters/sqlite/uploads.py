"""Upload records in SQLite, in a file of their own: it can be deleted when no upload is under way."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from shared.adapters.sqlite.connection import open_writer
from shared.adapters.sqlite.group_commit import GroupCommit, Job
from shared.adapters.sqlite.reader_pool import ReaderPool
from shared.eventstore.uploads import UploadChanged, UploadRecord

FORMAT = 1
SCHEMA = """
CREATE TABLE uploads(key TEXT PRIMARY KEY, version INTEGER NOT NULL, expires TEXT NOT NULL, draft TEXT NOT NULL, blob TEXT,
    value BLOB NOT NULL) WITHOUT ROWID;
CREATE INDEX by_blob ON uploads(blob) WHERE blob IS NOT NULL
"""
_ALL = "SELECT key, version, expires, draft, blob, value FROM uploads"
_LISTED = "(SELECT value FROM json_each(?))"
_Task = Callable[[sqlite3.Connection], Any]


class SqliteUploads:
    """An `UploadStore` in the file `path`."""

    def __init__(self, path: Path) -> None:
        self._connection = open_writer(path, "uploads", FORMAT, SCHEMA, synchronous="FULL", secure_delete=True)
        self._writer: GroupCommit[_Task, Any] = GroupCommit(self._connection, "uploads", self._write)
        self._readers = ReaderPool(path, threads=1)

    async def get(self, keys: Sequence[str]) -> dict[str, UploadRecord]:
        rows = await self._readers.fetch(f"{_ALL} WHERE key IN {_LISTED}", _json(keys))
        return {row[0]: _record(row) for row in rows}

    async def save(self, record: UploadRecord) -> None:
        await self._writer.submit(lambda connection: _save(connection, record))

    async def of_blobs(self, addresses: Sequence[str]) -> list[UploadRecord]:
        rows = await self._readers.fetch(f"{_ALL} WHERE blob IS NOT NULL AND blob IN {_LISTED}", _json(addresses))
        return [_record(row) for row in rows]

    async def all(self, *, batch: int = 1000) -> AsyncIterator[Sequence[UploadRecord]]:
        after = ""
        while rows := await self._readers.fetch(f"{_ALL} WHERE key > ? ORDER BY key LIMIT ?", after, batch):
            after = rows[-1][0]
            yield [_record(row) for row in rows]

    async def erase(self, keys: Sequence[str]) -> int:
        number: int = await self._writer.submit(
            lambda connection: (
                connection.execute(f"DELETE FROM uploads WHERE key IN {_LISTED}", (_json(keys),)).rowcount
            )
        )
        if number:  # the WAL holds the old bytes until it is truncated
            await self._writer.submit(_truncate)
        return number

    async def close(self) -> None:
        await asyncio.to_thread(self._readers.close)
        await self._writer.close()

    # --- in the writing thread ---

    def _write(self, jobs: list[Job[_Task, Any]]) -> list[Job[_Task, Any]]:
        self._connection.execute("BEGIN IMMEDIATE")
        results = []
        for job in jobs:
            if job.task is _truncate:
                continue
            try:
                results.append((job, job.task(self._connection)))
            except UploadChanged as error:  # raised before anything was written
                job.error = error
        self._connection.execute("COMMIT")
        for job, result in results:
            job.result, job.done = result, True
        for job in jobs:
            if job.task is _truncate:  # outside of any transaction
                _truncate(self._connection)
                job.done = True
        return []


def _truncate(connection: sqlite3.Connection) -> None:
    """Empty the WAL. A reader that is busy postpones it to the next erasure."""
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _save(connection: sqlite3.Connection, record: UploadRecord) -> None:
    values = (record.version, record.expires_at.isoformat(), record.draft, record.blob, record.value, record.key)
    if record.version == 1:
        done = connection.execute(
            "INSERT OR IGNORE INTO uploads(version, expires, draft, blob, value, key) VALUES (?, ?, ?, ?, ?, ?)", values
        )
    else:
        done = connection.execute(
            "UPDATE uploads SET version = ?, expires = ?, draft = ?, blob = ?, value = ? WHERE key = ? AND version = ?",
            (*values, record.version - 1),
        )
    if done.rowcount != 1:
        raise UploadChanged


def _record(row: Sequence[Any]) -> UploadRecord:
    key, version, expires, draft, blob, value = row
    return UploadRecord(key, version, datetime.fromisoformat(expires), draft, blob, value)


def _json(value: Sequence[str]) -> str:
    return orjson.dumps(list(value)).decode()
