"""One deployment under load for an hour or another duration, with one random fault after another."""

from __future__ import annotations

import asyncio
import statistics
import time
from dataclasses import dataclass, field
from typing import Any

from tests.faults.full.deployment import Deployment
from tests.faults.full.faults import FAULTS, SPARES_PROCESSES, Nemesis
from tests.faults.full.run import Plan, broken
from tests.support.servers.kafka import Kafka
from tests.support.servers.mongodb import ReplicaSet

NOT_HERE = frozenset({"R24"})
"""What a newer release wrote stays, and its cases with it."""
SOAK = "soak"
KILLS, OUTAGE = 3, 10.0
EVERY = 10.0
"""Seconds between two looks at the processes."""
KEPT = 2000
"""Folded cases of a process: so few that its memory is full of them after minutes, and what grows then is a leak."""
SETTLED = 0.4
"""Part of the quiet half after which caches are full: growth is measured from there."""
GROWTH = 64
"""MiB that a process may hold more at the end of the hour than when its caches were full."""
DESCRIPTORS = 40


async def soak(plan: Plan, minutes: float, *, kafka: Kafka, mongo: ReplicaSet) -> dict[str, Any]:
    """The first half injects any fault; the second only faults that keep our processes alive, so that their resources can be
    observed."""
    deployment = Deployment(kafka, mongo, 1, HUIYIN_CASES_KEPT=str(KEPT))
    watch = Watch(deployment)

    async def breaking(nemesis: Nemesis) -> None:
        began = time.monotonic()
        watching = asyncio.create_task(watch.run())
        try:
            while (gone := time.monotonic() - began) < minutes * 60:
                late = gone > minutes * 30
                names = SPARES_PROCESSES if late else FAULTS.keys()
                fault = nemesis.rng.choice(sorted(names - NOT_HERE))
                if late and watch.quiet_from is None:
                    watch.quiet_from = time.monotonic()
                nemesis.did(f"{gone:.0f} s: {fault}")
                await FAULTS[fault](nemesis)
                await asyncio.gather(*(node.wait() for node in deployment.nodes))
                await asyncio.sleep(nemesis.rng.uniform(2, 10))
        finally:
            watching.cancel()
        nemesis.figures["minutes"] = minutes
        nemesis.figures["growth_mib"] = grown = {name: watch.growth(name) for name in watch.seen}
        nemesis.figures["descriptors"] = opened = {name: watch.opened(name) for name in watch.seen}
        assert all(one <= GROWTH for one in grown.values()), f"memory grows: {grown}"
        assert all(one <= DESCRIPTORS for one in opened.values()), f"descriptors leak: {opened}"

    return await broken(SOAK, breaking, plan, deployment)


@dataclass
class Watch:
    """Memory and descriptors of every process, over time."""

    deployment: Deployment
    quiet_from: float | None = None
    seen: dict[str, list[tuple[float, int, int]]] = field(default_factory=dict)
    """Process -> (when, bytes, descriptors)."""

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            for node in self.deployment.nodes:
                if node.running:
                    self.seen.setdefault(node.name, []).append((time.monotonic(), *node.held()))
            await asyncio.sleep(EVERY)

    def growth(self, name: str) -> int:
        """MiB held more in the last tenth of the quiet half than when it had settled."""
        first, last = self._ends(name, 1)
        return round((last - first) / 2**20)

    def opened(self, name: str) -> int:
        """Descriptors open at the end beyond those of the settled deployment."""
        first, last = self._ends(name, 2)
        return round(last - first)

    def _ends(self, name: str, column: int) -> tuple[float, float]:
        quiet = [one for one in self.seen[name] if self.quiet_from is not None and one[0] >= self.quiet_from]
        assert len(quiet) >= 10, f"{name} was not watched for long enough"
        tenth = max(1, len(quiet) // 10)
        settled = quiet[int(len(quiet) * SETTLED) :][:tenth]
        return statistics.median(one[column] for one in settled), statistics.median(
            one[column] for one in quiet[-tenth:]
        )
