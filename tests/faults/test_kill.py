"""kill -9 of the whole process under load: nothing acknowledged is lost, nothing is doubled, every effect happens once.

HUIYIN_KILLS sets how many kills; `make chaos` asks for 150.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from pathlib import Path

import httpx
import pytest

from tests.faults.checker import read_log, verdict
from tests.faults.leaving import left
from tests.faults.load import Load
from tests.faults.server import Server

KILLS = int(os.environ.get("HUIYIN_KILLS", "5"))
SEED = int(os.environ.get("HUIYIN_SEED", "1"))
CLIENTS = 6


@pytest.mark.timeout(1800)
async def test_killed_process_loses_nothing_under_load(tmp_path: Path) -> None:
    server = Server(tmp_path / "data")
    rng = random.Random(SEED)
    load = Load(server, SEED)
    await asyncio.to_thread(server.prepare)
    await server.start()
    clients = [asyncio.create_task(load.client(number)) for number in range(CLIENTS)]
    try:
        for _ in range(KILLS):
            await asyncio.sleep(rng.uniform(0.05, 0.9))
            server.kill()
            await server.start()
        await asyncio.sleep(1.0)
        load.stopping = True
        await asyncio.gather(*clients)
        await quiet(server)
        await load.reopened()
        async with server.client("operations") as owner:
            run = await left([owner], load.history)
        assert server.stop() == 0
    finally:
        server.kill()
        for client in clients:
            client.cancel()
    found = verdict(run)
    assert found.good, found.violations[:10]
    assert {row["view"] for row in run.views or ()} >= {"matters", "worklist", "due", "facts.cases"}
    assert run.log == read_log(tmp_path / "data" / "log.sqlite"), "the export is what lies in the file"
    outcomes = Counter((op.kind, op.outcome) for op in load.history)
    print(f"\n{KILLS} kills, seed {SEED}: {dict(outcomes)}, {load.repeats} requests repeated, 0 violations")
    assert outcomes["submit", "ok"] > KILLS
    assert outcomes["opened", "ok"] > 0, "a third of the filings carry files"


async def quiet(server: Server) -> None:
    """Wait until every consumer has handled everything and its effects are complete."""
    still = 0
    async with server.client("operations") as client:
        for _ in range(600):
            still = still + 1 if await lag(client) == 0 else 0
            if still == 5:
                return
            await asyncio.sleep(0.1)
    raise AssertionError("the consumers did not come to rest within 60 s")


async def lag(client: httpx.AsyncClient) -> float:
    """Commits that some group has not handled yet, from the metrics that operations watch."""
    text = (await client.get("/metrics")).text
    lines = [line for line in text.splitlines() if line.startswith("petition_projection_lag_records{")]
    assert lines, "no lag in the metrics"
    return sum(float(line.rpartition(" ")[2]) for line in lines)
