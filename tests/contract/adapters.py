"""The adapters that the contract suite runs on. A new adapter is one more `Adapter` in ADAPTERS.

An adapter opens its ports on a place; opening a second time on the same place is a restart (memory has none: it keeps
the objects).
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple, Protocol, get_args

import pytest

from shared.adapters.folder.blobs import FolderBlobs
from shared.adapters.kafka.connection import Connection
from shared.adapters.kafka.subscription import KafkaSubscriptions, parking
from shared.adapters.memory import (
    MemoryBlobs,
    MemoryCandidates,
    MemoryEventStore,
    MemoryKeyStore,
    MemoryReadModels,
    MemorySubscriptions,
    MemoryUploads,
)
from shared.adapters.mongo.blobs import MongoBlobs
from shared.adapters.mongo.candidates import MongoCandidates
from shared.adapters.mongo.client import Driver, Mongo
from shared.adapters.mongo.event_store import MongoEventStore
from shared.adapters.mongo.key_store import MongoKeyStore
from shared.adapters.mongo.read_models import MongoReadModels
from shared.adapters.mongo.uploads import MongoUploads
from shared.adapters.sqlite.candidates import SqliteCandidates
from shared.adapters.sqlite.event_store import SqliteEventStore
from shared.adapters.sqlite.key_store import SqliteKeyStore
from shared.adapters.sqlite.read_models import SqliteReadModels
from shared.adapters.sqlite.subscription import SqliteSubscriptions
from shared.adapters.sqlite.uploads import SqliteUploads
from shared.adapters.system_clock import SystemClock
from shared.eventstore.blobs import Blobs
from shared.eventstore.candidates import CandidateIndex
from shared.eventstore.event_store import EventStore
from shared.eventstore.key_store import KeyStore
from shared.eventstore.read_models import ReadModelStore
from shared.eventstore.subscription import Subscriptions
from shared.eventstore.uploads import UploadStore
from shared.kernel.settings import Settings
from tests.support import topics
from tests.support.servers import kafka, mongodb

DEFAULT_MONGO_DRIVER = Settings.model_fields["mongodb_driver"].default
"""The other one is checked by `make nightly`."""


class DrainingFeed(Subscriptions, Protocol):
    """What the suite needs beyond the port: a way to know that all commits were handled."""

    async def drain(self) -> None: ...


class Ports(NamedTuple):
    log: EventStore
    feed: DrainingFeed | None
    """None where the store has no feed of its own."""
    views: ReadModelStore
    keys: KeyStore
    blobs: Blobs
    uploads: UploadStore
    candidates: CandidateIndex
    close: Callable[[], Awaitable[None]]


class Adapter(NamedTuple):
    name: str
    open: Callable[[Path, bool], Awaitable[Ports]]
    """(place, outbox) -> ports; the place is an empty folder."""
    restarts: bool
    """Does a second open() find what the first one wrote?"""
    checkpoints: bool
    """Does a feed go on where it stood before a restart?"""
    beside_views: bool = True
    """Are checkpoints dropped with the views, while the feed runs?"""
    feeds: bool = True
    """Is there a feed?"""
    only_feed: bool = False
    """Are the other ports only there for the feed, and tested elsewhere?"""
    marks: tuple[pytest.MarkDecorator, ...] = ()


async def open_memory(place: Path, outbox: bool) -> Ports:
    log = MemoryEventStore(outbox=outbox)
    views = MemoryReadModels()
    keys = MemoryKeyStore()
    blobs, uploads, candidates = MemoryBlobs(), MemoryUploads(), MemoryCandidates()

    async def close() -> None:
        for port in (log, views, keys, blobs, uploads, candidates):
            await port.close()

    return Ports(log, MemorySubscriptions(log, seed=7), views, keys, blobs, uploads, candidates, close)


async def open_sqlite(place: Path, outbox: bool) -> Ports:
    log = SqliteEventStore(place / "log.sqlite", outbox=outbox)
    views = SqliteReadModels(place / "views.sqlite")
    keys = SqliteKeyStore(place)
    blobs, uploads = FolderBlobs(place / "blobs"), SqliteUploads(place / "uploads.sqlite")
    candidates = SqliteCandidates(place / "candidates.sqlite")
    feed = SqliteSubscriptions(log, views, pause=0.01, longest=0.05, poll=0.1)

    async def close() -> None:
        for port in (log, views, keys, blobs, uploads, candidates):
            await port.close()

    return Ports(log, feed, views, keys, blobs, uploads, candidates, close)


async def open_kafka(place: Path, outbox: bool) -> Ports:
    """The feed on a real topic, over a log that tracks unpublished commits. The location keeps the topic name."""
    remembered = place / "topic"
    if not remembered.exists():
        remembered.write_text(await topics.create(topics.fresh_name()))
    log = SqliteEventStore(place / "log.sqlite", outbox=True)
    views = SqliteReadModels(place / "views.sqlite")
    keys = SqliteKeyStore(place)
    clock = SystemClock()
    feed = KafkaSubscriptions(
        log,
        Connection(kafka.bootstrap()),
        remembered.read_text(),
        clock=clock,
        instance="one",
        park=parking(views, clock),
        ended=pytest.fail,
        prefix=f"{remembered.read_text()}-",
        pause=0.01,
        longest=0.05,
        sweep=0.1,
        age=timedelta(0),
    )

    async def close() -> None:
        for port in (log, views, keys):
            await port.close()

    return Ports(log, feed, views, keys, MemoryBlobs(), MemoryUploads(), MemoryCandidates(), close)


def opening(driver: Driver) -> Callable[[Path, bool], Awaitable[Ports]]:
    """A place is three databases, named by the folder, and the folder itself for the secrets."""

    async def open_mongo(place: Path, outbox: bool) -> Ports:
        name = mongodb.PREFIX + hashlib.sha256(str(place).encode()).hexdigest()[:12]
        mongo = Mongo(mongodb.url(), driver)
        log = await MongoEventStore.open(mongo, f"{name}_log", outbox=outbox)
        views = await MongoReadModels.open(mongo, f"{name}_views")
        keys = await MongoKeyStore.open(mongo, f"{name}_keys", place)
        blobs = await MongoBlobs.open_on(mongo, f"{name}_files")
        uploads = await MongoUploads.open(mongo, f"{name}_files")
        candidates = MongoCandidates(mongo, f"{name}_candidates")

        async def close() -> None:
            for port in (log, views, keys, blobs, uploads, candidates):
                await port.close()

        return Ports(log, None, views, keys, blobs, uploads, candidates, close)

    return open_mongo


ADAPTERS = (
    Adapter("memory", open_memory, restarts=False, checkpoints=False),
    Adapter("sqlite", open_sqlite, restarts=True, checkpoints=True),
    Adapter(
        "kafka",
        open_kafka,
        restarts=True,
        checkpoints=True,
        beside_views=False,
        only_feed=True,
        marks=(pytest.mark.needs_kafka,),
    ),
    *(
        Adapter(
            f"mongodb-{driver}",
            opening(driver),
            restarts=True,
            checkpoints=True,
            feeds=False,
            marks=(pytest.mark.needs_mongo, *((pytest.mark.nightly,) if driver != DEFAULT_MONGO_DRIVER else ())),
        )
        for driver in get_args(Driver)
    ),
)
