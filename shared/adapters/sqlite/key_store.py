"""Data keys in a SQLite file of their own, encrypted with a key that is not in it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from shared.adapters.secret_files import NAMES, KeysLost, Wrapping, checked_secret, derived_secret, fingerprint
from shared.adapters.sqlite.connection import open_writer
from shared.adapters.sqlite.group_commit import GroupCommit, Job
from shared.adapters.sqlite.reader_pool import ReaderPool
from shared.eventstore.key_store import DataKey, Entry, KeyErased

FORMAT = 1
# `wrapped` has the form of secrets.Wrapping; NULL once erased.
# `erased` lists what must not be obtained again; purpose '' means all keys of the party.
SCHEMA = """
CREATE TABLE data_keys(kid TEXT PRIMARY KEY, case_id TEXT NOT NULL, party TEXT NOT NULL, purpose TEXT NOT NULL,
    wrapped BLOB, UNIQUE(case_id, party, purpose)) WITHOUT ROWID;
CREATE TABLE erased(case_id TEXT, party TEXT, purpose TEXT, PRIMARY KEY(case_id, party, purpose)) WITHOUT ROWID;
CREATE TABLE checks(name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID
"""
_CACHED = 20_000

Triple = tuple[str, str, str]


class _Obtain(NamedTuple):
    """A request for keys; requests of one batch are answered together."""

    wanted: Sequence[Triple]


_Task = Callable[[sqlite3.Connection], Any] | _Obtain
_Job = Job[_Task, Any]

_FIND = """
SELECT kid, case_id, party, purpose, wrapped FROM json_each(?) AS wanted CROSS JOIN data_keys
    ON case_id = wanted.value ->> 0 AND party = wanted.value ->> 1 AND purpose = wanted.value ->> 2
"""
_GET = """
SELECT kid, case_id, party, purpose, wrapped FROM data_keys
WHERE kid IN (SELECT value FROM json_each(?)) AND wrapped IS NOT NULL
"""
_ERASED = """
SELECT 1 FROM json_each(?) AS wanted CROSS JOIN erased
    ON case_id = wanted.value ->> 0 AND party = wanted.value ->> 1 AND purpose IN (wanted.value ->> 2, '') LIMIT 1
"""


class SqliteKeyStore:
    """A `Keys` in `directory`: `keys.sqlite` and the secret files `kek` and `root` (see secrets.py).

    Raises:
        KeysLost: A secret file does not belong to the store.
    """

    def __init__(self, directory: Path) -> None:
        self._connection = open_writer(
            directory / "keys.sqlite", "keys", FORMAT, SCHEMA, synchronous="FULL", secure_delete=True
        )
        try:
            _truncate(self._connection)  # in case the process ended between an erasure and its truncation
            secrets = {name: _checked_secret(self._connection, directory, name) for name in NAMES}
        except BaseException:
            self._connection.close()
            raise
        self._wrapping = Wrapping(secrets["kek"])
        self.secret = cache(partial(derived_secret, secrets["root"]))
        self._by_triple: dict[Triple, DataKey] = {}
        self._by_kid: OrderedDict[str, DataKey] = OrderedDict()
        self._erasures = 0
        self._writer: GroupCommit[_Task, Any] = GroupCommit(self._connection, "keys", self._write)
        self._readers = ReaderPool(directory / "keys.sqlite", threads=1)

    async def obtain(self, wanted: Sequence[Triple]) -> list[DataKey]:
        known = [self._by_triple.get(triple) for triple in wanted]
        if None not in known:
            return [key for key in known if key is not None]
        erasures = self._erasures
        keys: dict[Triple, DataKey] = await self._writer.submit(_Obtain(wanted))
        self._remember(keys.values(), erasures)
        return [keys[triple] for triple in wanted]

    async def get(self, kids: Sequence[str]) -> dict[str, DataKey]:
        found = {kid: key for kid in kids if (key := self._by_kid.get(kid)) is not None}
        unknown = [kid for kid in kids if kid not in found]
        if unknown:
            erasures = self._erasures
            rows = await self._readers.fetch(_GET, _json(unknown))
            keys = [self._wrapping.unwrap(*row) for row in rows]
            self._remember(keys, erasures)
            found.update({key.kid: key for key in keys})
        return found

    async def erase(self, case: str, party: str, purpose: str | None = None) -> int:
        number: int = await self._writer.submit(lambda connection: _erase(connection, case, party, purpose))
        self._erasures += 1
        for key in list(self._by_triple.values()):
            if (key.case, key.party) == (case, party) and purpose in (None, key.purpose):
                del self._by_triple[key.case, key.party, key.purpose], self._by_kid[key.kid]
        # The WAL contains the old bytes until it is truncated. Reads are short, so this succeeds at once.
        await self._writer.submit(_truncate)
        return number

    async def count(self) -> int:
        return int((await self._readers.fetch("SELECT count(*) FROM data_keys WHERE wrapped IS NOT NULL"))[0][0])

    async def missing(self, kids: Sequence[str]) -> list[str]:
        query = (
            "SELECT kid, case_id, party, purpose, wrapped FROM data_keys WHERE kid IN (SELECT value FROM json_each(?))"
        )
        rows = await self._readers.fetch(query, _json(list(kids)))
        known = {row[0] for row in rows if row[4] is None or self._wrapping.opens(*row)}
        return [kid for kid in kids if kid not in known]

    async def entries(self, *, batch: int = 1000) -> AsyncIterator[Sequence[Entry]]:
        """Everything in the store, keys before marks."""
        for query, last in ((_KEPT, 1), (_MARKS, 3)):
            after: tuple[str, ...] = ("",) * last
            while rows := await self._readers.fetch(query, *after, batch):
                found = [Entry(*row[last:]) for row in rows]
                after = rows[-1][:last]
                yield found

    async def take(self, entries: Sequence[Entry]) -> None:
        """Store `entries`. What either side has erased stays erased. Raises KeysLost if the store has another key for a name."""
        await self._writer.submit(lambda connection: _take(connection, entries))

    async def close(self) -> None:
        await asyncio.to_thread(self._readers.close)
        await self._writer.close()
        self._by_triple.clear()
        self._by_kid.clear()

    def _remember(self, keys: Any, erasures: int) -> None:
        if erasures != self._erasures:
            return  # a key may have been erased meanwhile
        for key in keys:
            self._by_triple[key.case, key.party, key.purpose] = key
            self._by_kid[key.kid] = key
        while len(self._by_kid) > _CACHED:
            _, old = self._by_kid.popitem(last=False)
            del self._by_triple[old.case, old.party, old.purpose]

    # --- in the writing thread ---

    def _write(self, jobs: list[_Job]) -> list[_Job]:
        self._connection.execute("BEGIN IMMEDIATE")
        results = self._obtain_together([(job, job.task) for job in jobs if isinstance(job.task, _Obtain)])
        for job in jobs:
            task = job.task
            if isinstance(task, _Obtain) or task is _truncate:
                continue
            try:
                results.append((job, task(self._connection)))
            except KeysLost as error:  # raised before anything was written
                job.error = error
        self._connection.execute("COMMIT")
        for job, result in results:
            job.result = result
            job.done = True
        for job in jobs:
            if job.task is _truncate:  # outside of any transaction
                _truncate(self._connection)
                job.done = True
        return []

    def _obtain_together(self, asked: list[tuple[_Job, _Obtain]]) -> list[tuple[_Job, Any]]:
        """The keys of all requests, with the statements of one. If one request is refused, each is answered separately."""
        if not asked:
            return []
        try:
            keys = self._obtain(self._connection, [triple for _, task in asked for triple in task.wanted])
        except (KeyErased, KeysLost) as error:  # raised before anything was written
            if len(asked) > 1:
                return [answer for each in asked for answer in self._obtain_together([each])]
            asked[0][0].error = error
            return []
        return [(job, {triple: keys[triple] for triple in task.wanted}) for job, task in asked]

    def _obtain(self, connection: sqlite3.Connection, wanted: Sequence[Triple]) -> dict[Triple, DataKey]:
        names = _json(wanted)
        if connection.execute(_ERASED, (names,)).fetchone() is not None:
            raise KeyErased
        keys = {}
        for row in connection.execute(_FIND, (names,)).fetchall():
            if row[4] is None:
                raise KeyErased
            key = self._wrapping.unwrap(*row)
            keys[key.case, key.party, key.purpose] = key
        missing = [triple for triple in dict.fromkeys(wanted) if triple not in keys]
        new = self._wrapping.new(missing)
        if new:
            values = [value for key, wrapped in new for value in (*key[:4], wrapped)]
            connection.execute(f"INSERT INTO data_keys VALUES {','.join(['(?,?,?,?,?)'] * len(new))}", values)
        return keys | {(key.case, key.party, key.purpose): key for key, _ in new}


_KEPT = "SELECT kid, case_id, party, purpose, kid, wrapped FROM data_keys WHERE kid > ? ORDER BY kid LIMIT ?"
_MARKS = (
    "SELECT case_id, party, purpose, case_id, party, purpose, NULL, NULL FROM erased"
    " WHERE (case_id, party, purpose) > (?, ?, ?) ORDER BY case_id, party, purpose LIMIT ?"
)


def _truncate(connection: sqlite3.Connection) -> None:
    """Empty the WAL, outside of any transaction. Waits for readers as long as busy_timeout allows."""
    busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        raise RuntimeError("the keys are erased, but a reader keeps the old pages until the next erasure or start")


def _take(connection: sqlite3.Connection, entries: Sequence[Entry]) -> None:
    keys = [(one.kid, one.case, one.party, one.purpose, one.wrapped) for one in entries if one.kid is not None]
    for kid, *triple, _wrapped in keys:
        other = connection.execute(
            "SELECT 1 FROM data_keys WHERE case_id = ? AND party = ? AND purpose = ? AND kid != ?", (*triple, kid)
        )
        if other.fetchone() is not None:
            raise KeysLost("the store already has another key for one of the names")
    connection.executemany(
        "INSERT INTO data_keys VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT(kid) DO UPDATE SET wrapped = NULL WHERE excluded.wrapped IS NULL",
        keys,
    )
    marks = [(one.case, one.party, one.purpose) for one in entries if one.kid is None]
    connection.executemany("INSERT OR IGNORE INTO erased VALUES (?, ?, ?)", marks)


def _erase(connection: sqlite3.Connection, case: str, party: str, purpose: str | None) -> int:
    connection.execute("INSERT OR IGNORE INTO erased VALUES (?, ?, ?)", (case, party, purpose or ""))
    return connection.execute(
        "UPDATE data_keys SET wrapped = NULL"
        " WHERE case_id = ? AND party = ? AND purpose = coalesce(?, purpose) AND wrapped IS NOT NULL",
        (case, party, purpose),
    ).rowcount


def _checked_secret(connection: sqlite3.Connection, directory: Path, name: str) -> bytes:
    """The secret of that name, whose fingerprint the store keeps."""
    known = connection.execute("SELECT value FROM checks WHERE name = ?", (name,)).fetchone()
    empty = connection.execute("SELECT 1 FROM data_keys LIMIT 1").fetchone() is None
    secret = checked_secret(directory / name, known and known[0], may_make=empty)
    if known is None:
        connection.execute("INSERT INTO checks VALUES (?, ?)", (name, fingerprint(secret)))
    return secret


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
