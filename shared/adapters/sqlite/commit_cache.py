"""The commits that were last appended or loaded, so that most reads need neither the disk nor decoding.

Used in the event loop only, without locks. It is correct because only the process that owns the folder appends.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from shared.eventstore.commit import Commit

_LONGEST = 256
"""Commits of one stream that are kept at most: the stream of an inbox may have a hundred thousand."""


class _Tail:
    """The last commits of a stream without a gap; `whole` if these are all commits of the stream."""

    __slots__ = ("commits", "whole")

    def __init__(self, commits: list[Commit], *, whole: bool) -> None:
        self.commits = commits
        self.whole = whole


class CommitCache:
    """A cache of commits by position and by stream.

    Args:
        top: Position of the last commit in the log.
        ring: Number of commits kept by position.
        tails: Number of commits kept by stream, plus one per stream.
    """

    def __init__(self, top: int, *, ring: int = 4096, tails: int = 12_000) -> None:
        self.top = top
        """Position of the last known commit."""
        self._low = top
        self._size = ring
        self._ring: list[Commit | None] = [None] * ring
        self._tails: OrderedDict[str, _Tail] = OrderedDict()
        self._kept = 0
        self._most = tails
        self._filling: dict[str, int] = {}
        self._fills = 0

    def add(self, commit: Commit) -> None:
        """Store a commit that was appended. Must be called in the order of positions."""
        if commit.position != self.top + 1:
            self.restart(max(self.top, commit.position))
            return
        self.top = commit.position
        self._low = max(self._low, self.top - self._size)
        self._ring[self.top % self._size] = commit
        self._filling.pop(commit.stream, None)
        tail = self._tails.get(commit.stream)
        if tail is None:
            self._keep(commit.stream, [commit], whole=commit.first == 1)
            return
        tail.commits.append(commit)
        self._kept += 1
        if len(tail.commits) > _LONGEST:
            self._kept -= _LONGEST // 2
            del tail.commits[: _LONGEST // 2]
            tail.whole = False
        self._tails.move_to_end(commit.stream)
        self._evict()

    def restart(self, top: int) -> None:
        """Drop everything, because another process appended up to position `top`."""
        self.top = self._low = top
        self._tails.clear()
        self._filling.clear()
        self._kept = 0

    def forget(self, stream: str) -> None:
        """Drop the commits of a stream, which may be out of date."""
        tail = self._tails.pop(stream, None)
        if tail is not None:
            self._kept -= len(tail.commits) + 1

    def knows(self, stream: str) -> bool:
        """True when the last commits of the stream are stored here."""
        return stream in self._tails

    def since(self, position: int, limit: int) -> list[Commit] | None:
        """The next `limit` commits after `position`; None when not all of them are stored here."""
        if position < self._low:
            return None
        end = min(self.top, position + limit)
        return [commit for at in range(position + 1, end + 1) if (commit := self._ring[at % self._size]) is not None]

    def load(self, stream: str, after: int) -> list[Commit] | None:
        """The commits with versions > `after`; None when not all of them are stored here."""
        tail = self._tails.get(stream)
        if tail is None:
            return None
        commits = tail.commits
        if not tail.whole and commits[0].first > after + 1:
            return None
        self._tails.move_to_end(stream)
        start = len(commits)
        while start and commits[start - 1].last > after:
            start -= 1
        return commits[start:]

    def by_cause(self, stream: str, cause: str) -> tuple[bool, Commit | None]:
        """(whether the answer is known here, the commit of that cause or None)."""
        tail = self._tails.get(stream)
        if tail is None:
            return False, None
        for commit in reversed(tail.commits):
            if commit.cause == cause:
                return True, commit
        return tail.whole, None

    def begin(self, stream: str) -> int:
        """Announce a read of the whole stream; returns the `mark` that `fill` needs."""
        self._fills += 1
        self._filling[stream] = self._fills
        return self._fills

    def fill(self, stream: str, mark: int, commits: Sequence[Commit]) -> None:
        """Store all commits of a stream, unless the stream grew since `begin`: then the read may have missed a commit."""
        if self._filling.get(stream) != mark:
            return
        del self._filling[stream]
        if stream not in self._tails and len(commits) <= _LONGEST:
            self._keep(stream, list(commits), whole=True)

    def _keep(self, stream: str, commits: list[Commit], *, whole: bool) -> None:
        self._tails[stream] = _Tail(commits, whole=whole)
        self._kept += len(commits) + 1
        self._evict()

    def _evict(self) -> None:
        while self._kept > self._most:
            _, tail = self._tails.popitem(last=False)
            self._kept -= len(tail.commits) + 1
