"""The topics of a platform on a real broker: each submitted record is answered once, and updates match its stream."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import orjson
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import NewTopic

from services.intake.platform_notifications import PlatformNotifications
from services.intake.topics.updates import SUBMISSIONS, TOPIC, route
from shared.adapters.kafka.connection import Connection
from shared.adapters.kafka.inbound import KafkaInbound
from shared.adapters.kafka.outbox_relay import RELAYS, OutboxRelay
from shared.messaging.partner_topics import InboundMessage, MessageHandler
from shared.messaging.platform_updates import reconciled
from tests.support.county import MORNING
from tests.support.platform import OWNER, PLATFORM, filing, submissions
from tests.support.schemas import unfit
from tests.support.servers.kafka import PREFIX, bootstrap
from tests.support.serving import Served, served
from tests.support.topics import admin

pytestmark = [pytest.mark.needs_kafka, pytest.mark.slow]
LARGEST = 2_200_000


class Platform:
    """A platform with its two topics, and this deployment's ends of them."""

    def __init__(self, here: Served, prefix: str) -> None:
        self.here = here
        self.prefix = prefix
        self.sent = 0
        self._updates = PlatformNotifications(here.runtime.handling("intake"))
        here.runtime.ports.views.declare(RELAYS)

    def letters(self, answering: MessageHandler | None = None, instance: str = "one") -> KafkaInbound:
        taken = answering or submissions(self.here.runtime, updates=self._updates)
        connection = Connection(bootstrap())
        return KafkaInbound(
            connection, SUBMISSIONS, "submissions", taken, instance=instance, ended=pytest.fail, prefix=self.prefix
        )

    def relay(self) -> OutboxRelay:
        ports = self.here.runtime.ports
        return OutboxRelay(
            ports.log, ports.views, Connection(bootstrap()), [route(ports)],
            clock=ports.clock, instance="one", prefix=self.prefix, look=0.5,
        )  # fmt: skip

    async def sends(self, *values: Any) -> None:
        async with AIOKafkaProducer(bootstrap_servers=bootstrap(), max_request_size=4_000_000) as producer:
            for value in values:
                data = value if isinstance(value, bytes) or value is None else orjson.dumps(value)
                await producer.send_and_wait(f"{self.prefix}{OWNER.topic(SUBMISSIONS)}", data, key=b"k")
        self.sent += len(values)

    async def reads(self, until: Callable[[list[dict[str, Any]]], bool]) -> list[Any]:
        """Records of the updates topic from its beginning, as a new consumer reads them."""
        place = TopicPartition(f"{self.prefix}{OWNER.topic(TOPIC)}", 0)
        found: list[Any] = []
        async with AIOKafkaConsumer(bootstrap_servers=bootstrap(), auto_offset_reset="earliest") as consumer:
            consumer.assign([place])
            async with asyncio.timeout(90):
                while not until([orjson.loads(record.value) for record in found]):
                    found += [record for part in (await consumer.getmany(timeout_ms=300)).values() for record in part]
        return found

    async def answered(self) -> None:
        """Until every record has its answer, and everything has followed."""
        log = self.here.runtime.ports.log
        async with asyncio.timeout(90):
            while True:
                found = await reconciled(log, OWNER, MORNING.date(), "Asia/Shanghai")
                if found.sent == self.sent:
                    break
                await asyncio.sleep(0.1)
        await self.here.runtime.drain()


@asynccontextmanager
async def platform() -> AsyncIterator[Platform]:
    prefix = f"{PREFIX}{uuid4().hex[:8]}-"
    names = [f"{prefix}{OWNER.topic(kind)}" for kind in (SUBMISSIONS, TOPIC)]
    async with admin() as client:
        made = [NewTopic(name, 1, 1, topic_configs={"max.message.bytes": str(LARGEST)}) for name in names]
        await client.create_topics(made)
    try:
        async with served() as here:
            yield Platform(here, prefix)
    finally:
        async with admin() as client:
            await client.delete_topics(names)


def kinds(records: list[Any]) -> list[str]:
    return [orjson.loads(record.value)["kind"] for record in records]


GARBAGE: dict[str, Any] = {
    "empty_body": b"",
    "not_utf8": b"\xff\x00",
    "not_json": b"{",
    "not_an_object": b"[1]",
    "body_too_large": b"x" * 2_000_000,
    "unknown_channel": filing("G", channel="nowhere"),
    "duplicate_key": b'{"a":1,"a":2}',
    "invalid_request": {**filing("G"), "schema": 2},  # of an unknown major version
    "unknown_case": {"command": "nudge", "command_id": "g-1", "case": f"{PLATFORM}:none"},
}
"""What is refused, and with which code."""


async def test_garbage_duplicate_and_poison_records_are_answered_without_blocking() -> None:
    async with platform() as it:
        letters, relay = it.letters(), it.relay()
        await relay.start()
        await letters.start()
        try:
            foreign = {"command": "nudge", "command_id": "g-2", "case": (await it.here.filed())["case"]}
            await it.sends(filing("P-1"), *GARBAGE.values(), None, foreign, filing("P-2"), filing("P-1"), filing("P-2"))
            await it.answered()
            whole = len(await it.here.runtime.ports.log.load(f"updates/cn-demo/{PLATFORM}"))
            records = await it.reads(lambda found: len(found) >= whole)
        finally:
            await letters.stop()
            await relay.stop()
        told = [orjson.loads(record.value) for record in records]
        assert [one["id"] for one in told] == list(range(1, whole + 1))
        assert unfit("updates", [record.value for record in records]) == []
        answers = [one for one in told if one["record"] is not None]
        assert sorted(one["record"]["offset"] for one in answers) == list(range(it.sent))
        assert Counter((one["kind"], one["repeated"]) for one in answers) == {
            ("registered", False): 2,
            ("registered", True): 2,
            ("refused", False): 10,
            ("refused", True): 1,  # empty, and none at all
        }
        by_place = {one["record"]["offset"]: one for one in answers}
        codes = [by_place[place]["problem"]["code"] for place in range(1, 3 + len(GARBAGE))]
        assert codes == [*GARBAGE, "empty_body", "unknown_case"], "a foreign case is one that does not exist"
        async with it.here.client(key=await it.here.key_of("platform", PLATFORM)) as client:
            it.here.clock.advance(2)
            page = (await client.get(f"/v1/platforms/{PLATFORM}/updates", params={"limit": 200})).json()
        entries = page["entries"]
        without = [{**one, "channel": None, "item": None} for one in entries]
        assert without == told, "the same by topic and over HTTP, but a topic keeps no item after an erasure"
        for record, one in zip(records, told, strict=True):
            headers = dict(record.headers)
            assert headers["ce_sequence"] == str(one["id"]).encode() and record.key == headers["ce_subject"]
            assert b"P-" not in record.key and (one["case"] or "").encode() in (record.key, b"")
        assert {one["item"] for one in entries if one["kind"] == "sent"} == {"P-1", "P-2"}


async def test_platform_replays_from_zero_and_recovers_lost_position() -> None:
    async with platform() as it:
        letters, relay = it.letters(), it.relay()
        await relay.start()
        await letters.start()
        await it.sends(*(filing(f"P-{number}") for number in range(12)))
        await it.answered()
        whole = len(await it.here.runtime.ports.log.load(f"updates/cn-demo/{PLATFORM}"))
        first = await it.reads(lambda found: len(found) >= whole)
        again = await it.reads(lambda found: len(found) >= whole)
        assert [one.value for one in first] == [one.value for one in again] and len(first) == whole == 24
        await relay.stop()
        await it.sends(filing("P-12"))
        await it.answered()
        await it.here.runtime.ports.views.clear(RELAYS.name)  # and with it the position in the topic
        await relay.start()
        records = await it.reads(lambda found: len(found) >= whole + 2)
        assert [orjson.loads(one.value)["id"] for one in records] == list(range(1, whole + 3))
        await letters.stop()
        await relay.stop()


async def test_process_killed_before_offset_commit_answers_once() -> None:
    """Every batch is answered and then fails, three times; and another member takes it all over."""
    async with platform() as it:
        taken = submissions(it.here.runtime)
        failures = 3

        async def failing(letters: list[InboundMessage]) -> None:
            nonlocal failures
            await taken(letters)
            if failures:
                failures -= 1
                raise ConnectionError("before the offset")

        async def answering(letters: Any) -> None:
            await failing(list(letters))

        await it.sends(
            filing("P-1"), b"{", filing("P-1"), {"command": "nudge", "command_id": "n", "case": f"{PLATFORM}:P-1"}
        )
        first = it.letters(answering)
        await first.start()
        await it.answered()
        async with asyncio.timeout(60):
            while failures:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        await first.stop()
        second = it.letters(instance="two")
        await second.start()
        await it.sends(filing("P-2"))
        await it.answered()
        await second.stop()
        answers = [
            (event.body.kind, event.body.record, event.body.repeated)  # type: ignore[union-attr]
            for commit in await it.here.runtime.ports.log.load(f"updates/cn-demo/{PLATFORM}")
            for event in commit.recorded
            if event.body.record is not None  # type: ignore[union-attr]
        ]
        assert sorted(answers, key=str) == sorted(
            [
                ("registered", "0:0", False),
                ("refused", "0:1", False),
                ("registered", "0:2", True),
                ("done", "0:3", False),
                ("registered", "0:4", False),
            ],
            key=str,
        )
