"""Counts repeated deliveries: events of a stream of which this process has handled the same or a later version."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from shared.eventstore.commit import Commit

STREAMS = 20_000
"""Number of streams that are remembered, the most recent ones. The count is for monitoring, so its memory is limited."""


class DuplicateFilter:
    """The last handled version of each stream. One for each group."""

    def __init__(self) -> None:
        self.skipped = 0
        self._handled: OrderedDict[str, int] = OrderedDict()

    def handled(self, commits: Iterable[Commit]) -> None:
        """Record that these were handled, and count the repeated ones."""
        for commit in commits:
            known = self._handled.get(commit.stream, 0)
            if commit.last <= known:
                self.skipped += len(commit.events)
            else:
                self._handled[commit.stream] = commit.last
            self._handled.move_to_end(commit.stream)
        while len(self._handled) > STREAMS:
            self._handled.popitem(last=False)
