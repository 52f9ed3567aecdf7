"""One service as a process that can be killed, stopped, frozen and restarted."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx

from deploy.storage.data_folder import Folder
from tests.support.process import HUIYIN, clean_environment

STARTING = 180.0
"""Seconds that a process may take until it is ready, on a busy machine."""
_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=50)
"""Nobody waits for a connection: a queue of thousands is looked through for each answer, and stands still."""


class Node:
    """`huiyin serve SERVICE` under its own instance name, reached through the socket in its folder."""

    def __init__(self, service: str, number: int, folder: Path, settings: Mapping[str, str]) -> None:
        self.service = service
        self.name = f"{service}-{number}"
        self.starts: list[float] = []
        """Seconds from each start until it was ready."""
        self.leaving = False
        """It was told to end: whoever deals out requests sends it no more."""
        self._data = folder / self.name
        self._output = folder / f"{self.name}.log"
        self._environment = {
            **clean_environment(),
            **settings,
            "HUIYIN_INSTANCE": self.name,
            "HUIYIN_LOG_LEVEL": "warning",
        }
        self._process: subprocess.Popen[bytes] | None = None
        self._clients: dict[str, httpx.AsyncClient] = {}

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def client(self, as_: str) -> httpx.AsyncClient:
        """One reused client per role: creating a client costs more than a request."""
        if as_ not in self._clients:
            transport = httpx.AsyncHTTPTransport(uds=str(Folder(self._data).socket_path), limits=_LIMITS)
            headers = {"X-Huiyin-As": as_}
            self._clients[as_] = httpx.AsyncClient(
                transport=transport, base_url="http://huiyin", headers=headers, timeout=30
            )
        return self._clients[as_]

    async def start(self, **more: str) -> None:
        """Start it and wait until it is ready."""
        began = time.monotonic()
        self.spawn(**more)
        await self.wait()
        self.starts.append(time.monotonic() - began)

    def spawn(self, **more: str) -> None:
        """Start it; returns at once."""
        command = [HUIYIN, "serve", self.service, "--data", str(self._data), "--port", "0"]
        with self._output.open("ab") as output:
            self._process = subprocess.Popen(
                command, stdout=output, stderr=output, env={**self._environment, **more}, start_new_session=True
            )
        self.leaving = False

    async def wait(self) -> None:
        """Wait until it reports ready. Raises AssertionError when it exits or never becomes ready."""
        until = time.monotonic() + STARTING
        said: Any = None
        while time.monotonic() < until:
            assert self.running, f"{self.name} ended: {self.output()[-2000:]}"
            said = await self.asked("/readyz")
            if said is not None and said["ready"]:
                return
            await asyncio.sleep(0.1)
        raise AssertionError(f"{self.name} was not ready within {STARTING:.0f} s: {said}; {self.output()[-2000:]}")

    async def asked(self, path: str, method: str = "GET", seconds: float = 30) -> Any:
        """The answer on the operator socket; None without an answer or with an unreadable one."""
        try:
            answer = await self.client("operations").request(method, path, timeout=seconds)
        except (httpx.TransportError, OSError):
            return None
        if answer.headers.get("content-type", "").startswith("text/plain"):
            return answer.text
        return answer.json()

    def kill(self) -> None:
        """kill -9."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def signal(self, number: signal.Signals) -> None:
        """SIGSTOP freezes the process, SIGCONT resumes it."""
        assert self._process is not None
        self._process.send_signal(number)

    async def end(self) -> float:
        """SIGTERM; returns the seconds that it took. Raises AssertionError where it does not end as it should."""
        assert self._process is not None
        self.leaving = True
        began = time.monotonic()
        self._process.terminate()
        code = await asyncio.to_thread(self._process.wait, 60)
        assert code == 0, f"{self.name} ended with {code}: {self.output()[-2000:]}"
        return time.monotonic() - began

    def output(self) -> str:
        return self._output.read_text(errors="replace")

    def held(self) -> tuple[int, int]:
        """Resident memory in bytes, and open descriptors without client connections, whose number is not limited here."""
        assert self._process is not None
        place = Path(f"/proc/{self._process.pid}")
        pages = int((place / "statm").read_text().split()[1])
        clients = {f"socket:[{line.split()[6]}]" for line in (place / "net/unix").read_text().splitlines()[1:]}
        opened = [_target(each) for each in (place / "fd").iterdir()]
        return pages * os.sysconf("SC_PAGE_SIZE"), sum(each not in clients for each in opened)

    async def close(self) -> None:
        self.kill()
        for client in self._clients.values():
            await client.aclose()


def _target(descriptor: Path) -> str:
    """The target of a descriptor; None if it was closed meanwhile."""
    with suppress(OSError):
        return str(descriptor.readlink())
    return ""
