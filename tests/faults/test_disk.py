"""R15: a slow disk, a disk that fails to make data durable, a full disk. Nothing acknowledged is ever lost."""

from __future__ import annotations

import asyncio
import contextlib
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from fastapi import FastAPI

from deploy.api.app import build_owner_app
from deploy.modes.embedded import opened
from services.supervision.policy_activation import activate
from shared.adapters.sqlite.event_store import SqliteEventStore
from shared.kernel.settings import Settings
from shared.policy.loading.loader import bundled
from tests.faults.checker import check, read_log
from tests.faults.filing import Filing
from tests.faults.server import Server
from tests.faults.test_kill import quiet
from tests.faults.tools import strace
from tests.support.county import DEMO
from tests.support.serving import OPERATOR

SYNC = "fdatasync,fsync"
CLIENTS = 64
EVENTS_PER_SYNC = 10
"""R15. Each of 64 clients waits for its own commit, so while one fsync runs the others gather."""
LATE = 25
_SYNCED = re.compile(r"(?:fdatasync|fsync)\(\d+<[^>]*/log\.sqlite-wal>\)")


def traced(folder: Path, trace: Path, inject: str) -> Server:
    """The server under strace, which spoils the calls that make data durable."""
    prefix = (
        strace(),
        "-f",
        "-y",
        "--seccomp-bpf",
        "-o",
        str(trace),
        "-e",
        f"trace={SYNC}",
        "-e",
        f"inject={SYNC}:{inject}",
    )
    return Server(folder, *prefix)


@pytest.mark.nightly
async def test_slow_disk_delays_but_loses_nothing(tmp_path: Path) -> None:
    """50 ms for each fsync: waiting commits are written together. The test compares ratios, not times."""
    server = traced(tmp_path / "data", tmp_path / "trace", "delay_enter=50000")
    filing = Filing(server)
    await asyncio.to_thread(server.prepare)
    await server.start()
    try:
        before = len(read_log(tmp_path / "data" / "log.sqlite").events)
        await filing.many(CLIENTS, 4, "slow")
        await quiet(server)
        assert server.stop() == 0
    finally:
        server.kill()
    synced = syncs(tmp_path / "trace")  # those of start and stop are among them
    log = read_log(tmp_path / "data" / "log.sqlite")
    events = len(log.events) - before
    print(f"\nslow disk: {events} events in {synced} fsyncs of the log, {events / synced:.1f} each")
    assert filing.statuses == {201: CLIENTS * 4}
    assert check(filing.history, log) == []
    assert events / synced >= EVENTS_PER_SYNC


def syncs(trace: Path) -> int:
    """How often the log was made durable."""
    return len(_SYNCED.findall(trace.read_text()))


@pytest.mark.parametrize("after", [3, pytest.param(LATE, marks=pytest.mark.nightly)])
async def test_failed_fsync_terminates_process(tmp_path: Path, after: int) -> None:
    """Each fsync after the `after`-th of a thread fails: the process reports it, exits with 1, and keeps acknowledged commits."""
    whole = Server(tmp_path / "data")
    await asyncio.to_thread(whole.prepare)
    server = traced(tmp_path / "data", tmp_path / "trace", f"error=EIO:when={after}+")
    filing = Filing(server)
    await server.start()
    try:
        async with server.client() as client:
            for number in range(200):
                status = await filing.file(client, f"eio-{number}")
                if status != 201:
                    break
        assert status in (0, 503), "no fsync failed"
        assert await server.ended() == 1
    finally:
        server.kill()
    said = server.output()
    assert "cannot be written safely any more" in said
    assert "Check the disk, then start again." in said
    assert "Traceback" not in said
    await whole.start()
    try:
        await Filing(whole, filing.history).many(4, 2, "again")
        await quiet(whole)
        assert whole.stop() == 0
    finally:
        whole.kill()
    if after == LATE:
        assert filing.statuses[201] > 5
    assert check(filing.history, read_log(tmp_path / "data" / "log.sqlite")) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 16 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(place)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"not run: a small tmpfs cannot be mounted here ({done.stderr.strip() or done.returncode})")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=False)


async def test_full_disk_refuses_writes_serves_reads_and_resumes(small_disk: Path) -> None:
    server = Server(small_disk / "data")
    filing = Filing(server)
    await asyncio.to_thread(server.prepare)
    await server.start()
    filler = small_disk / "filler"
    try:
        async with server.client() as client:
            assert await filing.file(client, "first") == 201
            await quiet(server)
            fill(filler, leave=200_000)
            for number in range(400):
                if await filing.file(client, f"full-{number}", text="漏" * 3000) == 507:
                    break
            assert filing.statuses[507] == 1, filing.statuses
            for number in range(20):
                assert await filing.file(client, f"still-{number}", text="漏" * 9000) == 507
            await reads_continue(client, filing.history[0].number or "")
            assert (await client.get("/readyz")).status_code == 503
            filler.unlink()
            assert await until_accepted(filing, client) == 201
            await filing.many(8, 2, "after")
        await quiet(server)
        async with server.client("operations") as client:
            assert (await client.get("/local/parked")).json()["parked"] == []
            scrubbed = (await client.post("/local/scrub?mend=false")).json()
            assert (scrubbed["behind"], scrubbed["ahead"]) == (0, [])
            assert (await client.post("/local/verify")).json()["findings"] == []
        assert server.stop() == 0
    finally:
        server.kill()
    assert set(filing.statuses) == {201, 507}
    assert check(filing.history, read_log(small_disk / "data" / "log.sqlite")) == []


def fill(filler: Path, *, leave: int) -> None:
    """Take all space but `leave` bytes."""
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):  # a buffer would fail once more in close
        while file.write(bytes(64 * 1024)):
            pass
    with filler.open("r+b") as file:
        file.truncate(filler.stat().st_size - leave)


async def reads_continue(client: httpx.AsyncClient, number: str) -> None:
    for path in ("/v1/cases?limit=5", f"/v1/cases/{number}?content=false", f"/v1/cases/{number}/deadlines/C1/explain"):
        answer = await client.get(path)
        assert answer.status_code == 200, (path, answer.text)


async def until_accepted(filing: Filing, client: httpx.AsyncClient) -> int:
    """Wait for recovery without a restart or other intervention."""
    for number in range(50):
        status = await filing.file(client, f"space-{number}")
        if status == 201:
            return status
        await asyncio.sleep(0.1)
    return status


class Inside(NamedTuple):
    """The app in this process, in the place of a server."""

    app: FastAPI

    def client(self, as_: str = "registrar:xfj") -> httpx.AsyncClient:
        transport = httpx.ASGITransport(self.app)
        return httpx.AsyncClient(transport=transport, base_url="http://huiyin", headers={"x-huiyin-as": as_})


async def test_log_at_size_limit_refuses_writes(tmp_path: Path) -> None:
    """A full disk without a separate disk: the page limit of the log."""
    async with opened(tmp_path / "data", Settings()) as runtime:
        log = runtime.ports.log
        assert isinstance(log, SqliteEventStore)
        sections: dict[str, Any] = {one.section: one.document for one in bundled("demo")}
        await activate(runtime.handling("supervision"), OPERATOR, DEMO, sections)
        server = Inside(build_owner_app(runtime))
        filing = Filing(server)
        async with server.client() as client:
            assert await filing.file(client, "first") == 201
            await log.limit(1)
            while await filing.file(client, f"full-{sum(filing.statuses.values())}", text="漏" * 3000) == 201:
                assert sum(filing.statuses.values()) < 200
            assert filing.statuses[507] == 1
            await reads_continue(client, filing.history[0].number or "")
            await log.limit(100_000)
            assert await filing.file(client, "space") == 201
            await filing.many(8, 2, "after")
        assert await runtime.drain(30)
        assert await runtime.ports.views.parked() == []
    assert set(filing.statuses) == {201, 507}
    assert check(filing.history, read_log(tmp_path / "data" / "log.sqlite")) == []
