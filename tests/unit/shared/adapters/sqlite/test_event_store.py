"""Behaviour of the SQLite log beyond its port: batches, cache of recent commits, accidental second owner."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shared.adapters.sqlite.commit_cache import CommitCache
from shared.adapters.sqlite.event_store import SqliteEventStore
from shared.adapters.sqlite.read_models import SqliteReadModels
from shared.adapters.sqlite.subscription import SqliteSubscriptions
from shared.eventstore.commit import Commit
from shared.eventstore.errors import Damaged
from shared.eventstore.event_store import Conflict
from tests.support.commits import commit, history


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[SqliteEventStore]:
    log = SqliteEventStore(tmp_path / "log.sqlite")
    yield log
    await log.close()


async def test_waiting_commits_share_transaction(log: SqliteEventStore) -> None:
    sizes: list[int] = []
    write = log._writer._write

    def counted(jobs: list[Any]) -> Sequence[Any]:
        later = write(jobs)
        sizes.append(len(jobs) - len(later))
        return later

    log._writer._write = counted

    async def caller(commits: list[Commit]) -> None:
        for each in commits:
            await log.append(each)

    await asyncio.gather(*(caller(history(f"case/{number}", 10)) for number in range(64)))
    assert sum(sizes) == 640
    assert len(sizes) < 160


async def test_whole_history_may_be_appended_at_once(log: SqliteEventStore) -> None:
    commits = history("case/a", 40)
    written = await asyncio.gather(*(log.append(each) for each in commits))
    assert [each.position for each in written] == list(range(1, 41))
    assert await log.load("case/a") == commits


async def test_decoded_events_are_shared_between_readers(log: SqliteEventStore) -> None:
    written = await log.append(commit("case/a"))
    (loaded,) = await log.load("case/a")
    (fed,) = await log.since(0, 10)
    assert written is loaded is fed
    assert await log.by_cause("case/a", written.cause) is written


async def test_unstorable_bytes_are_refused(log: SqliteEventStore) -> None:
    good = commit("case/a")
    with pytest.raises(ValueError, match="newline"):
        await log.append(replace(good, events=(b"{\n}",)))
    with pytest.raises(ValueError, match="at least one"):
        await log.append(replace(good, events=()))


async def test_changed_byte_is_not_served(log: SqliteEventStore, tmp_path: Path) -> None:
    written = await log.append(commit("case/a", mark="hotline"))
    log._recent.forget("case/a")
    log._connection.execute("DROP TRIGGER never_changed")
    log._connection.execute("UPDATE commits SET events = ?", (written.events[0].replace(b"hot", b"hat"),))
    with pytest.raises(Damaged, match="case/a version 1"):
        await log.load("case/a")
    whole = await log.append(commit("case/b"))
    log._recent.restart(log.position)
    assert await log.load_many(["case/a", "case/b"]) == {"case/b": [whole]}, "the damaged one is left out"


async def test_append_by_second_process_creates_no_fork(log: SqliteEventStore, tmp_path: Path) -> None:
    other = SqliteEventStore(tmp_path / "log.sqlite")
    first = await log.append(commit("case/a"))
    second = await other.append(commit("case/a", after=first))
    third = await other.append(commit("case/b"))
    with pytest.raises(Conflict):
        await log.append(commit("case/a", after=first))
    assert await log.load("case/a") == [first, second]
    fourth = await log.append(commit("case/c"))
    assert [each.position for each in (first, second, third, fourth)] == [1, 2, 3, 4]
    assert [each.position for each in await log.since(0, 10)] == [1, 2, 3, 4]
    assert [finding async for finding in log.verify()] == []
    await other.close()


async def test_feed_delivers_appends_of_another_process(log: SqliteEventStore, tmp_path: Path) -> None:
    views = SqliteReadModels(tmp_path / "views.sqlite")
    feed = SqliteSubscriptions(log, views, poll=0.02)
    seen: list[str] = []
    came = asyncio.Event()

    async def handler(commits: Sequence[Commit]) -> None:
        seen.extend(each.stream for each in commits)
        came.set()

    feed.subscribe("group", handler)
    await feed.start()
    await asyncio.sleep(0.05)
    other = SqliteEventStore(tmp_path / "log.sqlite")
    await other.append(commit("case/elsewhere"))
    await asyncio.wait_for(came.wait(), 5)
    await log.append(commit("case/here"))
    await feed.drain()
    assert seen == ["case/elsewhere", "case/here"]
    for port in (feed.stop, other.close, views.close):
        await port()


def at(position: int, stream: str, first: int = 1) -> Commit:
    return replace(commit(stream), first=first, position=position)


def test_recent_commits_are_bounded_and_misses_are_reported() -> None:
    recent = CommitCache(10, ring=4, tails=6)
    commits = [at(position, f"case/{position}") for position in range(11, 19)]
    for each in commits:
        recent.add(each)
    assert recent.since(18, 5) == []
    assert recent.since(14, 2) == commits[4:6]
    assert recent.since(13, 2) is None
    assert recent.load("case/18", 0) == [commits[-1]]
    assert recent.load("case/11", 0) is None
    recent.add(at(19, "case/old", first=5))
    assert recent.load("case/old", 3) is None
    assert recent.load("case/old", 4) == recent.load("case/old", 4)
    assert recent.by_cause("case/old", "unknown") == (False, None)


def test_read_overtaken_by_append_is_not_cached() -> None:
    recent = CommitCache(0)
    mark = recent.begin("case/a")
    recent.add(at(1, "case/a"))
    recent.forget("case/a")
    recent.fill("case/a", mark, [])
    assert recent.load("case/a", 0) is None
    mark = recent.begin("case/a")
    recent.fill("case/a", mark, [])
    assert recent.load("case/a", 0) == []
    recent.restart(7)
    assert recent.load("case/a", 0) is None
    assert recent.top == 7
