"""`huiyin topics` on a real broker."""

from __future__ import annotations

import asyncio
import json

import pytest

from deploy.kafka.topics import differences, load, spread
from shared.adapters.kafka.connection import Connection
from shared.adapters.kafka.topics import ExistingTopic, Topics, WantedTopic, admin_client
from tests.support.process import huiyin
from tests.support.servers import kafka
from tests.support.topics import admin, fresh_name

pytestmark = pytest.mark.needs_kafka


async def described(brokers: Topics, name: str, wanted: ExistingTopic) -> None:
    """Wait for the description, since brokers apply changes with a delay."""
    for _ in range(200):
        if (await brokers.existing([name])).get(name) == wanted:
            return
        await asyncio.sleep(0.1)
    pytest.fail(f"{await brokers.existing([name])} did not become {wanted}")


async def test_diff_lists_and_apply_creates_topics_without_deleting() -> None:
    prefix = fresh_name() + "-"
    place = {"HUIYIN_KAFKA_BOOTSTRAP": kafka.bootstrap(), "HUIYIN_KAFKA_PREFIX": prefix}
    name = f"{prefix}case-events"
    try:
        done = await asyncio.to_thread(huiyin, "topics", "diff", "--json", **place)
        assert done.returncode == 1
        assert [(one["topic"], one["what"]) for one in json.loads(done.stdout)["differences"]] == [(name, "missing")]
        done = await asyncio.to_thread(huiyin, "topics", "apply", **place)
        assert done.returncode == 0, done.stderr
        async with admin_client(Connection(kafka.bootstrap())) as client:
            brokers = Topics(client)
            whole = ExistingTopic(24, -1, 4194304)
            await described(brokers, name, whole)
            await brokers.change(name, WantedTopic(partitions=30, largest=5_000_000))
            await described(brokers, name, ExistingTopic(30, -1, 5_000_000))
            found = differences(spread(load(prefix=prefix), {}), await brokers.existing([name]), 1)
            assert [(one.what, one.change) for one in found] == [("partitions", None), ("largest", None)]
            await brokers.change(name, WantedTopic(largest=1_000_000))
            await described(brokers, name, ExistingTopic(30, -1, 1_000_000))
        done = await asyncio.to_thread(huiyin, "topics", "apply", "--json", **place)
        assert done.returncode == 1, "the partitions are left to people"
        async with admin_client(Connection(kafka.bootstrap())) as client:
            brokers = Topics(client)
            await described(brokers, name, ExistingTopic(30, -1, 4194304))
    finally:
        async with admin() as client:
            await client.delete_topics([name])


def test_missing_broker_is_reported() -> None:
    (closed,) = kafka.free_ports(1)
    done = huiyin("topics", "diff", HUIYIN_KAFKA_BOOTSTRAP=f"127.0.0.1:{closed}")
    assert done.returncode == 1
    assert "HUIYIN_KAFKA_BOOTSTRAP" in done.stderr
    assert huiyin("topics", "diff").returncode == 2


def test_rights_cannot_be_granted_without_authorizer() -> None:
    done = huiyin("topics", "acls", "--apply", HUIYIN_KAFKA_BOOTSTRAP=kafka.bootstrap())
    assert done.returncode == 1
    assert "SecurityDisabled" in done.stderr


def test_rights_are_printed_without_a_broker() -> None:
    done = huiyin("topics", "acls", HUIYIN_KAFKA_PREFIX="a-")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert all(line.startswith("kafka-acls.sh --bootstrap-server ") for line in lines)
    (written,) = [
        line for line in lines if "User:a-svc-routing" in line and "--operation Write" in line and "events" in line
    ]
    assert written.endswith("--topic a-case-events")
    done = huiyin("topics", "acls", "--organisation", "a.b.c")
    assert done.returncode == 2 and "cannot be part of the name of a topic" in done.stderr
