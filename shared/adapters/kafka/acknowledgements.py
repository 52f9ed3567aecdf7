"""What the broker has acknowledged is marked in the log: soon, many together, and until the log has it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import structlog

from shared.eventstore.commit import Commit
from shared.eventstore.event_store import EventStore

LOGGER = structlog.get_logger("kafka")
GATHER = 0.1
"""Seconds for which acknowledged commits are gathered. Nobody waits for a mark, and one write for each commit is what a store
feels most: many small ones at once, after an outage, took longer than it has to answer."""
TOGETHER = 1000
"""Commits that one write marks at most."""
PAUSE = 1.0
"""Seconds until the next attempt, where the log did not answer."""


class Acknowledgements:
    """`marked` is told of commits once the log knows that they are published."""

    def __init__(self, log: EventStore, marked: Callable[[Sequence[Commit]], None]) -> None:
        self._log = log
        self._marked = marked
        self._due: list[Commit] = []
        self._more = asyncio.Event()

    @property
    def due(self) -> int:
        """Commits that are acknowledged and not marked yet."""
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
                    break  # what has come meanwhile is gathered, too

    async def mark(self) -> bool:
        """Mark what is due, as much as goes into one write. False where the log did not take it: then it is due still."""
        commits = self._due[:TOGETHER]
        try:
            await self._log.mark_published(commits)
        except Exception as error:
            LOGGER.warning("not_marked", count=len(commits), error=type(error).__name__)
            return False
        del self._due[: len(commits)]
        self._marked(commits)
        return True
