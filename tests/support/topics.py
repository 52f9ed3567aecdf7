"""Separate topics for tests on a real broker."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from uuid import uuid4

from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tests.support.servers.kafka import PREFIX, bootstrap

_RUN = uuid4().hex[:8]
_numbers = count(1)


def fresh_name() -> str:
    """An unused topic name."""
    return f"{PREFIX}{_RUN}-{next(_numbers)}"


@asynccontextmanager
async def admin() -> AsyncIterator[AIOKafkaAdminClient]:
    client = AIOKafkaAdminClient(bootstrap_servers=bootstrap())
    await client.start()
    try:
        yield client
    finally:
        await client.close()


async def create(name: str, partitions: int = 4) -> str:
    """A topic on the shared broker."""
    async with admin() as client:
        await client.create_topics([NewTopic(name, partitions, 1, topic_configs={"max.message.bytes": "4194304"})])
    return name


@asynccontextmanager
async def topic(partitions: int = 4) -> AsyncIterator[str]:
    """A topic for the length of a test."""
    name = await create(fresh_name(), partitions)
    try:
        yield name
    finally:
        async with admin() as client:
            await client.delete_topics([name])
