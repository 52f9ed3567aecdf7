"""64 uploads of 10 MB at once to a real server, beside a bare encrypted copy to disk: `python -m bench --only uploads`.

The memory of the server process is sampled while the uploads run; that of the process that inspects is measured apart.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bench.cases import folder
from bench.figures import Figure, at_least, at_most
from tests.support.process import Server, server

NAME = "uploads"
MEGABYTE = 1024 * 1024
_PIECE = 64 * 1024
_PARTS = 16
"""Distinct blocks of random bytes, so that the client is cheap and no file can be compressed."""


def measure(*, quick: bool) -> list[Figure]:
    return asyncio.run(_measure(4 if quick else 64))


async def _measure(count: int) -> list[Figure]:
    blocks = [os.urandom(_PIECE) for _ in range(_PARTS)]
    size = 10 * MEGABYTE - 4096
    with folder() as path:
        copied = _bare(path / "bare", blocks, size, count)
        with server(path / "data") as running:
            await asyncio.sleep(3)
            idle = _memory(running.process.pid)
            peak = Peak(running.process.pid)
            watching = asyncio.create_task(peak.watch())
            took = await _uploads(running, blocks, size, count)
            watching.cancel()
    volume = count * size / MEGABYTE
    ratio = (volume / took) / (volume / copied)
    above = (peak.server - idle) / MEGABYTE
    note = f"{count} at once, PDF of 10 MB; server idle {idle / MEGABYTE:.0f} MB, inspecting process {peak.child / MEGABYTE:.0f} MB"
    return [
        Figure(
            "uploads", volume / took, "MB/s", "bare encrypted copy", volume / copied, ratio, *at_least(ratio, 0.4), note
        ),
        Figure("memory of uploads", above, "MB", "limit", 150, above / 150, *at_most(above / 150, 1)),
    ]


def _bare(path: Path, blocks: list[bytes], size: int, count: int) -> float:
    path.mkdir()
    start = time.perf_counter()
    for number in range(count):
        cipher = AESGCM(os.urandom(32))
        with (path / str(number)).open("wb") as file:
            for place in range(size // _PIECE):
                file.write(cipher.encrypt(place.to_bytes(12, "big"), blocks[place % _PARTS], b""))
            file.flush()
            os.fsync(file.fileno())
    return time.perf_counter() - start


async def _uploads(running: Server, blocks: list[bytes], size: int, count: int) -> float:
    headers = {"Authorization": f"Bearer {running.key('registrar:xfj')}"}
    limits = httpx.Limits(max_connections=count)
    async with httpx.AsyncClient(base_url=running.url, headers=headers, limits=limits, timeout=600) as client:

        async def one(number: int) -> None:
            answer = await client.post("/v1/files", content=_pdf(blocks, size), headers={"Upload-Id": f"b{number}"})
            assert answer.status_code == 201, answer.text

        start = time.perf_counter()
        await asyncio.gather(*(one(number) for number in range(count)))
        return time.perf_counter() - start


async def _pdf(blocks: list[bytes], size: int) -> AsyncIterator[bytes]:
    """A scan: one image that is compressed already."""
    yield b"%PDF-1.7\n1 0 obj\n<</Subtype/Image/Filter/DCTDecode>>\nstream\n"
    many = b"".join(blocks)  # sent by megabytes, so that the client is cheap
    for place in range(0, size // _PIECE, _PARTS):
        yield many[: min(_PARTS, size // _PIECE - place) * _PIECE]
    yield b"\nendstream\nendobj\ntrailer\n<</Size 2>>\n%%EOF\n"


class Peak:
    """The most memory of a process, and of its children, in bytes."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self.server = self.child = 0

    async def watch(self) -> None:
        for turn in itertools.count():
            self.server = max(self.server, _memory(self._pid))
            if turn % 8 == 0:  # the kernel looks at every thread for these
                self.child = max([self.child, *map(_memory, _children(self._pid))])
            await asyncio.sleep(0.02)


def _children(pid: int) -> list[int]:
    """The processes that inspect, once they run their own program, and those that they made for a file."""
    found = [int(one) for path in Path("/proc").glob(f"{pid}/task/*/children") for one in _read(path).split()]
    inspecting = [one for one in found if b"inspection_process" in _read(Path(f"/proc/{one}/cmdline"))]
    return [*inspecting, *(each for one in inspecting for each in _children(one))]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _memory(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    except OSError:  # it has ended
        pass
    return 0
