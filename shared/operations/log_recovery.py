"""Recovery of a log from its commits, which may come in any order and several times. The log may be empty or hold some of them.

The bytes and the chain of a commit are checked before it is appended. Existing commits are never changed, so a run that was killed
can be started again, and a run on a healthy log does nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from shared.eventstore.commit import EMPTY_HEAD, Commit, StreamHead
from shared.eventstore.event_store import EventStore
from shared.eventstore.verification import check
from shared.kernel.refusals import Refused


class LogRecovery:
    """Appends the commits that continue a log. Create it with `begun`."""

    def __init__(self, log: EventStore, heads: dict[str, StreamHead]) -> None:
        self.written = 0
        """The number of commits that were appended."""
        self._log = log
        self._heads = heads
        self._waiting: dict[str, dict[int, dict[str, Commit]]] = {}
        """Stream -> first version -> hash: commits that came early, or do not fit."""

    @classmethod
    async def begun(cls, log: EventStore) -> LogRecovery:
        """A recovery that continues each stream of `log` after its last commit."""
        heads: dict[str, StreamHead] = {}
        async for found in log.heads():
            heads.update(found)
        return cls(log, heads)

    async def take(self, commits: Iterable[Commit]) -> None:
        """Append the commits that are next in their stream, and mark them as published. The others wait for those before them.

        Raises:
            Refused: `log_differs`, the log holds another commit under the same version.
        """
        known: dict[str, list[Commit]] = {}
        moved: set[str] = set()
        for commit in commits:
            if commit.first <= self._head(commit.stream).version:
                known.setdefault(commit.stream, []).append(commit)
            else:
                self._waiting.setdefault(commit.stream, {}).setdefault(commit.first, {})[commit.hash] = commit
                moved.add(commit.stream)
        ready = [own for stream in sorted(moved) if (own := self._next(stream))]
        await asyncio.gather(*map(self._same, known.values()))
        appended = [commit for own in await asyncio.gather(*map(self._append, ready)) for commit in own]
        if appended:
            await self._log.mark_published(appended)
        self.written += len(appended)

    def holds(self, stream: str, version: int) -> bool:
        """True if the log holds this version now."""
        return version <= self._head(stream).version

    def left(self) -> list[tuple[str, int]]:
        """(stream, version) of the commits that never fitted: a commit before them is missing, or their bytes were changed."""
        return sorted(
            (stream, first)
            for stream, own in self._waiting.items()
            for first in own
            if first > self._head(stream).version
        )

    def _head(self, stream: str) -> StreamHead:
        return self._heads.get(stream, EMPTY_HEAD)

    def _next(self, stream: str) -> list[Commit]:
        """The commits that continue the stream, in order. The head of the stream is moved to the last of them."""
        waiting = self._waiting[stream]
        found: list[Commit] = []
        while candidates := waiting.get(self._head(stream).version + 1):
            head = self._head(stream)
            fitting = [one for one in candidates.values() if not check(one, head.version, head.hash)]
            if len(fitting) != 1:  # a fork has to be decided by a person
                break
            del waiting[fitting[0].first]
            found += fitting
            self._heads[stream] = fitting[0].head
        if not waiting:
            del self._waiting[stream]
        return found

    async def _append(self, own: Sequence[Commit]) -> list[Commit]:
        return [await self._log.append(commit) for commit in own]

    async def _same(self, own: Sequence[Commit]) -> None:
        """Check that repeated commits are those that the log holds."""
        others = [commit for commit in own if commit.head != self._head(commit.stream)]
        if not others:
            return
        after = min(commit.first for commit in others) - 1
        held = {commit.first: commit.hash for commit in await self._log.load(others[0].stream, after=after)}
        for commit in others:
            if held.get(commit.first) != commit.hash:
                raise Refused(
                    "log_differs",
                    f"{commit.stream} version {commit.first}: the topic holds another commit than the log. They are from different"
                    " deployments, or the log was restored from a backup: set another HUIYIN_KAFKA_PREFIX.",
                    detail_zh="主题与日志内容不一致：二者属于不同部署，或日志由备份恢复。请更换 HUIYIN_KAFKA_PREFIX。",
                )
