"""Commits out of rows, and the statements that several reads share."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from shared.log import Commit, Damaged, Head, continuous

COLUMNS = "position, stream, first, cause, request, recorded_at, previous, hash, events"
PAST_ALL = "\U0010ffff"
"""`prefix + PAST_ALL` sorts after every stream that begins with `prefix`."""
NEVER = datetime(1, 1, 1, tzinfo=UTC)
"""Stands for an instant that cannot be read."""
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


Values = Sequence[Any] | Mapping[str, Any]
"""What a statement is given: in order, or by name."""


@lru_cache(maxsize=256)
def insert_of(count: int) -> str:
    """Inserts `count` commits."""
    row = "(?,?,?,?,?,?,?,?,?,?)"
    columns = "position, stream, first, last, cause, request, recorded_at, previous, hash, events"
    return f"INSERT INTO commits({columns}) VALUES {','.join([row] * count)}"


def select(connection: sqlite3.Connection, where: str, values: Values) -> list[Commit]:
    """The commits that `where` chooses and orders. A damaged row is a commit that is not intact, never an error: it must not
    keep the others from being read."""
    query = f"SELECT {COLUMNS} FROM commits {where}"
    try:
        return [_commit(row) for row in connection.execute(query, values).fetchall()]
    except (AttributeError, TypeError, ValueError):
        return _select_damaged(connection, query, values)
    except sqlite3.OperationalError as error:
        if "decode" not in str(error):  # the only sign by which Python tells a text that is no UTF-8
            raise
        return _select_damaged(connection, query, values)


def _select_damaged(connection: sqlite3.Connection, query: str, values: Values) -> list[Commit]:
    """The same from bytes: what is no text, no instant or no number any more reads as something that no hash fits."""
    connection.text_factory = bytes
    try:
        rows = connection.execute(query, values).fetchall()
    finally:
        connection.text_factory = str
    return [_tolerant(row) for row in rows]


def _tolerant(row: Sequence[Any]) -> Commit:
    position, stream, first, cause, request, recorded_at, previous, hash_, events = row
    try:
        when = datetime.fromisoformat(recorded_at.decode())
        when.astimezone(UTC)
    except (AttributeError, OverflowError, TypeError, ValueError):
        when = NEVER
    if when.tzinfo is None:
        when = NEVER
    return Commit(
        as_text(stream),
        as_number(first),
        as_text(cause),
        tuple((events if isinstance(events, bytes) else b"").split(b"\n")),
        as_text(previous),
        as_text(hash_),
        when,
        None if request is None else as_text(request),
        as_number(position),
    )


def as_text(value: object) -> str:
    """What stands in a column that should be text."""
    return value.decode(errors="replace") if isinstance(value, bytes) else repr(value)


def as_number(value: object) -> int:
    """What stands in a column that should be a number; -1 for anything else."""
    return value if isinstance(value, int) else -1


def select_stream(connection: sqlite3.Connection, stream: str, after: int, limit: int | None = None) -> list[Commit]:
    """The first `limit` commits of a stream that hold versions > `after`. Raises Damaged where bytes do not match their
    hash or commits do not follow each other."""
    commits = select(
        connection,
        "WHERE stream = :stream AND first >= coalesce("
        "(SELECT max(first) FROM commits WHERE stream = :stream AND first <= :after + 1), 0)"
        " AND last > :after ORDER BY first LIMIT :limit",
        {"stream": stream, "after": after, "limit": -1 if limit is None else limit},
    )
    return continuous(stream, commits, after)


def select_next(connection: sqlite3.Connection, prefix: str, place: tuple[str, int], batch: int) -> list[Commit]:
    """The next commits after `place`, a (stream, first), of the streams that begin with `prefix`, ordered by both."""
    where = "WHERE (stream, first) > (?, ?) AND stream < ? ORDER BY stream, first LIMIT ?"
    return select(connection, where, (*place, prefix + PAST_ALL, batch))


def select_cause(
    connection: sqlite3.Connection, stream: str, cause: str, *, whole: bool
) -> tuple[Commit | None, list[Commit] | None]:
    """(the commit of that cause, the whole stream if it was asked for and is short)."""
    if whole:
        commits = select(connection, "WHERE stream = ? ORDER BY first LIMIT ?", (stream, _WHOLE + 1))
        try:
            if len(commits) <= _WHOLE:
                return next(
                    (commit for commit in continuous(stream, commits, 0) if commit.cause == cause), None
                ), commits
        except Damaged:
            pass  # what it led to may still be there; whoever reads the stream is told
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
    when = datetime.fromisoformat(recorded_at)
    if when.tzinfo is None:
        raise ValueError("an instant has a zone")
    commit = object.__new__(Commit)
    commit.__dict__.update(
        stream=stream,
        first=first,
        cause=cause,
        events=tuple(events.split(b"\n")),
        previous=previous,
        hash=hash_,
        recorded_at=when,
        request=request,
        position=position,
    )
    return commit
