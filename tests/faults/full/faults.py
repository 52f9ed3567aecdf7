"""One function per fault. It gets the deployment, a seeded random generator, and the intensity."""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
from pymongo.errors import PyMongoError

from tests.faults.full.deployment import SERVICES, Deployment
from tests.faults.full.failing import between_steps, half_rebuilt, newer_release, poisoned
from tests.faults.full.node import Node
from tests.faults.full.records import garbage, repeat

FROZEN = 20.0
"""Seconds for which a process that is taken for dead stays frozen: longer than its session of 15 s."""


@dataclass
class Nemesis:
    """The fault injector of one run. `schedule`: its actions, in order; `figures`: its measurements."""

    deployment: Deployment
    rng: random.Random
    kills: int = 25
    seconds: float = 20.0
    """Length of an outage."""
    refused: dict[str, str | None] = field(default_factory=dict)
    """What the load was refused with: code -> the last Retry-After."""
    schedule: list[str] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)

    def did(self, what: str) -> None:
        self.schedule.append(what)


Fault = Callable[[Nemesis], Awaitable[None]]


def _killed(*services: str) -> Fault:
    """kill -9 at random instants, and again at once."""

    async def run(nemesis: Nemesis) -> None:
        nodes = nemesis.deployment.of(*services)
        for _ in range(nemesis.kills):
            await asyncio.sleep(nemesis.rng.uniform(0.1, 1.5))
            nemesis.did(f"kill {' '.join(node.name for node in nodes)}")
            for node in nodes:
                node.kill()
            await asyncio.gather(*(node.start() for node in nodes))
        nemesis.figures["kills"] = nemesis.kills * len(nodes)

    return run


async def rolling(nemesis: Nemesis) -> None:
    """SIGTERM to one replica after the other; another one serves meanwhile."""
    slowest = 0.0
    for _ in range(max(1, nemesis.kills // 5)):
        for node in nemesis.deployment.nodes:
            nemesis.did(f"end {node.name}")
            slowest = max(slowest, await node.end())
            await node.start()
    nemesis.figures["slowest_end_s"] = round(slowest, 1)
    assert slowest < 20, f"an orderly end took {slowest:.1f} s"


async def brokers_restarted(nemesis: Nemesis) -> None:
    """kill -9 of one broker after the other, each back before the next."""
    kafka = nemesis.deployment.kafka
    for broker in range(1, kafka.brokers + 1):
        nemesis.did(f"kill broker {broker}")
        kafka.signal(signal.SIGKILL, broker)
        await asyncio.sleep(2)
        kafka.run(broker)
        await asyncio.to_thread(kafka.wait, [broker])
        await asyncio.sleep(8)


async def brokers_silent(nemesis: Nemesis) -> None:
    """All brokers are frozen; none has exited."""
    await _frozen_brokers(nemesis, nemesis.deployment.kafka.brokers)


async def too_few_brokers(nemesis: Nemesis) -> None:
    """Two of three brokers are frozen: writes have too few replicas, and wait."""
    await _frozen_brokers(nemesis, max(1, nemesis.deployment.kafka.brokers - 1))


async def _frozen_brokers(nemesis: Nemesis, number: int) -> None:
    kafka = nemesis.deployment.kafka
    chosen = nemesis.rng.sample(range(1, kafka.brokers + 1), number)
    nemesis.did(f"freeze brokers {chosen} for {nemesis.seconds:.0f} s")
    for broker in chosen:
        kafka.signal(signal.SIGSTOP, broker)
    try:
        await asyncio.sleep(nemesis.seconds)
    finally:
        for broker in chosen:
            kafka.signal(signal.SIGCONT, broker)


async def backlog_over_limit(nemesis: Nemesis) -> None:
    """Kafka is silent until more waits than may: filings are refused at once, and taken in again by themselves."""
    (intake, *_more) = nemesis.deployment.of("intake")
    intake.kill()
    await intake.start(HUIYIN_UNPUBLISHED_LIMIT="100")
    nemesis.refused.clear()
    await brokers_silent(nemesis)
    refused = dict(nemesis.refused)
    assert refused.get("unpublished_full"), f"not refused as it should be: {refused}"
    nemesis.figures["refused"] = sorted(refused)
    intake.kill()
    await intake.start()


async def processes_join_and_leave(nemesis: Nemesis) -> None:
    """A further process joins the groups and leaves them, by SIGTERM and kill -9 in turns."""
    guests = [nemesis.deployment.node(service, 9) for service in ("routing", "supervision")]
    try:
        for turn in range(max(2, nemesis.kills // 5)):
            nemesis.did(f"join, {'kill' if turn % 2 else 'end'}")
            await asyncio.gather(*(guest.start() for guest in guests))
            await asyncio.sleep(4)
            for guest in guests:
                if turn % 2:
                    guest.kill()
                else:
                    await guest.end()
    finally:
        for guest in guests:
            await guest.close()


async def taken_for_dead(nemesis: Nemesis) -> None:
    """A process is frozen until the group has reassigned its partitions, then resumes with its old batch."""
    for service in ("routing", "supervision"):
        node = nemesis.rng.choice(nemesis.deployment.of(service))
        nemesis.did(f"freeze {node.name} for {FROZEN:.0f} s")
        node.signal(signal.SIGSTOP)
        try:
            await asyncio.sleep(FROZEN)
        finally:
            node.signal(signal.SIGCONT)
        await _alive_again(node)


async def _alive_again(node: Node) -> None:
    """It resumed, or it terminated with the reason and is restarted as by a supervisor."""
    await asyncio.sleep(5)
    if node.running:
        await node.wait()
    else:
        await node.start()


async def primaries_changed(nemesis: Nemesis) -> None:
    """The primary steps down, or is killed, every ten seconds."""
    mongo = nemesis.deployment.mongo
    for turn in range(max(2, int(nemesis.seconds / 10) * 2)):
        primary = await asyncio.to_thread(mongo.wait_for_primary)
        kill = turn % 2 == 1 or len(mongo.members) == 1
        nemesis.did(f"{'kill' if kill else 'step down'} primary {mongo.members.index(primary) + 1}")
        if kill:
            await asyncio.to_thread(primary.kill)
            await asyncio.sleep(4)
            await asyncio.to_thread(primary.start)
        else:
            try:
                await asyncio.to_thread(primary.command, {"replSetStepDown": 5, "secondaryCatchUpPeriodSecs": 4})
            except PyMongoError as error:  # a connection that the step-down closed
                nemesis.did(type(error).__name__)
        await asyncio.sleep(6)


async def stores_silent(nemesis: Nemesis) -> None:
    """No member of MongoDB answers: intake refuses, and fast."""
    mongo = nemesis.deployment.mongo
    nemesis.did(f"freeze MongoDB for {nemesis.seconds:.0f} s")
    for member in mongo.members:
        member.signal(signal.SIGSTOP)
    try:
        await asyncio.sleep(nemesis.seconds)
    finally:
        for member in mongo.members:
            member.signal(signal.SIGCONT)


async def repeated(nemesis: Nemesis) -> None:
    """The records of the topic are sent again, one to four times, from the beginning, during operation."""
    found = await repeat(nemesis.deployment, nemesis.seconds, nemesis.rng, shuffle=False)
    nemesis.did(f"{found} records again")
    nemesis.figures["records_again"] = found


async def shuffled(nemesis: Nemesis) -> None:
    """The records of the topic are sent again in another order."""
    found = await repeat(nemesis.deployment, nemesis.seconds, nemesis.rng, shuffle=True)
    nemesis.did(f"{found} records again, shuffled")
    nemesis.figures["records_again"] = found


async def garbled(nemesis: Nemesis) -> None:
    """Invalid records among valid ones: each is parked, and none blocks the others."""
    found = await garbage(nemesis.deployment, nemesis.seconds, nemesis.rng)
    nemesis.did(f"{found} records of garbage")
    nemesis.figures["garbage"] = found


async def oversized(nemesis: Nemesis) -> None:
    """Bodies of 1 to 20 MB once a second: refused at the edge."""
    statuses = []
    for _ in range(int(nemesis.seconds)):
        size = nemesis.rng.randint(1, 20) * 1024 * 1024
        body = {"channel": "web", "item": "big", "text": "大" * (size // 3), "place": "dh", "subject": "0101"}
        async with nemesis.deployment.client() as client:
            try:
                statuses.append((await client.post("/v1/submissions", json=body)).status_code)
            except httpx.TransportError:  # it was cut off while it still sent
                statuses.append(0)
        await asyncio.sleep(1)
    nemesis.did(f"{len(statuses)} large bodies")
    nemesis.figures["statuses"] = sorted(set(statuses))
    assert set(statuses) <= {413, 0} and 413 in statuses, f"a large body was answered with {sorted(set(statuses))}"


FAULTS: dict[str, Fault] = {
    "R01": _killed("intake"),
    "R02": _killed("routing"),
    "R03": _killed("supervision"),
    "R04": _killed("analytics"),
    "R05": _killed(*SERVICES),
    "R06": rolling,
    "R07": brokers_restarted,
    "R08": brokers_silent,
    "R09": backlog_over_limit,
    "R10": too_few_brokers,
    "R11": processes_join_and_leave,
    "R12": taken_for_dead,
    "R13": primaries_changed,
    "R14": stores_silent,
    "R18": repeated,
    "R19": shuffled,
    "R21": poisoned,
    "R22": garbled,
    "R23": oversized,
    "R24": newer_release,
    "R25": between_steps,
    "R26": half_rebuilt,
}
TWO_REPLICAS = frozenset({"R06", "R11", "R12"})
"""Faults that need a second process of each service."""
SPARES_PROCESSES = frozenset({"R07", "R08", "R10", "R13", "R14", "R18", "R19", "R22", "R23"})
"""Faults that leave every process of ours alive."""
