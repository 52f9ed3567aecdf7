"""A department that works through Kafka alone: the example client processes a whole case in a process of its own."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import orjson
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from tests.end_to_end.test_full_mode import Process, asked, owner, serving, settled
from tests.support.deciding import PROOF
from tests.support.process import huiyin
from tests.support.schemas import unfit
from tests.support.servers import kafka, mongodb

pytestmark = [pytest.mark.needs_kafka, pytest.mark.needs_mongo, pytest.mark.slow, pytest.mark.timeout(600)]
CLIENT = Path(__file__).parents[2] / "examples" / "department" / "client.py"
COMPLAINT = "锅炉房夜间噪声很大，居民无法休息，请尽快处理。"


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


def policy(folder: Path) -> Path:
    """The demo county, in which `zj` works through Kafka."""
    made = folder / "policy"
    shutil.copytree(str(files("shared.policy") / "data" / "demo"), made)
    path = made / "organisations.csv"
    rows = list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines()))
    for row in rows:
        if row["code"] == "zj":
            row["delivery"] = "kafka"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return made


def eventually(what: Callable[[], bool], seconds: float = 120) -> None:
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, "it never came to that"
        time.sleep(0.2)


@contextmanager
def client(one: Process, place: dict[str, str], key: str, out: Path) -> Iterator[None]:
    """The example as a process."""
    environment = {
        "PATH": os.environ["PATH"],
        "HUIYIN_KAFKA_BOOTSTRAP": place["HUIYIN_KAFKA_BOOTSTRAP"],
        "HUIYIN_KAFKA_PREFIX": place["HUIYIN_KAFKA_PREFIX"],
        "HUIYIN_URL": one.url,
        "HUIYIN_ACCESS_KEY": key,
    }
    with out.open("w") as stdout, out.with_suffix(".err").open("w") as stderr:
        process = subprocess.Popen(
            [sys.executable, str(CLIENT), "cn-demo", "zj"], stdout=stdout, stderr=stderr, env=environment
        )
        try:
            yield
            assert process.poll() is None, out.with_suffix(".err").read_text()
        finally:
            process.kill()
            process.wait()


def entries(out: Path) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in out.read_text().splitlines()]


def state(one: Process, case: str) -> str:
    with owner(one.data) as http:
        found = http.get(f"/v1/cases/{case}?content=false", headers={"x-huiyin-as": "supervisor:xfj"})
    return str(found.json()["state"])


def act(one: Process, as_: str, case: str, command: str, **fields: Any) -> httpx.Response:
    with owner(one.data) as http:
        body = {"command": command, "command_id": f"{command}-{uuid4().hex[:6]}", **fields}
        return http.post(f"/v1/cases/{case}/commands", json=body, headers={"x-huiyin-as": as_})


async def records(place: dict[str, str], topic: str) -> list[Any]:
    """The records in the topic."""
    partition = TopicPartition(place["HUIYIN_KAFKA_PREFIX"] + topic, 0)
    found: list[Any] = []
    async with AIOKafkaConsumer(bootstrap_servers=place["HUIYIN_KAFKA_BOOTSTRAP"]) as consumer:
        consumer.assign([partition])
        await consumer.seek_to_beginning(partition)
        end = (await consumer.end_offsets([partition]))[partition]
        while await consumer.position(partition) < end:
            found += [one for part in (await consumer.getmany(timeout_ms=300)).values() for one in part]
    return found


@pytest.mark.nightly
async def test_full_case_lifecycle_runs_through_two_topics(tmp_path: Path, place: dict[str, str]) -> None:
    with ExitStack() as stack:
        one = stack.enter_context(serving("all", tmp_path, place))
        assert huiyin("topics", "apply", **place).returncode == 0
        done = huiyin("policy", "activate", str(policy(tmp_path)), "--data", str(one.data), **place)
        assert done.returncode == 0, done.stderr
        told = ("--item", "k-1", "--place", "dh-yl", "--subject", "0102", "--text", COMPLAINT, "--data", str(one.data))
        filed = huiyin("submit", *told, "--json", **place)
        assert filed.returncode == 0, filed.stderr
        case = orjson.loads(filed.stdout)["case"]
        eventually(lambda: state(one, case) == "dispatched")
        eventually(lambda: any(note.startswith("topic_missing:") for note in one.ready()["notes"]))
        assert one.ready()["ready"], "the assignment stands in the outbox: nothing is held up"

        assert huiyin("topics", "diff", **place).returncode == 1
        assert huiyin("topics", "apply", **place).returncode == 0
        assert huiyin("topics", "diff", **place).returncode == 0
        made = huiyin("keys", "add", "organisation", "zj", "--json", "--data", str(one.data), **place)
        out = tmp_path / "client.out"
        stack.enter_context(client(one, place, orjson.loads(made.stdout)["key"], out))
        eventually(lambda: any(entry["command"] == "ask_extension" for entry in entries(out)))
        assert act(one, "head:zj", case, "grant_extension", days=10, approver="局长").status_code == 200
        eventually(lambda: any(entry["command"] == "confirm_execution" for entry in entries(out)))
        for as_, command, fields in (
            ("registrar:xfj", "evaluate", {"object": "organisation", "grade": "satisfied", **PROOF}),
            ("registrar:hfzx", "follow_up", {"reached": True, "satisfied": True}),
            ("supervisor:xfj", "close", {"kind": "resolved_confirmed"}),
        ):
            answer = act(one, as_, case, command, **fields)
            assert answer.status_code == 200, answer.text
        eventually(lambda: any(entry["kind"] == "closed" for entry in entries(out)))
        settled([one])

        with owner(one.data) as http:
            shown = http.get(f"/v1/cases/{case}", headers={"x-huiyin-as": "organisation:zj"}).json()
            pulled = http.get("/v1/organisations/zj/assignments?limit=200", headers={"x-huiyin-as": "organisation:zj"})
        assert any(COMPLAINT[:6] in (text["fields"].get("text") or "") for text in shown["content"]["texts"][1:])
        heard = [entry["kind"] for entry in entries(out)]
        assert heard[0] == "assigned" and heard[-1] == "closed"
        assert {"extension_granted", "evaluated"} <= set(heard) and heard.count("outcome") == 7

        carried = await records(place, "assignments.cn-demo.zj")
        whole = pulled.json()["entries"]
        assert [orjson.loads(record.value) for record in carried] == whole, "the same by topic as by pull"
        assert unfit("assignments", [record.value for record in carried]) == []
        assert unfit("actions", [record.value for record in await records(place, "actions.cn-demo.zj")]) == []
        assert [entry["id"] for entry in whole] == list(range(1, len(whole) + 1))
        assert {record.key.decode() for record in carried} == {case}
        assert dict(carried[0].headers)["ce_id"] == b"assignments.cn-demo.zj/1"

        again = huiyin("outbox", "replay", "zj", "--since", "3", "--data", str(one.data), **place)
        assert again.returncode == 0, again.stderr
        until = time.monotonic() + 60
        while len(carried) < 2 * len(whole) - 2:
            assert time.monotonic() < until
            carried = await records(place, "assignments.cn-demo.zj")
        assert [orjson.loads(record.value)["id"] for record in carried[len(whole) :]] == list(range(3, len(whole) + 1))

        # Each record is answered and does not block later records.
        foreign = ("--item", "k-2", "--place", "dh-yl", "--subject", "1002", "--text", "超市出售过期食品")
        filed = huiyin("submit", *foreign, "--json", "--data", str(one.data), **place)
        assert filed.returncode == 0, filed.stderr
        elsewhere = orjson.loads(filed.stdout)["case"]
        sign = {"case": case, "command": "sign_off", "command_id": "bad"}
        bad = {
            "not_json": b"{",
            "not_utf8": b"\xff\x00",
            "body_too_large": b"x" * 2_000_000,
            "invalid_request": {**sign, "schema": 2},  # of an unknown major version
            "unknown_case": {**sign, "case": elsewhere, "command_id": "foreign"},
        }
        missing = {**sign, "case": "web:none", "command_id": "missing"}
        good = {"case": case, "command": "record_step", "command_id": "last", "step": "site_visit"}
        await send(place, "actions.cn-demo.zj", *bad.values(), missing, good)
        eventually(lambda: any(entry["command"] == "record_step" for entry in entries(out)))
        answered = [entry["detail"] for entry in entries(out) if entry["kind"] == "outcome"][-len(bad) - 2 :]
        assert answered[:-1] == [*bad, "unknown_case"], "a foreign case is one that does not exist"
        assert asked(one.data, "GET", "/local/parked")["parked"] == []


async def send(place: dict[str, str], topic: str, *values: Any) -> None:
    """Put records into the topic, as a department might."""
    async with AIOKafkaProducer(
        bootstrap_servers=place["HUIYIN_KAFKA_BOOTSTRAP"], max_request_size=4_000_000
    ) as producer:
        for value in values:
            data = value if isinstance(value, bytes) else orjson.dumps(value)
            await producer.send_and_wait(place["HUIYIN_KAFKA_PREFIX"] + topic, data)


def test_example_does_not_import_huiyin() -> None:
    lines = CLIENT.read_text().splitlines()
    assert len(lines) < 100
    imported = {line.split()[1].partition(".")[0] for line in lines if line.startswith(("import ", "from "))}
    assert imported.isdisjoint({"shared", "services", "deploy", "tests", "examples"})
