"""A full disk: writes are refused, reads continue, and writing resumes automatically when space is available."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from shared.adapters.sqlite.event_store import SqliteEventStore
from shared.eventstore.commit import Commit
from shared.eventstore.errors import StoreFull
from tests.support.commits import commit, history


async def test_full_disk_recovers_when_space_returns(tmp_path: Path) -> None:
    log = SqliteEventStore(tmp_path / "log.sqlite", max_pages=40)
    made = history("case/a", 1000)
    with pytest.raises(StoreFull):
        for each in made:
            await log.append(each)
    written = await log.load("case/a")
    assert written
    assert written == made[: len(written)]
    for _ in range(3):
        with pytest.raises(StoreFull):
            await log.append(commit("case/b", after=None, events=200))
    assert await log.load("case/a") == written
    assert [each async for part in log.scan() for each in part] == written
    assert log.broken is None

    await log.limit(4000)
    after = await log.append(commit("case/a", after=written[-1]))
    assert after.position == len(written) + 1
    assert [finding async for finding in log.verify()] == []
    await log.close()


async def test_commit_without_disk_space_leaves_no_trace(tmp_path: Path) -> None:
    log = SqliteEventStore(tmp_path / "log.sqlite", max_pages=60)
    await log.append(commit("case/known", cause="c"))
    mixed = [*(commit(f"case/{n}", events=120) for n in range(20)), commit("case/known", cause="c")]
    results = await asyncio.gather(*(log.append(each) for each in mixed), return_exceptions=True)
    assert any(isinstance(result, StoreFull) for result in results)
    for each, result in zip(mixed[:-1], results, strict=False):
        assert await log.load(each.stream) == ([each] if isinstance(result, Commit) else [])
    await log.limit(100_000)
    for each, result in zip(mixed[:-1], results, strict=False):
        if not isinstance(result, Commit):
            await log.append(each)
    assert [finding async for finding in log.verify()] == []
    await log.close()
