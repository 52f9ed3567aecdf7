"""A real Kafka and a real MongoDB for one run, with new topics and databases."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from shared.adapters.kafka.connection import Connection
from tests.support.servers.kafka import Kafka
from tests.support.servers.mongodb import ReplicaSet

PARTITIONS = 24
"""As `deploy/kafka/topics.yaml` has them."""


@dataclass
class Servers:
    """One broker, one member."""

    kafka: Kafka
    mongo: ReplicaSet

    @property
    def connection(self) -> Connection:
        return Connection(self.kafka.bootstrap)

    def topic(self) -> str:
        """A new topic."""
        name = f"bench-{uuid4().hex[:8]}"
        asyncio.run(self._make(name))
        return name

    async def _make(self, name: str) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.kafka.bootstrap)
        await admin.start()
        try:
            await admin.create_topics([NewTopic(name, PARTITIONS, 1)])
        finally:
            await admin.close()


def database() -> str:
    """The name of a new database."""
    return f"bench_{uuid4().hex[:8]}"


@contextmanager
def running() -> Iterator[Servers]:
    """Servers that run for the duration of the block. Raises NotHere."""
    kafka = Kafka(1)
    try:
        mongo = ReplicaSet(1)
        try:
            yield Servers(kafka, mongo)
        finally:
            mongo.stop()
    finally:
        kafka.stop()


def deployment(servers: Servers, folder: Path) -> dict[str, str]:
    """The settings of processes that share one new deployment on these servers."""
    name = uuid4().hex[:8]
    secrets = folder / "secrets"
    secrets.mkdir(mode=0o700)
    return {
        "HUIYIN_KAFKA_BOOTSTRAP": servers.kafka.bootstrap,
        "HUIYIN_KAFKA_PREFIX": f"bench-{name}-",
        "HUIYIN_MONGODB_URL": servers.mongo.url,
        "HUIYIN_MONGODB_NAME": f"bench_{name}",
        "HUIYIN_SECRETS": str(secrets),
        "HUIYIN_LOG_LEVEL": "warning",
    }
