"""Processes of the full mode whose clock is wrong, on real servers: they record nothing and say so; what an older release recorded
with a wrong clock is put right by the recipe of docs/operations.md."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.kernel.legal_time import instant_from_text
from tests.faults.checker import Log
from tests.faults.full.deployment import Deployment
from tests.faults.full.node import Node
from tests.faults.test_wall_clock import RUNGS, WallClock
from tests.support.process import HUIYIN, clean_environment
from tests.support.servers.kafka import Kafka
from tests.support.servers.mongodb import ReplicaSet

pytestmark = [pytest.mark.needs_kafka, pytest.mark.needs_mongo, pytest.mark.slow, pytest.mark.timeout(900)]
DAY = 86_400
WRONG = (20 * DAY, -20 * DAY, 3 * DAY)
USED = ("intake", "routing", "supervision")
CASES = 12
LADDER = (*RUNGS, "Urged")


@pytest.fixture(scope="module")
def kafka() -> Iterator[Kafka]:
    """A separate broker: a test takes it away."""
    broker = Kafka()
    yield broker
    broker.stop()


@pytest.fixture(scope="module")
def mongo() -> Iterator[ReplicaSet]:
    servers = ReplicaSet()
    yield servers
    servers.stop()


@pytest.fixture
async def deployment(kafka: Kafka, mongo: ReplicaSet) -> AsyncIterator[Deployment]:
    """Three services with a right clock, and cases whose deadlines come within 20 days."""
    made = Deployment(kafka, mongo)
    made.nodes = made.of(*USED)
    await made.start()
    async with made.client() as desk:
        for number in range(CASES):
            assert (await desk.post("/v1/submissions", json=filing(f"right-{number}"))).status_code == 201
    await made.quiet()
    yield made
    await made.close()


def filing(item: str) -> dict[str, Any]:
    return {"channel": "web", "item": item, "text": "路灯不亮", "place": "dh", "subject": "0101"}


async def eventually(what: Callable[[], Awaitable[bool]], seconds: float = 120) -> None:
    until = asyncio.get_running_loop().time() + seconds
    while not await what():
        assert asyncio.get_running_loop().time() < until, "not within the time"
        await asyncio.sleep(0.3)


async def doubts(node: Node) -> bool:
    found = await node.asked("/readyz")
    return found is not None and any(one.startswith("clock_wrong:") for one in found["reasons"])


async def figure(node: Node, name: str) -> float:
    lines = str(await node.asked("/metrics")).splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith((f"{name} ", f"{name}{{")))


def rungs(log: Log) -> Counter[str]:
    return Counter(event["type"] for _commit, event in log.events if event["type"] in LADDER)


async def records_nothing(deployment: Deployment, nodes: list[Node], mark: str) -> None:
    """All of them say that the clock is wrong, refuse to write, and no deadline fires."""
    for node in nodes:
        await eventually(lambda node=node: doubts(node))  # type: ignore[misc]
        assert await figure(node, "huiyin_clock_wrong") == 1
        assert '"clock_wrong"' in node.output()
    before = len(deployment.log().events)
    for node in nodes:
        if node.service == "intake":
            assert await figure(node, "huiyin_accepting") == 0
            answer = await node.client("registrar:xfj").post("/v1/submissions", json=filing(mark))
            assert (answer.status_code, answer.json()["code"]) == (503, "clock_wrong")
    await asyncio.sleep(3)
    log = deployment.log()
    assert len(log.events) == before
    assert not rungs(log)


@pytest.mark.nightly
async def test_process_that_starts_with_a_wrong_clock_records_nothing(deployment: Deployment, tmp_path: Path) -> None:
    for node in deployment.of("supervision"):
        await node.end()  # only the wrong ones remain, and hold all the slots
    for error in WRONG:
        clock = WallClock(tmp_path / "clock")
        clock.wrong_by(error)
        wrong = [deployment.node(service, 2) for service in ("intake", "supervision")]
        try:
            for node in wrong:
                node.spawn(**clock.environment)
            await records_nothing(deployment, wrong, f"start{error}")
        finally:
            for node in wrong:
                await node.close()
    (supervision,) = deployment.of("supervision")
    await supervision.start()
    assert await figure(supervision, "huiyin_clock_wrong") == 0


@pytest.mark.parametrize(
    "errors", [WRONG[:1], pytest.param(WRONG[1:], marks=pytest.mark.nightly)], ids=["ahead", "others"]
)
async def test_process_whose_clock_jumps_records_nothing_until_it_is_right(
    deployment: Deployment, tmp_path: Path, errors: tuple[int, ...]
) -> None:
    clock = WallClock(tmp_path / "clock")
    nodes = deployment.of("intake", "supervision")
    for node in nodes:
        await node.end()
        await node.start(**clock.environment)
    for error in errors:
        clock.wrong_by(error)
        await records_nothing(deployment, nodes, f"jump{error}")
        clock.wrong_by(0)
        for node in nodes:
            await node.wait()
        answer = await nodes[0].client("registrar:xfj").post("/v1/submissions", json=filing(f"after{error}"))
        assert answer.status_code == 201, answer.text
    await deployment.quiet()
    times = [instant_from_text(event["recorded_at"]) for _commit, event in deployment.log().events]
    assert max(times) < datetime.now(UTC) + timedelta(minutes=1)


UNGUARDED = """
import shared.kernel.clock_trust as trust
trust.TOLERANCE = trust.FRESH = 1e12
"""
"""An older release, which trusts its clock."""


def command(deployment: Deployment, *words: str, code: int) -> Any:
    data = str(deployment.folder / "intake-1")
    done = subprocess.run(
        [HUIYIN, *words, "--data", data, "--json"],
        env={**clean_environment(), **deployment.settings}, capture_output=True, text=True, timeout=180, check=False,
    )  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout)


@pytest.mark.nightly
async def test_recipe_puts_right_what_a_wrong_clock_recorded(deployment: Deployment, tmp_path: Path) -> None:
    (supervision,) = deployment.of("supervision")
    await supervision.end()
    (tmp_path / "sitecustomize.py").write_text(UNGUARDED)
    clock = WallClock(tmp_path / "clock")
    clock.wrong_by(20 * DAY)
    old = deployment.node("supervision", 2)
    old.spawn(**clock.environment, PYTHONPATH=str(tmp_path))

    async def fired() -> bool:
        return rungs(deployment.log())["DeadlineBreached"] >= CASES

    await eventually(fired)
    await old.close()
    wrong = rungs(deployment.log())
    await supervision.start()

    async def published() -> bool:
        return await figure(supervision, "huiyin_unpublished_commits") == 0

    await eventually(published)  # the broker takes what the wrong clock could not publish

    found = await asyncio.to_thread(command, deployment, "clock", "misdated", code=1)
    assert sum(len(one["rungs"]) for one in found) == sum(wrong.values())
    text = ("--reason", "2号服务器时钟快了二十天，运维值班发现")
    done = await asyncio.to_thread(command, deployment, "clock", "void", *text, code=0)
    assert done["left"] == []
    assert await asyncio.to_thread(command, deployment, "clock", "misdated", code=0) == []
    await deployment.quiet()
    await asyncio.sleep(3)
    assert rungs(deployment.log()) == wrong, "nothing is due by the right time, and the originals stay"
    (intake,) = deployment.of("intake")
    desk = intake.client("supervisor:xfj")
    for stream in {one["stream"] for one in found}:
        case = stream.removeprefix("case/")
        org = (await desk.get(f"/v1/cases/{case}?content=false")).json()["org"]["code"]
        answer = await intake.client(f"clerk:{org}").post(
            f"/v1/cases/{case}/commands", json={"command": "sign_off", "command_id": "after"}
        )
        assert answer.status_code == 200, answer.text
    verified = await intake.asked("/local/verify", "POST")
    assert verified["findings"] == []


@pytest.mark.nightly
async def test_outage_of_the_broker_under_load_writes_few_lines(deployment: Deployment, kafka: Kafka) -> None:
    """80 s at ten filings a second. Requests have a line each, and are left out."""
    import signal

    before = {node.name: len(node.output().splitlines()) for node in deployment.nodes}
    kafka.signal(signal.SIGKILL)
    try:
        async with deployment.client() as desk:
            for number in range(800):
                assert (await desk.post("/v1/submissions", json=filing(f"away-{number}"))).status_code == 201
                await asyncio.sleep(0.1)
    finally:
        kafka.run()
        await asyncio.to_thread(kafka.wait)
    for node in deployment.nodes:
        lines = [json.loads(line) for line in node.output().splitlines()[before[node.name] :] if line.startswith("{")]
        ours = [line for line in lines if line["event"] != "request"]
        print(node.name, len(ours), Counter(line["event"] for line in ours))
        assert len(ours) <= 200, Counter((line["event"], line.get("text")) for line in ours).most_common(10)
        assert sum(line["event"] == "broker_away" for line in ours) == 1
        assert all(line["service"] == node.service and line["instance"] == node.name for line in lines)
        assert all(line.get("text") for line in ours if line["event"] == "library")
    await deployment.quiet()
