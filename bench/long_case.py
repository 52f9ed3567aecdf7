"""A case of 5,000 nudges on a real server: what a command on it and a page of its timeline cost.

The nudges are all of one day, or each of a day of its own. `/livez` is asked all the time meanwhile.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from statistics import median

import httpx
import orjson

from bench.cases import folder
from bench.figures import Figure, at_most
from tests.support.process import Server, server

NAME = "long case"
_LINES = 500


def measure(*, quick: bool) -> list[Figure]:
    return asyncio.run(_measure(400 if quick else 5000, 20 if quick else 100))


async def _measure(count: int, rounds: int) -> list[Figure]:
    figures: list[Figure] = []
    with folder() as path:
        for days in (False, True):
            with server(path / f"data-{days}") as running:
                figures += await _on(running, count, rounds, days=days)
    return figures


async def _on(running: Server, count: int, rounds: int, *, days: bool) -> list[Figure]:
    headers = {"Authorization": f"Bearer {running.key('registrar:xfj')}"}
    async with httpx.AsyncClient(base_url=running.url, headers=headers, timeout=600) as client:
        long, fresh = [await _filed(client, f"{name}-{days}") for name in ("long", "fresh")]
        live: list[float] = []
        watching = asyncio.create_task(_alive(running.url, live))
        await _nudged(client, long, count, days=days)
        await asyncio.sleep(1)
        command: dict[str, list[float]] = {long: [], fresh: []}
        for turn in range(rounds):
            for case in (long, fresh) if turn % 2 else (fresh, long):
                command[case].append(await _timed(lambda case=case, turn=turn: _add(client, case, turn)))  # type: ignore[misc]
        newest = [await _timed(lambda: _page(client, long)) for _ in range(rounds)]
        older = [await _timed(lambda: _page(client, long, count // 2)) for _ in range(rounds)]
        watching.cancel()
    which = f"{count:,} nudges, {'one a day' if days else 'all of a day'}"
    ratio = median(command[long]) / median(command[fresh])
    here, there = (1e3 * median(command[case]) for case in (long, fresh))
    worst = 1e3 * sorted(live)[int(len(live) * 0.99)]
    return [
        Figure(f"{NAME}: command", here, "ms", "on a fresh case", there, ratio, *at_most(ratio, 1.5), which),
        *(
            Figure(f"{NAME}: {name} page", figure, "ms", "limit", 100, figure / 100, *at_most(figure / 100, 1), which)
            for name, taken in (("newest", newest), ("middle", older))
            for figure in (1e3 * sorted(taken)[int(len(taken) * 0.95)],)
        ),
        Figure(f"{NAME}: /livez p99", worst, "ms", "limit", 200, worst / 200, *at_most(worst / 200, 1), which),
    ]


async def _filed(client: httpx.AsyncClient, item: str) -> str:
    body = {"channel": "web", "item": item, "place": "dh-yl", "subject": "0102", "text": "楼道漏水", "anonymous": True}
    answer = await client.post("/v1/submissions", json=body)
    assert answer.is_success, answer.text
    return str(answer.json()["case"])


async def _nudged(client: httpx.AsyncClient, case: str, count: int, *, days: bool) -> None:
    for start in range(0, count, _LINES):
        lines = []
        for number in range(start, min(count, start + _LINES)):
            given = {"case": case, "command": "nudge", "command_id": f"nudge-{number:06d}", "text": "什么时候修好"}
            if days:
                given["effective_at"] = (date.today() - timedelta(days=count - number)).isoformat()  # noqa: DTZ011
            lines.append(orjson.dumps(given))
        answer = await client.post(
            "/v1/commands:batch", content=b"\n".join(lines), headers={"content-type": "application/x-ndjson"}
        )
        assert answer.is_success, answer.text
        for line in answer.text.splitlines():
            assert orjson.loads(line)["status"] == 200, line


async def _add(client: httpx.AsyncClient, case: str, turn: int) -> None:
    body = {"command": "add_material", "command_id": f"material-{turn:06d}", "text": "补充照片说明"}
    answer = await client.post(f"/v1/cases/{case}/commands", json=body)
    assert answer.is_success, answer.text


async def _page(client: httpx.AsyncClient, case: str, before: int | None = None) -> None:
    answer = await client.get(f"/v1/cases/{case}", params={} if before is None else {"before": before})
    assert answer.is_success, answer.text
    assert answer.json()["timeline"], answer.text


async def _timed(work: Callable[[], Awaitable[None]]) -> float:
    start = time.perf_counter()
    await work()
    return time.perf_counter() - start


async def _alive(url: str, taken: list[float]) -> None:
    async with httpx.AsyncClient(base_url=url, timeout=60) as client:
        while True:
            start = time.perf_counter()
            await client.get("/livez")
            taken.append(time.perf_counter() - start)
            await asyncio.sleep(0.01)
