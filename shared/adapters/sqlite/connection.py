"""Opens SQLite files with the settings that durability depends on, and translates SQLite's errors.

Danger: these settings belong to a connection, not to the file. Every connection must be opened here.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from shared.adapters.durable_folder import sync_folder
from shared.adapters.store_format import NewerData, OlderData, WrongData
from shared.eventstore.errors import StoreBroken, StoreFull

Synchronous = Literal["FULL", "NORMAL"]
_LEVELS = {"NORMAL": 1, "FULL": 2}
_BUSY_MS = 5000
_CACHE_KB = 16_000
"""Upper limit. SQLite's default of 2 MB is smaller than the inner pages of a large index."""
_PRIMARY = 0xFF
"""Mask for the primary code, the low byte of an extended result code."""


def open_writer(
    path: Path, kind: str, version: int, schema: str, *, synchronous: Synchronous, secure_delete: bool = False
) -> sqlite3.Connection:
    """The only writing connection of a file, which is created with `schema` if it does not exist.

    Args:
        kind: What the file holds (`log`, `views`, `keys`); stored in a new file and checked in an existing one.
        version: The storage format of this release.

    Raises:
        NewerData, OlderData, WrongData: Another release or another program wrote the file. Nothing was changed.
        StoreBroken: The file is damaged.
        RuntimeError: A setting did not take effect.
    """
    fresh = not path.exists()
    if fresh and str(path) != ":memory:":
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # SQLite creates the WAL files with the same mode
    connection = _connect(path)
    try:
        with meaningful_errors():
            found = _format(connection, path, kind)
            if found is not None and found > version:
                raise NewerData(f"{path.name} has format {found}; this release reads up to format {version}")
            if found is not None and found < version:
                raise OlderData(f"{path.name} has format {found}; this release reads format {version}")
            _set(connection, path, synchronous, secure_delete=secure_delete)
            # writer.py makes the checkpoints: SQLite's automatic ones ignore a failed fsync.
            connection.execute("PRAGMA wal_autocheckpoint=0")
            if found is None:
                connection.executescript(
                    f"BEGIN IMMEDIATE;{schema};"
                    "CREATE TABLE meta(name TEXT PRIMARY KEY, value) WITHOUT ROWID;"
                    f"INSERT INTO meta VALUES ('kind', '{kind}'), ('format', {version});COMMIT;"
                )
            if fresh:
                sync_folder(path.parent)
    except BaseException:
        connection.close()
        raise
    return connection


def open_reader(path: Path) -> sqlite3.Connection:
    """A connection that cannot write."""
    connection = _connect(path)
    connection.execute("PRAGMA query_only=ON")
    return connection


def open_foreign(path: Path) -> sqlite3.Connection:
    """A connection to a file that another process owns and has open. It does not even checkpoint the WAL when it closes."""
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None)
    connection.execute(f"PRAGMA busy_timeout={_BUSY_MS}")
    return connection


@contextmanager
def meaningful_errors() -> Iterator[None]:
    """Inside, errors of SQLite are raised as StoreFull or StoreBroken where `trouble` has a meaning for them."""
    try:
        yield
    except sqlite3.Error as error:
        meaning = trouble(error)
        if meaning is None:
            raise
        raise meaning from error


Error = sqlite3.Error
"""Whatever the library raises, for callers that must not import it."""


def trouble(error: BaseException) -> StoreFull | StoreBroken | None:
    """The error of the port that corresponds to an error of SQLite; None for any other error."""
    if not isinstance(error, sqlite3.Error):
        return None
    # Errors that the sqlite3 module itself raises have no code.
    code = getattr(error, "sqlite_errorcode", 0) & _PRIMARY
    if code == sqlite3.SQLITE_FULL:
        return StoreFull("the disk is full; free some space, then send it again")
    if code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return StoreBroken(f"reading or writing the data file failed: {error.sqlite_errorname}")
    return None


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=300)
    connection.execute(f"PRAGMA busy_timeout={_BUSY_MS}")
    return connection


def _format(connection: sqlite3.Connection, path: Path, kind: str) -> int | None:
    """The format version of the file; None for an empty one."""
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    if not tables:
        return None
    if "meta" not in tables:
        raise WrongData(f"{path.name} is a SQLite file of something else")
    meta = dict(connection.execute("SELECT name, value FROM meta"))
    if meta.get("kind") != kind:
        raise WrongData(f"{path.name} holds {meta.get('kind')}, not {kind}")
    return int(meta["format"])


def _set(connection: sqlite3.Connection, path: Path, synchronous: Synchronous, *, secure_delete: bool) -> None:
    wanted = {
        "journal_mode": ("WAL", "wal"),
        "synchronous": (synchronous, _LEVELS[synchronous]),
        "foreign_keys": ("ON", 1),
        "busy_timeout": (str(_BUSY_MS), _BUSY_MS),
        "secure_delete": ("ON" if secure_delete else "OFF", int(secure_delete)),
    }
    connection.execute(f"PRAGMA cache_size=-{_CACHE_KB}")
    for name, (value, _) in wanted.items():
        connection.execute(f"PRAGMA {name}={value}").fetchall()
    for name, (_, expected) in wanted.items():
        (found,) = connection.execute(f"PRAGMA {name}").fetchone()
        if found != expected:
            raise RuntimeError(f"{path.name}: {name} is {found} but must be {expected}, or accepted data could be lost")
