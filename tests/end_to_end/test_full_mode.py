"""The four services as four processes on a real MongoDB and Kafka give the same result as one process on one folder."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import orjson
import pytest

from deploy.demo.sample.complaints import complaints
from deploy.storage.data_folder import Folder
from shared.events.supervision import TICKER
from shared.http.request_bodies import NDJSON
from tests.support.process import HUIYIN, clean_environment, huiyin, server
from tests.support.servers import kafka, mongodb

pytestmark = [pytest.mark.needs_kafka, pytest.mark.needs_mongo, pytest.mark.slow, pytest.mark.timeout(600)]
STOPPING = 20
CASES = 100
TODAY = date(2026, 6, 1)


@dataclass
class Process:
    """One service as a process."""

    data: Path
    process: subprocess.Popen[str]
    url: str

    def ready(self) -> dict[str, Any]:
        with owner(self.data) as client:
            found: dict[str, Any] = client.get("/readyz", timeout=10).json()
        return found


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The settings of a separate deployment on the shared servers."""
    name = uuid4().hex[:8]
    secrets = tmp_path_factory.mktemp("secrets")
    return {
        "HUIYIN_KAFKA_BOOTSTRAP": kafka.bootstrap(),
        "HUIYIN_KAFKA_PREFIX": f"{kafka.PREFIX}{name}-",
        "HUIYIN_MONGODB_URL": mongodb.url(),
        "HUIYIN_MONGODB_NAME": f"{mongodb.PREFIX}{name}",
        "HUIYIN_SECRETS": str(secrets),
    }


@contextmanager
def serving(service: str, folder: Path, place: dict[str, str]) -> Iterator[Process]:
    """`huiyin serve SERVICE` on a free port until the end of the block; then it ends by itself, in time."""
    data = folder / service
    out, err = folder / f"{service}.out", folder / f"{service}.err"
    command = [HUIYIN, "serve", service, "--data", str(data), "--port", "0"]
    with out.open("w") as stdout, err.open("w") as stderr:
        process = subprocess.Popen(
            command, stdout=stdout, stderr=stderr, text=True, env={**clean_environment(), **place}
        )
    try:
        until = time.monotonic() + 300
        while "Ctrl-C" not in out.read_text():
            assert process.poll() is None, err.read_text()
            assert time.monotonic() < until, err.read_text()
            time.sleep(0.2)
        found = re.search(r"http://\S+:\d+", out.read_text())
        assert found
        yield Process(data, process, found[0])
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0, err.read_text()
        assert time.monotonic() - began < STOPPING
        assert "Traceback" not in err.read_text()
    finally:
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()


def settled(processes: list[Process]) -> None:
    """Wait until every group has handled everything and remains idle."""
    until = time.monotonic() + 180
    quiet = 0
    while quiet < 3:
        assert time.monotonic() < until, [one.ready() for one in processes]
        found = [one.ready() for one in processes]
        quiet = quiet + 1 if all(each["ready"] and not any(each["groups"].values()) for each in found) else 0
        time.sleep(0.3)


def owner(data: Path) -> httpx.Client:
    """The socket that `huiyin` commands on the same machine use."""
    transport = httpx.HTTPTransport(uds=str(Folder(data).socket_path))
    headers = {"x-huiyin-as": "operations"}
    return httpx.Client(transport=transport, base_url="http://huiyin", headers=headers, timeout=300)


def load(data: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Send rows of history to the process that owns this folder, again where a store was slow, as an import does."""
    lines = b"\n".join(orjson.dumps(row) for row in rows)
    with owner(data) as client:
        for _ in range(10):
            answer = client.post("/v1/history:batch", content=lines, headers={"content-type": NDJSON})
            results = [orjson.loads(line) for line in answer.content.splitlines()]
            if len(results) == len(rows) and all(one.get("result") in ("added", "extended", "same") for one in results):
                return
            time.sleep(2)
    pytest.fail(f"not recorded: {results[-1]}")


def asked(data: Path, method: str, path: str) -> dict[str, Any]:
    with owner(data) as client:
        answer = client.request(method, path)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def ways(data: Path) -> Counter[tuple[str, ...]]:
    """What each case went through, as sorted types without the ticker's: how many cases went each way."""
    cases: dict[str, list[str]] = defaultdict(list)
    with owner(data) as client:
        for line in client.get("/local/export?prefix=case/").content.splitlines():
            event = orjson.loads(line)
            if event["type"] not in TICKER:
                cases[event["stream"]].append(event["type"])
    return Counter(tuple(sorted(types)) for types in cases.values())


def worked_on(data: Path, place: dict[str, str], wait: Callable[[], object]) -> tuple[str, Counter[tuple[str, ...]]]:
    """Load the sample: the outcome of what is over, to the byte; then the ways of what goes on here, at times of its own."""
    done = huiyin("policy", "activate", "demo", "--data", str(data), **place)
    assert done.returncode == 0, done.stderr
    rows = complaints(TODAY, "Asia/Shanghai")[:CASES]
    load(data, [row for row in rows if not row["go_live"]])
    wait()
    outcome = asked(data, "GET", "/local/digest?which=outcome")["outcome"]
    live = [row for row in rows if row["go_live"]]
    assert 20 < len(live) < CASES
    load(data, live)
    wait()
    return outcome, ways(data)


def test_four_processes_reach_same_result_as_one(tmp_path: Path, place: dict[str, str]) -> None:
    with ExitStack() as stack:
        first = stack.enter_context(serving("routing", tmp_path, place))
        assert "topic_missing:" in str(first.ready()["reasons"])
        assert huiyin("topics", "diff", **place).returncode == 1
        assert huiyin("topics", "apply", **place).returncode == 0
        assert huiyin("topics", "diff", **place).returncode == 0
        processes = [first, stack.enter_context(serving("supervision", tmp_path, place))]
        processes.append(stack.enter_context(serving("analytics", tmp_path, place)))
        processes.append(stack.enter_context(serving("intake", tmp_path, place)))
        intake = processes[-1]
        full = worked_on(intake.data, place, lambda: settled(processes))
        assert asked(intake.data, "POST", "/local/verify")["findings"] == []
        for one in processes:
            assert asked(one.data, "GET", "/local/parked")["parked"] == []
        scrubbed = asked(processes[1].data, "POST", "/local/scrub")
        assert scrubbed["behind"] == 0 and scrubbed["streams"] == CASES, scrubbed
    with server(tmp_path / "embedded", sample=False) as one:
        alone = Process(tmp_path / "embedded", one.process, one.url)
        embedded = worked_on(alone.data, {}, lambda: settled([alone]))
    assert full[0] == embedded[0]
    assert full[1] == embedded[1], (full[1] - embedded[1], embedded[1] - full[1])
    assert sum("CaseTransferred" in way for way in full[1]) and sum(full[1].values()) == CASES


def test_intake_accepts_filings_while_kafka_is_down(tmp_path: Path, place: dict[str, str]) -> None:
    (closed,) = kafka.free_ports(1)
    away = {
        **place,
        "HUIYIN_KAFKA_BOOTSTRAP": f"127.0.0.1:{closed}",
        "HUIYIN_MONGODB_NAME": f"{mongodb.PREFIX}{uuid4().hex[:8]}",
    }
    away["HUIYIN_SECRETS"] = str(tmp_path)
    with serving("intake", tmp_path, away) as intake:
        assert huiyin("policy", "activate", "demo", "--data", str(intake.data), **away).returncode == 0
        told = (
            "--item",
            "away-1",
            "--place",
            "dh-yl",
            "--subject",
            "0102",
            "--text",
            "路灯不亮",
            "--data",
            str(intake.data),
        )
        done = huiyin("submit", *told, **away)
        assert done.returncode == 0, done.stderr
        found = intake.ready()
        assert found["ready"] and found["notes"] == ["broker_away"], found
