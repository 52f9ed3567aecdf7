"""The lag of groups in a topic, queried from the brokers and not from the consumers, so that a consumer that hangs is noticed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import CommitFailedError, KafkaError, RebalanceInProgressError, UnknownMemberIdError
from aiokafka.structs import OffsetAndMetadata

from shared.adapters.kafka.batches import PartitionName
from shared.adapters.kafka.connection import Connection

ANSWER = 3.0
"""Time limit in seconds for an answer of the brokers."""
LEAVING = 25.0
"""Seconds to wait for a member that has ended: it keeps its partitions for 15 s."""


class BrokerUnavailable(Exception):
    """No broker answers."""


class LoginRefused(BrokerUnavailable):
    """A broker answers and refuses the user or the password."""


class CertificateRefused(BrokerUnavailable):
    """A broker answers, and no CA of the settings has signed its certificate, or it is for another name."""


async def unavailable(connection: Connection, error: BaseException) -> BrokerUnavailable:
    """The error to raise after a client of this connection failed with `error`: it says whether a broker answers and refuses."""
    kinds = {"login": LoginRefused, "certificate": CertificateRefused, None: BrokerUnavailable}
    return kinds[await connection.refused()](type(error).__name__)


class MissingTopic(Exception):
    """The topic does not exist; services create none."""


class GroupInUse(Exception):
    """Another process consumes in this group."""


class ConsumerLag:
    """One admin client and one consumer without a group. Connects at the first query, and again after an error."""

    def __init__(self, connection: Connection, topic: str) -> None:
        self._connection = connection
        self._topic = topic
        self._admin: AIOKafkaAdminClient | None = None
        self._reader: AIOKafkaConsumer | None = None
        self._partitions: list[TopicPartition] = []
        self._turn = asyncio.Lock()

    async def partitions(self) -> int:
        """The number of partitions of the topic. Raises BrokerUnavailable, MissingTopic."""
        async with self._clients() as (admin, _reader):
            await self._find(admin)
            return len(self._partitions)

    async def behind(self, group: str, handled: Mapping[PartitionName, int], assigned: frozenset[PartitionName]) -> int:
        """Number of records that `group` has not handled: in the `assigned` partitions, or in all while none is. `handled`:
        offsets that this process knows better than the broker. Raises BrokerUnavailable, MissingTopic."""
        async with self._clients() as (admin, reader):
            if not self._partitions:
                await self._find(admin)
            wanted = [one for one in self._partitions if not assigned or one in assigned]
            ends = await reader.end_offsets(wanted)
            unknown = [one for one in wanted if one not in handled]
            begun: dict[TopicPartition, int] = {}
            if unknown:
                committed = await admin.list_consumer_group_offsets(group, partitions=unknown)
                begun = {one: at.offset for one, at in committed.items() if at.offset >= 0}
                if fresh := [one for one in unknown if one not in begun]:
                    begun |= await reader.beginning_offsets(fresh)
            return sum(max(0, ends[one] - handled.get(PartitionName(*one), begun.get(one, 0))) for one in wanted)

    async def rewind(self, group: str) -> None:
        """Reset `group` to the first record. Raises BrokerUnavailable, MissingTopic, GroupInUse if it still has a consumer."""
        async with self._clients() as (admin, reader):
            await self._find(admin)
            firsts = await reader.beginning_offsets(self._partitions)
            if not await admin.list_consumer_group_offsets(group):
                return  # it has committed nothing yet
        client = AIOKafkaConsumer(group_id=group, enable_auto_commit=False, **self._connection.client())
        until = time.monotonic() + LEAVING
        try:
            await client.start()
            client.assign(list(firsts))
            while True:
                try:
                    await client.commit({one: OffsetAndMetadata(first, "") for one, first in firsts.items()})
                except (CommitFailedError, RebalanceInProgressError, UnknownMemberIdError) as error:
                    if time.monotonic() > until:
                        raise GroupInUse(f"group {group} is consumed by another process; stop it first") from error
                    await asyncio.sleep(0.5)
                else:
                    return
        except (KafkaError, OSError) as error:
            raise await unavailable(self._connection, error) from error
        finally:
            await client.stop()

    async def close(self) -> None:
        reader, admin, self._reader, self._admin = self._reader, self._admin, None, None
        for closing in (reader.stop() if reader else None, admin.close() if admin else None):
            if closing is not None:
                with suppress(Exception):
                    await asyncio.wait_for(closing, 2)

    @asynccontextmanager
    async def _clients(self) -> AsyncIterator[tuple[AIOKafkaAdminClient, AIOKafkaConsumer]]:
        """Both clients, connected; one query at a time."""
        async with self._turn:
            try:
                async with asyncio.timeout(ANSWER):
                    if self._admin is None or self._reader is None:
                        self._admin = AIOKafkaAdminClient(**self._connection.client())
                        await self._admin.start()
                        self._reader = AIOKafkaConsumer(enable_auto_commit=False, **self._connection.client())
                        await self._reader.start()
                    yield self._admin, self._reader
            except (KafkaError, OSError) as error:  # a TimeoutError is an OSError
                await self.close()
                raise await unavailable(self._connection, error) from error
            except asyncio.CancelledError:
                await self.close()
                raise

    async def _find(self, admin: AIOKafkaAdminClient) -> None:
        if self._topic not in await admin.list_topics():  # a query by name can make some brokers create it
            self._partitions = []
            raise MissingTopic(self._topic)
        (found,) = await admin.describe_topics([self._topic])
        self._partitions = [TopicPartition(self._topic, one["partition"]) for one in found["partitions"]]
