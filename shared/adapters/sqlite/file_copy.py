"""Copies a SQLite file that is in use, in the state of one instant."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from shared.adapters.durable_folder import sync_folder
from shared.kernel.progress import measured

_PAGES = 1000
"""Pages per step; between two steps the writer can work."""


def copy_database(source: Path, target: Path) -> None:
    """Copy the state of `source` at one instant into a file without a write-ahead log. Blocks; run it in a thread."""
    with (
        closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True)) as reading,
        closing(sqlite3.connect(target)) as writing,
    ):
        reading.execute("PRAGMA busy_timeout=5000")
        reading.backup(
            writing, pages=_PAGES, sleep=0.001, progress=lambda _status, left, total: measured(total - left, total)
        )
        writing.execute("PRAGMA journal_mode=DELETE")
    target.chmod(0o600)
    sync_folder(target.parent)
