"""Verification of a log file: every column against the bytes, every hash chain, every position, and the database pages.

Texts are read as bytes throughout: a text that is not UTF-8 is a finding, not an error.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

from shared.adapters.sqlite.commit_rows import COLUMNS, as_number, as_text, tolerant
from shared.adapters.sqlite.connection import open_reader
from shared.adapters.stored_commits import findings
from shared.eventstore.verification import ChainWalk, Finding
from shared.kernel.progress import reached


def verify_file(path: Path) -> list[Finding]:
    """Everything that is wrong with the log in `path`."""
    connection = open_reader(path)
    connection.text_factory = bytes
    try:
        found: list[Finding] = []
        for part in (_columns, _positions, _pages):
            try:
                found += part(connection)
            except sqlite3.Error as error:  # SQLite gives up on badly damaged pages; the other parts still report
                found.append(Finding("", 0, 0, "file", f"unreadable: {getattr(error, 'sqlite_errorname', 'unknown')}"))
        return found
    finally:
        connection.close()


def _columns(connection: sqlite3.Connection) -> Iterator[Finding]:
    walk = ChainWalk()
    stream, before = None, 0
    for *row, last in connection.execute(f"SELECT {COLUMNS}, last FROM commits ORDER BY stream, first"):
        commit, wrong = tolerant(row)
        yield from findings(walk, commit, wrong, last)
        reached(commit.stream)
        if commit.stream == stream and commit.position <= before:
            yield Finding(commit.stream, commit.first, commit.position, "position", "is before an earlier version")
        stream, before = commit.stream, commit.position


def _positions(connection: sqlite3.Connection) -> Iterator[Finding]:
    """Positions must be 1, 2, 3, … A moved row leaves a gap where it was, and usually another one before its new place."""
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
