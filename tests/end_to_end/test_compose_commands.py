"""docker-compose.yml, run without an engine: its commands with its environments and passwords, in its order, against the real
servers: Kafka by its own start script, MongoDB with its key file and users. Only where things are is replaced, by a table that is
printed."""

from __future__ import annotations

import asyncio
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

import httpx
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, TopicAuthorizationFailedError
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from shared.adapters.kafka.connection import Connection
from tests.end_to_end.test_department_topics import policy
from tests.support.process import HUIYIN, clean_environment
from tests.support.servers import kafka, mongodb
from tests.unit.deploy.test_docker_compose import OURS, ROOT, services

pytestmark = [pytest.mark.needs_kafka, pytest.mark.needs_mongo, pytest.mark.slow, pytest.mark.timeout(400)]
GRACE = 25
TOOLS = {"kafka-storage.sh": "kafka.tools.StorageTool", "kafka-server-start.sh": "kafka.Kafka"}


def image() -> dict[str, Any]:
    """The settings, entry point and health check of the image."""
    text = (ROOT / "deploy/Dockerfile").read_text("utf-8").rpartition("\nFROM ")[2].replace("\\\n", "")
    settings = dict(re.findall(r"(HUIYIN_\w+)=(\S+)", "".join(re.findall(r"^ENV .*$", text, re.MULTILINE))))
    (entry,) = re.findall(r"^ENTRYPOINT (\[.*\])$", text, re.MULTILINE)
    (health,) = re.findall(r"^HEALTHCHECK .*?CMD (\[.*\])$", text, re.MULTILINE)
    return {"settings": settings, "entry": json.loads(entry), "health": json.loads(health)}


class Deployment:
    """The services of the file, as processes."""

    def __init__(self, folder: Path, table: dict[str, str]) -> None:
        self.folder, self.table, self.image = folder, table, image()
        free = kafka.free_ports(2 * len(OURS))
        self.ports = dict(zip(OURS, free[::2], strict=True))
        self.operations = dict(zip(OURS, free[1::2], strict=True))

    def filled(self, text: str) -> str:
        """As compose puts variables in (their defaults), then with the table."""
        text = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)
        for name, there in self.table.items():
            text = text.replace(name, there)
        return text

    def environment(self, name: str) -> dict[str, str]:
        """Of the image and of the service; each volume is a folder."""
        found = {**self.image["settings"], **services()[name]["environment"]}
        volumes = dict(
            reversed(one.split(":")[:2]) for one in services()[name].get("volumes", ()) if one[0] not in "$."
        )
        for variable in ("HUIYIN_DATA", "HUIYIN_SECRETS"):
            place = self.folder / volumes.get(found[variable], f"none-{name}")
            place.mkdir(mode=0o700, exist_ok=True)
            found[variable] = str(place)
        found |= {"HUIYIN_HOST": "127.0.0.1", "HUIYIN_PORT": str(self.ports.get(name, 0))}
        found |= {"HUIYIN_OPS_HOST": "127.0.0.1", "HUIYIN_OPS_PORT": str(self.operations.get(name, "off"))}
        return {**clean_environment(), **{one: self.filled(str(value)) for one, value in found.items()}}

    def command(self, name: str) -> list[str]:
        assert self.image["entry"] == ["huiyin"]
        return [HUIYIN, *map(self.filled, services()[name]["command"])]

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


@contextmanager
def broker(folder: Path, table: dict[str, str]) -> Iterator[None]:
    """The service kafka, by its start script. The programs of the image are those of the jars."""
    libraries, tools = kafka.fetch(), folder / "tools"
    tools.mkdir()
    for name, program in TOOLS.items():
        (tools / name).write_text(f"#!/bin/sh\nexec {' '.join(kafka.JAVA)} -cp '{libraries}/*' {program} \"$@\"\n")
        (tools / name).chmod(0o700)
    there = services()["kafka"]
    script = (ROOT / "deploy/compose/kafka.sh").read_text("utf-8")
    assert f"./deploy/compose/kafka.sh:{there['entrypoint'][1]}:ro" in there["volumes"]
    table = {**table, "/opt/kafka/bin": str(tools), "/tmp/": f"{folder}/"}
    script = re.sub("|".join(map(re.escape, table)), lambda found: table[found[0]], script)
    started = folder / "kafka.sh"
    started.write_text(script.replace("unclean.leader", "group.initial.rebalance.delay.ms=0\nunclean.leader"))
    (folder / "kafka-data").mkdir()
    with (folder / "kafka.log").open("w") as out:
        process = subprocess.Popen(
            [there["entrypoint"][0], str(started)], stdout=out, stderr=out, env={"PATH": os.environ["PATH"]}
        )
    try:
        yield
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def deployment(tmp_path: Path) -> Iterator[Deployment]:
    passwords, folder = tmp_path / "passwords", tmp_path / "kafka"
    folder.mkdir()
    subprocess.run(["sh", str(ROOT / "deploy/compose/passwords.sh"), str(passwords)], check=True, capture_output=True)
    root = (passwords / "mongodb-root").read_text()
    stores = mongodb.ReplicaSet(root=(services()["mongodb"]["environment"]["MONGO_INITDB_ROOT_USERNAME"], root))
    inside, partners, controller = kafka.free_ports(3)
    table = {
        "mongodb:27017": stores.address,
        "kafka:9092": f"127.0.0.1:{inside}",
        "localhost:9094": f"localhost:{partners}",
        "/run/secrets": str(passwords),
    }
    broken = {":9092": f":{inside}", ":9094": f":{partners}", ":9093": f":{controller}"}
    broken["/var/lib/kafka/data"] = f"{folder}/kafka-data"
    for file in passwords.glob("mongodb-*"):  # a mounted file names the network's hosts; here its copy does
        file.chmod(0o600)
        file.write_text(file.read_text().replace("mongodb:27017", stores.address))
    made = Deployment(tmp_path, table)
    ports = {f"{one}:8080": f"127.0.0.1:{port}" for one, port in made.ports.items()}
    print(f"replaced: {table | ports | broken}; volumes: folders of {tmp_path}")
    try:
        with broker(folder, {**table, **broken}):
            yield made
    finally:
        stores.stop()


@pytest.mark.nightly
def test_compose_services_start_and_register_a_case(deployment: Deployment) -> None:
    assert all(services()[name].get("stop_grace_period", "25s") == f"{GRACE}s" for name in OURS)
    with ExitStack() as stack:
        until = time.monotonic() + 90
        while subprocess.run(  # as compose waits until kafka is healthy
            [*deployment.command("setup"), "--json"],
            env=deployment.environment("setup"),
            capture_output=True,
            check=False,
        ).returncode:
            assert time.monotonic() < until, (deployment.folder / "kafka/kafka.log").read_text()[-2000:]
            time.sleep(1)
        assert "Everything is set up" in deployment.run("setup"), "the second time it changes nothing"
        intake = stack.enter_context(deployment.running("intake"))
        deployment.healthy("intake", intake)
        others = {name: stack.enter_context(deployment.running(name)) for name in OURS if name != "intake"}
        for name, process in others.items():
            assert services()[name]["depends_on"]["intake"] == {"condition": "service_healthy"}
            deployment.healthy(name, process)
        deployment.run("intake", "policy", "activate", str(policy(deployment.folder)))
        assert "assignments.cn-demo.zj" in deployment.run("setup"), "the topics that the policy asks for"
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
        refused(deployment)
        made = json.loads(deployment.run("setup", "topics", "user", "dept-cn-demo.zj", "--json"))
        asyncio.run(department(deployment, made["user"], made["password"]))


def refused(deployment: Deployment) -> None:
    """The passwords of analytics, in the hands of somebody else."""
    url = Path(deployment.environment("analytics")["HUIYIN_MONGODB_URL_FILE"]).read_text()
    with MongoClient[dict[str, Any]](url) as client:
        assert client.huiyin_log.commits.find_one() is not None
        for write in (
            lambda: client.huiyin_log.commits.insert_one({"_id": "x"}),
            lambda: client.huiyin_log.commits.delete_many({}),
            client.huiyin_keys.data_keys.find_one,
            client.admin.system.users.find_one,
        ):
            with pytest.raises(OperationFailure, match="not authorized"):
                write()


async def department(deployment: Deployment, user: str, password: str) -> None:
    """A client on this machine reaches Kafka through the listener of partners, and only its own topics."""
    bootstrap = deployment.filled("localhost:9094")
    with pytest.raises(KafkaError):
        await sent(Connection(bootstrap, "SASL_PLAINTEXT", user, "wrong"), "actions.cn-demo.zj")
    own = Connection(bootstrap, "SASL_PLAINTEXT", user, password)
    await sent(own, "actions.cn-demo.zj")
    for topic in ("assignments.cn-demo.zj", "case-events"):
        with pytest.raises(TopicAuthorizationFailedError):
            await sent(own, topic)
    with pytest.raises(KafkaError):
        await sent(Connection(bootstrap), "actions.cn-demo.zj")


async def sent(connection: Connection, topic: str) -> None:
    producer = AIOKafkaProducer(**connection.client(), request_timeout_ms=5000)
    try:
        await producer.start()
        await producer.send_and_wait(topic, b"{}")
    finally:
        await producer.stop()


def test_kafka_without_tls_is_not_advertised_to_other_machines() -> None:
    script = (ROOT / "deploy/compose/kafka.sh").read_text("utf-8").replace("/run/secrets/kafka-admin", "/dev/null")
    done = subprocess.run(
        ["sh", "-c", script], env={"PATH": os.environ["PATH"], "HUIYIN_KAFKA_ADVERTISED": "kafka.example.org:9094"},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1 and "need TLS" in done.stderr
