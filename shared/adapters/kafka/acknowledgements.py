"""Marks acknowledged commits in the log: soon, many together, and until the log has stored the mark."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import structlog

from shared.eventstore.commit import Commit
from shared.eventstore.event_store import EventStore

LOGGER = structlog.get_logger("kafka")
GATHER = 0.5
"""Seconds for which acknowledged commits are collected, much less than the age at which a sweeper claims them. No caller waits for
a mark, and one write for each commit is expensive: after an outage, many small writes at once exceeded the time limit of the
store."""
TOGETHER = 1000
"""Maximum number of commits that one write marks."""
PAUSE = 1.0
"""Seconds until the next attempt if the log did not answer."""


class Acknowledgements:
    """Collects acknowledged commits. `marked` is called with the commits that the log holds as published."""

    def __init__(self, log: EventStore, marked: Callable[[Sequence[Commit]], None]) -> None:
        self._log = log
        self._marked = marked
        self._due: list[Commit] = []
        self._more = asyncio.Event()

    @property
    def due(self) -> int:
        """Number of commits that are acknowledged and not marked yet."""
        return len(self._due)

    def add(self, commits: Sequence[Commit]) -> None:
        self._due += commits
        self._more.set()

    async def run(self) -> None:
        """Mark until cancelled."""
        while True:
            await self._more.wait()
            self._more.clear()
            await asyncio.sleep(GATHER)
            while self._due:
                if not await self.mark():
                    await asyncio.sleep(PAUSE)
                elif len(self._due) < TOGETHER:
                    break  # new ones are collected first

    async def mark(self) -> bool:
        """Mark the due commits that fit into one write. False if the log did not answer; then they remain due."""
        commits = self._due[:TOGETHER]
        try:
            await self._log.mark_published(commits)
        except Exception as error:
            LOGGER.warning("not_marked", count=len(commits), error=type(error).__name__)
            return False
        del self._due[: len(commits)]
        self._marked(commits)
        return True
