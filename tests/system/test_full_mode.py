"""The four services as four processes on a real MongoDB and a real Kafka: the same outcome as in one process and one folder."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.support.process import HUIYIN, clean_environment, huiyin, server
from tests.support.servers import kafka, mongodb

pytestmark = [pytest.mark.needs_kafka, pytest.mark.needs_mongo, pytest.mark.slow, pytest.mark.timeout(600)]
SERVICES = ("routing", "supervision", "analytics", "intake")
STOPPING = 20


@dataclass
class Process:
    """One service as a process."""

    data: Path
    process: subprocess.Popen[str]
    url: str

    def ready(self) -> dict[str, Any]:
        found: dict[str, Any] = httpx.get(f"{self.url}/readyz", timeout=10).json()
        return found


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The settings of a deployment of its own on the shared servers."""
    name = uuid4().hex[:8]
    secrets = tmp_path_factory.mktemp("secrets")
    return {
        "HUIYIN_KAFKA_BOOTSTRAP": kafka.bootstrap(),
        "HUIYIN_KAFKA_PREFIX": f"{kafka.PREFIX}{name}-",
        "HUIYIN_MONGODB_URL": mongodb.url(),
        "HUIYIN_MONGODB_DATABASE": f"{mongodb.PREFIX}{name}",
        "HUIYIN_SECRETS": str(secrets),
    }


@contextmanager
def serving(service: str, folder: Path, place: dict[str, str], *, sample: bool = False) -> Iterator[Process]:
    """`huiyin serve SERVICE` on a free port until the end of the block; then it ends by itself, in time."""
    data = folder / service
    out, err = folder / f"{service}.out", folder / f"{service}.err"
    command = [HUIYIN, "serve", service, "--data", str(data), "--port", "0", "--sample", "yes" if sample else "no"]
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
    """Every group has handled everything, and goes on to have."""
    until = time.monotonic() + 180
    quiet = 0
    while quiet < 3:
        assert time.monotonic() < until, [one.ready() for one in processes]
        found = [one.ready() for one in processes]
        quiet = quiet + 1 if all(each["ready"] and not any(each["groups"].values()) for each in found) else 0
        time.sleep(0.3)


def digests(data: Path, place: dict[str, str]) -> dict[str, str]:
    done = huiyin("digest", "--data", str(data), "--json", **place)
    assert done.returncode == 0, done.stderr
    found: dict[str, str] = json.loads(done.stdout)
    return found


def test_four_processes_come_to_the_same_outcome_as_one(tmp_path: Path, place: dict[str, str]) -> None:
    with ExitStack() as stack:
        first = stack.enter_context(serving("routing", tmp_path, place))
        assert "topic_missing:" in str(first.ready()["reasons"])
        assert huiyin("topics", "diff", **place).returncode == 1
        assert huiyin("topics", "apply", **place).returncode == 0
        assert huiyin("topics", "diff", **place).returncode == 0
        processes = [first, stack.enter_context(serving("supervision", tmp_path, place))]
        processes.append(stack.enter_context(serving("analytics", tmp_path, place)))
        processes.append(stack.enter_context(serving("intake", tmp_path, place, sample=True)))
        settled(processes)
        intake = processes[-1]
        full = digests(intake.data, place)
        verified = huiyin("verify", "--data", str(intake.data), **place)
        assert verified.returncode == 0, verified.stdout
        for one in processes:
            parked = huiyin("parked", "list", "--data", str(one.data), **place)
            assert parked.returncode == 0, parked.stdout
        scrubbed = json.loads(huiyin("scrub", "--data", str(processes[1].data), "--json", **place).stdout)
        assert scrubbed["behind"] == 0 and scrubbed["streams"] >= 500, scrubbed
    with server(tmp_path / "embedded"):
        embedded = digests(tmp_path / "embedded", {})
    assert full["outcome"] == embedded["outcome"]


def test_intake_accepts_while_kafka_is_away(tmp_path: Path, place: dict[str, str]) -> None:
    (closed,) = kafka.free_ports(1)
    away = {
        **place,
        "HUIYIN_KAFKA_BOOTSTRAP": f"127.0.0.1:{closed}",
        "HUIYIN_MONGODB_DATABASE": mongodb.PREFIX + "away",
    }
    away["HUIYIN_SECRETS"] = str(tmp_path / "secrets")
    with serving("intake", tmp_path, away, sample=True) as intake:
        key = re.search(r"^\s+registrar:xfj\s+(hy_\S+)$", (tmp_path / "intake.out").read_text(), re.MULTILINE)
        assert key
        body = {"channel": "web", "item": "away-1", "text": "路灯不亮", "place": "dh-yl", "subject": "0102"}
        answer = httpx.post(
            f"{intake.url}/v1/submissions", json=body, headers={"authorization": f"Bearer {key[1]}"}, timeout=30
        )
        assert answer.status_code == 201, answer.text
        found = intake.ready()
        assert found["ready"] and found["notes"] == ["broker_away"], found
