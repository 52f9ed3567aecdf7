"""The cost of an event in a big and in a smaller log: appending new cases, and reading an old one."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from bench.bulk import copies, stream_of, write_log
from bench.cases import by_case, folder, lifecycles
from bench.figures import Figure, at_most, quotient
from bench.world import together
from shared.adapters.sqlite.event_store import SqliteEventStore
from shared.case import fold
from shared.eventstore.commit import Commit

NAME = "growth"
AIM = 1.1


def measure(*, quick: bool) -> list[Figure]:
    small, big, new, rounds = (1_000, 5_000, 20, 2) if quick else (100_000, 1_000_000, 300, 9)
    pattern = by_case(lifecycles(30 if quick else 1000))[0]
    length = pattern[-1].last
    with folder() as path:
        for size in (small, big):
            write_log(path / f"{size}.sqlite", copies(pattern, size // length))
        return asyncio.run(_compare(path, pattern, (small, big), new, rounds))


async def _compare(
    path: Path, pattern: Sequence[Commit], sizes: tuple[int, int], new: int, rounds: int
) -> list[Figure]:
    small, big = sizes
    logs = {size: SqliteEventStore(path / f"{size}.sqlite") for size in sizes}
    appended: dict[int, list[float]] = {size: [] for size in sizes}
    read: dict[int, list[float]] = {size: [] for size in sizes}
    for turn in range(rounds):
        fresh = by_case(list(copies(pattern, new, f"new {turn} ")))
        random.Random(turn).shuffle(fresh)
        for size in sizes if turn % 2 == 0 else reversed(sizes):
            appended[size].append(await _append(logs[size], fresh))
        for size in sizes if turn % 2 == 0 else reversed(sizes):
            read[size].append(await _read(logs[size], _old(pattern, size, new, turn)))
    for log in logs.values():
        await log.close()
    figures = []
    for what, taken in (("append", appended), ("read", read)):
        ratio = quotient(taken[big], taken[small])
        here, there = (1e6 * median(taken[size]) / (new * pattern[-1].last) for size in (big, small))
        note = f"{new} cases of {pattern[-1].last} events, {rounds} rounds"
        figures.append(
            Figure(
                f"{NAME} {what}",
                here,
                f"µs/event at {big:,}",
                f"at {small:,}",
                there,
                ratio,
                *at_most(ratio, AIM),
                note,
            )
        )
    return figures


async def _append(log: SqliteEventStore, cases: list[list[Commit]]) -> float:
    async def one(case: list[Commit]) -> None:
        for commit in case:
            await log.append(commit)

    start = time.perf_counter()
    await together(cases, one)
    return time.perf_counter() - start


def _old(pattern: Sequence[Commit], size: int, number: int, turn: int) -> list[str]:
    """Streams that the log has contained from the beginning."""
    chosen = random.Random(turn).sample(range(size // pattern[-1].last), min(number, size // pattern[-1].last))
    return [stream_of(pattern, each) for each in chosen]


async def _read(log: SqliteEventStore, streams: list[str]) -> float:
    async def one(stream: str) -> None:
        if not fold(event for commit in await log.load(stream) for event in commit.recorded).exists:
            raise ValueError("an old case is not there")

    start = time.perf_counter()
    await together(streams, one)
    return time.perf_counter() - start
