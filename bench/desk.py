"""The desk under load: 64 clerks on 10,000 open cases, each with a live stream and one action every three seconds."""

from __future__ import annotations

import asyncio
import os
import random
import tempfile
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from statistics import quantiles
from typing import Any

import httpx
import orjson

from bench.figures import Figure, at_most
from services.portal.browser import COOKIE
from tests.support.process import Server, server

NAME = "desk"
CASES = 10_000
CLIENTS = 64
EVERY_SECONDS = 3.0
LIST_MS, COUNTS_MS = 300, 100
MEASURED_SECONDS = 45
PAGES = 100
PAGE_MS = 50
"""Most processor time of a page (own choice): one core serves twenty of them in a second."""
_TICKS = os.sysconf("SC_CLK_TCK")
_LINES = 500
_NDJSON = {"content-type": "application/x-ndjson"}
_MIX = ("list",) * 6 + ("case",) * 3 + ("command",)


def measure(*, quick: bool) -> list[Figure]:
    cases, clients, seconds = (300, 8, 4) if quick else (CASES, CLIENTS, MEASURED_SECONDS)
    with tempfile.TemporaryDirectory() as folder, server(Path(folder) / "data") as running:
        return asyncio.run(_measured(running, cases, clients, seconds))


def _cpu(process: int) -> float:
    """Seconds of processor time that the server has used."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


async def _idle(running: Server) -> float:
    """Seconds of processor time in a second while nobody asks."""
    before = _cpu(running.process.pid)
    await asyncio.sleep(5)
    return (_cpu(running.process.pid) - before) / 5


async def _measured(running: Server, cases: int, clients: int, seconds: float) -> list[Figure]:
    keys = {role: running.key(name) for role, name in (("registrar", "registrar:xfj"), ("clerk", "clerk:zj"))}
    limits = httpx.Limits(max_connections=4 * clients)
    async with httpx.AsyncClient(base_url=running.url, timeout=60, limits=limits) as client:
        numbers = await _filed(client, keys["registrar"], cases)
        without = await _idle(running)
        streams = [asyncio.create_task(_watch(client, keys["registrar"])) for _ in range(clients)]
        await asyncio.sleep(3)
        idle = max(0.0, await _idle(running) - without)
        taken: dict[str, list[float]] = defaultdict(list)
        before, begin = _cpu(running.process.pid), time.perf_counter()
        await asyncio.gather(*(_clerk(client, keys, numbers, seed, seconds, taken) for seed in range(clients)))
        lasted, used = time.perf_counter() - begin, _cpu(running.process.pid) - before
        for stream in streams:
            stream.cancel()
        await asyncio.gather(*streams, return_exceptions=True)
        pages = await _pages(running, keys["registrar"], numbers, 4 if seconds < MEASURED_SECONDS else PAGES)
    requests = sum(len(one) for one in taken.values())
    note = f"{cases} cases, {clients} clients, {requests / lasted:.0f} requests/s, {1000 * used / requests:.1f} ms CPU each"
    return [
        _figure("list", taken["list"], LIST_MS, note),
        _figure("counts", taken["counts"], COUNTS_MS, note),
        _figure("case", taken["case"], LIST_MS, note),
        _figure("command", taken["command"], LIST_MS, note),
        Figure(
            f"{NAME} idle streams", 1000 * idle / clients, "ms CPU/s", "limit 1 ms", 1, 1000 * idle / clients,
            *at_most(1000 * idle / clients, 1), f"{clients} streams while nothing happens",
        ),
        *pages,
    ]  # fmt: skip


async def _pages(running: Server, key: str, numbers: list[str], times: int) -> list[Figure]:
    """Processor time of each page of the portal and of the questions that it asks, one page after the other."""
    figures = []
    origin = running.url.replace("127.0.0.1", "localhost")
    paths: dict[str, Callable[[int], str]] = {
        "list": lambda _at: "/desk?queue=to_sign",
        "case": lambda at: f"/desk/case/{numbers[at]}",
        "form": lambda at: f"/desk/case/{numbers[at]}/do/dispatch",
        "registration": lambda _at: "/desk/register",
        "filing": lambda _at: "/submit",
        "sign-in": lambda _at: "/sign-in",
    }
    headers = {"cookie": f"{COOKIE}session={key}", "accept-language": "zh-CN"}
    async with httpx.AsyncClient(base_url=origin, timeout=60, headers=headers) as client:
        for name, path in paths.items():
            for at in range(2):  # templates and words are read at the first time
                (await client.get(path(at))).raise_for_status()
            before = _cpu(running.process.pid)
            for at in range(times):
                (await client.get(path(2 + at))).raise_for_status()
            spent = 1000 * (_cpu(running.process.pid) - before) / times
            figures.append(
                Figure(f"{NAME} page {name}", spent, "ms CPU", f"limit {PAGE_MS} ms", PAGE_MS, spent / PAGE_MS,
                       *at_most(spent / PAGE_MS, 1), f"mean of {times} pages with their questions to the interface")
            )  # fmt: skip
    return figures


def _figure(what: str, taken: list[float], limit: float, note: str) -> Figure:
    late = 1000 * (quantiles(taken, n=20, method="inclusive")[-1] if len(taken) > 1 else taken[0])
    return Figure(
        f"{NAME} {what} p95", late, "ms", f"limit {limit} ms", limit, late / limit, *at_most(late / limit, 1), note
    )


async def _filed(client: httpx.AsyncClient, key: str, cases: int) -> list[str]:
    numbers: list[str] = []
    headers = {"authorization": f"Bearer {key}", **_NDJSON}
    for start in range(0, cases, _LINES):
        lines = [
            {
                "channel": "letter",
                "item": f"bench-{each}",
                "text": f"第{each}件，楼道漏水",
                "place": "dh-yl",
                "subject": "0102",
            }
            for each in range(start, min(cases, start + _LINES))
        ]
        answer = await client.post(
            "/v1/submissions:batch", content=b"\n".join(map(orjson.dumps, lines)), headers=headers
        )
        answer.raise_for_status()
        numbers += [orjson.loads(line)["receipt"]["number"] for line in answer.content.splitlines()]
    until = time.monotonic() + 120
    while time.monotonic() < until:
        counts = (await client.get("/v1/cases/counts", headers=headers)).json()
        if counts["queues"]["to_sign"] >= cases:
            break
        await asyncio.sleep(0.5)
    return numbers


async def _watch(client: httpx.AsyncClient, key: str) -> None:
    async with client.stream("GET", "/v1/live?wait=600", headers={"authorization": f"Bearer {key}"}) as answer:
        async for _part in answer.aiter_bytes():
            pass


async def _clerk(
    client: httpx.AsyncClient,
    keys: dict[str, str],
    numbers: list[str],
    seed: int,
    seconds: float,
    taken: dict[str, list[float]],
) -> None:
    """One member of staff: an action every three seconds; a list comes with its counts, as on the page."""
    chance = random.Random(seed)  # not for secrets
    office = {"authorization": f"Bearer {keys['registrar']}"}
    unit = {"authorization": f"Bearer {keys['clerk']}"}
    until = time.monotonic() + seconds

    async def timed(what: str, ask: Callable[[], Awaitable[httpx.Response]]) -> None:
        start = time.perf_counter()
        answer = await ask()
        taken[what].append(time.perf_counter() - start)
        if answer.status_code not in (200, 409):
            raise RuntimeError(f"{what}: {answer.status_code}")

    await asyncio.sleep(chance.random() * EVERY_SECONDS)
    while time.monotonic() < until:
        begun, what, number = time.monotonic(), chance.choice(_MIX), chance.choice(numbers)
        body: dict[str, Any] = {"command": "sign_off", "command_id": f"{seed}-{chance.random()}"}
        if what == "list":
            await timed("list", partial(client.get, "/v1/cases?queue=to_sign&limit=50", headers=office))
            await timed("counts", partial(client.get, "/v1/cases/counts", headers=office))
        elif what == "case":
            await timed("case", partial(client.get, f"/v1/cases/{number}?content=false", headers=office))
        else:
            await timed(
                "command",
                partial(client.post, f"/v1/cases/{number}/commands", json=body, headers=unit),
            )
        await asyncio.sleep(max(0.0, EVERY_SECONDS - (time.monotonic() - begun)))
