"""A group that may batch gets fewer and larger batches; drain does not wait for them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from shared.adapters.sqlite.event_store import SqliteEventStore
from shared.adapters.sqlite.read_models import SqliteReadModels
from shared.adapters.sqlite.subscription import SqliteSubscriptions
from shared.eventstore.commit import Commit
from tests.support.commits import history


async def test_commits_are_batched_and_drain_ends_batching(tmp_path: Path) -> None:
    log, views = SqliteEventStore(tmp_path / "log.sqlite"), SqliteReadModels(tmp_path / "views.sqlite")
    feed = SqliteSubscriptions(log, views)
    at_once: list[int] = []
    gathered: list[int] = []

    async def handle_at_once(commits: Sequence[Commit]) -> None:
        at_once.extend(commit.position for commit in commits)

    async def handle_gathered(commits: Sequence[Commit]) -> None:
        gathered.append(len(commits))

    feed.subscribe("routing", handle_at_once)
    feed.subscribe("facts", handle_gathered, gather=3600)
    await views.start()
    await feed.start()
    for commit in history("case/a", 20):
        await log.append(commit)
    await feed.drain()
    assert at_once == list(range(1, 21))
    assert sum(gathered) == 20
    assert len(gathered) <= 3, "the first at once, the others together"
    for commit in history("case/b", 3):
        await log.append(commit)
    await feed.stop()
    await views.close()
    await log.close()
