"""Verification of a log: the bytes, their copies and the hash chain agree from the first event of each stream on."""

from __future__ import annotations

from typing import Any, NamedTuple

import orjson

from shared.eventstore.commit import EMPTY_HEAD, Commit
from shared.eventstore.hash_chain import algorithm_of, chain_all
from shared.kernel.legal_time import to_text

KNOWN_HASHES = ("sha256", "sm3")


class Finding(NamedTuple):
    """One error and its place. Never holds a value of an event."""

    stream: str
    version: int
    """First version of the commit concerned."""
    position: int
    column: str
    """The column or field that disagrees; `hash` also where the bytes of the events were changed."""
    why: str


class ChainWalk:
    """Checks commits in the order of (stream, first), and remembers the end of the current stream."""

    def __init__(self) -> None:
        self._stream: str | None = None
        self._version = 0
        self._hash: str | None = ""
        """None after a commit whose hash was wrong: its successor is checked on its own."""

    def step(self, commit: Commit) -> list[Finding]:
        """The errors of `commit`, the next one in order."""
        if commit.stream != self._stream:
            self._stream, self._version, self._hash = commit.stream, *EMPTY_HEAD
        found = check(commit, self._version, self._hash)
        damaged = any(finding.column in ("hash", "events", "stream") for finding in found)
        shift = any(finding.column == "first" for finding in found)
        self._hash = None if damaged else commit.hash
        # A `first` that the bytes contradict must not make every later commit look wrong.
        self._version = self._version + len(commit.events) if shift else commit.last
        return found


def check(commit: Commit, version: int, previous: str | None) -> list[Finding]:
    """The errors of a commit that should follow `version` and the hash `previous` (None: unknown)."""
    found: list[Finding] = []

    def say(column: str, why: str) -> None:
        found.append(Finding(commit.stream, commit.first, commit.position, column, why))

    contents = [_content(data) for data in commit.events]
    if not contents or None in contents:
        say("events", "bytes are no event")
    for name, expected in _copies(commit).items():
        if any(content is not None and content.get(name) != expected for content in contents):
            say(name, "differs from the events")
    named = [content.get("version") if content is not None else None for content in contents]
    if any(have is not None and have != commit.first + at for at, have in enumerate(named)):
        say("first", "differs from the versions in the events")
    elif commit.first != version + 1:
        say("first", f"follows version {version}")
    if previous is not None and commit.previous != previous:
        say("previous", "is not the hash of the event before")
    if not _chained(commit, commit.previous if previous is None else previous):
        say("hash", "is not the hash of these events")
    return found


def _copies(commit: Commit) -> dict[str, Any]:
    return {
        "stream": commit.stream,
        "cause": commit.cause,
        "request": commit.request,
        "recorded_at": to_text(commit.recorded_at),
    }


def _content(data: bytes) -> dict[str, Any] | None:
    try:
        content = orjson.loads(data)
    except ValueError:
        return None
    return content if isinstance(content, dict) else None


def _chained(commit: Commit, previous: str) -> bool:
    algorithm = algorithm_of(commit.hash)
    return algorithm in KNOWN_HASHES and chain_all(previous, commit.events, algorithm) == commit.hash
