"""Commits as documents of MongoDB, and back.

THE storage format. `_id` is the stream, a tab, and the first version with ten digits. A tab sorts before every character of
a name, so that the order of `_id` is the order of (stream, first), even if one name begins with another (`a`, `a-1`).
`events` are the bytes of the events; all other fields are copies, which `verify` compares. Instants are text, because BSON
dates have a resolution of milliseconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.adapters.mongo.client import Document
from shared.adapters.stored_commits import Wrong, read_instant
from shared.eventstore.commit import Commit
from shared.kernel.legal_time import to_text

BETWEEN = "\t"
_DIGITS = 10
LARGEST = 15 * 1024 * 1024
"""Maximum size of a commit's events in bytes; MongoDB limits a document to 16 MB."""


def id_of(stream: str, first: int) -> str:
    """The `_id` of the commit of `stream` that begins at version `first`."""
    return f"{stream}{BETWEEN}{first:0{_DIGITS}}"


def end_of(stream: str) -> str:
    """A string that sorts after the `_id` of every commit of the stream and before those of the next stream."""
    return f"{stream}{BETWEEN}:"


def check(commit: Commit) -> None:
    """Raise ValueError for a commit that cannot be stored, so that it does not make a whole batch fail."""
    if not commit.events:
        raise ValueError("a commit needs at least one event")
    if any(character <= BETWEEN for character in commit.stream):
        raise ValueError("the name of a stream must not contain control characters")
    if sum(map(len, commit.events)) > LARGEST:
        raise ValueError(f"a commit must not be larger than {LARGEST} bytes")
    for text in (commit.stream, commit.cause, commit.request or "", commit.previous, commit.hash):
        text.encode()  # refuses a lone surrogate


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
    """The commit in a document. A damaged document gives a commit that is not intact, never an error, so that the other
    commits can still be read."""
    return tolerant(document)[0]


def tolerant(document: Mapping[str, Any]) -> tuple[Commit, Wrong]:
    """The commit in a document, and the fields that could not be read."""
    wrong: Wrong = []

    def text(name: str) -> str:
        value = document.get(name)
        if isinstance(value, str):
            return value
        wrong.append((name, "is not a text"))
        return repr(value)

    first, request, events = document.get("first"), document.get("request"), document.get("events")
    if not isinstance(first, int):
        wrong.append(("first", "is not a number"))
        first = -1
    if not isinstance(events, list) or not events or not all(isinstance(data, bytes) for data in events):
        wrong.append(("events", "are not bytes"))
        events = [b""]
    return Commit(
        text("stream"),
        first,
        text("cause"),
        tuple(events),
        text("previous"),
        text("hash"),
        read_instant(document.get("recorded_at"), wrong),
        None if request is None else text("request"),
    ), wrong
