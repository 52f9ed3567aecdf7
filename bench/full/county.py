"""A county in the full mode: the four services as four processes, used over the owner's sockets or over TCP."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import httpx

from bench.full.servers import Servers, deployment
from bench.world import FILING
from deploy.storage.data_folder import Folder
from tests.support.process import HUIYIN, clean_environment

SERVICES = ("intake", "routing", "supervision", "analytics")
SUBJECTS = ("0101", "0102", "0103", "0104")
START_SECONDS = 120


class County:
    """Processes of one deployment, by service."""

    def __init__(self, folder: Path, place: dict[str, str]) -> None:
        self.folder = folder
        self.place = place
        self._processes: dict[str, subprocess.Popen[str]] = {}

    def start(self, *services: str, name: str | None = None) -> None:
        """`huiyin serve SERVICE` for each, on free ports; returns once all of them answer. `name`: of a single one."""
        names = [name or service for service in services]
        for service, own in zip(services, names, strict=True):
            self._spawn(service, own)
        for own in names:
            self._wait(own)

    def _spawn(self, service: str, name: str) -> None:
        with self._out(name).open("w") as printed, (self.folder / f"{name}.err").open("w") as said:
            self._processes[name] = subprocess.Popen(
                [HUIYIN, "serve", service, "--data", str(self.folder / name), "--port", "0"],
                stdout=printed,
                stderr=said,
                text=True,
                env={**clean_environment(), **self.place, "HUIYIN_INSTANCE": name},
            )

    def _out(self, name: str) -> Path:
        return self.folder / f"{name}.out"

    def _wait(self, name: str) -> None:
        until = time.monotonic() + START_SECONDS
        while "Ctrl-C" not in self._out(name).read_text():
            if self._processes[name].poll() is not None or time.monotonic() > until:
                raise RuntimeError((self.folder / f"{name}.err").read_text())
            time.sleep(0.1)

    def command(self, *arguments: str) -> None:
        """Raises RuntimeError with what a command printed when it failed."""
        done = subprocess.run(
            [HUIYIN, *arguments], capture_output=True, text=True, check=False, env={**clean_environment(), **self.place}
        )
        if done.returncode:
            raise RuntimeError(done.stdout + done.stderr)

    @asynccontextmanager
    async def owner(self, name: str, as_: str) -> AsyncIterator[httpx.AsyncClient]:
        """Over the socket in the folder of that process."""
        transport = httpx.AsyncHTTPTransport(uds=str(Folder(self.folder / name).socket_path), verify=False)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://huiyin", headers={"x-huiyin-as": as_}, timeout=60
        ) as client:
            yield client

    @asynccontextmanager
    async def partner(self, name: str, role: str, org: str | None = None) -> AsyncIterator[httpx.AsyncClient]:
        """Over TCP, with an access key of its own, as partners come."""
        async with self.owner("intake", "operations") as operations:
            issued = await operations.post("/local/keys", json={"role": role, "org": org, "jurisdiction": "cn-demo"})
            issued.raise_for_status()
        headers = {"Authorization": f"Bearer {issued.json()['key']}"}
        async with httpx.AsyncClient(base_url=self._address(name), headers=headers, timeout=60) as client:
            while (await client.get("/v1/cases?limit=1")).status_code == 401:  # the process does not know the key yet
                await asyncio.sleep(0.3)
            yield client

    def _address(self, name: str) -> str:
        """The address that the process printed when it began to serve."""
        found = re.search(r"http://[a-z0-9.]+:[0-9]+", self._out(name).read_text())
        if found is None:
            raise RuntimeError(f"{name} printed no address")
        return found[0]

    async def settled(self, names: Sequence[str]) -> None:
        """Every group has handled everything. Polls rarely, so that polling does not distort the measurement."""
        async with AsyncExitStack() as stack:
            clients = [await stack.enter_async_context(self.owner(name, "operations")) for name in names]
            quiet = 0
            while quiet < 3:
                found = [(await client.get("/readyz")).json() for client in clients]
                still = all(one["ready"] and not any(one["groups"].values()) for one in found)
                quiet = quiet + 1 if still else 0
                await asyncio.sleep(0.2 if quiet else 0.5)

    def cpu(self) -> dict[str, float]:
        """CPU seconds that each process has used; empty if the system does not report them."""
        return {name: used for name, process in self._processes.items() if (used := _cpu(process.pid)) is not None}

    def stop(self, *names: str) -> None:
        """Stop these processes, or all."""
        ending = [self._processes.pop(name) for name in names or tuple(self._processes)]
        for process in ending:
            process.send_signal(signal.SIGTERM)
        for process in ending:
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                os.kill(process.pid, signal.SIGKILL)
                process.wait()


def _cpu(pid: int) -> float | None:
    """utime and stime of proc(5)."""
    try:
        told = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return (int(told[11]) + int(told[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def county(servers: Servers, folder: Path, services: Sequence[str] = SERVICES) -> Iterator[County]:
    """Topics made, the demo policy in force, the processes up."""
    made = County(folder, deployment(servers, folder))
    with ExitStack() as stack:
        stack.callback(made.stop)
        made.command("topics", "apply")
        made.start(*services)
        made.command("policy", "activate", "demo", "--data", str(folder / services[0]))
        yield made


async def submissions(client: httpx.AsyncClient, mark: str, seconds: float, per_second: int) -> dict[str, float]:
    """A steady load. case -> the instant (perf_counter) at which its submission was sent."""
    begin = time.perf_counter()
    sent: dict[str, float] = {}

    async def submit(each: int) -> None:
        start = time.perf_counter()
        filing = {**FILING, "item": f"{mark}-{each}", "subject": SUBJECTS[each % len(SUBJECTS)]}
        answer = await client.post("/v1/submissions", json=filing)
        answer.raise_for_status()
        sent[answer.json()["case"]] = start

    tasks = []
    for each in range(int(seconds * per_second)):
        await asyncio.sleep(begin + each / per_second - time.perf_counter())
        tasks.append(asyncio.create_task(submit(each)))
    await asyncio.gather(*tasks)
    return sent
