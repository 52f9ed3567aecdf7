"""Everything derived can be dropped: it comes back the same to the byte, on any adapter, with any number of workers."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.backup import restore
from deploy.embedded import opened
from deploy.folder import Folder, FolderBusy, FolderProblem
from shared.digests import log_digest, views_digest
from shared.http.app import build_app
from shared.log import Commit, LogBroken
from shared.rebuilding import rebuild, scrub
from shared.runtime import Runtime
from shared.settings import Settings
from shared.views import Row
from tests.support.serving import Served, served, submission


async def lives(here: Served) -> list[Commit]:
    """A few cases in different states; every commit in the order of its stream."""
    first = (await here.filed())["case"]
    await here.act("clerk", first, "sign_off")
    await here.act("clerk", first, "accept", path=6)
    second = (await here.filed(subject="0302"))["case"]
    await here.act("registrar", second, "void", reason_code="test")
    await here.filed(**{"class": "accusation"})
    await here.filed(place="nowhere")
    here.clock.advance(20 * 86400)
    return [commit async for commits in here.runtime.ports.log.scan() for commit in commits]


async def rebuilt(runtime: Runtime, workers: int = 1) -> str:
    async for _step in rebuild(runtime.ports, runtime.parts, feeding=runtime.feeding, workers=workers):
        pass
    return await views_digest(runtime.ports.views, runtime.parts)


async def test_the_same_on_memory_and_sqlite_with_one_and_two_workers(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        here = await stack.enter_async_context(served())
        commits = await lives(here)
        expected = await views_digest(here.runtime.ports.views, here.runtime.parts)
        kept = await stack.enter_async_context(opened(tmp_path / "data", Settings(), feed=False, tasks=False))
        for commit in commits:
            await kept.ports.log.append(commit)
        for workers in (1, 2, 16):
            assert await rebuilt(here.runtime, workers) == expected
            assert await rebuilt(kept, workers) == expected
        assert await log_digest(kept.ports.log) == await log_digest(here.runtime.ports.log)


async def test_the_digest_notices_one_value_in_every_view() -> None:
    async with served() as here:
        await lives(here)
        views = here.runtime.ports.views
        names = [show.view for consumer in here.runtime.consumers for show in consumer.shows]
        assert names
        for view in names:
            before = await rebuilt(here.runtime)
            rows = [row async for batch in views.rows(view.name) for row in batch if row.values is not None]
            row = rows[0]
            assert row.values is not None
            column = next(name for name, kind in view.columns.items() if kind == "text")
            await views.clear(view.name)
            changed = [Row(one.key, one.applied, one.values) for one in rows[1:]]
            await views.write({view.name: [*changed, Row(row.key, row.applied, {**row.values, column: "altered"})]})
            assert await views_digest(views, here.runtime.parts) != before
        assert await rebuilt(here.runtime) == before


async def test_a_rebuild_stops_at_a_broken_chain() -> None:
    async with served() as here:
        await lives(here)
        log: Any = here.runtime.ports.log
        stream = next(name for name in log._streams if name.startswith("case/"))
        commit = log._streams[stream][0]
        log._streams[stream][0] = Commit(
            commit.stream, commit.first, commit.cause, (commit.events[0].replace(b"web", b"app"), *commit.events[1:]),
            commit.previous, commit.hash, commit.recorded_at, commit.request, commit.position,
        )  # fmt: skip
        with pytest.raises(LogBroken, match="chain"):
            await rebuilt(here.runtime)
        async with here.owner() as owner:
            told = (await owner.post("/local/rebuild", json={})).text.splitlines()[-1]
            findings = (await owner.post("/local/verify")).json()["findings"]
        assert "chain_broken" in told
        assert findings[0]["stream"] == stream


async def test_a_scrub_mends_what_is_behind() -> None:
    async with served() as here:
        await lives(here)
        ports, parts = here.runtime.ports, here.runtime.parts
        before = await views_digest(ports.views, parts)
        await ports.views.clear("worklist")
        seen = await scrub(ports, parts, mend=False)
        assert seen.behind > 0
        assert seen.mended == 0
        mended = await scrub(ports, parts)
        assert mended.mended == mended.behind == seen.behind
        assert await views_digest(ports.views, parts) == before
        assert (await scrub(ports, parts)).behind == 0


async def test_a_backup_that_was_touched_is_not_restored(tmp_path: Path) -> None:
    async with opened(tmp_path / "data", Settings(), tasks=False) as runtime:
        assert runtime.back_up is not None
        async with served() as here:
            for commit in await lives(here):
                await runtime.ports.log.append(commit)
        await runtime.back_up(tmp_path / "copy")
    with pytest.raises(FolderProblem, match="keys"):  # the log came from elsewhere: its keys are not here
        await restore(tmp_path / "copy", tmp_path / "new")
    data = bytearray((tmp_path / "copy" / "log.sqlite").read_bytes())
    place = data.rindex(b"CaseRegistered")
    data[place : place + 4] = b"cASE"
    (tmp_path / "copy" / "log.sqlite").write_bytes(data)
    with pytest.raises(FolderProblem, match="damaged"):
        await restore(tmp_path / "copy", tmp_path / "new")
    assert not (tmp_path / "new").exists()


async def test_a_folder_has_one_owner(tmp_path: Path) -> None:
    async with opened(tmp_path / "data", Settings(), tasks=False):
        with pytest.raises(FolderBusy):
            Folder(tmp_path / "data").take()
    assert Folder(tmp_path / "data").owner() is None


async def test_a_full_disk_on_sqlite(tmp_path: Path) -> None:
    """507, reads go on, and it resumes by itself once there is space."""
    async with opened(tmp_path / "data", Settings(), tasks=False) as runtime:
        async with served() as here:
            for commit in await lives(here):
                await runtime.ports.log.append(commit)
        await runtime.drain()
        log: Any = runtime.ports.log
        app = build_app(runtime, local=True)
        headers = {"x-huiyin-as": "registrar:xfj"}
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://huiyin", headers=headers) as desk:
            await log.limit(1)
            statuses = set()
            for place in range(40):
                body = submission(item=f"full-{place}", text="漏" * 5000)
                statuses.add((await desk.post("/v1/submissions", json=body)).status_code)
            assert 507 in statuses
            assert statuses <= {201, 507}
            assert (await desk.get("/v1/cases")).status_code == 200
            await log.limit(1_000_000)
            assert (await desk.post("/v1/submissions", json=submission(item="after"))).status_code == 201
            assert (await desk.post("/local/verify", headers={"x-huiyin-as": "operations"})).json()["findings"] == []
