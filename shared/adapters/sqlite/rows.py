"""Commits out of rows, and the statements that several reads share."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from shared.log import Commit, Damaged, Head

COLUMNS = "position, stream, first, cause, request, recorded_at, previous, hash, events"
PAST_ALL = "\U0010ffff"
"""`prefix + PAST_ALL` sorts after every stream that begins with `prefix`."""
_WHOLE = 256

_HEADS = """
WITH RECURSIVE each(name) AS (
    SELECT (SELECT min(stream) FROM commits WHERE stream {} ? AND stream < ?)
    UNION ALL
    SELECT (SELECT min(stream) FROM commits WHERE stream > name AND stream < ?) FROM each WHERE name IS NOT NULL
    LIMIT ?)
SELECT name, last, hash FROM each JOIN commits
    ON stream = name AND first = (SELECT max(first) FROM commits WHERE stream = name)
"""


@lru_cache(maxsize=256)
def insert_of(count: int) -> str:
    """Inserts `count` commits."""
    row = "(?,?,?,?,?,?,?,?,?,?)"
    columns = "position, stream, first, last, cause, request, recorded_at, previous, hash, events"
    return f"INSERT INTO commits({columns}) VALUES {','.join([row] * count)}"


def select(connection: sqlite3.Connection, where: str, values: Sequence[Any]) -> list[Commit]:
    """The commits that `where` chooses and orders."""
    return [_commit(row) for row in connection.execute(f"SELECT {COLUMNS} FROM commits {where}", values).fetchall()]


def select_stream(connection: sqlite3.Connection, stream: str, after: int) -> list[Commit]:
    """The commits of a stream that hold versions > `after`. Raises Damaged where bytes do not match their hash."""
    commits = select(
        connection,
        "WHERE stream = :stream AND first >= coalesce("
        "(SELECT max(first) FROM commits WHERE stream = :stream AND first <= :after + 1), 0)"
        " AND last > :after ORDER BY first",
        {"stream": stream, "after": after},  # type: ignore[arg-type]
    )
    for commit in commits:
        if not commit.intact():
            raise Damaged(stream, commit.first)
    return commits


def select_cause(
    connection: sqlite3.Connection, stream: str, cause: str, *, whole: bool
) -> tuple[Commit | None, list[Commit] | None]:
    """(the commit of that cause, the whole stream if it was asked for and is short)."""
    if whole:
        commits = select(connection, "WHERE stream = ? ORDER BY first LIMIT ?", (stream, _WHOLE + 1))
        if len(commits) <= _WHOLE and all(commit.intact() for commit in commits):
            return next((commit for commit in commits if commit.cause == cause), None), commits
    found = select(connection, "WHERE stream = ? AND cause = ?", (stream, cause))
    return (found[0] if found else None), None


def select_heads(connection: sqlite3.Connection, prefix: str, after: str | None, batch: int) -> list[tuple[str, Head]]:
    """The heads of the next streams; one seek for each stream, whatever its length."""
    end = prefix + PAST_ALL
    query = _HEADS.format(">=" if after is None else ">")
    rows = connection.execute(query, (prefix if after is None else after, end, end, batch)).fetchall()
    return [(stream, Head(last, hash_)) for stream, last, hash_ in rows]


def at_position(commit: Commit, position: int) -> Commit:
    """A copy that knows its position, and what was decoded already. A quarter of the cost of replace()."""
    copy = object.__new__(Commit)
    copy.__dict__.update(commit.__dict__)
    copy.__dict__["position"] = position
    return copy


def _commit(row: Sequence[Any]) -> Commit:
    position, stream, first, cause, request, recorded_at, previous, hash_, events = row
    commit = object.__new__(Commit)
    commit.__dict__.update(
        stream=stream,
        first=first,
        cause=cause,
        events=tuple(events.split(b"\n")),
        previous=previous,
        hash=hash_,
        recorded_at=datetime.fromisoformat(recorded_at),
        request=request,
        position=position,
    )
    return commit
