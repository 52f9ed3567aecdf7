"""The full mode as it runs: a real Kafka, a real MongoDB, and each service as processes that can be killed one by one."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from aiokafka import AIOKafkaConsumer, TopicPartition
from pymongo import MongoClient

from deploy.folder import Folder
from deploy.topics import EVENTS
from tests.chaos.checker import Log, Stored
from tests.support.process import HUIYIN, clean_environment
from tests.support.servers.kafka import Kafka
from tests.support.servers.mongodb import ReplicaSet

SERVICES = ("intake", "routing", "supervision", "analytics")
START_SECONDS = 120


class Deployment:
    """Processes on servers of their own. What clients ask goes to intake, as in a county; with no intake it is refused."""

    def __init__(self, folder: Path, brokers: int, members: int) -> None:
        self.kafka = Kafka(brokers)
        try:
            self.mongo = ReplicaSet(members)
        except BaseException:
            self.kafka.stop()
            raise
        self.folder = folder
        secrets = folder / "secrets"
        secrets.mkdir(mode=0o700)
        self.name = f"chaos_{uuid4().hex[:8]}"
        self.place = {
            "HUIYIN_KAFKA_BOOTSTRAP": self.kafka.bootstrap,
            "HUIYIN_KAFKA_PREFIX": f"{self.name}-",
            "HUIYIN_MONGODB_URL": self.mongo.url,
            "HUIYIN_MONGODB_NAME": self.name,
            "HUIYIN_SECRETS": str(secrets),
            "HUIYIN_LOG_LEVEL": "warning",
        }
        self._processes: dict[str, subprocess.Popen[str]] = {}
        self.restarts: list[float] = []
        """Seconds from each start after a kill to ready."""

    def prepare(self) -> None:
        """Topics, the four services, the demo policy."""
        self.command("topics", "apply")
        for service in SERVICES:
            self.start(service)
        self.wait(SERVICES)
        self.command("policy", "activate", "demo", "--data", str(self.folder / "intake"), "--from", "2020-01-01")

    def command(self, *arguments: str) -> None:
        done = subprocess.run(
            [HUIYIN, *arguments], capture_output=True, text=True, check=False, env={**clean_environment(), **self.place}
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def start(self, name: str, service: str | None = None) -> None:
        """Start a process; it is up after wait()."""
        with (self.folder / f"{name}.log").open("a") as said:
            self._processes[name] = subprocess.Popen(
                [HUIYIN, "serve", service or name, "--data", str(self.folder / name), "--port", "0"],
                stdout=said,
                stderr=said,
                text=True,
                start_new_session=True,
                env={**clean_environment(), **self.place, "HUIYIN_INSTANCE": name},
            )

    def wait(self, names: Sequence[str]) -> None:
        """Until each answers on its socket."""
        until = time.monotonic() + START_SECONDS
        for name in names:
            while not self._alive(name):
                process = self._processes[name]
                assert process.poll() is None, (self.folder / f"{name}.log").read_text()[-3000:]
                assert time.monotonic() < until, f"{name} does not answer"
                time.sleep(0.05)

    def _alive(self, name: str) -> bool:
        with socket.socket(socket.AF_UNIX) as plain:  # a client of httpx that is refused leaves its socket open
            plain.settimeout(5)
            try:
                plain.connect(str(Folder(self.folder / name).socket_path))
                plain.sendall(b"GET /livez HTTP/1.0\r\n\r\n")
                return b" 200 " in plain.recv(64)
            except OSError:
                return False

    def kill(self, name: str) -> None:
        """kill -9."""
        process = self._processes[name]
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def again(self, name: str) -> None:
        """Start it after a kill, and wait until it answers."""
        began = time.monotonic()
        self.start(name)
        self.wait([name])
        self.restarts.append(time.monotonic() - began)

    def end(self, name: str) -> float:
        """SIGTERM; returns the seconds that it took to end. It must end by itself, and well."""
        began = time.monotonic()
        process = self._processes.pop(name)
        process.send_signal(signal.SIGTERM)
        assert process.wait(40) == 0, (self.folder / f"{name}.log").read_text()[-3000:]
        return time.monotonic() - began

    def forget(self, name: str) -> None:
        """It ended, and is not waited for."""
        self._processes.pop(name, None)

    def close(self) -> None:
        for name in tuple(self._processes):
            self.kill(name)
        self.mongo.stop()
        self.kafka.stop()

    def client(self, as_: str = "registrar:xfj", name: str = "intake") -> httpx.AsyncClient:
        transport = httpx.AsyncHTTPTransport(uds=str(Folder(self.folder / name).socket_path))
        return httpx.AsyncClient(
            transport=transport, base_url="http://huiyin", headers={"x-huiyin-as": as_}, timeout=20
        )

    async def settled(self, seconds: float = 180) -> float:
        """Every group has handled everything, and nothing waits. Returns how long that took."""
        began = time.monotonic()
        quiet = 0
        while quiet < 3:
            found = [await self._ready(name) for name in self._processes]
            waiting = self._unpublished()
            assert time.monotonic() - began < seconds, (found, waiting)
            fine = all(one.get("ready") and not any(one["groups"].values()) for one in found)
            quiet = quiet + 1 if fine and not waiting else 0
            await asyncio.sleep(0.3)
        return time.monotonic() - began

    async def _ready(self, name: str) -> dict[str, Any]:
        try:
            async with self.client("operations", name) as client:
                found: dict[str, Any] = (await client.get("/readyz")).json()
        except (httpx.TransportError, OSError):
            return {}
        return found

    def _unpublished(self) -> int:
        with MongoClient[dict[str, Any]](self.mongo.url) as client:
            return client[f"{self.name}_log"]["commits"].count_documents({"unpublished": {"$exists": True}})

    async def asked(self, method: str, path: str) -> dict[str, Any]:
        async with self.client("operations", "supervision") as client:
            answer = await client.request(method, path, timeout=300)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def log(self) -> Log:
        """Every commit as it lies in MongoDB, read without the product's code."""
        with MongoClient[dict[str, Any]](self.mongo.url) as client:
            found = client[f"{self.name}_log"]["commits"].find().sort([("stream", 1), ("first", 1)])
            return Log(
                [
                    Stored(one["stream"], one["first"], one["cause"], one["previous"], one["hash"], list(one["events"]))
                    for one in found
                ]
            )

    async def topic(self) -> list[tuple[str, int, bytes]]:
        """(stream, version, bytes) of every record of the feed's topic, repeats too."""
        name = f"{self.name}-{EVENTS}"
        found: list[tuple[str, int, bytes]] = []
        async with AIOKafkaConsumer(bootstrap_servers=self.kafka.bootstrap) as consumer:
            places = [TopicPartition(name, each) for each in sorted(consumer.partitions_for_topic(name) or range(24))]
            consumer.assign(places)
            await consumer.seek_to_beginning(*places)
            ends = await consumer.end_offsets(places)
            while any([await consumer.position(place) < ends[place] for place in places]):
                for records in (await consumer.getmany(timeout_ms=500)).values():
                    for record in records:
                        headers = dict(record.headers)
                        try:
                            place = (headers["ce_subject"].decode(), int(headers["ce_sequence"]))
                        except (LookupError, ValueError):
                            place = ("", 0)  # no event of ours
                        found.append((*place, record.value))
        return found
