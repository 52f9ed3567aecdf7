"""Commits that a message broker has not acknowledged yet: one row for each of them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any, Protocol

import orjson

from shared.adapters.sqlite.commit_rows import select
from shared.adapters.sqlite.reader_pool import ReaderPool
from shared.eventstore.commit import Commit
from shared.eventstore.publication import MISDATED
from shared.kernel.legal_time import to_text

MARK = """
CREATE TEMP TRIGGER mark AFTER INSERT ON main.commits
BEGIN INSERT INTO unpublished VALUES (NEW.position, NEW.recorded_at); END
"""
_NEVER = "~"
"""Sorts after every time."""
_CHOSEN = "(SELECT value FROM json_each(?))"


class Execute(Protocol):
    """Runs a statement in the writing thread; returns once its effect is durable."""

    async def __call__(self, sql: str, *values: Any) -> None: ...


class UnpublishedCommits:
    """Base of SqliteEventStore: the port's methods about unpublished commits.

    One process owns the file, so a lock in that process is enough to make claims exclude each other.
    """

    def __init__(self, readers: ReaderPool, execute: Execute) -> None:
        self._readers = readers
        self._execute = execute
        self._claiming = asyncio.Lock()

    async def unpublished(self, before: datetime, limit: int = 500) -> list[Commit]:
        return await self._free(to_text(before), _NEVER, limit)

    async def _free(self, before: str, misdated: str, limit: int) -> list[Commit]:
        where = (
            "JOIN (SELECT position AS waiting, since FROM unpublished WHERE since < ? OR since > ? ORDER BY since, position"
            " LIMIT ?) ON position = waiting ORDER BY since, position"
        )
        return await self._readers.run(partial(select, where=where, values=(before, misdated, limit)))

    async def claim(self, before: datetime, until: datetime, limit: int = 500) -> list[Commit]:
        async with self._claiming:
            commits = await self._free(to_text(before), to_text(until + MISDATED), limit)
            if commits:
                await self.hold(commits, until)
        return commits

    async def hold(self, commits: Sequence[Commit], until: datetime) -> None:
        sql = f"UPDATE unpublished SET since = ? WHERE position IN {_CHOSEN}"
        await self._execute(sql, to_text(until), _positions(commits))

    async def mark_published(self, commits: Sequence[Commit]) -> None:
        await self._execute(f"DELETE FROM unpublished WHERE position IN {_CHOSEN}", _positions(commits))

    async def backlog(self) -> int:
        return int((await self._readers.fetch("SELECT count(*) FROM unpublished"))[0][0])


def _positions(commits: Sequence[Commit]) -> str:
    return orjson.dumps([commit.position for commit in commits]).decode()
