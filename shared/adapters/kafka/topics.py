"""The topics of the brokers and changes to them: for `huiyin topics`, never for a service."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple

from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, for_code

from shared.adapters.kafka.connection import Connection
from shared.adapters.kafka.consumer_lag import unavailable

FOREVER = -1
_RETENTION, _LARGEST = "retention.ms", "max.message.bytes"
_OF_THE_TOPIC = 1
"""The source of a setting that belongs to the topic itself."""


class ExistingTopic(NamedTuple):
    """A topic of the brokers."""

    partitions: int
    retention_ms: int
    largest: int


class WantedTopic(NamedTuple):
    """Properties to create or change; None leaves a property unchanged."""

    partitions: int | None = None
    replicas: int | None = None
    retention_ms: int | None = None
    largest: int | None = None


class Refusal(Exception):
    """The brokers refuse; the message is the class of their error."""


class Topics:
    """The topics of one cluster."""

    def __init__(self, admin: AIOKafkaAdminClient) -> None:
        self._admin = admin

    async def brokers(self) -> int:
        """The number of brokers."""
        return len((await self._admin.describe_cluster())["brokers"])

    async def existing(self, names: Sequence[str]) -> dict[str, ExistingTopic]:
        """name -> topic, for those of `names` that exist."""
        there = set(await self._admin.list_topics()) & set(names)
        if not there:
            return {}
        found = await self._admin.describe_topics(sorted(there))
        counts = {one["topic"]: len(one["partitions"]) for one in found}
        return {name: await self._described(name, counts[name]) for name in sorted(there)}

    async def create(self, name: str, wanted: WantedTopic) -> None:
        """Raises Refusal."""
        settings = {_RETENTION: str(wanted.retention_ms), _LARGEST: str(wanted.largest), "cleanup.policy": "delete"}
        replicas = wanted.replicas or 1
        if replicas >= 3:
            settings["min.insync.replicas"] = "2"
        topic = NewTopic(name, wanted.partitions, replicas, topic_configs=settings)
        for one in (await self._admin.create_topics([topic])).topic_errors:
            accept(one[1])

    async def change(self, name: str, wanted: WantedTopic) -> None:
        """Change the properties that are not None. Raises Refusal."""
        if wanted.partitions is not None:
            await self._admin.create_partitions({name: NewPartitions(wanted.partitions)})
        given = {_RETENTION: wanted.retention_ms, _LARGEST: wanted.largest}
        changes = {key: str(value) for key, value in given.items() if value is not None}
        if not changes:
            return
        # A setting that is not named returns to its default, so all settings of the topic are sent again.
        kept = {key: value for key, (value, source) in (await self._settings(name)).items() if source == _OF_THE_TOPIC}
        resource = ConfigResource(ConfigResourceType.TOPIC, name, configs=kept | changes)
        for answer in await self._admin.alter_configs([resource]):
            for one in answer.resources:
                accept(one[0])

    async def _described(self, name: str, partitions: int) -> ExistingTopic:
        settings = await self._settings(name)
        return ExistingTopic(partitions, int(settings[_RETENTION][0]), int(settings[_LARGEST][0]))

    async def _settings(self, name: str) -> dict[str, tuple[str, int]]:
        """name -> (value, source)."""
        (answer,) = await self._admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
        (resource,) = answer.resources
        accept(resource[0])
        return {entry[0]: (entry[1], entry[3]) for entry in resource[4]}


def accept(code: int) -> None:
    """Raises Refusal unless `code`, the broker's answer, means success."""
    if code:
        raise Refusal(for_code(code).__name__)


@asynccontextmanager
async def admin_client(connection: Connection) -> AsyncIterator[AIOKafkaAdminClient]:
    """A connected client for Topics and AclAdmin. Raises BrokerUnavailable if no broker answers."""
    admin = AIOKafkaAdminClient(**connection.client())
    try:
        await admin.start()
        yield admin
    except (KafkaError, OSError) as error:
        raise await unavailable(connection, error) from error
    finally:
        await admin.close()
