"""The time from the submission until the organisation's client sees the assignment, under a steady load."""

from __future__ import annotations

import asyncio
import time
from statistics import median, quantiles
from typing import Any

from bench.cases import folder
from bench.figures import Figure, at_most
from bench.world import World, world
from shared.messaging.member import Member
from shared.messaging.organisation_inbox import STREAM

NAME = "visible"
AIM_MS = 50
PER_SECOND = 50
SUBJECTS = ("0101", "0102", "0103", "0104")


def measure(*, quick: bool) -> list[Figure]:
    seconds, rounds = (1, 1) if quick else (8, 3)
    found = [_run(seconds) for _ in range(rounds)]
    half = median(_percentile(taken, 50) for taken in found)
    late = median(_percentile(taken, 99) for taken in found)
    note = f"{seconds} s at {PER_SECOND} cases/s, {rounds} rounds; p50 {half:.1f} ms, worst p99 " + (
        f"{max(_percentile(taken, 99) for taken in found):.1f} ms"
    )
    ratio = late / AIM_MS
    return [Figure(f"{NAME} p99", late, "ms", f"limit {AIM_MS} ms", AIM_MS, ratio, *at_most(ratio, 1), note)]


def _percentile(taken: list[float], percent: int) -> float:
    return quantiles(taken, n=100, method="inclusive")[percent - 1]


def _run(seconds: int) -> list[float]:
    with folder() as path:
        return asyncio.run(_load(path, seconds))


async def _load(path: Any, seconds: int) -> list[float]:
    async with world(path) as made:
        await made.lifecycles(f"warm-{item}" for item in range(20))
        reader = _Reader(made)
        number = seconds * PER_SECOND
        begin = time.perf_counter()
        tasks = []
        for each in range(number):
            await asyncio.sleep(begin + each / PER_SECOND - time.perf_counter())
            tasks.append(asyncio.create_task(reader.submit(f"new-{each}", SUBJECTS[each % len(SUBJECTS)])))
        await asyncio.gather(*tasks)
        await asyncio.wait_for(reader.all_seen(number), 30)
        reader.close()
        return [1000 * (reader.seen[case] - started) for case, started in reader.started.items()]


class _Reader:
    """Submits, and reads every outbox as a long poll does: woken by an append, then from its cursor on."""

    def __init__(self, made: World) -> None:
        self._made = made
        self.started: dict[str, float] = {}
        self.seen: dict[str, float] = {}
        self._cursors: dict[str, int] = {}
        self._woken = asyncio.Event()
        self._unlisten = made.ports.log.listen(lambda _commits: self._woken.set())
        self._task = asyncio.create_task(self._poll())

    async def submit(self, item: str, subject: str) -> None:
        start = time.perf_counter()
        receipt = await self._made.file(item, subject=subject)
        self.started[receipt.case] = start

    async def all_seen(self, number: int) -> None:
        while len(self.started) < number or not self.seen.keys() >= self.started.keys():
            await asyncio.sleep(0.01)

    def close(self) -> None:
        self._unlisten()
        self._task.cancel()

    async def _poll(self) -> None:
        while True:
            await self._woken.wait()
            self._woken.clear()
            for org in await self._organisations():
                commits = await self._made.ports.log.load(
                    Member("cn-demo", org).stream(STREAM), after=self._cursors.get(org, 0)
                )
                for commit in commits:
                    for event in commit.recorded:
                        self.seen.setdefault(event.body.case, time.perf_counter())  # type: ignore[union-attr]
                    self._cursors[org] = commit.last

    async def _organisations(self) -> list[str]:
        book = await self._made.ports.policies.book("cn-demo")
        return list(book.organisations)
