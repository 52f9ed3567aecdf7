"""The whole product in the full mode: servers, and a process or two of each service."""

from __future__ import annotations

import asyncio
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from shutil import rmtree
from uuid import uuid4

import httpx
from pymongo import MongoClient

from tests.faults.checker import Log, Stored
from tests.faults.full.node import Node
from tests.support.process import HUIYIN, clean_environment
from tests.support.servers.kafka import Kafka
from tests.support.servers.mongodb import ReplicaSet

SERVICES = ("intake", "routing", "supervision", "analytics")
LONG = 900.0
"""Seconds that whoever looks at a whole log may take."""
RESTING = 600.0
"""Seconds within which everything must have come to rest after the last fault, on a busy machine."""


class Deployment:
    """Running servers and processes. Their data is removed at the end."""

    def __init__(self, kafka: Kafka, mongo: ReplicaSet, replicas: int = 1, **more: str) -> None:
        """`more`: further settings of every process."""
        self.kafka = kafka
        self.mongo = mongo
        self.folder = Path(tempfile.mkdtemp(prefix="huiyin-chaos-"))
        name = uuid4().hex[:8]
        self.prefix = f"huiyin-test-{name}-"
        self.database = f"huiyin_test_{name}"
        secrets = self.folder / "secrets"
        secrets.mkdir(mode=0o700)
        self.settings = {
            "HUIYIN_KAFKA_BOOTSTRAP": kafka.bootstrap,
            "HUIYIN_KAFKA_PREFIX": self.prefix,
            "HUIYIN_MONGODB_URL": mongo.url,
            "HUIYIN_MONGODB_NAME": self.database,
            "HUIYIN_SECRETS": str(secrets),
            **more,
        }
        self.nodes = [self.node(service, number) for number in range(1, replicas + 1) for service in SERVICES]

    def node(self, service: str, number: int) -> Node:
        """A process of this deployment, not started."""
        return Node(service, number, self.folder, self.settings)

    def of(self, *services: str) -> list[Node]:
        return [node for node in self.nodes if node.service in services]

    @asynccontextmanager
    async def client(self, as_: str = "registrar:xfj") -> AsyncIterator[httpx.AsyncClient]:
        """To an intake that takes requests, as a load balancer finds one."""
        found = [node for node in self.of("intake") if node.running and not node.leaving]
        if not found:
            raise httpx.ConnectError("no intake is running")
        yield found[0].client(as_)

    async def start(self) -> None:
        """Topics, processes, the demo county's policy."""
        await asyncio.to_thread(self._run, "topics", "apply")
        await self.nodes[0].start()
        await asyncio.gather(*(node.start() for node in self.nodes[1:]))
        data = str(self.folder / self.nodes[0].name)
        await asyncio.to_thread(self._run, "policy", "activate", "demo", "--data", data, "--from", "2020-01-01")

    def _run(self, *command: str) -> None:
        done = subprocess.run(
            [HUIYIN, *command],
            env={**clean_environment(), **self.settings},
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    async def quiet(self) -> float:
        """Wait until nothing waits any more; returns the seconds that it took. Raises AssertionError."""
        began = time.monotonic()
        still, said = 0, ""
        while time.monotonic() < began + RESTING:
            said = await self._waiting()
            still = 0 if said else still + 1
            if still == 5:
                return time.monotonic() - began
            await asyncio.sleep(0.3)
        raise AssertionError(f"it did not come to rest within {RESTING:.0f} s: {said}")

    async def _waiting(self) -> str:
        for node in self.nodes:
            found = await node.asked("/readyz")
            if found is None or not found["ready"] or any(found["groups"].values()):
                return f"{node.name}: {found}"
        figures = str(await self.nodes[0].asked("/metrics"))
        lines = [line for line in figures.splitlines() if line.startswith("huiyin_unpublished_commits ")]
        assert lines, "no huiyin_unpublished_commits in the metrics"
        return "" if float(lines[0].split()[1]) == 0 else lines[0]

    def log(self) -> Log:
        """The commits in MongoDB, read without product code."""
        with MongoClient[dict[str, object]](self.mongo.url) as client:
            commits = client.get_database(f"{self.database}_log").get_collection("commits")
            return Log([_stored(each) for each in commits.find().sort([("stream", 1), ("first", 1)])])

    async def close(self, nodes: Sequence[Node] = ()) -> None:
        for node in (*self.nodes, *nodes):
            await node.close()
        rmtree(self.folder, ignore_errors=True)


def _stored(found: dict[str, object]) -> Stored:
    events = found["events"]
    first = found["first"]
    assert isinstance(events, list) and isinstance(first, int)
    texts = (str(found[name]) for name in ("cause", "previous", "hash"))
    return Stored(str(found["stream"]), first, *texts, [bytes(each) for each in events])
