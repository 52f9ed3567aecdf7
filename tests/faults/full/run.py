"""One run from start to verdict."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.faults.checker import Violation, verdict
from tests.faults.full.clients import Journal, Paced
from tests.faults.full.deployment import LONG, SERVICES, Deployment
from tests.faults.full.faults import FAULTS, TWO_REPLICAS, Nemesis
from tests.faults.full.records import NOBODY, doubled, dumped
from tests.faults.leaving import left
from tests.support.servers.kafka import Kafka
from tests.support.servers.mongodb import ReplicaSet

RATE = 20.0
"""New complaints a second."""
RAMP = 3.0
"""Seconds of load before the first fault, and after the last."""


@dataclass(frozen=True)
class Plan:
    """How a run goes. `seconds`: length of an outage; `rate`: new complaints a second."""

    seed: int
    kills: int = 25
    seconds: float = 20.0
    rate: float = RATE


Breaking = Callable[[Nemesis], Awaitable[None]]


async def run(fault: str, plan: Plan, *, kafka: Kafka, mongo: ReplicaSet) -> dict[str, Any]:
    """Inject one fault under load; returns the record of the run with its `violations` and `failure`."""
    replicas = 2 if fault in TWO_REPLICAS else 1
    return await broken(fault, FAULTS[fault], plan, Deployment(kafka, mongo, replicas))


async def broken(name: str, breaking: Breaking, plan: Plan, deployment: Deployment) -> dict[str, Any]:
    """A run under the fault that `breaking` injects into this deployment."""
    journal = Journal(deployment.folder / "history.jsonl")
    load = Paced(deployment, plan.seed, journal)
    nemesis = Nemesis(deployment, random.Random(f"{name}/{plan.seed}"), plan.kills, plan.seconds, load.refused)
    found: dict[str, Any] = {"fault": name, "seed": plan.seed, "at": datetime.now(UTC).isoformat(timespec="seconds")}
    found |= {"commit": _commit(), "brokers": deployment.kafka.brokers, "members": len(deployment.mongo.members)}
    found |= {"cpus": os.cpu_count(), "rate": plan.rate, "failure": None, "violations": []}
    try:
        await deployment.start()
        for node in deployment.nodes:
            node.starts.clear()
        before = _held(deployment)
        running = asyncio.create_task(load.run(plan.rate))
        try:
            await asyncio.sleep(RAMP)
            await breaking(nemesis)
            await asyncio.sleep(RAMP)
        finally:
            load.stopping = True
            await running
            await load.finish()
        found["quiet_s"] = round(await deployment.quiet(), 1)
        await load.reopened()
        records = await dumped(deployment)
        found |= {"records": len(records), "records_doubled": doubled(records)}
        judged = await _judged(deployment, journal, records)
        found["violations"] = [*map(str, judged), *await _upkeep(deployment, nemesis)]
        found["held"] = _grown(before, _held(deployment))
    except AssertionError as error:
        found["failure"] = str(error)[:2000]
    finally:
        journal.close()
        await deployment.close()
    found |= {**load.counts(), **nemesis.figures, "schedule": nemesis.schedule}
    starts = sorted(one for node in deployment.nodes for one in node.starts)
    if starts:
        found["ready_p95_s"] = round(_part(starts, 0.95), 1)
    if load.took:
        found["filing_p99_ms"] = round(_part(sorted(load.took), 0.99) * 1000)
    return found


async def _judged(deployment: Deployment, journal: Journal, records: Sequence[dict[str, Any]]) -> Sequence[Violation]:
    """The verdict of the checker on history, log, topic, read models and parked streams; injected garbage belongs to no case."""
    owners = [deployment.of(service)[0].client("operations") for service in SERVICES]
    run = await left(owners, journal, deployment.log())
    run.parked = [mark for mark in run.parked or () if mark["stream"].startswith("case/") and mark["stream"] != NOBODY]
    run.topics = records
    return verdict(run).violations


async def _upkeep(deployment: Deployment, nemesis: Nemesis) -> list[str]:
    """The product's own checks: chains, read models against the log, parked streams."""
    wrong = []
    verified = await deployment.of("intake")[0].asked("/local/verify", "POST", LONG)
    wrong += [f"verify: {finding}" for finding in verified["findings"]]
    scrubbed = await deployment.of("supervision")[0].asked("/local/scrub", "POST", LONG)
    if scrubbed["behind"]:
        wrong.append(f"views: {scrubbed['behind']} streams differ from the log")
    parked = (await deployment.of("intake")[0].asked("/local/parked"))["parked"]
    garbage = "garbage" in nemesis.figures
    planted = [one for one in parked if garbage and (one["stream"].startswith("record/") or one["stream"] == NOBODY)]
    wrong += [f"parked: {one}" for one in parked if one not in planted]
    if garbage and not planted:
        wrong.append("parked: no record of garbage")
    return wrong


def _held(deployment: Deployment) -> dict[str, tuple[int, int]]:
    return {node.name: node.held() for node in deployment.nodes}


def _grown(before: dict[str, tuple[int, int]], after: dict[str, tuple[int, int]]) -> dict[str, list[int]]:
    """MiB and descriptors that each process holds at the end, and how many more than at the beginning."""
    return {
        name: [memory >> 20, (memory - before[name][0]) >> 20, files, files - before[name][1]]
        for name, (memory, files) in after.items()
    }


def _part(ordered: Sequence[float], part: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def _commit() -> str:
    """The tested commit. The records of earlier runs are not part of it."""
    changed = _git("status", "--porcelain", "--untracked-files=no", ":/", ":!/docs/reliability-runs.jsonl")
    return (_git("describe", "--always") or "unknown") + ("-dirty" if changed else "")


def _git(*arguments: str) -> str:
    place = Path(__file__).parent
    return subprocess.run(("git", *arguments), cwd=place, capture_output=True, text=True, check=False).stdout.strip()
