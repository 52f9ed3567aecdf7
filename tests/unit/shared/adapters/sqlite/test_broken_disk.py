"""A failed fsync is final: it is never retried as if the pages were still in memory."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from shared.adapters.sqlite.event_store import SqliteEventStore
from shared.eventstore.commit import Commit
from shared.eventstore.errors import StoreBroken
from tests.support.commits import commit


class FailingConnection:
    """A connection whose disk fails at a statement that begins with `at`."""

    def __init__(self, connection: sqlite3.Connection, at: str) -> None:
        self.connection = connection
        self.at = at
        self.calls = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.connection, name)

    def execute(self, sql: str, values: Any = ()) -> sqlite3.Cursor:
        if sql.startswith(self.at):
            self.calls += 1
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
            error.sqlite_errorname = "SQLITE_IOERR_FSYNC"
            raise error
        return self.connection.execute(sql, values)


@pytest.mark.parametrize("at", ["INSERT", "COMMIT"])
async def test_failed_fsync_stops_all_appends(tmp_path: Path, at: str) -> None:
    log = SqliteEventStore(tmp_path / "log.sqlite")
    kept = await log.append(commit("case/a", cause="c"))
    failing = FailingConnection(log._connection, at)
    log._connection = failing  # type: ignore[assignment]
    careful = [commit("case/a", cause="c")] if at == "COMMIT" else []  # a known cause is looked up in a transaction
    tries = [*careful, *(commit(f"case/{number}") for number in range(10))]
    if at == "COMMIT":
        tries[1:] = [commit("case/a", after=kept, cause="c")]
    results = await asyncio.gather(*(log.append(each) for each in tries), return_exceptions=True)
    assert all(not isinstance(result, Commit) for result in results)
    assert any(isinstance(result, StoreBroken) for result in results) or at == "COMMIT"
    assert isinstance(log.broken, StoreBroken)
    for _ in range(3):
        with pytest.raises(StoreBroken):
            await log.append(commit("case/later"))
    assert failing.calls == 1, "never tried again"
    assert await log.load("case/a") == [kept], "reads go on"
    await log.close()


async def test_failed_checkpoint_counts_as_failed_fsync(tmp_path: Path) -> None:
    log = SqliteEventStore(tmp_path / "log.sqlite")
    log._writer._checkpoint_pages = 1
    log._writer._connection = FailingConnection(log._connection, "PRAGMA wal_checkpoint")  # type: ignore[assignment]
    kept = await log.append(commit("case/a"))
    with pytest.raises(StoreBroken):
        for number in range(1000):
            await log.append(commit(f"case/{number}"))
    assert await log.load("case/a") == [kept]
    await log.close()


PROGRAM = """
import asyncio, sys
from pathlib import Path
from shared.adapters.sqlite.event_store import SqliteEventStore
from shared.eventstore.event_store import StoreBroken
from tests.support.commits import commit

async def main():
    log = SqliteEventStore(Path(sys.argv[1]))
    accepted, broken = 0, 0
    for number in range(40):
        try:
            await log.append(commit(f"case/{number}"))
            assert not broken, "accepted after a failed fsync"
            accepted += 1
        except StoreBroken:
            broken += 1
    print(accepted, broken, len(await log.load("case/0")), flush=True)

asyncio.run(main())
"""


@pytest.mark.skipif(shutil.which("strace") is None, reason="not run: strace is missing")
def test_real_fsync_failure_terminates_process(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            *("strace", "-f", "-qq", "-o", str(tmp_path / "trace"), "-e", "trace=fsync,fdatasync"),
            *("-e", "inject=fsync,fdatasync:error=EIO:when=25+", sys.executable, "-c", PROGRAM, str(tmp_path / "log")),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=Path(__file__).parents[5],
    )
    if "PTRACE" in done.stderr or "ptrace" in done.stderr:
        pytest.skip("not run: tracing is not allowed here")
    accepted, broken, read = map(int, done.stdout.split())
    assert accepted + broken == 40
    assert accepted > 5
    assert broken > 5
    assert read == 1
    synced = sum("fdatasync" in line or "fsync" in line for line in (tmp_path / "trace").read_text().splitlines())
    assert synced >= accepted, "one fsync at least for each batch that was accepted"
