"""Reading a log's file from a process that does not own it: nothing is written, and nothing is waited for."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

from shared.adapters.sqlite.connection import open_foreign, trouble
from shared.adapters.sqlite.rows import select_next
from shared.log import Commit


class LogFile:
    """The log in the file `path`, whose owner keeps it open."""

    def __init__(self, path: Path) -> None:
        self._connection = open_foreign(path)

    def scan(self, prefix: str, *, batch: int = 500) -> Iterator[Sequence[Commit]]:
        """As `Log.scan`. Raises LogBroken when the file cannot be read."""
        place: tuple[str, int] = (prefix, 0)
        while True:
            try:
                commits = select_next(self._connection, prefix, place, batch)
            except sqlite3.Error as error:
                meaning = trouble(error)
                if meaning is None:
                    raise
                raise meaning from error
            if commits:
                yield commits
            if len(commits) < batch:
                return
            place = (commits[-1].stream, commits[-1].first)
