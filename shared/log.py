"""The port `Log`: append-only streams, and nothing else that is true.

A *commit* is all events of one decision. It is written whole or not at all, under the next version of its stream.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import NamedTuple, Protocol

from shared.envelope import GENESIS, Recorded, chain_all, decode


class Head(NamedTuple):
    """Where a stream ends: version of its last event (0 when empty) and the hash after it."""

    version: int
    hash: str


EMPTY_HEAD = Head(0, GENESIS)
Listener = Callable[[Sequence["Commit"]], None]
"""Told in the event loop what was just appended by this process."""


@dataclass(frozen=True)
class Commit:
    """All events of one decision, as bytes. `events[i]` has version `first + i`."""

    stream: str
    first: int
    cause: str
    events: tuple[bytes, ...]
    previous: str
    """Hash of the event before `first`."""
    hash: str
    """Hash after the last event."""
    recorded_at: datetime
    request: str | None = None
    """Digest of the request content; copy of the envelopes' `request`."""
    position: int = field(default=0, compare=False)
    """Where the adapter keeps it, if its order has a number; otherwise 0. Never part of any digest."""

    @property
    def last(self) -> int:
        """Version of the last event."""
        return self.first + len(self.events) - 1

    @property
    def head(self) -> Head:
        return Head(self.last, self.hash)

    @classmethod
    def written(
        cls,
        stream: str,
        head: Head,
        cause: str,
        events: Sequence[Recorded],
        data: Sequence[bytes],
        hash_: str,
        recorded_at: datetime,
        request: str | None = None,
    ) -> Commit:
        """The commit of `events`, which the caller has just made into `data`, to follow `head`.

        Whoever asks this object for `recorded` gets the same events, as reading the bytes would: only those that hold
        something sealed are read, because what was sealed stays with whoever wrote it."""
        commit = cls(stream, head.version + 1, cause, tuple(data), head.hash, hash_, recorded_at, request=request)
        commit.__dict__["recorded"] = tuple(
            decode(one) if event.sealed else event for event, one in zip(events, data, strict=True)
        )
        return commit

    @cached_property
    def recorded(self) -> tuple[Recorded, ...]:
        """The decoded events. Decoded once per object, so that all consumers of a process share it. Raises Damaged where
        the bytes are no event, or those of another place."""
        try:
            events = tuple(map(decode, self.events))
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            raise Damaged(self.stream, self.first, "the bytes are no event") from error
        if events[0].stream != self.stream or events[0].version != self.first:
            raise Damaged(self.stream, self.first, "the event belongs to another place")
        return events

    def intact(self) -> bool:
        """Does the hash chain hold inside this commit?"""
        expected = self.hash
        try:
            if expected.startswith("sha256:"):  # nearly always; the name is then known
                return chain_all(self.previous, self.events) == expected
            return chain_all(self.previous, self.events, algorithm_of(expected)) == expected
        except ValueError:  # a hash of a name that nobody knows
            return False


def continuous(stream: str, commits: Sequence[Commit], after: int) -> list[Commit]:
    """`commits`, where they are intact and follow each other, and from the beginning where `after` is 0. Raises Damaged."""
    head: Head | None = EMPTY_HEAD if after == 0 else None
    for commit in commits:
        if not commit.intact():
            raise Damaged(stream, commit.first)
        if head is not None and (commit.first, commit.previous) != (head.version + 1, head.hash):
            raise Damaged(stream, commit.first, "it does not continue the chain")
        head = commit.head
    return list(commits)


def algorithm_of(hash_text: str) -> str:
    """`sha256` of `sha256:…`."""
    return hash_text.partition(":")[0]


class Conflict(Exception):
    """The stream does not end where the commit begins: somebody decided first. Load again and decide again."""

    def __init__(self, stream: str) -> None:
        super().__init__(f"stream {stream} has moved on")
        self.stream = stream


class SameCause(Exception):
    """This cause stands in this stream already; `commit` is what it led to. Nothing was written."""

    def __init__(self, commit: Commit) -> None:
        super().__init__(f"cause already in {commit.stream}")
        self.commit = commit


class LogFull(Exception):
    """No space. Nothing was written, reads go on; append again once there is space (HTTP 507)."""


class LogBroken(Exception):
    """Durability is not certain any more (a failed fsync). The process must stop accepting and end: a failed fsync is
    never retried as if it had succeeded."""


class LogAway(Exception):
    """The store does not answer (views and keys raise it too). An append may have been written or not: send it again under
    the same cause, and it is appended once. The store is asked again at the next call (HTTP 503)."""


class LoginRefused(LogAway):
    """The store answers, and does not know this user, or its password. It is asked again: somebody may mend that there."""


class Damaged(Exception):
    """The stored bytes of this stream cannot be trusted. The stream cannot be read; all others go on."""

    def __init__(self, stream: str, version: int, why: str = "the bytes do not match their hash") -> None:
        super().__init__(f"{stream} version {version}: {why}")
        self.stream = stream
        self.version = version


class Log(Protocol):
    """Promises, checked by the contract suite for each adapter:

    - `append` returns only once the commit is durable; on any exception except LogBroken and LogAway nothing was
      written. After LogAway the same commit may be appended again: where it stands already, that is SameCause.
    - Versions of a stream are 1..n without gap or fork; a commit whose `first`/`previous` do not continue the stream
      raises Conflict.
    - (stream, cause) is unique: the second append raises SameCause with the first commit. This is checked *before*
      the version, so that a repeated command gets its first answer and no conflict.
    - Commits of different streams that arrive together are written together; one that fails does not harm the others.
    - `load` and `scan` return the bytes that were appended, in version order within a stream.
    - Reads never wait for writes, and raise LogAway where the store does not answer.
    """

    @property
    def broken(self) -> LogBroken | None:
        """Why nothing can be written any more; None while the log works."""
        ...

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` with the commits of each append of this process; returns what ends that."""
        ...

    async def append(self, commit: Commit) -> Commit:
        """Write `commit`; returns it with its position. Raises Conflict, SameCause, LogFull, LogBroken, LogAway."""
        ...

    async def load(self, stream: str, after: int = 0, limit: int | None = None) -> list[Commit]:
        """The commits of `stream` that hold versions > `after`, in order, the first `limit` of them. A commit is never cut.
        The cost grows with what is returned, not with the stream. Raises Damaged."""
        ...

    async def by_cause(self, stream: str, cause: str) -> Commit | None:
        """The commit of that cause, None when there is none."""
        ...

    def scan(self, prefix: str = "", *, batch: int = 500) -> AsyncIterator[Sequence[Commit]]:
        """All commits of the streams that begin with `prefix`, ordered by (stream, first): a stream's commits are
        contiguous. What is appended while the scan runs may or may not be seen, but never with a gap in a stream."""
        ...

    def heads(self, prefix: str = "", *, batch: int = 1000) -> AsyncIterator[Sequence[tuple[str, Head]]]:
        """(stream, head) ordered by stream. Cost grows with streams, not with events."""
        ...

    async def unpublished(self, before: datetime, limit: int = 500) -> list[Commit]:
        """Commits that nobody has marked as published and whose time lies before `before`, oldest first; the time is that of
        the append, or what claim() or hold() made it. Always empty for a log whose feed reads the log itself."""
        ...

    async def claim(self, before: datetime, until: datetime, limit: int = 500) -> list[Commit]:
        """Take at most `limit` of those commits by moving their time to `until` (later than `before`). Of several processes
        that claim at once only one gets each commit. What it does not mark as published by `until` can be claimed again,
        so a sweeper that is killed loses nothing."""
        ...

    async def hold(self, commits: Sequence[Commit], until: datetime) -> None:
        """Whoever has these in hand has them still: of those that are unpublished the time becomes `until`, and nobody
        claims them before it."""
        ...

    async def mark_published(self, commits: Sequence[Commit]) -> None:
        """The broker has acknowledged these. Marking twice does no harm; a mark that is lost only publishes again."""
        ...

    async def backlog(self) -> int:
        """How many commits are unpublished, claimed or not."""
        ...

    async def close(self) -> None: ...
