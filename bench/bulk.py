"""Creates big logs fast: valid commits, written without the log's own writer. Only for measuring the cost of a big log."""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from shared.adapters.sqlite.event_store import SqliteEventStore, insert_of, row_of
from shared.case import STREAM
from shared.eventstore.commit import Commit
from shared.eventstore.hash_chain import GENESIS, chain_all


def write_log(path: Path, commits: Iterable[Commit]) -> None:
    """A log file that holds exactly these commits, in this order."""
    _make(path)
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA synchronous=OFF")
    connection.execute("PRAGMA cache_size=-400000")
    connection.execute("BEGIN")
    connection.executemany(insert_of(1), map(row_of, commits, range(1, 1 << 62)))
    connection.execute("COMMIT")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    connection.close()


def copies(pattern: Sequence[Commit], number: int, mark: str = "") -> Iterator[Commit]:
    """`number` cases like the one in `pattern`, each with its own id and chain, in the order of streams."""
    for stream in sorted(stream_of(pattern, each, mark) for each in range(number)):
        yield from _copy(pattern, stream.removeprefix(STREAM))


def stream_of(pattern: Sequence[Commit], each: int, mark: str = "") -> str:
    """The stream of a copy."""
    length = len(pattern[0].stream) - len(STREAM)
    return STREAM + hashlib.sha256(f"{mark}{each}".encode()).hexdigest()[:length]


def _copy(pattern: Sequence[Commit], new: str) -> Iterator[Commit]:
    """The case of `pattern` under the id `new`."""
    old = pattern[0].stream.removeprefix(STREAM)
    previous = GENESIS
    for commit in pattern:
        events = tuple(data.replace(old.encode(), new.encode()) for data in commit.events)
        hashed = chain_all(previous, events)
        yield Commit(
            STREAM + new, commit.first, commit.cause, events, previous, hashed, commit.recorded_at, commit.request
        )
        previous = hashed


def _make(path: Path) -> None:
    """The empty file with the log's own schema."""

    async def make() -> None:
        await SqliteEventStore(path).close()

    asyncio.run(make())
