"""What a broker has not acknowledged yet, where a broker carries the feed: a row for each such commit."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import orjson

from shared.adapters.sqlite.readers import Readers
from shared.adapters.sqlite.rows import select
from shared.log import Commit
from shared.times import to_text

Write = Callable[[str, tuple[Any, ...]], Awaitable[Any]]
"""Carries a statement out in the writing thread."""

MARK = """
CREATE TEMP TRIGGER mark AFTER INSERT ON main.commits
BEGIN INSERT INTO unpublished VALUES (NEW.position, NEW.recorded_at); END
"""
_CHOSEN = "(SELECT value FROM json_each(?))"


class Outbox:
    """The unpublished commits of a log. One process owns the file, so claims exclude each other by a lock in it."""

    def __init__(self, readers: Readers, write: Write) -> None:
        self._readers = readers
        self._write = write
        self._claiming = asyncio.Lock()

    async def unpublished(self, before: datetime, limit: int) -> list[Commit]:
        where = (
            "JOIN (SELECT position AS waiting, since FROM unpublished WHERE since < ? ORDER BY since, position LIMIT ?)"
            " ON position = waiting ORDER BY since, position"
        )
        return await self._readers.run(partial(select, where=where, values=(to_text(before), limit)))

    async def claim(self, before: datetime, until: datetime, limit: int) -> list[Commit]:
        async with self._claiming:
            commits = await self.unpublished(before, limit)
            if commits:
                await self.hold(commits, until)
        return commits

    async def hold(self, commits: Sequence[Commit], until: datetime) -> None:
        sql = f"UPDATE unpublished SET since = ? WHERE position IN {_CHOSEN}"
        await self._write(sql, (to_text(until), _positions(commits)))

    async def mark_published(self, commits: Sequence[Commit]) -> None:
        await self._write(f"DELETE FROM unpublished WHERE position IN {_CHOSEN}", (_positions(commits),))

    async def backlog(self) -> int:
        return await self._readers.run(_count)


def _count(connection: sqlite3.Connection) -> int:
    (number,) = connection.execute("SELECT count(*) FROM unpublished").fetchone()
    return int(number)


def _positions(commits: Sequence[Commit]) -> str:
    return orjson.dumps([commit.position for commit in commits]).decode()
