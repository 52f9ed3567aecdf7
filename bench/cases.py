"""Whole lifecycles on disk, made once in a run by real commands: what the other measures read."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from itertools import groupby
from pathlib import Path

from bench.world import world
from shared.adapters.sqlite.event_store import SqliteEventStore
from shared.case import STREAM
from shared.eventstore.commit import Commit


@contextmanager
def folder() -> Iterator[Path]:
    """An empty temporary folder."""
    path = Path(tempfile.mkdtemp(prefix="huiyin-bench-"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@lru_cache(maxsize=2)
def lifecycles(number: int) -> tuple[Commit, ...]:
    """The commits of so many cases and of all other streams, in the order in which they were appended."""

    async def make(path: Path) -> tuple[Commit, ...]:
        async with world(path) as made:
            await made.lifecycles(f"case-{item}" for item in range(number))
        log = SqliteEventStore(path / "log.sqlite")
        try:
            return tuple(await log.since(0, 1_000_000, look=True))
        finally:
            await log.close()

    with folder() as path:
        return asyncio.run(make(path))


def by_case(commits: Sequence[Commit]) -> list[list[Commit]]:
    """The commits of each case, in order."""
    own = sorted(
        (commit for commit in commits if commit.stream.startswith(STREAM)), key=lambda one: (one.stream, one.first)
    )
    return [list(found) for _, found in groupby(own, key=lambda commit: commit.stream)]
