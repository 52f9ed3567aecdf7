"""The whole product as one process on a folder that can be started, killed and restarted."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx

from tests.support.process import clean_environment, huiyin

HUIYIN = Path(sys.executable).parent / "huiyin"


class Server:
    """`huiyin serve` on `folder`, reached through the socket in it."""

    def __init__(self, folder: Path, *prefix: str, **environment: str) -> None:
        self.folder = folder
        self._prefix = prefix
        self._settings = {"HUIYIN_LOG_LEVEL": "error", **environment}
        self._environment = {**clean_environment(), **self._settings}
        self._process: subprocess.Popen[bytes] | None = None
        self._output = folder.parent / "server.log"

    def prepare(self) -> None:
        """Make the folder and put the demo county's policy in force."""
        in_force = ("policy", "activate", "demo", "--data", str(self.folder), "--from", "2020-01-01")
        done = huiyin(*in_force, **self._settings)
        assert done.returncode == 0, done.stderr

    async def start(self) -> None:
        """Start and wait until it answers."""
        self._process = self._started()
        async with self.client() as client:
            for _ in range(600):
                if self._process.poll() is not None:
                    raise AssertionError(f"the server ended with {self._process.returncode}: {self.output()[-2000:]}")
                with contextlib.suppress(httpx.TransportError):
                    if (await client.get("/livez")).status_code == 200:
                        return
                await asyncio.sleep(0.05)
        raise AssertionError("the server did not answer within 30 s")

    def _started(self) -> subprocess.Popen[bytes]:
        with self._output.open("ab") as output:
            return subprocess.Popen(
                [*self._prefix, str(HUIYIN), "serve", "--data", str(self.folder), "--port", "0", "--sample", "no"],
                stdout=output,
                stderr=output,
                env=self._environment,
                start_new_session=True,
            )

    def kill(self) -> None:
        """kill -9 of the process and all that it started."""
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def stop(self) -> int:
        """SIGTERM, as an orderly stop; returns the exit code. A prefix (strace) leaves the signal to the server."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGTERM)
        return self._process.wait(timeout=60)

    async def ended(self, seconds: float = 30) -> int:
        """Wait until the process ends by itself; returns the exit code."""
        assert self._process is not None
        return await asyncio.to_thread(self._process.wait, seconds)

    @property
    def exit_code(self) -> int | None:
        return None if self._process is None else self._process.poll()

    def output(self) -> str:
        return self._output.read_text(errors="replace")

    def client(self, as_: str = "registrar:xfj") -> httpx.AsyncClient:
        transport = httpx.AsyncHTTPTransport(uds=str(self.folder / "huiyin.sock"))
        return httpx.AsyncClient(
            transport=transport, base_url="http://huiyin", headers={"X-Huiyin-As": as_}, timeout=20
        )
