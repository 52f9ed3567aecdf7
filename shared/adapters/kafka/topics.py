"""The topics that the brokers have, and changing them: for `huiyin topics`, never for a service."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple

from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, for_code

from shared.adapters.kafka.connection import Connection
from shared.adapters.kafka.consumer_lag import BrokerUnavailable

FOREVER = -1
_RETENTION, _LARGEST = "retention.ms", "max.message.bytes"
_OF_THE_TOPIC = 1
"""The source of a setting that was given to the topic itself."""


class ExistingTopic(NamedTuple):
    """A topic as it is."""

    partitions: int
    retention_ms: int
    largest: int


class WantedTopic(NamedTuple):
    """What is to be made or changed; None leaves it as it is."""

    partitions: int | None = None
    replicas: int | None = None
    retention_ms: int | None = None
    largest: int | None = None


class Refusal(Exception):
    """The brokers refuse; the message is their class of error."""


class Topics:
    """The topics of one cluster. Make it with `asking`."""

    def __init__(self, admin: AIOKafkaAdminClient) -> None:
        self._admin = admin

    async def brokers(self) -> int:
        """How many brokers there are."""
        return len((await self._admin.describe_cluster())["brokers"])

    async def existing(self, names: Sequence[str]) -> dict[str, ExistingTopic]:
        """name -> how it is, for those of `names` that are there."""
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
        answer = await self._admin.create_topics([topic])
        for one in answer.topic_errors:
            if one[1]:
                raise Refusal(for_code(one[1]).__name__)

    async def change(self, name: str, wanted: WantedTopic) -> None:
        """Change what is not None. Raises Refusal."""
        if wanted.partitions is not None:
            await self._admin.create_partitions({name: NewPartitions(wanted.partitions)})
        given = {_RETENTION: wanted.retention_ms, _LARGEST: wanted.largest}
        changes = {key: str(value) for key, value in given.items() if value is not None}
        if not changes:
            return
        # What is not named goes back to its default, so that everything that was given to the topic is given again.
        kept = {key: value for key, (value, source) in (await self._settings(name)).items() if source == _OF_THE_TOPIC}
        resource = ConfigResource(ConfigResourceType.TOPIC, name, configs=kept | changes)
        for answer in await self._admin.alter_configs([resource]):
            for one in answer.resources:
                if one[0]:
                    raise Refusal(for_code(one[0]).__name__)

    async def _described(self, name: str, partitions: int) -> ExistingTopic:
        settings = await self._settings(name)
        return ExistingTopic(partitions, int(settings[_RETENTION][0]), int(settings[_LARGEST][0]))

    async def _settings(self, name: str) -> dict[str, tuple[str, int]]:
        """name -> (value, where it comes from)."""
        (answer,) = await self._admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
        (resource,) = answer.resources
        if resource[0]:
            raise Refusal(for_code(resource[0]).__name__)
        return {entry[0]: (entry[1], entry[3]) for entry in resource[4]}


@asynccontextmanager
async def asking(connection: Connection) -> AsyncIterator[Topics]:
    """Raises Away, Refusal."""
    async with admin_client(connection) as admin:
        yield Topics(admin)


@asynccontextmanager
async def admin_client(connection: Connection) -> AsyncIterator[AIOKafkaAdminClient]:
    """Raises Away where no broker answers."""
    admin = AIOKafkaAdminClient(**connection.client())
    try:
        await admin.start()
        yield admin
    except (KafkaError, OSError) as error:
        raise BrokerUnavailable(type(error).__name__) from error
    finally:
        await admin.close()
