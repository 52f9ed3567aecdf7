"""Reads a log file that another process owns, without writing to it or blocking its owner."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from shared.adapters.sqlite.commit_rows import place_of, select_next
from shared.adapters.sqlite.connection import meaningful_errors, open_foreign
from shared.eventstore.commit import Commit


class LogFile:
    """The log in the file `path`, which its owner may have open."""

    def __init__(self, path: Path) -> None:
        self._connection = open_foreign(path)

    def scan(self, prefix: str, *, batch: int = 500) -> Iterator[Sequence[Commit]]:
        """The same commits as `Log.scan`.

        Raises:
            StoreBroken: The file cannot be read.
        """
        place: tuple[str, int] = (prefix, 0)
        while True:
            with meaningful_errors():
                commits = select_next(self._connection, prefix, place, batch)
            if commits:
                yield commits
            if len(commits) < batch:
                return
            place = place_of(commits[-1])
