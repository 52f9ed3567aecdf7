"""The time from the submission until the department sees it, at a steady load: four processes, over HTTP on TCP, as partners
come. Compared with the bare pipeline on the same servers: insert, publish, consume, twice."""

from __future__ import annotations

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import median, quantiles
from typing import Any

import httpx
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from bson import Binary
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import WriteConcern

from bench.cases import folder
from bench.figures import Figure, at_most
from bench.full.county import SERVICES, County, county, submissions
from bench.full.servers import Servers, database
from shared.messaging.member import Member
from shared.messaging.organisation_inbox import STREAM

NAME = "visible"
LIMIT_MS = 150
TIMES_BARE = 2
RATES = (50,)
"""Cases per second."""
BYTES = 700
"""Of one commit, about what ours have."""


def measure(servers: Servers, *, quick: bool, rates: Sequence[int] = ()) -> list[Figure]:
    seconds, rounds = (2, 1) if quick and not rates else (10, 1 if quick else 3)
    found: list[Figure] = []
    with folder() as path, county(servers, path) as made:
        for rate in rates or RATES:
            ours: list[list[float]] = []
            bare: list[list[float]] = []
            used: defaultdict[str, float] = defaultdict(float)
            for turn in range(rounds):
                ours.append(asyncio.run(_ours(made, f"{rate}-{turn}", seconds, rate, used)))
                bare.append(asyncio.run(_bare(servers, servers.topic(), servers.topic(), seconds, rate)))
            found += _figures(ours, bare, used, seconds, rate)
    return found


def _figures(
    ours: list[list[float]], bare: list[list[float]], used: Mapping[str, float], seconds: int, rate: int
) -> list[Figure]:
    (half, late), (bare_half, bare_late) = _percentiles(ours), _percentiles(bare)
    cases = len(ours) * seconds * rate
    cpu = ", ".join(f"{name} {1000 * spent / cases:.1f}" for name, spent in used.items())
    note = (
        f"{seconds} s at {rate} cases/s, {len(ours)} rounds; p50 {half:.0f} ms; ms of CPU for a case:"
        f" {1000 * sum(used.values()) / cases:.1f} ({cpu})"
    )
    times = late / bare_late
    return [
        Figure(f"{NAME} p99", late, "ms", f"limit {LIMIT_MS} ms", LIMIT_MS, late / LIMIT_MS,
               *at_most(late / LIMIT_MS, 1), note),
        Figure(f"{NAME} p99", late, "ms", "bare pipeline p99", bare_late, times,
               *at_most(times, TIMES_BARE), f"bare p50 {bare_half:.0f} ms; nothing else runs in it"),
    ]  # fmt: skip


def _percentiles(rounds: list[list[float]]) -> tuple[float, float]:
    """Median of the rounds: p50 and p99, in ms."""
    cut = [quantiles(taken, n=100, method="inclusive") for taken in rounds]
    return median(one[49] for one in cut), median(one[98] for one in cut)


async def _ours(made: County, turn: str, seconds: int, rate: int, used: dict[str, float]) -> list[float]:
    """`used`: the CPU time of the processes from the first submission to the last answer is added to it."""
    await made.settled(SERVICES)
    async with made.partner("intake", "registrar", "xfj") as intake:
        await submissions(intake, f"warm-{turn}", 1, rate)
        await made.settled(SERVICES)  # the organisations of all subjects have an inbox now
        organisations = await _organisations(made)
        seen: dict[str, float] = {}
        reading = [asyncio.Event() for _ in organisations]
        pairs = zip(organisations, reading, strict=True)
        readers = [asyncio.create_task(_read(made, org, seen, begun)) for org, begun in pairs]
        await asyncio.gather(*(begun.wait() for begun in reading))
        before = made.cpu()
        sent = await submissions(intake, f"load-{turn}", seconds, rate)
        until = time.monotonic() + 60
        while not seen.keys() >= sent.keys() and time.monotonic() < until:
            await asyncio.sleep(0.05)
        for name, spent in made.cpu().items():
            used[name] += spent - before[name]
        for reader in readers:
            if reader.done():
                await reader  # raises what ended it
            reader.cancel()
        missing = len(sent.keys() - seen.keys())
        if missing:
            raise RuntimeError(f"{missing} of {len(sent)} submissions never reached an organisation")
        return [1000 * (seen[case] - at) for case, at in sent.items()]


async def _organisations(made: County) -> list[str]:
    """Organisations with an inbox."""
    async with made.owner("intake", "operations") as client:
        found = (await client.get("/local/export", params={"prefix": STREAM})).content
    return sorted({Member.of_stream(STREAM, json.loads(line)["stream"]).code for line in found.splitlines()})


async def _read(made: County, org: str, seen: dict[str, float], begun: asyncio.Event) -> None:
    """A department's client: a long poll from its cursor on. `begun` is set when it has its key."""
    after = 0
    async with made.partner("routing", "organisation", org) as client:
        begun.set()
        while True:
            page = await _page(client, org, after)
            now = time.perf_counter()
            for entry in page["entries"]:
                seen.setdefault(entry["case"], now)
            after = page["after"]


async def _page(client: httpx.AsyncClient, org: str, after: int) -> dict[str, Any]:
    answer = await client.get(f"/v1/organisations/{org}/assignments", params={"after": after, "limit": 200, "wait": 20})
    answer.raise_for_status()
    found: dict[str, Any] = answer.json()
    return found


async def _bare(servers: Servers, first: str, second: str, seconds: int, rate: int) -> list[float]:
    """Insert, publish, consume, insert, publish, consume, with bare clients in one process."""
    client: Any = AsyncIOMotorClient(servers.mongo.url)
    log = client[database()].get_collection("log", write_concern=WriteConcern(w="majority", j=True))
    place = servers.kafka.bootstrap
    producer = AIOKafkaProducer(bootstrap_servers=place, acks="all", enable_idempotence=True, linger_ms=5)
    consumers = [
        AIOKafkaConsumer(
            topic,
            bootstrap_servers=place,
            group_id=f"{topic}-bare",
            auto_offset_reset="earliest",
            enable_auto_commit=False,
        )
        for topic in (first, second)
    ]
    for one in (producer, *consumers):
        await one.start()
    while not all(consumer.assignment() for consumer in consumers):
        await asyncio.sleep(0.05)
    begun: dict[bytes, float] = {}
    taken: list[float] = []

    async def put(topic: str, key: bytes, step: bytes) -> None:
        await log.insert_one({"_id": (key + step).decode(), "events": Binary(key.ljust(BYTES))})
        await producer.send_and_wait(topic, key=key, value=key.ljust(BYTES))

    async def pass_on() -> None:
        async for record in consumers[0]:
            running.append(asyncio.create_task(put(second, record.key, b":2")))

    async def arrive() -> None:
        async for record in consumers[1]:
            taken.append(1000 * (time.perf_counter() - begun[record.key]))

    running = [asyncio.create_task(pass_on()), asyncio.create_task(arrive())]
    try:
        number = seconds * rate
        start = time.perf_counter()
        for each in range(number):
            await asyncio.sleep(start + each / rate - time.perf_counter())
            key = b"%d" % each
            begun[key] = time.perf_counter()
            running.append(asyncio.create_task(put(first, key, b":1")))
        while len(taken) < number:
            await asyncio.sleep(0.02)
        return taken
    finally:
        for task in running:
            task.cancel()
        for one in (*consumers, producer):
            await one.stop()
        client.close()
