"""Verifying the file of a log: every column against the bytes, every chain, every position, and the pages themselves.

Reads raw bytes throughout: a damaged text that is no UTF-8 is a finding, not an error.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from shared.adapters.sqlite.connection import open_reader
from shared.adapters.sqlite.rows import NEVER, as_number, as_text
from shared.log import Commit
from shared.times import to_text
from shared.verifying import Finding, Walk

_ROWS = """
SELECT position, stream, first, last, cause, request, recorded_at, previous, hash, events
FROM commits ORDER BY stream, first
"""


def verify_file(path: Path) -> list[Finding]:
    """Everything that is wrong with the log in `path`."""
    connection = open_reader(path)
    connection.text_factory = bytes
    try:
        found: list[Finding] = []
        for part in (_columns, _positions, _pages):
            try:
                found += part(connection)
            except sqlite3.Error as error:  # pages so damaged that SQLite gives up: the other parts still report
                found.append(Finding("", 0, 0, "file", f"unreadable: {getattr(error, 'sqlite_errorname', 'unknown')}"))
        return found
    finally:
        connection.close()


def _columns(connection: sqlite3.Connection) -> Iterator[Finding]:
    walk = Walk()
    stream, before = None, 0
    for row in connection.execute(_ROWS):
        commit, wrong = _commit(row)
        for column, why in wrong:
            yield Finding(commit.stream, commit.first, commit.position, column, why)
        doubted = {column for column, _ in wrong}
        for finding in walk.step(commit):
            if finding.column not in doubted:
                yield finding
        if row[3] != commit.last:
            yield Finding(commit.stream, commit.first, commit.position, "last", "differs from the number of events")
        if commit.stream == stream and commit.position <= before:
            yield Finding(commit.stream, commit.first, commit.position, "position", "stands before an earlier version")
        stream, before = commit.stream, commit.position


def _positions(connection: sqlite3.Connection) -> Iterator[Finding]:
    """Gapless from 1. A moved row leaves a gap where it was, and mostly another one before where it is."""
    expected = 1
    for position, stream, first in connection.execute("SELECT position, stream, first FROM commits ORDER BY position"):
        if position != expected:
            why = f"{expected} was expected: a commit is missing or moved"
            yield Finding(as_text(stream), as_number(first), position, "position", why)
        expected = position + 1


def _pages(connection: sqlite3.Connection) -> Iterator[Finding]:
    for (line,) in connection.execute("PRAGMA integrity_check"):
        if line != b"ok":
            yield Finding("", 0, 0, "file", as_text(line))


def _commit(row: tuple[Any, ...]) -> tuple[Commit, list[tuple[str, str]]]:
    """A commit of whatever stands in the row, and what could not be read as it should."""
    position, stream, first, _, cause, request, recorded_at, previous, hash_, events = row
    wrong = []
    try:
        when = datetime.fromisoformat(recorded_at.decode())
        if to_text(when) != recorded_at.decode():
            wrong.append(("recorded_at", "is not in the storage form"))
    except (ValueError, AttributeError, OverflowError, TypeError):
        when = NEVER
        wrong.append(("recorded_at", "is no instant"))
    data = events if isinstance(events, bytes) else b""
    commit = Commit(
        as_text(stream),
        as_number(first),
        as_text(cause),
        tuple(data.split(b"\n")),
        as_text(previous),
        as_text(hash_),
        when,
        None if request is None else as_text(request),
        as_number(position),
    )
    return commit, wrong
