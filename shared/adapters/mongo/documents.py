"""Commits as documents of MongoDB, and back.

THE storage format. `_id` is the stream, a tab, and the first version with ten digits: a tab sorts before whatever a name
holds, so that the order of `_id` is the order of (stream, first), also where one name begins with another (`a`, `a-1`).
`events` are the bytes of the events; all other fields are copies, which `verify` compares. Instants are text: a date of BSON
has milliseconds only.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from shared.adapters.mongo.client import Document
from shared.log import Commit
from shared.times import to_text

BETWEEN = "\t"
_DIGITS = 10
PAST_ALL = "\U0010ffff"
"""`prefix + PAST_ALL` sorts after everything that begins with `prefix`."""
NEVER = datetime(1, 1, 1, tzinfo=UTC)
"""Stands for an instant that cannot be read."""
LARGEST = 15 * 1024 * 1024
"""Bytes of a commit's events; a document of MongoDB has 16 MB."""


def id_of(stream: str, first: int) -> str:
    """The `_id` of the commit that begins there."""
    return f"{stream}{BETWEEN}{first:0{_DIGITS}}"


def end_of(stream: str) -> str:
    """Sorts after every commit of the stream, and before whatever comes next."""
    return f"{stream}{BETWEEN}:"


def check(commit: Commit) -> None:
    """Raises ValueError for a commit that cannot be a document, so that it cannot harm those it would be written with."""
    if not commit.events:
        raise ValueError("a commit holds at least one event")
    if any(sign <= BETWEEN for sign in commit.stream):
        raise ValueError("the name of a stream holds no control characters")
    if sum(map(len, commit.events)) > LARGEST:
        raise ValueError(f"a commit holds at most {LARGEST} bytes")
    for text in (commit.stream, commit.cause, commit.request or "", commit.previous, commit.hash):
        text.encode()  # a lone surrogate is no text


def to_document(commit: Commit) -> Document:
    return {
        "_id": id_of(commit.stream, commit.first),
        "stream": commit.stream,
        "first": commit.first,
        "last": commit.last,
        "cause": commit.cause,
        "request": commit.request,
        "recorded_at": to_text(commit.recorded_at),
        "previous": commit.previous,
        "hash": commit.hash,
        "events": list(commit.events),
    }


def to_commit(document: Mapping[str, Any]) -> Commit:
    """The commit in a document. A damaged one is a commit that is not intact, never an error: it must not keep the others
    from being read."""
    return tolerant(document)[0]


def tolerant(document: Mapping[str, Any]) -> tuple[Commit, list[tuple[str, str]]]:
    """A commit of whatever stands there, and what could not be read as it should: (field, why)."""
    wrong: list[tuple[str, str]] = []

    def text(name: str) -> str:
        value = document.get(name)
        if isinstance(value, str):
            return value
        wrong.append((name, "is no text"))
        return repr(value)

    first, request, events = document.get("first"), document.get("request"), document.get("events")
    if not isinstance(first, int):
        wrong.append(("first", "is no number"))
        first = -1
    if not isinstance(events, list) or not events or not all(isinstance(data, bytes) for data in events):
        wrong.append(("events", "are no bytes"))
        events = [b""]
    return Commit(
        text("stream"),
        first,
        text("cause"),
        tuple(events),
        text("previous"),
        text("hash"),
        _instant(document.get("recorded_at"), wrong),
        None if request is None else text("request"),
    ), wrong


def _instant(value: object, wrong: list[tuple[str, str]]) -> datetime:
    try:
        when = datetime.fromisoformat(str(value))
        if to_text(when) == value:
            return when
        wrong.append(("recorded_at", "is not in the storage form"))
    except (ValueError, OverflowError, TypeError):
        wrong.append(("recorded_at", "is no instant"))
    return NEVER
