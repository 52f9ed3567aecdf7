"""The settings that durability depends on, and files that must not be opened."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from shared.adapters.sqlite.connection import open_writer, trouble
from shared.adapters.sqlite.event_store import SqliteEventStore
from shared.adapters.sqlite.key_store import SqliteKeyStore
from shared.adapters.sqlite.read_models import SqliteReadModels
from shared.adapters.store_format import NewerData, WrongData
from shared.eventstore.errors import StoreBroken, StoreFull
from shared.eventstore.read_models import Condition, ReadModel


def pragma(connection: sqlite3.Connection, name: str) -> object:
    return connection.execute(f"PRAGMA {name}").fetchone()[0]


async def test_log_and_keys_are_fully_synced_and_read_models_may_lag(tmp_path: Path) -> None:
    log, keys, views = (
        SqliteEventStore(tmp_path / "log"),
        SqliteKeyStore(tmp_path),
        SqliteReadModels(tmp_path / "views"),
    )
    for port, synchronous in ((log, 2), (keys, 2), (views, 1)):
        connection = port._connection
        assert pragma(connection, "journal_mode") == "wal"
        assert pragma(connection, "synchronous") == synchronous
        assert pragma(connection, "foreign_keys") == 1
        assert pragma(connection, "busy_timeout") == 5000
        assert pragma(connection, "wal_autocheckpoint") == 0, "SQLite's own checkpoints swallow a failed fsync"
        await port.close()


def test_start_is_refused_when_pragma_is_not_applied() -> None:
    with pytest.raises(RuntimeError, match="journal_mode is memory"):
        open_writer(Path(":memory:"), "log", 1, "CREATE TABLE t(a)", synchronous="FULL")


@pytest.mark.parametrize("kind", [SqliteEventStore, SqliteReadModels])
async def test_newer_file_is_refused_and_left_unchanged(
    tmp_path: Path, kind: type[SqliteEventStore] | type[SqliteReadModels]
) -> None:
    path = tmp_path / "data"
    await kind(path).close()
    connection = sqlite3.connect(path)
    connection.execute("UPDATE meta SET value = 99 WHERE name = 'format'")
    connection.commit()
    connection.close()
    before = path.read_bytes()
    with pytest.raises(NewerData, match="format 99"):
        kind(path)
    assert path.read_bytes() == before


async def test_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    await SqliteEventStore(tmp_path / "data").close()
    with pytest.raises(WrongData, match="holds log"):
        SqliteReadModels(tmp_path / "data")
    connection = sqlite3.connect(tmp_path / "other")
    connection.execute("CREATE TABLE t(a)")
    connection.close()
    with pytest.raises(WrongData, match="something else"):
        SqliteEventStore(tmp_path / "other")


@pytest.mark.parametrize("kind", [SqliteEventStore, SqliteReadModels])
def test_garbage_file_is_not_opened(tmp_path: Path, kind: type[SqliteEventStore] | type[SqliteReadModels]) -> None:
    (tmp_path / "data").write_bytes(b"no database" * 1000)
    with pytest.raises(StoreBroken, match="NOTADB"):
        kind(tmp_path / "data")


def test_sqlite_errors_are_translated() -> None:
    def error(code: int) -> sqlite3.OperationalError:
        made = sqlite3.OperationalError("test")
        made.sqlite_errorcode = code
        made.sqlite_errorname = "TEST"
        return made

    assert isinstance(trouble(error(sqlite3.SQLITE_FULL)), StoreFull)
    assert isinstance(trouble(error(sqlite3.SQLITE_IOERR_FSYNC)), StoreBroken)
    assert isinstance(trouble(error(sqlite3.SQLITE_CORRUPT)), StoreBroken)
    assert trouble(error(sqlite3.SQLITE_BUSY)) is None
    assert trouble(ValueError()) is None


async def test_changed_read_model_requires_new_version(tmp_path: Path) -> None:
    views = SqliteReadModels(tmp_path / "views")
    views.declare(ReadModel("cases", {"org": "text"}))
    await views.start()
    await views.close()
    views = SqliteReadModels(tmp_path / "views")
    views.declare(ReadModel("cases", {"org": "integer"}))
    with pytest.raises(ValueError, match="next version"):
        await views.start()
    await views.close()
    with pytest.raises(ValueError, match="cannot name"):
        views.declare(ReadModel('x"; DROP TABLE y', {}))


async def test_pages_use_index_seeks(tmp_path: Path) -> None:
    views = SqliteReadModels(tmp_path / "views")
    view = ReadModel("cases", {"org": "text", "due": "text"}, indexes=(("org", "due"),))
    views.declare(view)
    await views.start()
    sql = views._views["cases"]
    for after in (None, ["2026", "k"], [None, "k"]):
        for query, values in sql.find([Condition("org", "=", "a")], ["due"], after, 10):
            plan = " ".join(str(row[3]) for row in views._connection.execute(f"EXPLAIN QUERY PLAN {query}", values))
            assert "SEARCH cases_v1 USING INDEX cases_v1__by__org__due" in plan
            assert "TEMP B-TREE" not in plan
    await views.close()
