"""Data of an earlier format are refused in one sentence that says what to do; nothing is changed."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from deploy.modes.embedded import open_ports
from deploy.storage.data_folder import FORMAT, Folder, FolderProblem
from shared.adapters.sqlite.event_store import SqliteEventStore
from shared.adapters.system_clock import SystemClock


def test_folder_of_earlier_format_is_refused(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "data")
    folder.path.mkdir()
    folder.format.write_text(f"{FORMAT - 1}\n")
    with pytest.raises(FolderProblem, match=r"earlier version \(format 1, this one reads 2\).*new folder.*--data"):
        folder.take()
    assert folder.format.read_text() == f"{FORMAT - 1}\n"


async def test_log_of_earlier_format_is_refused(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.keys.mkdir()
    await SqliteEventStore(folder.log).close()
    with sqlite3.connect(folder.log) as log:
        log.execute("UPDATE meta SET value = 1 WHERE name = 'format'")
    log.close()
    with pytest.raises(FolderProblem, match="earlier version"):
        open_ports(folder, SystemClock(), 10)
