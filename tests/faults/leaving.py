"""Collect the recorded data of a run from its processes and pass it to the checker."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import httpx

from tests.faults.checker import Log, Op, Run, read_commits


async def left(clients: Sequence[httpx.AsyncClient], history: Sequence[Op], log: Log | None = None) -> Run:
    """The run as its processes show it to the operator; the first process supplies the log unless it was read already."""
    if log is None:
        log = read_commits((await _got(clients[0], "/local/export?form=commits")).text.splitlines())
    views = [
        json.loads(line)
        for client in clients
        for line in (await _got(client, "/local/export?form=views")).text.splitlines()
    ]
    parked = [mark for client in clients for mark in (await _got(client, "/local/parked")).json()["parked"]]
    return Run(history, log, views, _each_once(parked))


def _each_once(marks: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Processes on the same store show the same marks."""
    return list({(mark["group"], mark["stream"]): mark for mark in marks}.values())


async def _got(client: httpx.AsyncClient, path: str) -> httpx.Response:
    answer = await client.get(path, timeout=900)
    assert answer.status_code == 200, answer.text
    return answer
