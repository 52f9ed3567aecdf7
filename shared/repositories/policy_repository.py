"""The policy books of this process, folded from their streams and read again when they change."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from shared.eventstore.commit import Commit
from shared.eventstore.event_store import EventStore
from shared.kernel.clock import Clock
from shared.kernel.refusals import Refused
from shared.policy.book import PolicyBook

STREAM = "policy/"


class _Window(NamedTuple):
    """The part of the whole book that is in force from `since` until `until`."""

    whole: PolicyBook
    since: datetime
    until: datetime
    book: PolicyBook


class PolicyRepository:
    """jurisdiction -> PolicyBook as it is in force now. A book is read from the log at its first use."""

    def __init__(self, log: EventStore) -> None:
        self._log = log
        self._books: dict[str, PolicyBook] = {}
        self._clock: Clock | None = None
        self._windows: dict[str, _Window] = {}
        self._seen: dict[str, int] = {}
        """Jurisdiction -> the highest version that was delivered: an older book is never kept."""

    @property
    def changes(self) -> int:
        """Grows with each policy commit that this process receives."""
        return sum(self._seen.values())

    def keep_time(self, clock: Clock) -> None:
        """Return the books in force at the time of `clock`. Without a clock, books hold everything that was ever activated."""
        self._clock = clock

    async def book(self, jurisdiction: str) -> PolicyBook:
        """The policy in force now: the same object until another is, so that results may be cached per book.

        Raises:
            Refused: `unknown_jurisdiction`, no policy was ever activated there.
        """
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
        """Read the stream again, for changes made by another process."""
        commits = await self._log.load(STREAM + jurisdiction)
        if not commits:
            raise Refused(
                "unknown_jurisdiction",
                "No policy is active for this jurisdiction. Activate one with: huiyin policy activate FOLDER",
                detail_zh="该辖区尚未启用任何规则，请先执行“huiyin policy activate 文件夹”启用。",
                field="jurisdiction",
            )
        book = PolicyBook.of(event for commit in commits for event in commit.recorded)
        known = self._books.get(jurisdiction)
        if known is not None and known.version >= book.version:
            return self._in_force(jurisdiction, known)
        if book.version >= self._seen.get(jurisdiction, 0):  # else the stream grew during the read
            self._books[jurisdiction] = book
        return self._in_force(jurisdiction, book)

    async def all(self) -> dict[str, PolicyBook]:
        """The books of all jurisdictions that have a policy."""
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
        """Forget the books that `commits` change; they are read again at their next use."""
        for commit in commits:
            if not commit.stream.startswith(STREAM):
                continue
            jurisdiction = commit.stream.removeprefix(STREAM)
            self._seen[jurisdiction] = max(commit.last, self._seen.get(jurisdiction, 0))
            known = self._books.get(jurisdiction)
            if known is not None and known.version < commit.last:
                del self._books[jurisdiction]
