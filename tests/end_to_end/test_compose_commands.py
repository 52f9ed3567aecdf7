"""docker-compose.yml, run without an engine: its commands with its environments, in its order, against the real servers. Only where
things are is replaced, by a table that is printed."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest
from pymongo import MongoClient

from tests.support.process import HUIYIN, clean_environment
from tests.support.servers import kafka, mongodb
from tests.unit.deploy.test_docker_compose import OURS, ROOT, services

pytestmark = [pytest.mark.needs_kafka, pytest.mark.needs_mongo, pytest.mark.slow, pytest.mark.timeout(300)]
USER, GRACE = "huiyin", 25


def image() -> dict[str, Any]:
    """The settings, entry point and health check of the image."""
    text = (ROOT / "deploy/Dockerfile").read_text("utf-8").rpartition("\nFROM ")[2].replace("\\\n", "")
    settings = dict(re.findall(r"(HUIYIN_\w+)=(\S+)", "".join(re.findall(r"^ENV .*$", text, re.MULTILINE))))
    (entry,) = re.findall(r"^ENTRYPOINT (\[.*\])$", text, re.MULTILINE)
    (health,) = re.findall(r"^HEALTHCHECK .*?CMD (\[.*\])$", text, re.MULTILINE)
    return {"settings": settings, "entry": json.loads(entry), "health": json.loads(health)}


class Deployment:
    """The services of the file, as processes."""

    def __init__(self, folder: Path, password: str, table: dict[str, str], names: dict[str, str]) -> None:
        self.folder, self.table, self.names, self.image = folder, table, names, image()
        self.given = {"HUIYIN_MONGODB_PASSWORD": password}
        free = kafka.free_ports(2 * len(OURS))
        self.ports = dict(zip(OURS, free[::2], strict=True))
        self.operations = dict(zip(OURS, free[1::2], strict=True))

    def _filled(self, text: str) -> str:
        """As compose puts variables in, then with the table."""
        text = re.sub(r"\$\{(\w+)(?::[?-][^}]*)?\}", lambda found: self.given[found[1]], text)
        for name, there in self.table.items():
            text = text.replace(name, there)
        return text

    def environment(self, name: str) -> dict[str, str]:
        """Of the image and of the service; each volume is a folder."""
        found = {**self.image["settings"], **services()[name]["environment"]}
        volumes = dict(reversed(one.split(":")[:2]) for one in services()[name].get("volumes", ()))
        for variable in ("HUIYIN_DATA", "HUIYIN_SECRETS"):
            place = self.folder / volumes.get(found[variable], f"none-{name}")
            place.mkdir(mode=0o700, exist_ok=True)
            found[variable] = str(place)
        found |= {"HUIYIN_HOST": "127.0.0.1", "HUIYIN_PORT": str(self.ports.get(name, 0)), **self.names}
        found |= {"HUIYIN_OPS_HOST": "127.0.0.1", "HUIYIN_OPS_PORT": str(self.operations.get(name, "off"))}
        return {**clean_environment(), **{one: self._filled(value) for one, value in found.items()}}

    def command(self, name: str) -> list[str]:
        assert self.image["entry"] == ["huiyin"]
        return [HUIYIN, *services()[name]["command"]]

    def run(self, name: str, *command: str) -> str:
        """`docker compose run NAME`, or `exec NAME huiyin …`."""
        words = [HUIYIN, *command] if command else self.command(name)
        done = subprocess.run(
            words, env=self.environment(name), capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @contextmanager
    def running(self, name: str) -> Iterator[subprocess.Popen[str]]:
        with (self.folder / f"{name}.log").open("w") as out:
            process = subprocess.Popen(
                self.command(name), env=self.environment(name), stdout=out, stderr=out, text=True, cwd=self.folder
            )
        try:
            yield process
            began = time.monotonic()
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0, self.said(name)
            assert time.monotonic() - began < GRACE, "compose would have killed it"
            assert "Traceback" not in self.said(name)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()

    def said(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text("utf-8")

    def healthy(self, name: str, process: subprocess.Popen[str]) -> None:
        """Wait until the health check of the image succeeds."""
        check = [word.replace("9090", str(self.operations[name])) for word in self.image["health"]]
        check[0] = sys.executable
        until = time.monotonic() + 120
        while subprocess.run(check, env=self.environment(name), capture_output=True, check=False).returncode:
            assert process.poll() is None and time.monotonic() < until, self.said(name)
            time.sleep(0.3)


@pytest.fixture
def deployment(tmp_path: Path) -> Iterator[Deployment]:
    name, password = uuid4().hex[:8], uuid4().hex
    table = {"mongodb:27017": urlsplit(mongodb.url()).netloc, "kafka:9092": kafka.bootstrap()}
    names = {"HUIYIN_KAFKA_PREFIX": f"{kafka.PREFIX}{name}-", "HUIYIN_MONGODB_NAME": f"{mongodb.PREFIX}{name}"}
    made = Deployment(tmp_path, password, table, names)
    ports = {f"{one}:8080": f"127.0.0.1:{port}" for one, port in made.ports.items()}
    print(f"replaced: {table | ports}; volumes: folders of {tmp_path}; names, since servers are shared: {names}")
    with MongoClient[dict[str, object]](mongodb.url()) as client:
        client.admin.command("createUser", USER, pwd=password, roles=["root"])
        try:
            yield made
        finally:
            client.admin.command("dropUser", USER)


def test_compose_services_start_and_register_a_case(deployment: Deployment) -> None:
    assert all(services()[name].get("stop_grace_period", "25s") == f"{GRACE}s" for name in OURS)
    assert not {"HUIYIN_MONGODB_PASSWORD"} & os.environ.keys()
    with ExitStack() as stack:
        intake = stack.enter_context(deployment.running("intake"))
        deployment.run("topics")
        deployment.healthy("intake", intake)
        others = {name: stack.enter_context(deployment.running(name)) for name in OURS if name != "intake"}
        for name, process in others.items():
            assert services()[name]["depends_on"]["intake"] == {"condition": "service_healthy"}
            deployment.healthy(name, process)
        deployment.run("intake", "policy", "activate", "demo")
        words = ("submit", "--item", "c-1", "--place", "dh-yl", "--subject", "0102", "--text", "路灯不亮", "--json")
        case = json.loads(deployment.run("intake", *words))["case"]
        key = json.loads(deployment.run("intake", "keys", "add", "analyst", "--json"))["key"]
        until = time.monotonic() + 90
        while json.loads(deployment.run("intake", "case", "show", case, "--json"))["state"] != "dispatched":
            assert time.monotonic() < until, deployment.said("routing")
        asked = f"http://127.0.0.1:{deployment.ports['analytics']}/v1/stats?measures=registered&period=all"
        while True:
            answer = httpx.get(asked, headers={"authorization": f"Bearer {key}"}, timeout=30)
            if answer.is_success and answer.json()["cases"] == 1:
                break
            assert time.monotonic() < until, answer.text
            time.sleep(0.3)
