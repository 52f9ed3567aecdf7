"""Backup and restore of the full mode as documented: a copy of MongoDB's files, and topics under a new prefix."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from deploy.kafka.topics import EVENTS
from shared.adapters.kafka.connection import Connection
from shared.adapters.kafka.topic_reader import Pieces, reread
from shared.case import STREAM
from tests.end_to_end.test_full_mode import Process, asked, serving, settled
from tests.support.process import huiyin
from tests.support.servers import kafka
from tests.support.servers.mongodb import ReplicaSet

pytestmark = [pytest.mark.needs_kafka, pytest.mark.needs_mongo, pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture
def mongo() -> Iterator[ReplicaSet]:
    made = ReplicaSet()
    yield made
    made.stop()


def place(mongo: ReplicaSet, secrets: Path) -> dict[str, str]:
    """A deployment with unused topic names."""
    found = {
        "HUIYIN_KAFKA_BOOTSTRAP": kafka.bootstrap(),
        "HUIYIN_KAFKA_PREFIX": f"{kafka.PREFIX}{uuid4().hex[:8]}-",
        "HUIYIN_MONGODB_URL": mongo.url,
        "HUIYIN_SECRETS": str(secrets),
    }
    assert huiyin("topics", "apply", **found).returncode == 0
    return found


def file(one: Process, item: str, there: dict[str, str]) -> None:
    words = ("--item", item, "--place", "dh-yl", "--subject", "0102", "--text", f"路灯不亮 {item}")
    done = huiyin("submit", *words, "--data", str(one.data), **there)
    assert done.returncode == 0, done.stderr
    settled([one])


def log_of(one: Process) -> str:
    return str(asked(one.data, "GET", "/local/digest?which=log")["log"])


async def cases_on_topic(there: dict[str, str]) -> set[str]:
    """The cases of which the topic of events holds something."""
    topic = there["HUIYIN_KAFKA_PREFIX"] + EVENTS
    turns = reread(Connection(there["HUIYIN_KAFKA_BOOTSTRAP"]), topic, Pieces())
    return {one.stream async for turn in turns for one in turn.commits if one.stream.startswith(STREAM)}


@pytest.mark.nightly
def test_restored_backup_is_byte_identical_and_operation_resumes(tmp_path: Path, mongo: ReplicaSet) -> None:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    before = place(mongo, secrets)
    (member,) = mongo.members
    with serving("all", tmp_path, before) as one:
        done = huiyin("policy", "activate", "demo", "--data", str(one.data), **before)
        assert done.returncode == 0, done.stderr
        file(one, "kept-1", before)
        file(one, "kept-2", before)
        member.command({"fsync": 1, "lock": True})
        try:
            shutil.copytree(member.folder, tmp_path / "backup")
        finally:
            member.command({"fsyncUnlock": 1})
        kept = log_of(one)
        file(one, "lost-1", before)
        assert log_of(one) != kept
    member.kill()
    shutil.rmtree(member.folder)
    shutil.copytree(tmp_path / "backup", member.folder)
    (member.folder / "mongod.lock").unlink()
    member.start()
    mongo.wait_for_primary()
    after = place(mongo, secrets)
    (tmp_path / "later").mkdir()
    with serving("all", tmp_path / "later", after) as one:
        settled([one])
        assert log_of(one) == kept
        assert asked(one.data, "POST", "/local/verify")["findings"] == []
        assert asked(one.data, "POST", "/local/scrub")["behind"] == 0
        assert asyncio.run(cases_on_topic(after)) == set()
        done = huiyin("topics", "refill", "--json", **after)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["commits"] > 0
        until = time.monotonic() + 120
        while len(asyncio.run(cases_on_topic(after))) < 2:  # the new topic becomes a second copy, too
            assert time.monotonic() < until
        settled([one])
        done = huiyin("rebuild", "--data", str(one.data), **after)
        assert done.returncode == 0, done.stderr
        file(one, "new-1", after)
        assert asked(one.data, "GET", "/local/parked")["parked"] == []
        assert asked(one.data, "GET", "/v1/stats?measures=registered&period=all")["cases"] == 3
