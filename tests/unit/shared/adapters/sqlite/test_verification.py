"""Every changed byte is found and named."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from pathlib import Path
from random import Random

import pytest

from shared.adapters.memory import MemoryEventStore
from shared.adapters.sqlite.event_store import SqliteEventStore
from shared.adapters.sqlite.verification import verify_file
from shared.eventstore.verification import Finding
from tests.support.commits import history

COLUMNS = ("position", "stream", "first", "last", "cause", "request", "recorded_at", "previous", "hash", "events")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "log.sqlite"

    async def fill() -> None:
        log = SqliteEventStore(path)
        histories = [history(f"case/{name}", 6, events=2) for name in "abcd"]
        for step in zip(*histories, strict=True):
            for each in step:
                await log.append(each)
        assert [finding async for finding in log.verify()] == []
        await log.close()

    asyncio.run(fill())
    return path


def flipped(value: object, random: Random) -> object:
    if isinstance(value, int):
        return value ^ (1 << random.randrange(16))
    data = bytearray(value if isinstance(value, bytes) else str(value or "r").encode())
    data[random.randrange(len(data))] ^= 1 << random.randrange(8)
    return bytes(data)


def test_200_flipped_bytes_in_every_column_are_found_and_named(path: Path) -> None:
    random = Random(20)
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("DROP TRIGGER never_changed")
    connection.execute("PRAGMA synchronous=OFF")
    done = 0
    while done < 200:
        column = COLUMNS[done % len(COLUMNS)]
        position = random.randrange(1, 25)
        stream, first, old = connection.execute(
            f"SELECT stream, first, {column} FROM commits WHERE position = ?", (position,)
        ).fetchone()
        new = flipped(old, random)
        cast = "?" if isinstance(new, int) or column == "events" else "CAST(? AS TEXT)"
        try:
            connection.execute(f"UPDATE commits SET {column} = {cast} WHERE position = ?", (new, position))
        except sqlite3.IntegrityError:
            continue  # the file itself would not hold two of them
        found = verify_file(path)
        where = new if column == "position" else position
        connection.execute(f"UPDATE commits SET {column} = ? WHERE position = ?", (old, where))
        columns = ("hash", "events") if column in ("hash", "events") else (column,)
        assert [finding for finding in found if named(finding, position, column, stream, first, columns)], (
            column,
            position,
            old,
            new,
            found,
        )
        done += 1
    connection.close()
    assert verify_file(path) == []


def named(finding: Finding, position: int, column: str, stream: str, first: int, columns: tuple[str, ...]) -> bool:
    if finding.column not in columns:
        return False
    if column == "position":
        return f"{position} was expected" in finding.why or (finding.stream, finding.version) == (stream, first)
    return finding.position == position


def test_missing_and_repeated_commits_are_found(path: Path) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("DROP TRIGGER never_deleted")
    connection.execute("DELETE FROM commits WHERE position = 7")
    connection.close()
    found = verify_file(path)
    assert ("position", "7 was expected: a commit is missing or moved") in [(each.column, each.why) for each in found]
    assert "first" in {each.column for each in found}


def test_garbage_in_file_is_reported_without_exception(path: Path, tmp_path: Path) -> None:
    random = Random(5)
    whole = path.read_bytes()
    connection = sqlite3.connect(path, isolation_level=None)
    expected = connection.execute("SELECT * FROM commits ORDER BY position").fetchall()
    connection.close()
    damaged = tmp_path / "damaged.sqlite"
    found_some = 0
    for _ in range(60):
        data = bytearray(whole)
        for _ in range(random.choice((1, 64))):
            data[random.randrange(4096, len(data))] = random.randrange(256)
        damaged.write_bytes(data)
        found = verify_file(damaged)
        found_some += bool(found)
        if not found:  # then the flip was in unused space: the content is the same
            connection = sqlite3.connect(damaged, isolation_level=None)
            assert connection.execute("SELECT * FROM commits ORDER BY position").fetchall() == expected
            connection.close()
    assert found_some > 20


def test_truncated_file_is_reported(path: Path, tmp_path: Path) -> None:
    for cut in (1, 1024, 4096, 16384):
        damaged = tmp_path / f"cut{cut}.sqlite"
        shutil.copy(path, damaged)
        with damaged.open("r+b") as file:
            file.truncate(path.stat().st_size - cut)
        assert verify_file(damaged)


async def test_any_log_can_be_verified() -> None:
    log = MemoryEventStore()
    for each in history("case/a", 3):
        await log.append(each)
    assert [finding async for finding in log.verify()] == []
    commit = log._streams["case/a"][1]
    object.__setattr__(commit, "events", (commit.events[0].replace(b"office", b"0ffice"),))
    assert [(each.version, each.column) async for each in log.verify()] == [(2, "hash")]


async def test_rows_cannot_be_changed_by_accident(path: Path) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    for sql in ("UPDATE commits SET cause = 'x'", "DELETE FROM commits"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            connection.execute(sql)
    connection.close()
