"""The feed in memory disturbs delivery according to its seed, within the limits of the port."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import pairwise

import pytest

from shared.adapters.memory import MemoryEventStore, MemorySubscriptions
from shared.eventstore.commit import Commit
from tests.support.commits import history


async def deliveries(seed: int | None) -> list[tuple[int, ...]]:
    log = MemoryEventStore()
    for commit in history("case/a", 60):
        await log.append(commit)
    batches: list[tuple[int, ...]] = []

    async def handler(commits: Sequence[Commit]) -> None:
        batches.append(tuple(commit.first for commit in commits))

    feed = MemorySubscriptions(log, seed=seed)
    feed.subscribe("group", handler, max_commits=10)
    await feed.start()
    await feed.drain()
    await feed.stop()
    return batches


async def test_delivery_is_ordered_without_seed() -> None:
    assert await deliveries(None) == [tuple(range(start, start + 10)) for start in range(1, 61, 10)]


@pytest.mark.parametrize("seed", range(5))
async def test_seed_determines_repeats_delays_and_swaps(seed: int) -> None:
    batches = await deliveries(seed)
    assert batches == await deliveries(seed)
    assert batches != await deliveries(seed + 100)
    flat = [version for batch in batches for version in batch]
    assert set(flat) == set(range(1, 61))
    assert len(flat) > 60, "repeats"
    assert flat != sorted(flat), "swaps"
    assert any(min(later) < max(earlier) for earlier, later in pairwise(batches)), "delays"


async def test_misuse_is_refused() -> None:
    async def handler(commits: Sequence[Commit]) -> None:
        await asyncio.sleep(0)

    log = MemoryEventStore()
    feed = MemorySubscriptions(log)
    feed.subscribe("group", handler)
    with pytest.raises(ValueError, match="already"):
        feed.subscribe("group", handler)
    await feed.start()
    with pytest.raises(RuntimeError, match="before start"):
        feed.subscribe("other", handler)
    await feed.stop()
    await log.append(history("case/a", 1)[0])
    with pytest.raises(RuntimeError, match="does not run"):
        await feed.drain()
