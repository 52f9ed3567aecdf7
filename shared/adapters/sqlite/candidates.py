"""The index of candidates in SQLite, in a file of its own. A file that cannot be used is deleted and made again."""

from __future__ import annotations

import asyncio
import sqlite3
from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from shared.adapters.sqlite.connection import open_writer
from shared.adapters.sqlite.group_commit import GroupCommit, Job
from shared.adapters.sqlite.reader_pool import ReaderPool
from shared.adapters.store_format import NewerData, OlderData, WrongData
from shared.eventstore.candidates import LONGEST_LIST, Frequencies, Hits, IndexEntry
from shared.eventstore.errors import StoreBroken

FORMAT = 1
SCHEMA = """
CREATE TABLE texts(id INTEGER PRIMARY KEY AUTOINCREMENT, "case" TEXT NOT NULL UNIQUE, kept BLOB NOT NULL);
CREATE TABLE postings(hash INTEGER PRIMARY KEY, texts BLOB NOT NULL);
CREATE TABLE counts(hash INTEGER PRIMARY KEY, texts INTEGER NOT NULL);
CREATE TABLE counted(texts INTEGER NOT NULL);
INSERT INTO counted VALUES (0)
"""
_LISTED = "(SELECT value FROM json_each(?))"
_WIDTH = 4
"""Bytes of the id of a text in a posting list."""
_Task = Callable[[sqlite3.Connection], Any]


class SqliteCandidates:
    """A `CandidateIndex` in the file `path`."""

    def __init__(self, path: Path) -> None:
        self._connection = _opened(path)
        self._writer: GroupCommit[_Task, Any] = GroupCommit(self._connection, "candidates", self._write)
        self._readers = ReaderPool(path, threads=1)

    async def held(self, cases: Sequence[str]) -> set[str]:
        rows = await self._readers.fetch(f'SELECT "case" FROM texts WHERE "case" IN {_LISTED}', _json(cases))
        return {row[0] for row in rows}

    async def frequencies(self, hashes: Collection[int]) -> Frequencies:
        counts, listed = "SELECT hash, texts FROM counts WHERE hash IN ", _json(hashes)

        def read(connection: sqlite3.Connection) -> Frequencies:
            (texts,) = connection.execute("SELECT texts FROM counted").fetchone()
            return Frequencies(texts, dict(connection.execute(counts + _LISTED, (listed,)).fetchall()))

        return await self._readers.run(read)

    async def put(self, entries: Sequence[IndexEntry]) -> None:
        latest = list({entry.case: entry for entry in entries}.values())
        await self._writer.submit(lambda connection: _put(connection, latest))

    async def find(self, weights: Mapping[int, float], limit: int) -> Hits:
        return await self._readers.run(lambda connection: _found(connection, weights, limit))

    async def remove(self, cases: Sequence[str]) -> int:
        number: int = await self._writer.submit(lambda connection: _removed(connection, cases))
        if number:  # the WAL holds the old bytes until it is truncated
            await self._writer.submit(_truncate)
        return number

    async def started(self) -> bool:
        return bool(await self._readers.fetch("SELECT 1 FROM meta WHERE name = 'started'"))

    async def start(self) -> None:
        await self._writer.submit(
            lambda connection: connection.execute("INSERT OR IGNORE INTO meta VALUES ('started', 1)").rowcount
        )

    async def close(self) -> None:
        await asyncio.to_thread(self._readers.close)
        await self._writer.close()

    # --- in the writing thread ---

    def _write(self, jobs: list[Job[_Task, Any]]) -> list[Job[_Task, Any]]:
        self._connection.execute("BEGIN IMMEDIATE")
        work = [job for job in jobs if job.task is not _truncate]
        results = [job.task(self._connection) for job in work]
        self._connection.execute("COMMIT")
        for job, result in zip(work, results, strict=True):
            job.result, job.done = result, True
        for job in jobs:
            if job.task is _truncate:  # outside of any transaction
                _truncate(self._connection)
                job.done = True
        return []


def _opened(path: Path) -> sqlite3.Connection:
    try:
        return open_writer(path, "candidates", FORMAT, SCHEMA, synchronous="NORMAL", secure_delete=True)
    except (NewerData, OlderData, WrongData, StoreBroken, sqlite3.DatabaseError):
        for end in ("", "-wal", "-shm"):
            path.with_name(path.name + end).unlink(missing_ok=True)
        return open_writer(path, "candidates", FORMAT, SCHEMA, synchronous="NORMAL", secure_delete=True)


def _truncate(connection: sqlite3.Connection) -> None:
    """Empty the WAL. A reader that is busy postpones it to the next removal."""
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _put(connection: sqlite3.Connection, entries: Sequence[IndexEntry]) -> None:
    _removed(connection, [entry.case for entry in entries])
    added: defaultdict[int, array[int]] = defaultdict(lambda: array("I"))
    counts: Counter[int] = Counter()
    for entry in entries:
        kept = array("q", entry.kept).tobytes()
        done = connection.execute('INSERT INTO texts("case", kept) VALUES (?, ?)', (entry.case, kept))
        for one in entry.kept:
            added[one].append(done.lastrowid or 0)
        counts.update(entry.counted)
    # `||` of two blobs is text, so that the lists are joined here
    lists = _lists(connection, added)
    most = LONGEST_LIST * _WIDTH
    rows = [(one, (lists.get(one, b"") + new.tobytes())[-most:]) for one, new in added.items()]
    connection.executemany("INSERT OR REPLACE INTO postings VALUES (?, ?)", rows)
    if counts:
        more = "INSERT INTO counts VALUES (?, ?) ON CONFLICT(hash) DO UPDATE SET texts = texts + excluded.texts"
        connection.executemany(more, list(counts.items()))
        texts = sum(bool(entry.counted) for entry in entries)
        connection.execute("UPDATE counted SET texts = texts + ?", (texts,))


def _removed(connection: sqlite3.Connection, cases: Sequence[str]) -> int:
    rows = connection.execute(f'SELECT id, kept FROM texts WHERE "case" IN {_LISTED}', (_json(cases),)).fetchall()
    if not rows:
        return 0
    gone: defaultdict[int, set[int]] = defaultdict(set)
    for identity, kept in rows:
        for one in array("q", kept):
            gone[one].add(identity)
    changed, ended = [], []
    for one, old in _lists(connection, gone).items():
        left = array("I", [text for text in array("I", old) if text not in gone[one]])
        if left:
            changed.append((left.tobytes(), one))
        else:
            ended.append((one,))
    connection.executemany("UPDATE postings SET texts = ? WHERE hash = ?", changed)
    connection.executemany("DELETE FROM postings WHERE hash = ?", ended)
    connection.executemany("DELETE FROM texts WHERE id = ?", [(identity,) for identity, _kept in rows])
    return len(rows)


def _lists(connection: sqlite3.Connection, hashes: Collection[int]) -> dict[int, bytes]:
    found = connection.execute(f"SELECT hash, texts FROM postings WHERE hash IN {_LISTED}", (_json(hashes),))
    return dict(found.fetchall())


def _found(connection: sqlite3.Connection, weights: Mapping[int, float], limit: int) -> Hits:
    connection.execute("BEGIN")  # one snapshot of lists and texts
    try:
        sums: defaultdict[int, float] = defaultdict(float)
        full = set()
        for one, texts in _lists(connection, weights).items():
            weight = weights[one]
            if len(texts) >= LONGEST_LIST * _WIDTH:
                full.add(one)
            for text in array("I", texts):
                sums[text] += weight
        best = sorted(sums, key=lambda text: -sums[text])[:limit]
        named = dict(connection.execute(f'SELECT id, "case" FROM texts WHERE id IN {_LISTED}', (_json(best),)))
    finally:
        connection.execute("COMMIT")
    cases = sorted(((named[text], sums[text]) for text in best), key=lambda found: (-found[1], found[0]))
    return Hits(cases[:limit], frozenset(full))


def _json(values: Collection[Any]) -> str:
    return orjson.dumps(list(values)).decode()
