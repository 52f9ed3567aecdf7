"""Behaviour at the limits, on real servers: a full Kafka backlog, and an unreachable store or broker, also at the start."""

from __future__ import annotations

import asyncio
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from deploy.kafka.topics import EVENTS
from shared.adapters.kafka.connection import Connection
from shared.adapters.kafka.topics import Topics, WantedTopic, admin_client
from tests.end_to_end.test_full_mode import Process, owner, serving, settled
from tests.support.process import HUIYIN, clean_environment, huiyin
from tests.support.servers import kafka, mongodb
from tests.support.servers.kafka import Kafka
from tests.support.servers.mongodb import ReplicaSet

pytestmark = [pytest.mark.needs_kafka, pytest.mark.needs_mongo, pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture
def place(tmp_path: Path) -> dict[str, str]:
    secrets = tmp_path / "secrets"
    secrets.mkdir(mode=0o700)
    name = uuid4().hex[:8]
    return {
        "HUIYIN_KAFKA_BOOTSTRAP": kafka.bootstrap(),
        "HUIYIN_KAFKA_PREFIX": f"{kafka.PREFIX}{name}-",
        "HUIYIN_MONGODB_URL": mongodb.url(),
        "HUIYIN_MONGODB_NAME": f"{mongodb.PREFIX}{name}",
        "HUIYIN_SECRETS": str(secrets),
    }


def eventually(what: Callable[[], bool], seconds: float = 90) -> None:
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, "it never came to that"
        time.sleep(0.1)


def submit(one: Process, item: str) -> httpx.Response:
    filing = {"channel": "web", "item": item, "text": "路灯不亮", "place": "dh-yl", "subject": "0102"}
    with owner(one.data) as http:
        return http.post("/v1/submissions", json=filing, headers={"x-huiyin-as": "registrar:xfj"})


def activated(one: Process, place: dict[str, str]) -> None:
    assert huiyin("policy", "activate", "demo", "--data", str(one.data), **place).returncode == 0


@pytest.mark.nightly
def test_filings_over_limit_are_refused_at_once_and_accepted_later(tmp_path: Path, place: dict[str, str]) -> None:
    """R09: accepted filings are delivered, refused ones can be sent again."""
    broker = Kafka(1)
    here = {**place, "HUIYIN_KAFKA_BOOTSTRAP": broker.bootstrap, "HUIYIN_UNPUBLISHED_LIMIT": "40"}
    try:
        assert huiyin("topics", "apply", **here).returncode == 0
        with ExitStack() as stack:
            one = stack.enter_context(serving("all", tmp_path, here))
            activated(one, here)
            settled([one])
            broker.signal(signal.SIGSTOP)
            try:
                taken = 0
                while (answer := submit(one, f"full-{taken}")).status_code == 201:
                    taken += 1
                    assert taken < 400, "it accepts without end"
                assert taken >= 20, "as long as there is room it accepts, though Kafka is away"
                assert (answer.status_code, answer.json()["code"]) == (503, "unpublished_full")
                assert int(answer.headers["retry-after"]) > 0
                began = time.monotonic()
                assert submit(one, "full-x").status_code == 503
                assert time.monotonic() - began < 1, "no broker and no query is waited for"
                found = one.ready()
                assert not found["ready"] and "unpublished_full" in found["reasons"]
            finally:
                broker.signal(signal.SIGCONT)
            eventually(lambda: submit(one, f"full-{taken}").status_code == 201)
            settled([one])
            with owner(one.data) as http:
                listed = http.get("/v1/cases?limit=200", headers={"x-huiyin-as": "supervisor:xfj"}).json()["cases"]
            assert len(listed) == min(200, taken + 1)
            assert {case["state"] for case in listed} == {"dispatched"}
    finally:
        broker.stop()


@contextmanager
def started(folder: Path, place: dict[str, str], port: int) -> Iterator[subprocess.Popen[str]]:
    command = [HUIYIN, "serve", "all", "--data", str(folder / "data"), "--port", str(port)]
    with (folder / "out").open("w") as out, (folder / "err").open("w") as err:
        process = subprocess.Popen(command, stdout=out, stderr=err, text=True, env={**clean_environment(), **place})
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def test_service_starts_without_store_reports_it_and_resumes_when_available(
    tmp_path: Path, place: dict[str, str]
) -> None:
    store = ReplicaSet(1)
    (member,) = store.members
    port, ops_port = kafka.free_ports(2)
    here = {**place, "HUIYIN_MONGODB_URL": store.url, "HUIYIN_OPS_PORT": str(ops_port)}
    base = f"http://127.0.0.1:{port}"

    def ready() -> dict[str, Any]:
        try:
            found: dict[str, Any] = httpx.get(f"http://127.0.0.1:{ops_port}/readyz", timeout=10).json()
        except httpx.TransportError:
            return {"ready": False, "reasons": []}
        return found

    try:
        assert huiyin("topics", "apply", **here).returncode == 0
        member.kill()
        with started(tmp_path, here, port) as process:
            eventually(lambda: ready()["reasons"] == ["log_away"])
            assert httpx.get(f"{base}/livez").status_code == 200
            assert httpx.get(f"{base}/readyz").status_code == 503, "refused like every request, without a reason"
            answer = httpx.post(f"{base}/v1/submissions", json={})
            assert (answer.status_code, answer.json()["code"]) == (503, "log_away")
            assert int(answer.headers["retry-after"]) > 0
            member.start()
            store.wait_for_primary()
            eventually(lambda: bool(ready()["ready"]))
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
        assert "Traceback" not in (tmp_path / "err").read_text()
        member.kill()
        with started(tmp_path, here, port) as process:  # stopped while it waits
            eventually(lambda: ready()["reasons"] == ["log_away"])
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
    finally:
        store.stop()


def test_requests_are_refused_within_two_seconds_while_store_is_unresponsive(
    tmp_path: Path, place: dict[str, str]
) -> None:
    """R14: no backlog grows while MongoDB is unresponsive, and work resumes afterwards."""
    store = ReplicaSet(1)
    (member,) = store.members
    here = {**place, "HUIYIN_MONGODB_URL": store.url}
    try:
        assert huiyin("topics", "apply", **here).returncode == 0
        with ExitStack() as stack:
            one = stack.enter_context(serving("all", tmp_path, here))
            activated(one, here)
            settled([one])
            assert submit(one, "before").status_code == 201
            before = resident(one)
            member.signal(signal.SIGSTOP)
            try:
                began = time.monotonic()
                eventually(lambda: "log_away" in one.ready()["reasons"])
                seconds = time.monotonic() - began
                print(f"/readyz turned after {seconds:.1f} s")
                assert seconds < 6, "the promise is 3 s; the machine is shared"
                for attempt in range(5):
                    began = time.monotonic()
                    answer = submit(one, f"silent-{attempt}")
                    assert (answer.status_code, answer.json()["code"]) == (503, "log_away")
                    assert answer.headers["retry-after"]
                    assert time.monotonic() - began < 4, "the promise is 2 s; the machine is shared"
            finally:
                member.signal(signal.SIGCONT)
            eventually(lambda: submit(one, "after").status_code == 201)
            settled([one])
            assert resident(one) - before < 100 * 1024 * 1024
    finally:
        store.stop()


def test_unknown_mongodb_user_is_distinguished_from_unreachable_mongodb(tmp_path: Path, place: dict[str, str]) -> None:
    port, ops_port = kafka.free_ports(2)
    here = {
        **place,
        "HUIYIN_OPS_PORT": str(ops_port),
        "HUIYIN_MONGODB_URL": place["HUIYIN_MONGODB_URL"].replace("mongodb://", "mongodb://svc:pa55word@"),
    }

    def said() -> dict[str, Any]:
        try:
            found: dict[str, Any] = httpx.get(f"http://127.0.0.1:{ops_port}/readyz", timeout=10).json()
        except httpx.TransportError:
            return {}
        return found

    with started(tmp_path, here, port) as process:
        eventually(lambda: said().get("reasons") == ["store_login_refused"])
        assert httpx.post(f"http://127.0.0.1:{port}/v1/submissions", json={}).status_code == 503
        assert process.poll() is None
    assert "Traceback" not in (tmp_path / "err").read_text() and "pa55word" not in (tmp_path / "err").read_text()


def resident(one: Process) -> int:
    """Bytes of memory."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{one.process.pid}/status").read_text())
    assert found
    return int(found[1]) * 1024


def test_topic_with_too_few_partitions_is_named(tmp_path: Path, place: dict[str, str]) -> None:
    async def make() -> None:
        async with admin_client(Connection(place["HUIYIN_KAFKA_BOOTSTRAP"])) as admin:
            brokers = Topics(admin)
            await brokers.create(place["HUIYIN_KAFKA_PREFIX"] + EVENTS, WantedTopic(6, 1, -1, 4_194_304))

    asyncio.run(make())
    with serving("routing", tmp_path, place) as one:
        eventually(lambda: one.ready()["reasons"] == [f"too_few_partitions:{place['HUIYIN_KAFKA_PREFIX']}{EVENTS}"])


@pytest.mark.nightly
def test_rejected_kafka_login_is_distinguished_from_unreachable_kafka(tmp_path: Path, place: dict[str, str]) -> None:
    broker = Kafka(1, users={"svc": "right"})
    here = {
        **place,
        "HUIYIN_KAFKA_BOOTSTRAP": broker.bootstrap,
        "HUIYIN_KAFKA_SECURITY": "SASL_PLAINTEXT",
        "HUIYIN_KAFKA_USER": "svc",
        "HUIYIN_KAFKA_PASSWORD": "wrong",
    }
    try:
        with serving("routing", tmp_path, here) as one:
            eventually(lambda: one.ready()["reasons"] == ["login_refused"])
            broker.signal(signal.SIGSTOP)
            try:
                eventually(lambda: one.ready()["reasons"] == ["broker_away"])
            finally:
                broker.signal(signal.SIGCONT)
    finally:
        broker.stop()
