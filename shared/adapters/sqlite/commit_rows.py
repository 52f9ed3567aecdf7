"""Commits as rows of a SQLite table, and the statements that several readers share."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from shared.adapters.sqlite.quick_commits import quick_commit
from shared.adapters.stored_commits import PAST_ALL, Wrong, read_instant
from shared.eventstore.commit import Commit, StreamHead, continuous
from shared.eventstore.errors import Damaged

COLUMNS = "position, stream, first, cause, request, recorded_at, previous, hash, events"
_WHOLE = 256
"""Commits of a stream that `select_cause` reads at once at most."""

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
"""Parameters of a statement: in order, or by name."""


def select(connection: sqlite3.Connection, where: str, values: Values) -> list[Commit]:
    """The commits that `where` selects and orders.

    A damaged row gives a commit that is not intact, never an error, so that the other commits can still be read.
    """
    query = f"SELECT {COLUMNS} FROM commits {where}"
    try:
        return [quick_commit(row) for row in connection.execute(query, values).fetchall()]
    except (AttributeError, TypeError, ValueError):
        return _select_damaged(connection, query, values)
    except sqlite3.OperationalError as error:
        if "decode" not in str(error):  # only the message says that a text is not UTF-8
            raise
        return _select_damaged(connection, query, values)


def _select_damaged(connection: sqlite3.Connection, query: str, values: Values) -> list[Commit]:
    """The same, read as bytes: values of a wrong type are replaced by values that no hash matches."""
    connection.text_factory = bytes
    try:
        rows = connection.execute(query, values).fetchall()
    finally:
        connection.text_factory = str
    return [tolerant(row)[0] for row in rows]


def tolerant(row: Sequence[Any]) -> tuple[Commit, Wrong]:
    """The commit in a row whose texts were read as bytes, and the columns that could not be read."""
    position, stream, first, cause, request, recorded_at, previous, hash_, events = row
    wrong: Wrong = []
    return Commit(
        as_text(stream),
        as_number(first),
        as_text(cause),
        tuple((events if isinstance(events, bytes) else b"").split(b"\n")),
        as_text(previous),
        as_text(hash_),
        read_instant(as_text(recorded_at), wrong),
        None if request is None else as_text(request),
        as_number(position),
    ), wrong


def as_text(value: object) -> str:
    """The content of a text column that was read as bytes; the representation of anything that is not text."""
    return value.decode(errors="replace") if isinstance(value, bytes) else repr(value)


def as_number(value: object) -> int:
    """The content of a number column; -1 for anything that is not a number."""
    return value if isinstance(value, int) else -1


def select_stream(connection: sqlite3.Connection, stream: str, after: int, limit: int | None = None) -> list[Commit]:
    """The first `limit` commits of a stream that hold versions > `after`.

    Raises:
        Damaged: The bytes do not match their hash, or the commits do not follow each other.
    """
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


def place_of(commit: Commit) -> tuple[str, int]:
    """The place of a commit in the order of `select_next`."""
    return commit.stream, commit.first


def select_cause(
    connection: sqlite3.Connection, stream: str, cause: str, *, whole: bool
) -> tuple[Commit | None, list[Commit] | None]:
    """(the commit of that cause, all commits of the stream if `whole` is set and the stream is short)."""
    if whole:
        commits = select(connection, "WHERE stream = ? ORDER BY first LIMIT ?", (stream, _WHOLE + 1))
        try:
            if len(commits) <= _WHOLE:
                found = (commit for commit in continuous(stream, commits, 0) if commit.cause == cause)
                return next(found, None), commits
        except Damaged:
            pass  # the commit of the cause may be undamaged; a read of the stream reports the damage
    chosen = select(connection, "WHERE stream = ? AND cause = ?", (stream, cause))
    return (chosen[0] if chosen else None), None


def select_heads(
    connection: sqlite3.Connection, prefix: str, after: str | None, batch: int
) -> list[tuple[str, StreamHead]]:
    """The heads of the next streams; one index seek for each stream, whatever its length."""
    end = prefix + PAST_ALL
    query = _HEADS.format(">=" if after is None else ">")
    rows = connection.execute(query, (prefix if after is None else after, end, end, batch)).fetchall()
    return [(stream, StreamHead(last, hash_)) for stream, last, hash_ in rows]
