"""`python -m bench.strangers [--rounds N] [--json]`: /livez while strangers do what costs most, and the pace of a kept connection.

The server is `huiyin serve` in a process of its own; strangers are another process. In each round 1,200 connections are opened with
half a head, and 40 bodies of 24,000 unknown fields are sent at the same time. Aim: /livez within 200 ms at the 99th percentile.
The kept connection is also measured on a socket that does not name its protocol, on which asyncio leaves Nagle's algorithm on.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from statistics import median, quantiles
from typing import Any, NamedTuple

HALF_OPEN, BODIES, FIELDS = 1_200, 40, 24_000
SECONDS = 6.0
"""Of one round."""
PAUSE = 0.02
AIM_MS = 200.0
START = "import sys; from deploy.cli.main import main; sys.argv[0] = 'huiyin'; main()"
WITHOUT_PROTOCOL = (
    "import socket, types, deploy.server.sockets as ours; "
    "ours.socket = types.SimpleNamespace(**{**vars(socket), 'IPPROTO_TCP': 0}); "
)


class Pace(NamedTuple):
    """Milliseconds of many requests."""

    p50: float
    p99: float
    most: float
    number: int
    failed: int


def pace(taken: list[float], failed: int = 0) -> Pace:
    cut = quantiles(taken, n=100, method="inclusive")[98] if len(taken) > 1 else taken[0]
    p50, p99, most = (round(1000 * one, 1) for one in (median(taken), cut, max(taken)))
    return Pace(p50, p99, most, len(taken), failed)


@contextmanager
def serving(folder: Path, before: str = "") -> Iterator[tuple[str, int, Path]]:
    """A server on a free port: its host, its port, and the file of its log."""
    out, err = folder / "out", folder / "err"
    command = [sys.executable, "-c", before + START, "serve", "--data", str(folder / "data"), "--port", "0"]
    with out.open("w") as stdout, err.open("w") as stderr:
        process = subprocess.Popen(command, stdout=stdout, stderr=stderr)
    try:
        until = time.monotonic() + 60
        while (found := re.search(r"http://([\d.]+):(\d+)", out.read_text())) is None:
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(err.read_text())
            time.sleep(0.1)
        yield found[1], int(found[2]), err
    finally:
        process.terminate()
        process.wait(30)


def kept(host: str, port: int, number: int) -> Pace:
    """Requests on one connection."""
    connection = http.client.HTTPConnection(host, port, timeout=10)
    taken = []
    for _ in range(number):
        began = time.perf_counter()
        connection.request("GET", "/livez")
        connection.getresponse().read()
        taken.append(time.perf_counter() - began)
    connection.close()
    return pace(taken)


def probed(host: str, port: int, seconds: float) -> Pace:
    """Requests on a new connection each, as health checks come."""
    taken, failed = [], 0
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        began = time.perf_counter()
        try:
            connection = http.client.HTTPConnection(host, port, timeout=10)
            connection.request("GET", "/livez")
            failed += connection.getresponse().read() != b'{"alive":true}'
            connection.close()
        except OSError:
            failed += 1
        taken.append(time.perf_counter() - began)
        time.sleep(PAUSE)
    return pace(taken, failed)


async def _strangers(host: str, port: int, seconds: float) -> None:
    body = json.dumps({f"f{place}": 1 for place in range(FIELDS)}, separators=(",", ":")).encode()
    head = (
        f"POST /v1/citizens/commands HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    ).encode()
    opened: list[asyncio.StreamWriter] = []

    async def send(data: bytes) -> None:
        try:
            _reader, writer = await asyncio.open_connection(host, port)
            opened.append(writer)
            writer.write(data)
            await writer.drain()
        except OSError:
            pass

    await asyncio.gather(
        *(send(b"GET /v1/cases HTTP/1.1\r\nhost: x\r\nx-") for _ in range(HALF_OPEN)),
        *(send(head + body) for _ in range(BODIES)),
    )
    await asyncio.sleep(seconds)
    for writer in opened:
        writer.transport.abort()


def strangers(host: str, port: int, seconds: float) -> None:
    asyncio.run(_strangers(host, port, seconds))


def attacked(host: str, port: int, rounds: int) -> list[Pace]:
    found = []
    for _ in range(rounds):
        process = get_context("spawn").Process(target=strangers, args=(host, port, SECONDS - 2))
        process.start()
        found.append(probed(host, port, SECONDS))
        process.join()
    return found


def measure(rounds: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("after", "before"):
            (folder / part).mkdir()
        with serving(folder / "before", WITHOUT_PROTOCOL) as (host, port, _log):
            nagle = kept(host, port, 100)
        with serving(folder / "after") as (host, port, log):
            found: dict[str, Any] = {
                "kept connection, protocol not named": nagle,
                "kept connection": kept(host, port, 300),
                "alone": probed(host, port, SECONDS),
            }
            for place, one in enumerate(attacked(host, port, rounds), 1):
                found[f"attacked, round {place}"] = one
            found["log kB"] = round(log.stat().st_size / 1000, 1)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.strangers", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="the figures as JSON")
    given = parser.parse_args()
    found = measure(given.rounds)
    if given.json:
        print(
            json.dumps({name: one._asdict() if isinstance(one, Pace) else one for name, one in found.items()}, indent=2)
        )
    else:
        for name, one in found.items():
            shown = (
                f"p50 {one.p50:7.1f}  p99 {one.p99:7.1f}  most {one.most:7.1f} ms  of {one.number}, failed {one.failed}"
                if isinstance(one, Pace)
                else one
            )
            print(f"{name:38} {shown}")
    worst = max(one.p99 for name, one in found.items() if name.startswith("attacked"))
    print(f"/livez at p99 while attacked: {worst} ms, aim {AIM_MS:.0f}: {'reached' if worst <= AIM_MS else 'missed'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
