"""The event log in memory: the reference for every other adapter."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import replace
from datetime import datetime

from shared.adapters.event_store_base import EventStoreBase
from shared.eventstore.commit import EMPTY_HEAD, Commit, StreamHead
from shared.eventstore.event_store import Conflict, DuplicateCommand
from shared.eventstore.publication import MISDATED
from shared.eventstore.verification import ChainWalk, Finding


class MemoryEventStore(EventStoreBase):
    """A `Log`. With `outbox=True` every commit is unpublished until it is marked, as if a broker delivered the commits."""

    def __init__(self, *, outbox: bool = False) -> None:
        super().__init__()
        self._outbox = outbox
        self._all: list[Commit] = []
        self._streams: dict[str, list[Commit]] = {}
        self._causes: dict[tuple[str, str], Commit] = {}
        self._unpublished: dict[int, datetime] = {}
        """Position -> time of the append, or the one that claim() or hold() set."""

    @property
    def position(self) -> int:
        """Position of the last commit."""
        return len(self._all)

    async def append(self, commit: Commit) -> Commit:
        await asyncio.sleep(0)  # other tasks may run in between, as with any real log
        same = self._causes.get((commit.stream, commit.cause))
        if same is not None:
            raise DuplicateCommand(same)
        stream = self._streams.get(commit.stream)
        head = stream[-1].head if stream else EMPTY_HEAD
        if (commit.first, commit.previous) != (head.version + 1, head.hash):
            raise Conflict(commit.stream)
        written = replace(commit, position=len(self._all) + 1)
        self._all.append(written)
        self._streams.setdefault(commit.stream, []).append(written)
        self._causes[commit.stream, commit.cause] = written
        if self._outbox:
            self._unpublished[written.position] = written.recorded_at
        self._announce([written])
        return written

    async def load(self, stream: str, after: int = 0, limit: int | None = None) -> list[Commit]:
        commits = self._streams.get(stream, [])
        start = bisect_right(commits, after, key=lambda commit: commit.last)
        return commits[start : None if limit is None else start + limit]

    async def load_many(self, streams: Collection[str]) -> dict[str, list[Commit]]:
        return {stream: list(self._streams.get(stream, ())) for stream in streams}

    async def by_cause(self, stream: str, cause: str) -> Commit | None:
        return self._causes.get((stream, cause))

    def first_after(self, position: int, limit: int) -> list[Commit]:
        """The next `limit` commits after `position`, in the order of their append."""
        return self._all[position : position + limit]

    async def scan(self, prefix: str = "", *, batch: int = 500) -> AsyncIterator[Sequence[Commit]]:
        wanted = sorted(stream for stream in self._streams if stream.startswith(prefix))
        commits = [commit for stream in wanted for commit in self._streams[stream]]
        for start in range(0, len(commits), batch):
            yield commits[start : start + batch]

    async def heads(self, prefix: str = "", *, batch: int = 1000) -> AsyncIterator[Sequence[tuple[str, StreamHead]]]:
        wanted = sorted(stream for stream in self._streams if stream.startswith(prefix))
        for start in range(0, len(wanted), batch):
            yield [(stream, self._streams[stream][-1].head) for stream in wanted[start : start + batch]]

    async def unpublished(self, before: datetime, limit: int = 500) -> list[Commit]:
        old = sorted((since, position) for position, since in self._unpublished.items() if since < before)
        return [self._all[position - 1] for _, position in old[:limit]]

    async def claim(self, before: datetime, until: datetime, limit: int = 500) -> list[Commit]:
        misdated = [one for one, since in self._unpublished.items() if since > until + MISDATED]
        claimed = [*await self.unpublished(before, limit), *(self._all[one - 1] for one in misdated)][:limit]
        await self.hold(claimed, until)
        return claimed

    async def hold(self, commits: Sequence[Commit], until: datetime) -> None:
        for commit in commits:
            if commit.position in self._unpublished:
                self._unpublished[commit.position] = until

    async def mark_published(self, commits: Sequence[Commit]) -> None:
        for commit in commits:
            self._unpublished.pop(commit.position, None)

    async def backlog(self) -> int:
        return len(self._unpublished)

    async def verify(self) -> AsyncIterator[Finding]:
        walk = ChainWalk()
        async for commits in self.scan():
            for finding in (finding for commit in commits for finding in walk.step(commit)):
                yield finding

    async def close(self) -> None:
        self._listeners.clear()
