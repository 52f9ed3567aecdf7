"""The port `EventStore`: append-only streams of commits, the only source of truth."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Sequence
from typing import Protocol

from shared.eventstore.commit import Commit, StreamHead
from shared.eventstore.errors import StoreBroken
from shared.eventstore.publication import Publication
from shared.eventstore.verification import Finding

Listener = Callable[[Sequence[Commit]], None]
"""Called in the event loop with the commits that this process has just appended."""


class Conflict(Exception):
    """The stream does not end where the commit begins: another writer was first. Load again and decide again."""

    def __init__(self, stream: str) -> None:
        super().__init__(f"stream {stream} has moved on")
        self.stream = stream


class DuplicateCommand(Exception):
    """This stream already has a commit of this cause: `commit`. Nothing was written."""

    def __init__(self, commit: Commit) -> None:
        super().__init__(f"cause already in {commit.stream}")
        self.commit = commit


class EventStore(Publication, Protocol):
    """Promises, checked by the contract suite for each adapter:

    - `append` returns only once the commit is durable; on any exception except StoreBroken and StoreUnavailable nothing was
      written. After StoreUnavailable the same commit may be appended again; if it had been written, that raises
      DuplicateCommand.
    - Versions of a stream are 1..n without gap or fork; a commit whose `first`/`previous` do not continue the stream raises
      Conflict.
    - (stream, cause) is unique: the second append raises DuplicateCommand with the first commit. This is checked *before* the
      version, so that a repeated command gets its first answer and no conflict.
    - Commits of different streams that arrive together are written together; one that fails does not affect the others.
    - `load` and `scan` return the bytes that were appended, in version order within a stream.
    - Reads never wait for writes, and raise StoreUnavailable where the store does not answer.
    """

    @property
    def broken(self) -> StoreBroken | None:
        """Why nothing can be written any more; None while the log works."""
        ...

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` with the commits of each append of this process; returns a function that unregisters it."""
        ...

    async def append(self, commit: Commit) -> Commit:
        """Write `commit`; returns it with its position.

        Raises: Conflict, DuplicateCommand, StoreFull, StoreBroken, StoreUnavailable.
        """
        ...

    async def load(self, stream: str, after: int = 0, limit: int | None = None) -> list[Commit]:
        """The commits of `stream` that hold versions > `after`, in order, the first `limit` of them. A commit is never cut.
        The cost grows with the result, not with the stream. Raises Damaged."""
        ...

    async def load_many(self, streams: Collection[str]) -> dict[str, list[Commit]]:
        """Stream -> all its commits, for each of `streams`: few questions to the store, whatever their number. A stream that does
        not exist has none. A damaged one is left out, so that it does not affect the others; `load` of it raises Damaged."""
        ...

    async def by_cause(self, stream: str, cause: str) -> Commit | None:
        """The commit of that cause, None when there is none."""
        ...

    def scan(self, prefix: str = "", *, batch: int = 500) -> AsyncIterator[Sequence[Commit]]:
        """All commits of the streams that begin with `prefix`, ordered by (stream, first): a stream's commits are
        contiguous. A commit appended during the scan may or may not be seen, but never with a gap in its stream."""
        ...

    def heads(self, prefix: str = "", *, batch: int = 1000) -> AsyncIterator[Sequence[tuple[str, StreamHead]]]:
        """(stream, head) ordered by stream. The cost grows with the streams, not with the events."""
        ...

    def verify(self) -> AsyncIterator[Finding]:
        """Every error of the whole log. Never raises for damaged data that the adapter can read."""
        ...

    async def close(self) -> None: ...
