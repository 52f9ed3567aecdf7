"""Rows of the worklist, compared with the bare client's conditional bulk write of the same rows."""

from __future__ import annotations

import asyncio
import time
from statistics import median
from typing import Any

from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import IndexModel, UpdateOne, WriteConcern

from bench.figures import Figure, at_least, beside, quotient
from bench.full.servers import Servers, database
from services.supervision.read_models import WORKLIST
from shared.adapters.mongo.client import Mongo
from shared.adapters.mongo.read_models import MongoReadModels
from shared.eventstore.read_models import Row

NAME = "rows"
AIM = 0.5
TOGETHER = 500
"""Rows of one batch of a consumer."""
VERSIONS = 3
"""How often each row is written, as a case moves."""
STATES = ("dispatched", "signed", "accepted")


def measure(servers: Servers, *, quick: bool) -> list[Figure]:
    keys = 500 if quick else 10_000
    works = {"ours": lambda: asyncio.run(_ours(servers, keys)), "bare": lambda: asyncio.run(_bare(servers, keys))}
    taken = beside(works, 1 if quick else 3)
    number = keys * VERSIONS
    here, there = (number / median(taken[name]) for name in ("ours", "bare"))
    ratio = quotient(taken["bare"], taken["ours"])
    note = (
        f"{keys} rows of the worklist, {VERSIONS} versions each, {len(WORKLIST.indexes)} indexes, batches of {TOGETHER}"
    )
    return [Figure(NAME, here, "rows/s", "bare conditional bulk write", there, ratio, *at_least(ratio, AIM), note)]


def _batches(keys: int) -> list[list[Row]]:
    return [
        [_row(key, version) for key in range(start, min(start + TOGETHER, keys))]
        for version in range(1, VERSIONS + 1)
        for start in range(0, keys, TOGETHER)
    ]


def _row(key: int, version: int) -> Row:
    """Of the shape that a real case has."""
    due = f"2026-{1 + key % 12:02d}-{1 + (key + version) % 28:02d}T16:00:00.000000Z"
    values: dict[str, Any] = {
        "number": f"2026-{key:012d}",
        "jurisdiction": "cn-demo",
        "state": STATES[version - 1],
        "org": f"org{key % 40}",
        "place": f"place{key % 60}",
        "subject": f"{key % 30:04d}",
        "channel": "web",
        "class_": "claim",
        "sealed": False,
        "queue": None if version > 1 else "to_sign",
        "due": due,
        "due_clock": "C5",
        "risk_at": due,
        "filed_at": due,
    }
    return Row(f"{key:032x}", version, values)


async def _ours(servers: Servers, keys: int) -> float:
    views = await MongoReadModels.open(Mongo(servers.mongo.url, "motor"), database())
    views.declare(WORKLIST)
    await views.start()
    batches = _batches(keys)
    try:
        start = time.perf_counter()
        for batch in batches:
            await views.write({WORKLIST.name: batch})
        return time.perf_counter() - start
    finally:
        await views.close()


async def _bare(servers: Servers, keys: int) -> float:
    client: Any = AsyncIOMotorClient(servers.mongo.url)
    rows = client[database()].get_collection("rows", write_concern=WriteConcern(w="majority", j=True))
    live = {"live": True}
    await rows.create_indexes(
        [
            IndexModel([*((f"v.{column}", 1) for column in columns), ("_id", 1)], partialFilterExpression=live)
            for columns in WORKLIST.indexes
        ]
    )
    batches = _batches(keys)
    try:
        start = time.perf_counter()
        for batch in batches:
            await rows.bulk_write([_conditional(row) for row in batch], ordered=False)
        return time.perf_counter() - start
    finally:
        client.close()


def _conditional(row: Row) -> UpdateOne:
    change = {"$set": {"applied": row.applied, "live": True, "v": row.values}}
    return UpdateOne({"_id": row.key, "applied": {"$lt": row.applied}}, change, upsert=True)
