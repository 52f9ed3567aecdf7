"""Counting what came again: events that this process has handled, or a later one of their stream."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from shared.eventstore.commit import Commit

STREAMS = 20_000
"""Streams that are remembered: those that moved last. It is a figure for people, not a promise, so memory has a limit."""


class DuplicateFilter:
    """How far each stream was handled here. One for each group."""

    def __init__(self) -> None:
        self.skipped = 0
        self._handled: OrderedDict[str, int] = OrderedDict()

    def handled(self, commits: Iterable[Commit]) -> None:
        """These were handled; what had been before is counted."""
        for commit in commits:
            known = self._handled.get(commit.stream, 0)
            if commit.last <= known:
                self.skipped += len(commit.events)
            else:
                self._handled[commit.stream] = commit.last
            self._handled.move_to_end(commit.stream)
        while len(self._handled) > STREAMS:
            self._handled.popitem(last=False)
