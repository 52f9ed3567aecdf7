"""What is done to a deployment while clients work with it. Each fault is named as in docs/reliability.md."""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from deploy.topics import EVENTS
from tests.chaos.full.deployment import SERVICES, Deployment

Nemesis = Callable[[Deployment, random.Random, int], Awaitable[None]]


@dataclass(frozen=True)
class Fault:
    """What it is, who does it, and on how many brokers and members."""

    what: str
    does: Nemesis
    times: int
    """How often in a short run; a long one asks for more."""
    brokers: int = 1
    members: int = 1
    parks: bool = False
    """Records that nobody can read are parked by their place."""


def killing(*names: str) -> Nemesis:
    async def kill(here: Deployment, rng: random.Random, times: int) -> None:
        for _ in range(times):
            await asyncio.sleep(rng.uniform(0.2, 1.0))
            name = rng.choice(names)
            here.kill(name)
            await asyncio.to_thread(here.again, name)

    return kill


async def all_at_once(here: Deployment, rng: random.Random, times: int) -> None:
    for _ in range(times):
        await asyncio.sleep(rng.uniform(0.5, 2.0))
        for name in SERVICES:
            here.kill(name)
        for name in SERVICES:
            here.start(name)
        await asyncio.to_thread(here.wait, SERVICES)


async def rolling(here: Deployment, rng: random.Random, times: int) -> None:
    """Orderly stops, one service after the other: each within 20 s."""
    for _ in range(times):
        for name in SERVICES:
            await asyncio.sleep(rng.uniform(0.2, 0.6))
            assert await asyncio.to_thread(here.end, name) <= 20
            await asyncio.to_thread(here.again, name)


async def broker_killed(here: Deployment, rng: random.Random, times: int) -> None:
    for turn in range(times):
        await asyncio.sleep(rng.uniform(1, 2))
        node = 1 + turn % here.kafka.brokers
        here.kafka.signal(signal.SIGKILL, node)
        await asyncio.sleep(rng.uniform(1, 3))
        await asyncio.to_thread(here.kafka.run, node)
        await asyncio.to_thread(here.kafka.wait)


async def broker_silent(here: Deployment, rng: random.Random, times: int) -> None:
    for _ in range(times):
        await asyncio.sleep(1)
        here.kafka.signal(signal.SIGSTOP)
        try:
            await asyncio.sleep(rng.uniform(8, 15))
        finally:
            here.kafka.signal(signal.SIGCONT)


async def rebalances(here: Deployment, rng: random.Random, times: int) -> None:
    """A second member of the group joins and leaves, orderly and not."""
    for turn in range(times):
        here.start("routing-b", "routing")
        await asyncio.to_thread(here.wait, ["routing-b"])
        await asyncio.sleep(rng.uniform(2, 4))
        if turn % 2:
            here.kill("routing-b")
        else:
            await asyncio.to_thread(here.end, "routing-b")
    here.forget("routing-b")


async def primary_killed(here: Deployment, rng: random.Random, times: int) -> None:
    for _ in range(times):
        await asyncio.sleep(rng.uniform(1, 2))
        primary = await asyncio.to_thread(here.mongo.wait_for_primary)
        await asyncio.to_thread(primary.kill)
        await asyncio.sleep(rng.uniform(2, 5))
        await asyncio.to_thread(primary.start)
        await asyncio.to_thread(here.mongo.wait_for_primary)


async def store_silent(here: Deployment, rng: random.Random, times: int) -> None:
    for _ in range(times):
        await asyncio.sleep(1)
        (member, *_others) = here.mongo.members
        member.signal(signal.SIGSTOP)
        try:
            await asyncio.sleep(rng.uniform(8, 15))
        finally:
            member.signal(signal.SIGCONT)


async def again_and_swapped(here: Deployment, rng: random.Random, times: int) -> None:
    """Everything that the topic holds, once to three times more, in any order."""
    for _ in range(times):
        await asyncio.sleep(4)
        await _send(here, await _copies(here, rng))


async def _copies(here: Deployment, rng: random.Random) -> list[tuple[bytes, bytes, list[tuple[str, bytes]]]]:
    name = f"{here.name}-{EVENTS}"
    found = []
    async with AIOKafkaConsumer(bootstrap_servers=here.kafka.bootstrap) as consumer:
        places = [TopicPartition(name, each) for each in range(24)]
        consumer.assign(places)
        await consumer.seek_to_beginning(*places)
        ends = await consumer.end_offsets(places)
        while any([await consumer.position(place) < ends[place] for place in places]):
            for records in (await consumer.getmany(timeout_ms=500)).values():
                found += [(one.key, one.value, list(one.headers)) for one in records for _ in range(rng.randint(1, 3))]
    rng.shuffle(found)
    return found


async def garbage(here: Deployment, rng: random.Random, times: int) -> None:
    """Records that are no events: no JSON, broken headers, nothing at all, too deep, a version of a later release."""
    for _ in range(times):
        await asyncio.sleep(0.2)
        headers = [("ce_subject", b"\xff"), ("ce_sequence", b"x"), ("", b"")]
        await _send(
            here,
            [
                (b"k", rng.randbytes(rng.randint(1, 2000)), []),
                (b"k", b"", headers),
                (b"k", b"[" * 5000, headers[:1]),
                (b"k", b'{"stream":"","version":0}', []),
                (b"k", b'{"stream":{"a":1},"version":1e400,"version":NaN}', []),
            ],
        )


async def _send(here: Deployment, records: Iterable[tuple[bytes, bytes, list[tuple[str, bytes]]]]) -> None:
    async with AIOKafkaProducer(
        bootstrap_servers=here.kafka.bootstrap, acks="all", max_request_size=5_000_000
    ) as sender:
        sent = [
            await sender.send(f"{here.name}-{EVENTS}", value, key=key, headers=headers)
            for key, value, headers in records
        ]
        await asyncio.gather(*sent)


FAULTS: dict[str, Fault] = {
    "R01": Fault("kill -9 of intake", killing("intake"), 8),
    "R02": Fault("kill -9 of routing", killing("routing"), 8),
    "R03": Fault("kill -9 of supervision", killing("supervision"), 8),
    "R04": Fault("kill -9 of analytics", killing("analytics"), 8),
    "R05": Fault("kill -9 of all four services at once", all_at_once, 4),
    "R06": Fault("orderly restart of every service, one after the other", rolling, 2),
    "R07": Fault("kill -9 of a broker, one of three after the other", broker_killed, 3, brokers=3),
    "R08": Fault("the only broker is silent (SIGSTOP)", broker_silent, 2),
    "R11": Fault("a second routing joins and leaves its group again and again", rebalances, 4),
    "R13": Fault("kill -9 of MongoDB's primary, one of three", primary_killed, 3, members=3),
    "R14": Fault("the only MongoDB is silent (SIGSTOP)", store_silent, 2),
    "R18": Fault("every record again, once to three times, in any order (R19)", again_and_swapped, 2),
    "R22": Fault("records that are no events", garbage, 20, parks=True),
}
