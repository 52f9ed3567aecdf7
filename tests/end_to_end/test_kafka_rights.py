"""Who may do what in Kafka, on a real broker that checks it: our services with their rights alone, and another organisation that
tries everything."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    KafkaConnectionError,
    TopicAuthorizationFailedError,
)
from aiokafka.structs import ConsumerRecord, TopicPartition

from deploy.kafka.acls import rights
from deploy.kafka.topics import Topic
from shared.adapters.kafka.acls import Acl, AclAdmin
from shared.adapters.kafka.connection import Connection
from shared.adapters.kafka.inbound import KafkaInbound
from shared.adapters.kafka.outbox_relay import RELAYS, OutboxRelay
from shared.adapters.kafka.topics import Refusal, admin_client
from shared.adapters.memory import MemoryEventStore, MemoryReadModels
from shared.adapters.system_clock import SystemClock
from shared.eventstore.recorded_event import RecordedEvent
from shared.messaging.member import Member
from shared.messaging.partner_topics import InboundMessage, OutboundMessage, OutboundTopic
from tests.end_to_end.test_full_mode import asked, owner, serving, settled, ways
from tests.support.commits import history
from tests.support.process import huiyin
from tests.support.servers import mongodb
from tests.support.servers.kafka import Kafka

pytestmark = [pytest.mark.needs_kafka, pytest.mark.slow, pytest.mark.timeout(600)]
ADMIN = "admin"
SERVICES = ("intake", "routing", "supervision", "analytics")
PREFIX = "whole-"
"""Of the deployment whose services run here."""
_SERVICES = tuple(f"{prefix}svc-{service}" for service in SERVICES for prefix in ("", PREFIX))
USERS = (
    ADMIN,
    *_SERVICES,
    "dept-cn-demo.wj",
    "dept-cn-demo.zj",
    "dept-cn-demo.zj-2",
    "platform-cn-demo.hn",
    "platform-cn-demo.gd",
)
PASSWORDS = {user: uuid4().hex for user in USERS}
MEMBERS = {
    "organisation": [Member("cn-demo", code) for code in ("wj", "zj", "zj-2")],
    "platform": [Member("cn-demo", code) for code in ("hn", "gd")],
}
CORE = "case-events"


def _topic(name: str, read: tuple[str, ...], write: tuple[str, ...]) -> Topic:
    return Topic(name=name, holds="x", key="y", partitions=1, retention=90, read=read, write=write)


OURS = tuple(f"svc-{service}" for service in SERVICES)
EVERY = (
    _topic(CORE, OURS, OURS[:3]),
    # A publisher of a stream reads the last record of the topic to find its position.
    _topic(
        "assignments.{jurisdiction}.{organisation}",
        ("dept-{jurisdiction}.{organisation}", "svc-routing"),
        ("svc-routing",),
    ),
    _topic("actions.{jurisdiction}.{organisation}", ("svc-routing",), ("dept-{jurisdiction}.{organisation}",)),
    _topic("submissions.{jurisdiction}.{platform}", ("svc-intake",), ("platform-{jurisdiction}.{platform}",)),
    _topic("updates.{jurisdiction}.{platform}", ("platform-{jurisdiction}.{platform}", "svc-intake"), ("svc-intake",)),
)
"""Every kind of topic that a deployment has."""


class Cluster:
    """A broker with authentication and authorisation, and the operations of one user."""

    def __init__(self) -> None:
        self.kafka = Kafka(users=PASSWORDS)

    def connection(self, user: str, password: str | None = None) -> Connection:
        return Connection(self.kafka.bootstrap, "SASL_PLAINTEXT", user, password or PASSWORDS[user])

    def place(self, user: str) -> dict[str, str]:
        """The same as settings of a process."""
        return {
            "HUIYIN_KAFKA_BOOTSTRAP": self.kafka.bootstrap,
            "HUIYIN_KAFKA_SECURITY": "SASL_PLAINTEXT",
            "HUIYIN_KAFKA_USER": user,
            "HUIYIN_KAFKA_PASSWORD": PASSWORDS[user],
        }

    @asynccontextmanager
    async def admin(self, user: str) -> AsyncIterator[AIOKafkaAdminClient]:
        client = AIOKafkaAdminClient(**self.connection(user).client())
        await client.start()
        try:
            yield client
        finally:
            await client.close()

    async def produce(self, user: str, topic: str, password: str | None = None) -> None:
        """As our own publisher does: idempotent, awaited."""
        producer = AIOKafkaProducer(
            **self.connection(user, password).client(), acks="all", enable_idempotence=True, request_timeout_ms=10_000
        )
        try:
            await producer.start()
            await producer.send_and_wait(topic, b"x", key=b"k")
        finally:
            await producer.stop()

    async def consume(self, user: str, topic: str, group: str) -> ConsumerRecord:
        consumer = AIOKafkaConsumer(
            topic,
            group_id=group,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            **self.connection(user).client(),
        )
        try:
            await consumer.start()
            return await asyncio.wait_for(consumer.getone(), 30)
        finally:
            await consumer.stop()


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    made = Cluster()
    asyncio.run(_prepare(made))
    yield made
    made.kafka.stop()


async def _prepare(cluster: Cluster) -> None:
    names = [CORE]
    for topic in EVERY[1:]:
        kind = "organisation" if "organisation" in topic.name else "platform"
        names += [member.topic(topic.name.partition(".")[0]) for member in MEMBERS[kind]]
    async with cluster.admin(ADMIN) as client:
        await client.create_topics([NewTopic(name, 1, 1) for name in names])
    async with admin_client(cluster.connection(ADMIN)) as admin:
        brokers = AclAdmin(admin)
        await brokers.give(rights(EVERY, MEMBERS))
    for name in names:  # something to read in each
        await _soon(cluster, name)


async def _soon(cluster: Cluster, topic: str) -> None:
    """Retry, since the broker applies new topics and rights with a delay."""
    until = time.monotonic() + 60
    while True:
        try:
            await cluster.produce(ADMIN, topic)
        except Exception:
            if time.monotonic() > until:
                raise
            await asyncio.sleep(0.2)
        else:
            return


async def test_organisation_reads_and_writes_its_own_topics(cluster: Cluster) -> None:
    for _jurisdiction, code in MEMBERS["organisation"]:
        record = await cluster.consume(
            f"dept-cn-demo.{code}", f"assignments.cn-demo.{code}", f"dept-cn-demo.{code}.office"
        )
        assert record.value == b"x"
        await cluster.produce(f"dept-cn-demo.{code}", f"actions.cn-demo.{code}")
        assert await cluster.consume("svc-routing", f"actions.cn-demo.{code}", "svc-routing")
        await cluster.produce("svc-routing", f"assignments.cn-demo.{code}")
    await cluster.produce("platform-cn-demo.hn", "submissions.cn-demo.hn")
    await cluster.produce("svc-intake", "updates.cn-demo.gd")
    assert await cluster.consume("platform-cn-demo.gd", "updates.cn-demo.gd", "platform-cn-demo.gd.1")
    assert await cluster.consume("svc-intake", "submissions.cn-demo.hn", "svc-intake")


@pytest.mark.parametrize(
    ("user", "topic"),
    [
        ("dept-cn-demo.zj", "assignments.cn-demo.wj"),
        ("dept-cn-demo.zj", "assignments.cn-demo.zj-2"),
        ("dept-cn-demo.zj", "actions.cn-demo.wj"),
        ("dept-cn-demo.zj", "actions.cn-demo.zj"),
        ("dept-cn-demo.zj", "updates.cn-demo.hn"),
        ("dept-cn-demo.zj", CORE),
        ("platform-cn-demo.gd", "updates.cn-demo.hn"),
        ("platform-cn-demo.gd", "submissions.cn-demo.hn"),
        ("platform-cn-demo.gd", CORE),
        ("svc-intake", "actions.cn-demo.zj"),
        ("svc-routing", "submissions.cn-demo.hn"),
        ("svc-analytics", "assignments.cn-demo.zj"),
    ],
)
async def test_reading_topics_of_others_is_denied(cluster: Cluster, user: str, topic: str) -> None:
    with pytest.raises(TopicAuthorizationFailedError):
        await cluster.consume(user, topic, f"{user}.own")


@pytest.mark.parametrize(
    ("user", "topic"),
    [
        ("dept-cn-demo.zj", "assignments.cn-demo.wj"),
        ("dept-cn-demo.zj", "assignments.cn-demo.zj"),
        ("dept-cn-demo.zj", "actions.cn-demo.wj"),
        ("dept-cn-demo.zj", "actions.cn-demo.zj-2"),
        ("dept-cn-demo.zj", CORE),
        ("dept-cn-demo.zj", "submissions.cn-demo.hn"),
        ("platform-cn-demo.gd", "submissions.cn-demo.hn"),
        ("platform-cn-demo.gd", "updates.cn-demo.gd"),
        ("svc-analytics", CORE),
        ("svc-supervision", "assignments.cn-demo.zj"),
        ("svc-intake", "assignments.cn-demo.zj"),
        ("svc-routing", "updates.cn-demo.hn"),
    ],
)
async def test_writing_topics_of_others_is_denied(cluster: Cluster, user: str, topic: str) -> None:
    with pytest.raises((TopicAuthorizationFailedError, ClusterAuthorizationFailedError)):  # the latter: writes nowhere
        await cluster.produce(user, topic)


@pytest.mark.parametrize(
    "group",
    [
        "dept-cn-demo.wj",
        "dept-cn-demo.wj.office",
        "dept-cn-demo.zj-2.office",
        "svc-routing",
        "dept-cn-demo.zjx",
        "anything",
    ],
)
async def test_joining_consumer_groups_of_others_is_denied(cluster: Cluster, group: str) -> None:
    with pytest.raises(GroupAuthorizationFailedError):
        await cluster.consume("dept-cn-demo.zj", "assignments.cn-demo.zj", group)
    async with cluster.admin("dept-cn-demo.zj") as client:
        with pytest.raises(GroupAuthorizationFailedError):
            await client.list_consumer_group_offsets(group, partitions=[TopicPartition("assignments.cn-demo.zj", 0)])


async def test_organisation_topic_adapters_work_with_routing_rights(cluster: Cluster) -> None:
    letters: list[InboundMessage] = []

    async def answer(batch: Sequence[InboundMessage]) -> None:
        letters.extend(batch)

    async def lines(_name: str, events: Sequence[RecordedEvent]) -> list[OutboundMessage]:
        return [OutboundMessage(one.version, "k", "told", b"{}", one.recorded_at) for one in events]

    async def members() -> list[Member]:
        return [Member("cn-demo", "zj")]

    log, views, clock = MemoryEventStore(outbox=True), MemoryReadModels(), SystemClock()
    views.declare(RELAYS)
    await views.start()
    for commit in history("inbox/cn-demo/zj", 3):
        await log.append(commit)
    routing = cluster.connection("svc-routing")
    arriving = KafkaInbound(routing, "actions", "routing.actions", answer, instance="one", ended=pytest.fail)
    route = OutboundTopic("inbox/", "assignments", members, lines)
    for _ in range(2):  # the second time its row is missing, and the topic gives the position
        relay = OutboxRelay(log, views, routing, [route], clock=clock, instance="one", look=0.2)
        await relay.start()
        until = time.monotonic() + 60
        while await relay._late(route, {"inbox/cn-demo/zj"}):
            assert time.monotonic() < until, relay.missing
            await asyncio.sleep(0.1)
        await relay.stop()
        assert relay.missing == frozenset()
        views = MemoryReadModels()
        views.declare(RELAYS)
        await views.start()
    assert relay.sent == 0, "nothing twice"
    await arriving.start()
    try:
        await cluster.produce("dept-cn-demo.zj", "actions.cn-demo.zj")
        until = time.monotonic() + 60
        while "zj" not in {one.owner.code for one in letters}:
            assert time.monotonic() < until, letters
            await asyncio.sleep(0.1)
    finally:
        await arriving.stop()


async def test_topic_names_of_others_are_hidden(cluster: Cluster) -> None:
    await cluster.consume("dept-cn-demo.wj", "assignments.cn-demo.wj", "dept-cn-demo.wj.office")
    async with cluster.admin("dept-cn-demo.zj") as client:
        assert set(await client.list_topics()) == {"assignments.cn-demo.zj", "actions.cn-demo.zj"}
        there, not_there = (
            await client.describe_topics(["assignments.cn-demo.wj"]),
            await client.describe_topics(["assignments.cn-demo.no"]),
        )
        assert there[0]["error_code"] == not_there[0]["error_code"] == TopicAuthorizationFailedError.errno
        groups = {name for name, _kind in await client.list_consumer_groups()}
        assert all(name.startswith("dept-cn-demo.zj.") for name in groups)


async def test_only_administrator_creates_or_deletes_topics_and_grants_rights(cluster: Cluster) -> None:
    for user in ("dept-cn-demo.zj", "svc-routing"):
        async with cluster.admin(user) as client:
            made = await client.create_topics([NewTopic("actions.cn-demo.new", 1, 1)])
            dropped = await client.delete_topics(["actions.cn-demo.zj"])
            codes = [made.topic_errors[0][1], dropped.topic_error_codes[0][1]]
            assert codes == [TopicAuthorizationFailedError.errno] * 2
        async with admin_client(cluster.connection(user)) as admin:
            brokers = AclAdmin(admin)
            with pytest.raises(Refusal, match=ClusterAuthorizationFailedError.__name__):
                await brokers.give([Acl(user, "topic", CORE, False, "Read")])
            with pytest.raises(Refusal, match=ClusterAuthorizationFailedError.__name__):
                await brokers.of({"dept-cn-demo.wj"})


async def test_wrong_password_is_rejected(cluster: Cluster) -> None:
    with pytest.raises(KafkaConnectionError):
        await cluster.produce("dept-cn-demo.zj", "actions.cn-demo.zj", password="wrong")


def test_missing_rights_are_granted_and_extra_rights_reported(cluster: Cluster) -> None:
    prefix = f"{uuid4().hex[:6]}-"
    place = {**cluster.place(ADMIN), "HUIYIN_KAFKA_PREFIX": prefix}
    done = huiyin("topics", "acls", "--apply", "--json", **place)
    assert done.returncode == 0, done.stderr
    given = json.loads(done.stdout)["given"]
    assert f"{prefix}{CORE}" in {
        one["name"] for one in given if one["kind"] == "topic" and one["user"] == f"{prefix}svc-routing"
    }
    assert "权限与配置一致" in huiyin("topics", "acls", "--apply", **place).stdout
    more = Acl(f"{prefix}svc-analytics", "topic", f"{prefix}{CORE}", False, "Write")

    async def give() -> None:
        async with admin_client(cluster.connection(ADMIN)) as admin:
            brokers = AclAdmin(admin)
            await brokers.give([more])

    asyncio.run(give())
    done = huiyin("topics", "acls", "--apply", "--json", **place)
    assert done.returncode == 1, "a right that the file does not give is left to people"
    assert json.loads(done.stdout) == {"given": [], "more": [more._asdict()]}
    done = huiyin("topics", "acls", "--apply", **{**place, **cluster.place("dept-cn-demo.zj")})
    assert done.returncode == 1 and "ClusterAuthorizationFailedError" in done.stderr


@pytest.mark.nightly
@pytest.mark.needs_mongo
def test_four_services_work_with_their_own_rights(cluster: Cluster, tmp_path: Path) -> None:
    shared: Mapping[str, str] = {
        "HUIYIN_MONGODB_URL": mongodb.url(),
        "HUIYIN_MONGODB_NAME": f"{mongodb.PREFIX}{uuid4().hex[:8]}",
        "HUIYIN_SECRETS": str(tmp_path / "secrets"),
        "HUIYIN_KAFKA_PREFIX": PREFIX,
    }
    (tmp_path / "secrets").mkdir()
    for command in (("topics", "apply"), ("topics", "acls", "--apply")):
        done = huiyin(*command, **{**shared, **cluster.place(ADMIN)})
        assert done.returncode == 0, done.stderr
    with ExitStack() as stack:
        running = [
            stack.enter_context(serving(service, tmp_path, {**shared, **cluster.place(f"{PREFIX}svc-{service}")}))
            for service in SERVICES
        ]
        intake, _routing, supervision, analytics = running
        place = {**shared, **cluster.place(f"{PREFIX}svc-intake")}
        done = huiyin("policy", "activate", "demo", "--data", str(intake.data), **place)
        assert done.returncode == 0, done.stderr
        words = ("--item", "rights-1", "--place", "dh-yl", "--subject", "0102", "--text", "路灯不亮")
        done = huiyin("submit", *words, "--data", str(intake.data), **place)
        assert done.returncode == 0, done.stderr
        settled(running)
        (way,) = ways(intake.data)
        assert {"CaseRegistered", "CaseClassified", "AssignmentDelivered"} <= set(way), way
        figures = asked(analytics.data, "GET", "/v1/stats?measures=registered&period=all")
        assert figures["cases"] == 1, figures
        for one in running:
            assert one.ready()["reasons"] == [], one.data.name
            assert asked(one.data, "GET", "/local/parked")["parked"] == []
        with owner(supervision.data) as client:
            shown = client.get("/metrics").text
        assert "huiyin_unpublished_commits 0.0" in shown and "huiyin_publish_lag_seconds 0.0" in shown
