"""Data keys in their own SQLite file, wrapped by a key that is not in it."""

from __future__ import annotations

import asyncio
import hmac
import os
import sqlite3
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from shared.adapters.secrets import NAMES, Derived, KeysLost, Wrapping, fingerprint, make_secret, read_secret
from shared.adapters.sqlite.connection import open_writer
from shared.adapters.sqlite.readers import Readers
from shared.adapters.sqlite.writer import Job, Writer
from shared.keys import DataKey, Entry, KeyErased

FORMAT = 1
# `wrapped` is as secrets.py says; NULL once erased.
# `erased` holds what may not be obtained again; purpose '' means all of the party.
SCHEMA = """
CREATE TABLE data_keys(kid TEXT PRIMARY KEY, case_id TEXT NOT NULL, party TEXT NOT NULL, purpose TEXT NOT NULL,
    wrapped BLOB, UNIQUE(case_id, party, purpose)) WITHOUT ROWID;
CREATE TABLE erased(case_id TEXT, party TEXT, purpose TEXT, PRIMARY KEY(case_id, party, purpose)) WITHOUT ROWID;
CREATE TABLE checks(name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID
"""
_ALL = ""
_KID, _SECRET, _NONCE = 16, 32, Wrapping.NONCE
_RANDOM = _KID + _SECRET + _NONCE
_CACHED = 20_000

Triple = tuple[str, str, str]


class _Obtain(NamedTuple):
    """Keys that are wanted; those that wait together are made together."""

    wanted: Sequence[Triple]


_Task = Callable[[sqlite3.Connection], Any] | _Obtain
_Job = Job[_Task, Any]

_FIND = """
SELECT kid, case_id, party, purpose, wrapped FROM json_each(?) AS wanted CROSS JOIN data_keys
    ON case_id = wanted.value ->> 0 AND party = wanted.value ->> 1 AND purpose = wanted.value ->> 2
"""
_ERASED = """
SELECT 1 FROM json_each(?) AS wanted CROSS JOIN erased
    ON case_id = wanted.value ->> 0 AND party = wanted.value ->> 1 AND purpose IN (wanted.value ->> 2, '') LIMIT 1
"""


class SqliteKeys:
    """A `Keys` in `directory`: `keys.sqlite`, and beside it the files `kek` and `root` (shared/adapters/secrets.py).

    Raises KeysLost when a secret file does not belong to the store.
    """

    def __init__(self, directory: Path) -> None:
        self._connection = open_writer(
            directory / "keys.sqlite", "keys", FORMAT, SCHEMA, synchronous="FULL", secure_delete=True
        )
        try:
            _Truncate()(self._connection)  # where the process ended between an erasure and this
            secrets = {name: _checked_secret(self._connection, directory, name) for name in NAMES}
        except BaseException:
            self._connection.close()
            raise
        self._wrapping = Wrapping(secrets["kek"])
        self._derived = Derived(secrets["root"])
        self._by_triple: dict[Triple, DataKey] = {}
        self._by_kid: OrderedDict[str, DataKey] = OrderedDict()
        self._erasures = 0
        self._writer: Writer[_Task, Any] = Writer(self._connection, "keys", self._write)
        self._readers = Readers(directory / "keys.sqlite", threads=1)

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
            query = (
                "SELECT kid, case_id, party, purpose, wrapped FROM data_keys"
                " WHERE kid IN (SELECT value FROM json_each(?)) AND wrapped IS NOT NULL"
            )
            values = (_json(unknown),)
            rows = await self._readers.run(lambda connection: connection.execute(query, values).fetchall())
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
        # The old bytes are still in the WAL until it is emptied; readers are short, so this succeeds at once.
        await self._writer.submit(_Truncate())
        return number

    async def count(self) -> int:
        query = "SELECT count(*) FROM data_keys WHERE wrapped IS NOT NULL"
        number: int = await self._readers.run(lambda connection: connection.execute(query).fetchone()[0])
        return number

    async def missing(self, kids: Sequence[str]) -> list[str]:
        query = "SELECT kid FROM data_keys WHERE kid IN (SELECT value FROM json_each(?))"
        values = (_json(list(kids)),)
        known = {
            kid for (kid,) in await self._readers.run(lambda connection: connection.execute(query, values).fetchall())
        }
        return [kid for kid in kids if kid not in known]

    async def entries(self, *, batch: int = 1000) -> AsyncIterator[Sequence[Entry]]:
        """Everything that is kept, keys before marks."""
        for query, last in ((_KEPT, 1), (_MARKS, 3)):
            after: tuple[str, ...] = ("",) * last
            while rows := await self._readers.run(_page(query, (*after, batch))):
                found = [Entry(*row[last:]) for row in rows]
                after = rows[-1][:last]
                yield found

    async def take(self, entries: Sequence[Entry]) -> None:
        """Keep these. What was erased on either side stays erased. Raises KeysLost where another key stands."""
        await self._writer.submit(lambda connection: _take(connection, entries))

    def secret(self, name: str) -> bytes:
        return self._derived.secret(name)

    async def close(self) -> None:
        await asyncio.to_thread(self._readers.close)
        await self._writer.close()
        self._by_triple.clear()
        self._by_kid.clear()

    def _remember(self, keys: Any, erasures: int) -> None:
        if erasures != self._erasures:
            return  # it may be one of those that were erased meanwhile
        for key in keys:
            self._by_triple[key.case, key.party, key.purpose] = key
            self._by_kid[key.kid] = key
        while len(self._by_kid) > _CACHED:
            _, old = self._by_kid.popitem(last=False)
            del self._by_triple[old.case, old.party, old.purpose]

    # --- in the writing thread ---

    def _write(self, jobs: list[_Job]) -> list[_Job]:
        self._connection.execute("BEGIN IMMEDIATE")
        results = self._obtain_together([job for job in jobs if isinstance(job.task, _Obtain)])
        obtained = {id(job) for job, _ in results}
        after: list[_Job] = []
        for job in jobs:
            if id(job) in obtained:
                continue
            task = job.task
            if isinstance(task, _Truncate):
                after.append(job)
                continue
            try:
                if isinstance(task, _Obtain):
                    results.append((job, self._obtain(self._connection, task.wanted)))
                else:
                    results.append((job, task(self._connection)))
            except (KeyErased, KeysLost) as error:  # both before anything was written
                job.error = error
        self._connection.execute("COMMIT")
        for job, result in results:
            job.result = result
            job.done = True
        for job in after:
            assert isinstance(job.task, _Truncate)
            job.task(self._connection)
            job.done = True
        return []

    def _obtain_together(self, jobs: list[_Job]) -> list[tuple[_Job, Any]]:
        """What all that wait for keys want, with the statements of one; nothing where one of them is refused."""
        asked = [(job, job.task.wanted) for job in jobs if isinstance(job.task, _Obtain)]
        if len(asked) < 2:
            return []
        try:
            keys = self._obtain(self._connection, [triple for _, wanted in asked for triple in wanted])
        except (KeyErased, KeysLost):  # before anything was written: each for itself
            return []
        return [(job, {triple: keys[triple] for triple in wanted}) for job, wanted in asked]

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
        draw = BytesIO(os.urandom(_RANDOM * len(missing))).read  # at once: each call hands the interpreter's lock over
        new = [DataKey(draw(_KID).hex(), *triple, draw(_SECRET)) for triple in missing]
        if new:
            values = [value for key in new for value in (*key[:4], self._wrapping.wrap(key, draw(_NONCE)))]
            connection.execute(f"INSERT INTO data_keys VALUES {','.join(['(?,?,?,?,?)'] * len(new))}", values)
        return keys | {(key.case, key.party, key.purpose): key for key in new}


class _Truncate:
    """Empties the WAL, outside of any transaction. Waits for readers as long as busy_timeout says."""

    def __call__(self, connection: sqlite3.Connection) -> None:
        busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise RuntimeError("erased, but a reader keeps the old pages until the next erasure or start")


_KEPT = "SELECT kid, case_id, party, purpose, kid, wrapped FROM data_keys WHERE kid > ? ORDER BY kid LIMIT ?"
_MARKS = (
    "SELECT case_id, party, purpose, case_id, party, purpose, NULL, NULL FROM erased"
    " WHERE (case_id, party, purpose) > (?, ?, ?) ORDER BY case_id, party, purpose LIMIT ?"
)


def _page(query: str, values: tuple[Any, ...]) -> Callable[[sqlite3.Connection], list[Any]]:
    return lambda connection: connection.execute(query, values).fetchall()


def _take(connection: sqlite3.Connection, entries: Sequence[Entry]) -> None:
    keys = [(one.kid, one.case, one.party, one.purpose, one.wrapped) for one in entries if one.kid is not None]
    for kid, *triple, _wrapped in keys:
        other = connection.execute(
            "SELECT 1 FROM data_keys WHERE case_id = ? AND party = ? AND purpose = ? AND kid != ?", (*triple, kid)
        )
        if other.fetchone() is not None:
            raise KeysLost("another key stands where one should be taken")
    connection.executemany(
        "INSERT INTO data_keys VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT(kid) DO UPDATE SET wrapped = NULL WHERE excluded.wrapped IS NULL",
        keys,
    )
    marks = [(one.case, one.party, one.purpose) for one in entries if one.kid is None]
    connection.executemany("INSERT OR IGNORE INTO erased VALUES (?, ?, ?)", marks)


def _erase(connection: sqlite3.Connection, case: str, party: str, purpose: str | None) -> int:
    connection.execute("INSERT OR IGNORE INTO erased VALUES (?, ?, ?)", (case, party, purpose or _ALL))
    return connection.execute(
        "UPDATE data_keys SET wrapped = NULL"
        " WHERE case_id = ? AND party = ? AND purpose = coalesce(?, purpose) AND wrapped IS NOT NULL",
        (case, party, purpose),
    ).rowcount


def _checked_secret(connection: sqlite3.Connection, directory: Path, name: str) -> bytes:
    """The secret of that name. The store knows a fingerprint, so that a foreign file is noticed before it is used."""
    known = connection.execute("SELECT value FROM checks WHERE name = ?", (name,)).fetchone()
    if known is None:
        if connection.execute("SELECT 1 FROM data_keys LIMIT 1").fetchone() is not None:
            raise KeysLost(f"the store does not know its {name}")
        make_secret(directory / name)
    secret = read_secret(directory / name)
    expected = fingerprint(secret)
    if known is None:
        connection.execute("INSERT INTO checks VALUES (?, ?)", (name, expected))
    elif not hmac.compare_digest(known[0], expected):
        raise KeysLost(f"{name} is not the one of this store")
    return secret


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
