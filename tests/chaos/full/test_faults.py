"""The full mode under faults: nothing acknowledged is lost, nothing is doubled, every effect happens once, on real servers.

HUIYIN_FAULTS names the faults (R05,R18,R22; `all`), HUIYIN_TIMES multiplies how often each is done, HUIYIN_SEED chooses when."""

from __future__ import annotations

import asyncio
import json
import os
import random
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.chaos.checker import check
from tests.chaos.full.deployment import Deployment
from tests.chaos.full.faults import FAULTS
from tests.chaos.load import Load

pytestmark = [pytest.mark.needs_kafka, pytest.mark.needs_mongo, pytest.mark.slow]
SEED = int(os.environ.get("HUIYIN_SEED", "1"))
TIMES = int(os.environ.get("HUIYIN_TIMES", "1"))
_NAMED = os.environ.get("HUIYIN_FAULTS", "R05,R18,R22")
CHOSEN = sorted(FAULTS) if _NAMED == "all" else _NAMED.split(",")
CLIENTS = 6
ASIDE = 2.0
"""Seconds that clients work before and after the fault."""


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", CHOSEN)
async def test_nothing_is_lost_and_nothing_doubled(name: str, tmp_path: Path) -> None:
    fault, rng = FAULTS[name], random.Random(f"{name}-{SEED}")
    here = await asyncio.to_thread(Deployment, tmp_path, fault.brokers, fault.members)
    load = Load(here, SEED)
    clients: list[asyncio.Task[None]] = []
    try:
        await asyncio.to_thread(here.prepare)
        clients = [asyncio.create_task(load.client(number)) for number in range(CLIENTS)]
        began = time.monotonic()
        await asyncio.sleep(ASIDE)
        await fault.does(here, rng, fault.times * TIMES)
        await asyncio.sleep(ASIDE)
        load.stopping = True
        await asyncio.gather(*clients)
        took, settling = time.monotonic() - began, await here.settled()
        log = here.log()
        violations = [*check(load.history, log), *await carried(here), *await derived(here, parks=fault.parks)]
        share = await repeats(here)
    finally:
        for client in clients:
            client.cancel()
        await asyncio.to_thread(here.close)
    assert violations == [], violations[:10]
    outcomes = Counter(f"{op.kind} {op.outcome}" for op in load.history)
    assert outcomes["submit ok"] >= 5 and outcomes["command ok"] >= 5, outcomes
    late = sorted(here.restarts)
    figures = {
        "fault": name,
        "seed": SEED,
        "times": fault.times * TIMES,
        "seconds": round(took),
        "settled_after": round(settling, 1),
        "acknowledged": outcomes["submit ok"] + outcomes["command ok"],
        "sent_again": load.repeats,
        "events": len(log.events),
        "topic_repeats": round(share, 4),
        "restart_p95": round(late[int(len(late) * 0.95)], 1) if late else None,
        "violations": 0,
    }
    print(f"\n{fault.what}: {json.dumps(figures)}")


async def carried(here: Deployment) -> list[str]:
    """The topic holds every event of the log, each with the bytes of the log, and nothing else that is one."""
    wanted = {
        (commit.stream, commit.first + place): data
        for commit in here.log().commits
        for place, data in enumerate(commit.events)
    }
    found = [(stream, version, data) for stream, version, data in await here.topic() if stream]
    wrong = [
        f"{stream} {version}: other bytes on the topic"
        for stream, version, data in found
        if wanted.get((stream, version)) != data
    ]
    there = {(stream, version) for stream, version, _data in found}
    return wrong + [f"{stream} {version}: never published" for stream, version in wanted.keys() - there]


async def repeats(here: Deployment) -> float:
    """Share of the topic's records that came before."""
    found = [(stream, version) for stream, version, _data in await here.topic() if stream]
    return 1 - len(set(found)) / len(found)


async def derived(here: Deployment, *, parks: bool) -> list[str]:
    """Every row shows the end of its stream, no chain is broken, nothing is parked that need not be."""
    scrubbed, verified = await here.asked("POST", "/local/scrub"), await here.asked("POST", "/local/verify")
    parked = (await here.asked("GET", "/local/parked"))["parked"]
    wrong = [f"verify: {one}" for one in verified["findings"]]
    if scrubbed["behind"]:
        wrong.append(f"{scrubbed['behind']} rows are behind the log")
    wrong += [
        f"{one['stream']} is parked: {one['reason']}"
        for one in parked
        if not (parks and one["stream"].startswith("record/"))
    ]
    return wrong
