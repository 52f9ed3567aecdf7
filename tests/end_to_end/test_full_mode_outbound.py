"""Files, messages and webhooks on a real MongoDB and Kafka: every file opens, the webhook of two processes gets every entry once
and in order while its keys are renewed and another endpoint is dead, and no canary is on a topic or in a database."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

import bson
import httpx
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from pymongo import MongoClient
from standardwebhooks import Webhook, WebhookVerificationError

from shared.eventstore.file_encryption import CHUNK
from tests.end_to_end.test_full_mode import Process, owner, serving, settled
from tests.support.canaries import Canaries
from tests.support.process import huiyin
from tests.support.servers import kafka, mongodb

pytestmark = [
    pytest.mark.needs_kafka,
    pytest.mark.needs_mongo,
    pytest.mark.slow,
    pytest.mark.nightly,
    pytest.mark.timeout(900),
]
CASES = 8
DESK, ZJ = {"x-huiyin-as": "registrar:xfj"}, {"x-huiyin-as": "organisation:zj"}


@contextmanager
def receiving(secrets: list[str]) -> Iterator[tuple[int, list[str], list[int]]]:
    """A receiver that knows the last of these secrets only: its port, the ids that it took, and the answers that it gave."""
    taken: list[str] = []
    answered: list[int] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            try:
                Webhook(secrets[-1]).verify(body, {name.lower(): value for name, value in self.headers.items()})
                taken.append(self.headers["webhook-id"])
                status = 204
            except WebhookVerificationError:
                status = 401
            answered.append(status)
            self.send_response(status)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port, taken, answered
        server.shutdown()


@contextmanager
def silent() -> Iterator[int]:
    """A port that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield int(server.getsockname()[1])


def ask(one: Process, method: str, path: str, by: dict[str, str], **more: Any) -> httpx.Response:
    with owner(one.data) as client:
        answer = client.request(method, path, headers={**by, **more.pop("headers", {})}, **more)
    assert answer.is_success, answer.text
    return answer


def filed(one: Process, birds: Canaries, number: int) -> tuple[str, bytes]:
    """A case with one file of several pieces."""
    content = (birds.new(f"content {number}") * 20_000).encode()[: 4 * CHUNK + number]
    name = f"attachment; filename*=UTF-8''canary{number}"
    headers = {"Upload-Id": f"file-{number}", "Content-Disposition": name}
    ask(one, "POST", "/v1/files", DESK, content=content.decode("utf-8", "ignore").encode(), headers=headers)
    filing = {
        "channel": "web",
        "item": f"out-{number}",
        "text": birds.new(f"text {number}"),
        "place": "dh-yl",
        "subject": "0102",
        "files": [f"file-{number}"],
        "petitioner": {"name": birds.new(f"name {number}"), "phone": f"1389900{number:04}"},
    }
    case = ask(one, "POST", "/v1/submissions", DESK, json=filing).json()["case"]
    return case, content.decode("utf-8", "ignore").encode()


async def on_topics(prefix: str) -> bytes:
    """Every byte of every record of the topics with this prefix."""
    found = bytearray()
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap())
    await admin.start()
    try:
        named = [topic for topic in await admin.list_topics() if topic.startswith(prefix)]
        parts = [
            TopicPartition(topic["topic"], part["partition"])
            for topic in await admin.describe_topics(named)
            for part in topic["partitions"]
        ]
    finally:
        await admin.close()
    async with AIOKafkaConsumer(bootstrap_servers=kafka.bootstrap(), enable_auto_commit=False) as consumer:
        consumer.assign(parts)
        await consumer.seek_to_beginning(*parts)
        ends = await consumer.end_offsets(parts)
        while any([await consumer.position(part) < end for part, end in ends.items()]):
            for records in (await consumer.getmany(timeout_ms=1000)).values():
                for record in records:
                    found += (record.key or b"") + b"\0" + (record.value or b"") + repr(record.headers).encode()
    return bytes(found)


def in_databases(prefix: str) -> Iterator[tuple[str, bytes]]:
    """Every document of the databases with this prefix, and its place."""
    with MongoClient[dict[str, Any]](mongodb.url()) as client:
        for name in client.list_database_names():
            if name.startswith(prefix):
                for collection in client[name].list_collection_names():
                    for document in client[name][collection].find():
                        yield f"{name}.{collection}", bson.encode(document)


def test_files_and_webhooks_in_the_full_mode(tmp_path: Path) -> None:
    name, birds = uuid4().hex[:8], Canaries()
    (tmp_path / "secrets").mkdir()
    place = {
        "HUIYIN_KAFKA_BOOTSTRAP": kafka.bootstrap(),
        "HUIYIN_KAFKA_PREFIX": f"{kafka.PREFIX}{name}-",
        "HUIYIN_MONGODB_URL": mongodb.url(),
        "HUIYIN_MONGODB_NAME": f"{mongodb.PREFIX}{name}",
        "HUIYIN_SECRETS": str(tmp_path / "secrets"),
        "HUIYIN_OUTBOUND_NETWORKS": "127.0.0.0/8",
        "HUIYIN_GATEWAY_SMS": f"spool:{tmp_path / 'spool'}",
    }
    assert huiyin("topics", "apply", **place).returncode == 0
    secrets: list[str] = []
    with (
        receiving(secrets) as (port, taken, answered),
        silent() as dead,
        serving("all", tmp_path, {**place, "HUIYIN_INSTANCE": "one"}) as one,
        serving("routing", tmp_path, {**place, "HUIYIN_INSTANCE": "two"}) as two,
    ):
        done = huiyin("policy", "activate", "demo", "--data", str(one.data), **place)
        assert done.returncode == 0, done.stderr
        hooks = [
            ask(
                one,
                "POST",
                "/v1/webhooks",
                ZJ,
                json={"command_id": f"h{each}", "url": f"http://127.0.0.1:{each}/", "after": 0},
            ).json()
            for each in (port, dead)
        ]
        secrets.append(hooks[0]["secret"])
        cases = {}
        for number in range(CASES):
            case, content = filed(one, birds, number)
            cases[case] = content
            if number == CASES // 2:
                new = ask(one, "POST", f"/v1/webhooks/{hooks[0]['id']}:rotate", ZJ).json()
                time.sleep(1)
                secrets.append(new["secret"])
        settled([one, two])
        entries: list[str] = []
        until = time.monotonic() + 120
        while time.monotonic() < until:
            inbox = ask(one, "GET", "/v1/organisations/zj/assignments?limit=200", ZJ).json()
            entries = [f"inbox/cn-demo/zj/{each['id']}" for each in inbox["entries"]]
            if len(taken) >= len(entries) >= CASES:
                break
            time.sleep(0.5)
        assert taken == entries, "each entry once, in order, from two processes"
        assert set(answered) == {204}, "no delivery failed while the keys were renewed"
        for case, content in cases.items():
            (file,) = ask(one, "GET", f"/v1/files/{case}", DESK).json()["files"]
            path = f"/v1/files/{case}/{file['version']}"
            assert ask(one, "GET", path, DESK).content == content
            part = ask(one, "GET", path, DESK, headers={"Range": f"bytes={CHUNK - 5}-{CHUNK + 5}"})
            assert (part.status_code, part.content) == (206, content[CHUNK - 5 : CHUNK + 6])
        metrics = ask(one, "GET", "/metrics", {}).text
    logs = "".join(
        path.read_text() for each in ("all", "routing") for path in tmp_path.glob(f"{each}.*") if path.is_file()
    )
    looked = {"metrics": metrics.encode(), "logs": logs.encode()}
    looked["topics"] = asyncio.run(on_topics(place["HUIYIN_KAFKA_PREFIX"]))
    assert b"FileAttached" in looked["topics"], "otherwise this test sees nothing at all"
    places = [*looked.items(), *in_databases(place["HUIYIN_MONGODB_NAME"])]
    assert len(places) > 50
    for where, data in places:
        assert birds.found_in_bytes(data) == [], where
        assert b"1389900" not in data and b"canary" not in data, where
    mongodb.drop(place["HUIYIN_MONGODB_NAME"])
