"""The policy books of this process, folded from their streams and followed as they change."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from shared.clock import Clock
from shared.log import Commit, Log
from shared.policy.book import PolicyBook
from shared.refusals import Refused

STREAM = "policy/"


class _Window(NamedTuple):
    """What is in force from `since` until `until`, of the whole book."""

    whole: PolicyBook
    since: datetime
    until: datetime
    book: PolicyBook


class Policies:
    """jurisdiction -> PolicyBook as it is in force now. A book is read from the log when first asked for."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._books: dict[str, PolicyBook] = {}
        self._clock: Clock | None = None
        self._windows: dict[str, _Window] = {}
        self._seen: dict[str, int] = {}
        """Version of each policy stream that came by: an older book is never kept."""

    @property
    def changes(self) -> int:
        """Grows with each policy commit that this process has heard of."""
        return sum(self._seen.values())

    def keep_time(self, clock: Clock) -> None:
        """From now on books are those in force at the time of `clock`; without one, all that was ever activated."""
        self._clock = clock

    async def book(self, jurisdiction: str) -> PolicyBook:
        """What is in force now. The same object until something else is, so that results may be cached per book.

        Raises Refused `unknown_jurisdiction` where no policy was ever activated."""
        book = self._books.get(jurisdiction)
        return self._in_force(jurisdiction, book) if book is not None else await self.reload(jurisdiction)

    def _in_force(self, jurisdiction: str, whole: PolicyBook) -> PolicyBook:
        if self._clock is None:
            return whole
        now = self._clock.now()
        known = self._windows.get(jurisdiction)
        if known is None or known.whole is not whole or not known.since <= now < known.until:
            known = self._windows[jurisdiction] = _Window(whole, *whole.window(now), whole.as_of(now))
        return known.book

    async def reload(self, jurisdiction: str) -> PolicyBook:
        """Read the stream again: a change made by another process shows."""
        commits = await self._log.load(STREAM + jurisdiction)
        if not commits:
            raise Refused(
                "unknown_jurisdiction",
                "No policy is active for this jurisdiction. Activate one with: huiyin policy activate FILE",
                why_zh="该辖区尚未启用任何规则。",
                field="jurisdiction",
            )
        book = PolicyBook.of(event for commit in commits for event in commit.recorded)
        known = self._books.get(jurisdiction)
        if known is not None and known.version >= book.version:
            return self._in_force(jurisdiction, known)
        if book.version >= self._seen.get(jurisdiction, 0):  # else it grew while it was read: not to be kept
            self._books[jurisdiction] = book
        return self._in_force(jurisdiction, book)

    async def all(self) -> dict[str, PolicyBook]:
        """Every jurisdiction that has a policy."""
        async for heads in self._log.heads(STREAM):
            for stream, _head in heads:
                await self.book(stream.removeprefix(STREAM))
        return {jurisdiction: self._in_force(jurisdiction, book) for jurisdiction, book in self._books.items()}

    async def look(self) -> None:
        """Forget the books that another process has changed."""
        async for heads in self._log.heads(STREAM):
            for stream, head in heads:
                known = self._books.get(stream.removeprefix(STREAM))
                if known is not None and known.version < head.version:
                    del self._books[stream.removeprefix(STREAM)]

    def forget(self, commits: Iterable[Commit]) -> None:
        """Commits of policy streams came by: read those books again when next asked."""
        for commit in commits:
            if not commit.stream.startswith(STREAM):
                continue
            jurisdiction = commit.stream.removeprefix(STREAM)
            self._seen[jurisdiction] = max(commit.last, self._seen.get(jurisdiction, 0))
            known = self._books.get(jurisdiction)
            if known is not None and known.version < commit.last:
                del self._books[jurisdiction]
