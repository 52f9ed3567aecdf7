"""The waiting time of submissions while Kafka is stopped, and the delivery of everything afterwards."""

from __future__ import annotations

import asyncio
import signal
import time
from statistics import quantiles

from bench.cases import folder
from bench.figures import Figure, at_most
from bench.full.county import County, county
from bench.full.servers import Servers
from bench.world import FILING

NAME = "outage"
LIMIT_MS = 50
PER_SECOND = 50
RUNNING = ("intake", "routing")


def measure(servers: Servers, *, quick: bool) -> list[Figure]:
    seconds = 2 if quick else 20
    with folder() as path, county(servers, path, RUNNING) as made:
        servers.kafka.signal(signal.SIGSTOP)
        try:
            waits = asyncio.run(_load(made, seconds))
        finally:
            servers.kafka.signal(signal.SIGCONT)
        start = time.perf_counter()
        asyncio.run(made.settled(RUNNING))
        drained = time.perf_counter() - start
    late = quantiles(waits, n=100, method="inclusive")[98]
    note = f"{len(waits)} submissions in {seconds} s, Kafka stopped (SIGSTOP); all delivered {drained:.1f} s after its return"
    ratio = late / LIMIT_MS
    return [Figure("intake p99", late, "ms", f"limit {LIMIT_MS} ms", LIMIT_MS, ratio, *at_most(ratio, 1), note)]


async def _load(made: County, seconds: int) -> list[float]:
    """Milliseconds that each submission took."""
    waits: list[float] = []
    async with made.owner("intake", "registrar:xfj") as client:

        async def submit(each: int) -> None:
            start = time.perf_counter()
            (await client.post("/v1/submissions", json={**FILING, "item": f"away-{each}"})).raise_for_status()
            waits.append(1000 * (time.perf_counter() - start))

        begin = time.perf_counter()
        tasks = []
        for each in range(seconds * PER_SECOND):
            await asyncio.sleep(begin + each / PER_SECOND - time.perf_counter())
            tasks.append(asyncio.create_task(submit(each)))
        await asyncio.gather(*tasks)
    return waits
