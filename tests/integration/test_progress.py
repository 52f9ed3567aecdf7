"""Long operations of an operator say how far they are while they run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from deploy.modes.embedded import opened
from deploy.storage.backup import restore
from shared.kernel.progress import followed
from tests.integration.test_file_operations import lived
from tests.support.serving import Served, served


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Served]:
    async with served(running=lambda settings, clock: opened(tmp_path / "data", settings, clock=clock)) as found:
        yield found


async def shares(client: httpx.AsyncClient, name: str, work: asyncio.Task[httpx.Response]) -> list[float]:
    """The shares of an operation that were seen while it ran."""
    seen: list[float] = []
    while not work.done():
        await asyncio.sleep(0)
        running = (await client.get("/local/progress")).json()["running"]
        seen += [running[name]] if name in running else []
    return seen


@pytest.mark.parametrize(
    ("name", "method", "path"),
    [
        ("verify", "POST", "/local/verify"),
        ("scrub", "POST", "/local/scrub"),
        ("digest", "GET", "/local/digest"),
        ("rebuild", "POST", "/local/rebuild"),
        ("backup", "POST", "/local/backup"),
    ],
)
async def test_running_operation_has_a_share_and_a_finished_one_none(
    here: Served, tmp_path: Path, name: str, method: str, path: str
) -> None:
    await lived(here)
    body = {"folder": str(tmp_path / "copy")} if name == "backup" else {} if name == "rebuild" else None
    async with here.owner() as client:
        work = asyncio.create_task(client.request(method, path, json=body))
        seen = await shares(client, name, work)
        assert work.result().is_success
        assert seen
        assert seen == sorted(seen)
        assert all(0 <= share <= 1 for share in seen)
        assert (await client.get("/local/progress")).json() == {"running": {}}


async def test_restoration_reaches_its_end(here: Served, tmp_path: Path) -> None:
    await lived(here)
    async with here.owner() as client:
        assert (await client.post("/local/backup", json={"folder": str(tmp_path / "copy")})).is_success
    with followed(4) as progress:
        await restore(tmp_path / "copy", tmp_path / "again")
    assert progress.share > 0.75
