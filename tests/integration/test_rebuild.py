"""All derived data can be dropped and is rebuilt to the same bytes, on any adapter, with any number of workers."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.api.app import build_owner_app
from deploy.modes.embedded import opened
from deploy.storage.backup import restore
from deploy.storage.data_folder import Folder, FolderBusy, FolderProblem
from shared.eventstore.commit import Commit
from shared.eventstore.errors import StoreBroken
from shared.eventstore.read_models import Parked, Row
from shared.hosting.process import Process
from shared.hosting.service_module import FactStore
from shared.hosting.worker_pool import Built
from shared.kernel.refusals import Unavailable
from shared.kernel.settings import Settings
from shared.operations.blob_copy import copy_blobs
from shared.operations.digests import log_digest, views_digest
from shared.operations.rebuild import rebuild
from shared.operations.rebuild_readers import worth_starting
from shared.operations.reconcile import reconcile
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
    async with here.client("registrar") as client:
        headers = {"Upload-Id": f"u-{first}", "Content-Disposition": 'attachment; filename="letter.txt"'}
        assert (await client.post("/v1/files", content="楼道漏水".encode(), headers=headers)).is_success
    assert (await here.act("registrar", first, "attach_file", files=[f"u-{first}"])).is_success
    here.clock.advance(20 * 86400)
    return [commit async for commits in here.runtime.ports.log.scan() for commit in commits]


async def take_over(runtime: Process, here: Served) -> None:
    """Append the commits of `lives` to the log of another process, and store the files that they name."""
    for commit in await lives(here):
        await runtime.ports.log.append(commit)
    await copy_blobs(here.runtime.ports.blobs, runtime.ports.blobs)


async def rebuilt(runtime: Process, workers: int = 1) -> str:
    steps = rebuild(runtime.ports, runtime.parts, feeding=runtime.feeding, workers=workers, spread=runtime.spread)
    async for _step in steps:
        pass
    return await views_digest(runtime.ports.views, runtime.parts)


@pytest.mark.parametrize("workers", [(1, 2), pytest.param((1, 2, 16), marks=pytest.mark.nightly)], ids=["two", "many"])
async def test_rebuild_is_equal_on_memory_and_sqlite_with_any_number_of_workers(
    tmp_path: Path, workers: tuple[int, ...]
) -> None:
    async with AsyncExitStack() as stack:
        here = await stack.enter_async_context(served())
        commits = await lives(here)
        expected = await views_digest(here.runtime.ports.views, here.runtime.parts)
        kept = await stack.enter_async_context(opened(tmp_path / "data", Settings(), feed=False, tasks=False))
        for commit in commits:
            await kept.ports.log.append(commit)
        for number in workers:
            assert await rebuilt(here.runtime, number) == expected
            assert await rebuilt(kept, number) == expected
        assert await log_digest(kept.ports.log) == await log_digest(here.runtime.ports.log)


async def test_digest_detects_single_changed_value_in_every_read_model() -> None:
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


async def test_rebuild_stops_at_broken_chain() -> None:
    async with served() as here:
        await lives(here)
        log: Any = here.runtime.ports.log
        stream = next(name for name in log._streams if name.startswith("case/"))
        commit = log._streams[stream][0]
        log._streams[stream][0] = Commit(
            commit.stream, commit.first, commit.cause, (commit.events[0].replace(b"web", b"app"), *commit.events[1:]),
            commit.previous, commit.hash, commit.recorded_at, commit.request, commit.position,
        )  # fmt: skip
        with pytest.raises(StoreBroken, match="chain"):
            await rebuilt(here.runtime)
        async with here.owner() as owner:
            told = (await owner.post("/local/rebuild", json={})).text.splitlines()[-1]
            findings = (await owner.post("/local/verify")).json()["findings"]
        assert "chain_broken" in told
        assert findings[0]["stream"] == stream


@asynccontextmanager
async def on_disk(path: Path, *, feed: bool = True) -> AsyncIterator[Process]:
    """A folder that holds a few cases, and the law before them."""
    async with opened(path, Settings(), feed=feed, tasks=False) as runtime:
        async with served() as here:
            for commit in sorted(await lives(here), key=lambda commit: commit.stream.startswith("case/")):
                await runtime.ports.log.append(commit)
        if feed:
            await runtime.drain()
        yield runtime


def views_of(runtime: Process) -> list[str]:
    return [show.view.name for consumer in runtime.consumers for show in consumer.shows]


async def shown(runtime: Process) -> tuple[int, int]:
    """The number of rows and facts that a reader sees now."""
    rows = [len(rows) for name in views_of(runtime) async for rows in runtime.ports.views.rows(name)]
    return sum(rows), sum([len(rows) async for rows in facts_of(runtime).rows("clocks")])


async def test_worker_processes_name_a_broken_chain(tmp_path: Path) -> None:
    async with on_disk(tmp_path / "data") as runtime:
        before = await views_digest(runtime.ports.views, runtime.parts)
        with sqlite3.connect(tmp_path / "data" / "log.sqlite") as connection:
            connection.execute("DROP TRIGGER never_changed")
            (stream,) = connection.execute("SELECT max(stream) FROM commits WHERE stream LIKE 'case/%'").fetchone()
            connection.execute(
                "UPDATE commits SET events = replace(events, 'web', 'app') WHERE stream = ? AND first = 1", (stream,)
            )
        connection.close()
        with pytest.raises(StoreBroken, match=f"{stream} breaks at version 1"):
            await rebuilt(runtime, workers=2)
        assert await views_digest(runtime.ports.views, runtime.parts) == before, "what stood there stands there"


async def test_killed_worker_process_fails_rebuild(tmp_path: Path) -> None:
    others = children()  # a server of other tests
    async with on_disk(tmp_path / "data") as runtime:
        before = await views_digest(runtime.ports.views, runtime.parts)
        spread = runtime.spread
        assert spread is not None

        async def killed(signs: Sequence[str]) -> AsyncGenerator[Built, None]:
            own = children()
            async with aclosing(spread(signs)) as built:
                first = asyncio.ensure_future(anext(built))
                while not (new := children() - own):  # noqa: ASYNC110  (the kernel tells no event)
                    await asyncio.sleep(0.001)
                os.kill(new.pop(), signal.SIGKILL)
                yield await first

        with pytest.raises(Unavailable, match="signal 9"):
            async for _step in rebuild(runtime.ports, runtime.parts, feeding=True, workers=2, spread=killed):
                pass
        assert children() <= others
        assert await views_digest(runtime.ports.views, runtime.parts) == before
        assert await rebuilt(runtime, workers=2) == before


async def test_cancelled_rebuild_stops_worker_processes(tmp_path: Path) -> None:
    others = children()
    async with on_disk(tmp_path / "data") as runtime:
        before = await views_digest(runtime.ports.views, runtime.parts)
        steps = rebuild(runtime.ports, runtime.parts, feeding=True, workers=2, spread=runtime.spread)
        await anext(steps)
        await steps.aclose()  # type: ignore[attr-defined]
        assert children() <= others
        await runtime.drain()
        assert await views_digest(runtime.ports.views, runtime.parts) == before


KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from deploy.modes.embedded import opened
from shared.operations.rebuild import rebuild
from shared.kernel.settings import Settings

async def main():
    async with opened(Path(sys.argv[1]), Settings(), tasks=False) as runtime:
        async for step in rebuild(runtime.ports, runtime.parts, feeding=True, workers=2, spread=runtime.spread):
            os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


async def test_rebuild_can_be_repeated_after_process_is_killed(tmp_path: Path) -> None:
    async with on_disk(tmp_path / "data") as runtime:
        before = await views_digest(runtime.ports.views, runtime.parts)
    ended = await asyncio.to_thread(subprocess.run, [sys.executable, "-c", KILLED, str(tmp_path / "data")], check=False)
    assert ended.returncode == -signal.SIGKILL
    async with opened(tmp_path / "data", Settings(), tasks=False) as runtime:
        await runtime.drain()
        assert await views_digest(runtime.ports.views, runtime.parts) == before
        assert await rebuilt(runtime, workers=2) == before


async def test_small_log_is_rebuilt_without_worker_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    async with served() as here:
        await lives(here)
        ports = here.runtime.ports
        assert await worth_starting(ports) == 1
        found = len([stream async for heads in ports.log.heads("case/") for stream in heads])
        monkeypatch.setattr("shared.operations.rebuild_readers._FEW", found)
        assert await worth_starting(ports) == min(16, len(os.sched_getaffinity(0)))


def children() -> set[int]:
    """Worker processes of this one."""
    return set(map(int, Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()))


def facts_of(runtime: Process) -> FactStore:
    return next(part.facts for part in runtime.parts if part.facts is not None)


async def test_scrub_repairs_outdated_rows() -> None:
    async with served() as here:
        await lives(here)
        ports, parts = here.runtime.ports, here.runtime.parts
        before = await views_digest(ports.views, parts)
        await ports.views.clear("worklist")
        seen = await reconcile(ports, parts, mend=False)
        assert seen.behind > 0
        assert seen.mended == 0
        mended = await reconcile(ports, parts)
        assert mended.mended == mended.behind == seen.behind
        assert await views_digest(ports.views, parts) == before
        assert (await reconcile(ports, parts)).behind == 0


async def test_modified_backup_is_not_restored(tmp_path: Path) -> None:
    async with opened(tmp_path / "data", Settings(), tasks=False) as runtime:
        assert runtime.back_up is not None
        async with served() as here:
            await take_over(runtime, here)
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


async def test_folder_has_one_owner_process(tmp_path: Path) -> None:
    async with opened(tmp_path / "data", Settings(), tasks=False):
        with pytest.raises(FolderBusy):
            Folder(tmp_path / "data").take()
    assert Folder(tmp_path / "data").owner() is None


async def test_full_disk_on_sqlite_fails_rebuild_cleanly(tmp_path: Path) -> None:
    """507 for writes, reads continue, and work resumes automatically when space is available."""
    async with opened(tmp_path / "data", Settings(), tasks=False) as runtime:
        async with served() as here:
            await take_over(runtime, here)
        await runtime.drain()
        log: Any = runtime.ports.log
        app = build_owner_app(runtime)
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
            found = (await desk.post("/local/verify", headers={"x-huiyin-as": "operations"})).json()["findings"]
            assert {one["column"] for one in found} == {"key"}, (
                "the keys of the other process did not come with its commits"
            )


async def test_old_rows_are_served_until_new_rows_are_complete(tmp_path: Path) -> None:
    """A reader never misses a row; checkpoints are kept, also if the client disconnects."""
    async with on_disk(tmp_path / "data") as runtime:
        views: Any = runtime.ports.views
        whole = await shown(runtime)
        assert min(whole) > 5
        digest = await views_digest(views, runtime.parts)
        places = {consumer.group: await views.checkpoint(consumer.group) for consumer in runtime.consumers}
        steps: Any = rebuild(runtime.ports, runtime.parts, feeding=True)
        async for _step in steps:
            assert await shown(runtime) == whole
        steps = rebuild(runtime.ports, runtime.parts, feeding=True)
        await anext(steps)
        await steps.aclose()
        assert await views_digest(views, runtime.parts) == digest
        assert all([await views.checkpoint(group) >= place for group, place in places.items()])


async def test_rebuild_that_cannot_start_leaves_consumers_running(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process holds the fact file: the consumers continue, and a later rebuild succeeds."""
    async with served() as here:
        await lives(here)

        async def in_use() -> None:
            raise Unavailable("facts_in_use", "In use.", detail_zh="正在使用。")

        with monkeypatch.context() as patched:
            patched.setattr(facts_of(here.runtime), "begin_anew", in_use)
            with pytest.raises(Unavailable, match="In use"):
                async for _step in rebuild(here.runtime.ports, here.runtime.parts, feeding=True):
                    pass
        case = (await here.filed())["case"]
        await here.runtime.drain()
        assert await here.runtime.ports.views.get("worklist", case) is not None
        async with asyncio.timeout(30):
            assert await rebuilt(here.runtime) == await views_digest(here.runtime.ports.views, here.runtime.parts)


@pytest.mark.parametrize("where", ["feed", "facts"])
async def test_rebuild_cancelled_at_start_leaves_consumers_running(monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    """The rebuild request ends while consumers are being stopped, or while the facts are being reset."""
    async with served() as here:
        await lives(here)
        reached, going = asyncio.Event(), asyncio.Event()
        owner, name = (here.runtime.ports.feed, "stop") if where == "feed" else (facts_of(here.runtime), "begin_anew")
        really = getattr(owner, name)

        async def slowly() -> None:
            reached.set()
            await going.wait()
            await really()

        async def begin() -> None:
            async for _step in rebuild(here.runtime.ports, here.runtime.parts, feeding=True):
                pass

        with monkeypatch.context() as patched:
            patched.setattr(owner, name, slowly)
            beginning = asyncio.create_task(begin())
            await reached.wait()
            beginning.cancel()
            asyncio.get_running_loop().call_later(0.05, going.set)
            with pytest.raises(asyncio.CancelledError):
                await beginning
        case = (await here.filed())["case"]
        await here.runtime.drain()
        assert await here.runtime.ports.views.get("worklist", case) is not None
        async with asyncio.timeout(30):
            assert await rebuilt(here.runtime) == await views_digest(here.runtime.ports.views, here.runtime.parts)


async def test_rows_without_events_are_removed() -> None:
    """Read models of another or truncated log contain unknown cases and versions."""
    async with served() as here:
        await lives(here)
        views, parts = here.runtime.ports.views, here.runtime.parts
        before = await views_digest(views, parts)
        for name in views_of(here.runtime):
            rows = [row async for some in views.rows(name) for row in some]
            ahead = Row(rows[0].key, rows[0].applied + 5, None)
            await views.write({name: [ahead, *(Row(key, 1, rows[-1].values) for key in ("0", "5" * 32, "g"))]})
        assert await views_digest(views, parts) != before
        assert (await reconcile(here.runtime.ports, parts, mend=False)).ahead
        assert await rebuilt(here.runtime) == before


async def test_marks_are_removed_by_full_rebuild_only(tmp_path: Path) -> None:
    """A rebuild restores the rows of a parked event but not its effects, so a reacting group keeps its mark."""
    async with on_disk(tmp_path / "data") as runtime:
        views = runtime.ports.views
        reacts = {consumer.group: bool(consumer.reactions) for consumer in runtime.consumers}
        assert set(reacts.values()) == {True, False}
        marks = [
            Parked(group, "case/a", 1, "ValueError", "2026-03-02T00:00:00.000000Z", b"{}") for group in sorted(reacts)
        ]
        for mark in marks:
            await views.park(mark)
        steps: Any = rebuild(runtime.ports, runtime.parts, feeding=True)
        await anext(steps)
        await steps.aclose()
        assert await views.parked() == marks
        await rebuilt(runtime)
        assert await views.parked() == [mark for mark in marks if reacts[mark.group]]


async def test_policy_change_is_shown_immediately() -> None:
    """Rows of unchanged cases follow the new clocks and equal those of a rebuild."""
    async with served() as here:
        runtime = here.runtime
        case = (await here.filed(place="nowhere"))["case"]
        before = await here.runtime.ports.views.get("worklist", case)
        async with here.client("registrar") as desk:
            policy = (await desk.get("/v1/policies/cn-demo")).json()
            clocks = policy["documents"]["clocks"]
            next(rule for rule in clocks["rules"] if rule["id"] == "C1")["period"]["days"] = 3
            told = await desk.post(
                "/v1/policies:activate", json={"jurisdiction": "cn-demo", "sections": {"clocks": clocks}}
            )
            assert told.json()["activated"] == ["clocks"], told.text
        await runtime.drain()
        after = await runtime.ports.views.get("worklist", case)
        assert before is not None and after is not None
        assert before.values is not None and after.values is not None
        assert str(after.values["due"]) < str(before.values["due"])
        shown = await views_digest(runtime.ports.views, runtime.parts)
        assert await rebuilt(runtime) == shown
