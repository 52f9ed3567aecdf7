"""`python -m tests.support.storage_sizes`: how much room a case takes, in each store, from the sample.

Imported: the sample is loaded several times under new names, with everything that follows from it, in one folder and on a real
MongoDB and Kafka. Live: the log of the played ninety days, where each decision is a commit of its own, is appended and published
one by one. Then the files are measured. The table of docs/operations.md, *Sizing*, rests on it.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
from pymongo import MongoClient

from deploy.demo.county import DEMO, OPERATOR
from deploy.demo.sample.complaints import complaints
from deploy.kafka.topics import EVENTS
from deploy.modes import distributed as full
from deploy.modes import embedded
from deploy.modes.composition import SERVICES
from deploy.storage.data_folder import Folder
from services.intake.history.items import HistoryItem
from services.intake.history.recorder import record_batch
from services.supervision.policy_activation import activate
from shared.adapters.kafka.connection import Connection
from shared.adapters.kafka.producer import CommitProducer
from shared.adapters.kafka.topics import FOREVER, WantedTopic, asking
from shared.adapters.mongo.client import Mongo
from shared.adapters.mongo.event_store import MongoEventStore
from shared.adapters.sqlite.event_store import SqliteEventStore
from shared.case import STREAM
from shared.hosting.process import Process
from shared.kernel.settings import load
from shared.policy.loading.loader import bundled
from tests.support.process import huiyin
from tests.support.servers.kafka import Kafka
from tests.support.servers.mongodb import ReplicaSet

DAY = date(2026, 6, 1)
TOGETHER = 200
DATABASES = ("log", "views", "keys")


async def filled(runtime: Process, copies: int) -> tuple[int, int, int]:
    """Load the sample so often, and wait until everything has followed. Returns (cases, events, bytes of the events)."""
    sections: dict[str, Any] = {one.section: one.document for one in bundled("demo")}
    await activate(runtime.handling("supervision"), OPERATOR, DEMO, sections)
    await runtime.drain()
    rows = [
        {**row, "item": f"{row['item']}-{copy}"} for copy in range(copies) for row in complaints(DAY, "Asia/Shanghai")
    ]
    for start in range(0, len(rows), TOGETHER):
        items = [HistoryItem.model_validate(row) for row in rows[start : start + TOGETHER]]
        for result in await record_batch(items, runtime.ports, principal=OPERATOR, jurisdiction=DEMO):
            if result.result != "added":
                raise SystemExit(f"a row was not added: {result}")
        print(f"\r{start + len(items)} of {len(rows)}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    while True:  # the reactions append in turn
        before = await counted(runtime)
        if not await runtime.drain(600):
            raise SystemExit("the consumers do not keep up")
        await asyncio.sleep(3)
        if before == await counted(runtime) and not any((await runtime.ports.feed.lag()).values()):
            return before


async def counted(runtime: Process) -> tuple[int, int, int]:
    cases = events = size = 0
    async for commits in runtime.ports.log.scan(STREAM):
        for commit in commits:
            cases += commit.first == 1
            events += len(commit.events)
            size += sum(map(len, commit.events))
    return cases, events, size


async def in_folder(place: Path, copies: int) -> tuple[tuple[int, int, int], dict[str, int]]:
    settings = load(data=place / "one")
    folder = Folder(settings.data)
    async with embedded.opened(settings.data, settings, create=True) as runtime:
        found = await filled(runtime, copies)
    files = {"SQLite log": [folder.log], "SQLite views": [folder.views], "SQLite keys": [folder.keys / "keys.sqlite"]}
    sizes = {name: sum(path.stat().st_size for path in paths) for name, paths in files.items()}
    with duckdb.connect(str(folder.facts)) as facts:
        facts.execute("CHECKPOINT")
    return found, sizes | {"DuckDB facts": folder.facts.stat().st_size}


async def one_by_one(played: Path, kafka: Kafka, mongo: ReplicaSet) -> tuple[int, int, dict[str, int]]:
    """Append and publish the commits of a simulated folder one by one: (cases, events, sizes)."""
    topic = f"live-{EVENTS}"
    async with asking(Connection(kafka.bootstrap)) as brokers:
        await brokers.create(topic, WantedTopic(24, 1, FOREVER, 4_194_304))
    source = SqliteEventStore(Folder(played).log)
    target = await MongoEventStore.open(Mongo(mongo.url, "motor"), "live_log", outbox=True)
    publisher = CommitProducer(target, Connection(kafka.bootstrap), topic, ended=print)
    running = asyncio.create_task(publisher.run())
    cases = events = 0
    async for commits in source.scan(STREAM):
        for commit in commits:
            publisher.add([await target.append(commit)])
            while publisher.waiting:  # noqa: ASYNC110  # the next one begins a batch of its own
                await asyncio.sleep(0.001)
            cases += commit.first == 1
            events += len(commit.events)
    await publisher.stop()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await target.close()
    await source.close()
    return (
        cases,
        events,
        {
            "SQLite log": Folder(played).log.stat().st_size,
            "Kafka case-events": in_topic(kafka, topic),
            **in_database(mongo, "live_log", "MongoDB log"),
        },
    )


def in_topic(kafka: Kafka, topic: str) -> int:
    return sum(path.stat().st_size for path in kafka.folder.glob(f"data-1/{topic}-*/*.log"))


def in_database(mongo: ReplicaSet, database: str, name: str) -> dict[str, int]:
    with MongoClient[dict[str, Any]](mongo.url) as client:
        client.admin.command({"fsync": 1})
        known: Mapping[str, Any] = client[database].command("dbStats")
    return {
        name: int(known["storageSize"] + known["indexSize"]),
        f"{name}, of it indexes": int(known["indexSize"]),
    }


async def on_servers(place: Path, copies: int, kafka: Kafka, mongo: ReplicaSet) -> tuple[int, int, dict[str, int]]:
    """(cases, events, sizes)."""
    async with asking(Connection(kafka.bootstrap)) as brokers:
        await brokers.create(EVENTS, WantedTopic(24, 1, FOREVER, 4_194_304))
    (place / "secrets").mkdir()
    settings = load(
        data=place / "many",
        kafka_bootstrap=kafka.bootstrap,
        mongodb_url=mongo.url,
        secrets=place / "secrets",
        instance="s",
    )
    async with full.opened(settings, SERVICES) as runtime:
        cases, events, _size = await filled(runtime, copies)
    sizes = {"Kafka case-events": in_topic(kafka, EVENTS)}
    for name in DATABASES:
        sizes |= in_database(mongo, f"{settings.mongodb_name}_{name}", f"MongoDB {name}")
    return cases, events, sizes


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.storage_sizes", description=__doc__)
    parser.add_argument("--copies", type=int, default=8, help="how often the sample of 500 cases is loaded")
    parser.add_argument("--played", type=int, default=500, help="how many cases are played as live ones")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        (cases, events, size), sizes = asyncio.run(in_folder(Path(name), given.copies))
        print(
            f"imported: {cases} cases, {events / cases:.1f} events a case, {size / events:.0f} bytes an event as JSON"
        )
        show(sizes, cases, events)
        kafka, mongo = Kafka(), ReplicaSet()
        try:
            cases, events, sizes = asyncio.run(on_servers(Path(name), given.copies, kafka, mongo))
            show(sizes, cases, events)
            played = Path(name) / "played"
            done = huiyin("demo", "--cases", str(given.played), "--seed", "1", "--keep", str(played))
            if done.returncode != 0:
                raise SystemExit(done.stderr)
            cases, events, sizes = asyncio.run(one_by_one(played, kafka, mongo))
            print(f"live: {cases} cases, {events / cases:.1f} events a case")
            show(sizes, cases, events)
        finally:
            mongo.stop()
            kafka.stop()


def show(sizes: Mapping[str, int], cases: int, events: int) -> None:
    for name, size in sizes.items():
        print(
            f"{name:32} {size / cases:8.0f} bytes a case {size / events:7.0f} an event {size / cases / 1000:6.1f} GB a million"
        )


if __name__ == "__main__":
    main()
