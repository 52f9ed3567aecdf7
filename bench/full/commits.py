"""Commits that 64 callers append at once, compared with a bare client that inserts the same bytes, singly and grouped."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from statistics import median
from typing import Any

from bson import Binary
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import WriteConcern

from bench.bulk import copies
from bench.cases import by_case, lifecycles
from bench.figures import Figure, at_least, at_most, beside, quotient
from bench.full.servers import Servers, database
from shared.adapters.mongo.client import Mongo
from shared.adapters.mongo.event_store import MongoEventStore
from shared.eventstore.commit import Commit

NAME = "commits"
AT_ONCE = 64
ONE_BY_ONE, GROUPED = 4, 0.5
"""Aims: multiple of bare insert_one, share of bare grouped insert_many."""
Insert = Callable[[Commit], Awaitable[object]]


def measure(servers: Servers, *, quick: bool) -> list[Figure]:
    cases = cases_of(30 if quick else 600)
    number = sum(map(len, cases))
    waits: dict[str, list[float]] = {"ours": [], "one": [], "grouped": []}

    def work(name: str, run: Callable[..., Any], share: int) -> Callable[[], float]:
        def timed() -> float:
            taken: float
            taken, found = asyncio.run(run(servers, cases[: len(cases) // share]))
            waits[name].append(1000 * median(found))
            return taken / sum(map(len, cases[: len(cases) // share]))

        return timed

    works = {
        "ours": work("ours", _ours, 1),
        "one": work("one", _one_by_one, 1 if quick else 3),
        "grouped": work("grouped", _grouped, 1),
    }
    taken = beside(works, 1 if quick else 5)
    here, one, grouped = (1 / median(taken[name]) for name in ("ours", "one", "grouped"))
    size = sum(len(data) for case in cases for commit in case for data in commit.events) // number
    note = f"{number} commits of {size} bytes, {AT_ONCE} at once"
    to_one, to_grouped = quotient(taken["one"], taken["ours"]), quotient(taken["grouped"], taken["ours"])
    half, bare_half = median(waits["ours"]), median(waits["one"])
    quickness = half / bare_half
    unit = "commits/s"
    return [
        Figure(NAME, here, unit, "bare insert_one", one, to_one, *at_least(to_one, ONE_BY_ONE), note),
        Figure(NAME, here, unit, "bare grouped insert_many", grouped, to_grouped, *at_least(to_grouped, GROUPED)),
        Figure(f"{NAME} p50", half, "ms", "bare insert_one p50", bare_half, quickness, *at_most(quickness, 1)),
    ]


def cases_of(number: int) -> list[list[Commit]]:
    """Copies of one whole case, each the commits of its stream in order."""
    pattern = by_case(lifecycles(30))[0]
    found: dict[str, list[Commit]] = {}
    for commit in copies(pattern, number):
        found.setdefault(commit.stream, []).append(commit)
    return list(found.values())


async def _callers(cases: Sequence[Sequence[Commit]], insert: Insert) -> tuple[float, list[float]]:
    """Each caller takes a case and appends its commits one after the other. Seconds in all, and of each commit."""
    waiting = deque(cases)
    found: list[float] = []

    async def caller() -> None:
        while waiting:
            for commit in waiting.popleft():
                start = time.perf_counter()
                await insert(commit)
                found.append(time.perf_counter() - start)

    start = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(AT_ONCE)))
    return time.perf_counter() - start, found


async def _ours(servers: Servers, cases: Sequence[Sequence[Commit]]) -> tuple[float, list[float]]:
    log = await MongoEventStore.open(Mongo(servers.mongo.url, "motor"), database(), outbox=True)
    try:
        return await _callers(cases, log.append)
    finally:
        await log.close()


def _document(commit: Commit) -> dict[str, object]:
    return {"_id": f"{commit.stream}:{commit.first:010d}", "events": Binary(b"\n".join(commit.events))}


async def _one_by_one(servers: Servers, cases: Sequence[Sequence[Commit]]) -> tuple[float, list[float]]:
    client, collection = _bare(servers)
    try:
        return await _callers(cases, lambda commit: collection.insert_one(_document(commit)))
    finally:
        client.close()


async def _grouped(servers: Servers, cases: Sequence[Sequence[Commit]]) -> tuple[float, list[float]]:
    """Documents that arrive during one insert_many go into the next one."""
    client, collection = _bare(servers)
    waiting: list[tuple[dict[str, object], asyncio.Future[None]]] = []
    moved = asyncio.Event()

    async def insert(commit: Commit) -> None:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting.append((_document(commit), done))
        moved.set()
        await done

    async def write() -> None:
        while True:
            await moved.wait()
            moved.clear()
            batch = waiting.copy()
            waiting.clear()
            await collection.insert_many([document for document, _ in batch], ordered=False)
            for _, done in batch:
                done.set_result(None)

    writing = asyncio.create_task(write())
    try:
        return await _callers(cases, insert)
    finally:
        writing.cancel()
        client.close()


def _bare(servers: Servers) -> tuple[Any, Any]:
    client: Any = AsyncIOMotorClient(servers.mongo.url)
    return client, client[database()].get_collection("commits", write_concern=WriteConcern(w="majority", j=True))
