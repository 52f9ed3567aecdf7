"""Reading an inbox costs O(page); waiting for new entries costs nothing while there are none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.api.app import build_owner_app
from deploy.modes.embedded import opened
from shared.case import Case
from shared.commands.authorization import Principal
from shared.eventstore.commit import Commit
from shared.kernel.settings import Settings
from tests.support.commits import history
from tests.support.serving import Served, served


@pytest.fixture
async def here() -> AsyncIterator[Served]:
    async with served() as made:
        yield made


class Counted:
    """How often, and how much, a log was asked for one stream."""

    def __init__(self, log: Any, stream: str) -> None:
        self.loads = 0
        self.commits = 0
        self.first = asyncio.Event()
        self._load, self._stream = log.load, stream
        log.load = self.load

    async def load(self, stream: str, after: int = 0, limit: int | None = None) -> list[Commit]:
        found: list[Commit] = await self._load(stream, after, limit)
        if stream == self._stream:
            self.loads += 1
            self.first.set()
            self.commits += len(found)
        return found


async def test_inbox_page_loads_one_page_of_entries(here: Served) -> None:
    for _ in range(30):
        await here.filed()
    counted = Counted(here.runtime.ports.log, "inbox/cn-demo/zj")
    seen: list[int] = []
    after, more = 0, True
    async with here.client("organisation") as department:
        while more:
            page = (await department.get(f"/v1/organisations/zj/assignments?after={after}&limit=4")).json()
            seen += [one["id"] for one in page["entries"]]
            after, more = page["after"], page["more"]
    assert seen == list(range(1, 31))
    assert counted.loads == 8
    assert counted.commits <= 30 + counted.loads, "one more than the page, to know whether there are more"


async def test_filtered_inbox_reading_costs_only_new_entries(here: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every third case complains of the petition office, which reads the inbox of another organisation."""
    cases = [(await here.filed())["case"] for _ in range(30)]
    unseen = frozenset(cases[::3])

    def visible(principal: Principal, case: Case) -> bool:
        assert principal.org == "xfj"
        return case.id not in unseen

    monkeypatch.setattr("services.routing.http.organisation_inbox.visible", visible)
    counted = Counted(here.runtime.ports.log, "inbox/cn-demo/zj")
    told: list[tuple[str, str]] = []
    async with here.client("registrar") as office:

        async def pages(after: str) -> str:
            more = True
            while more:
                page = (await office.get(f"/v1/organisations/zj/assignments?after={after}&limit=4")).json()
                told.extend((one["id"], one["case"]) for one in page["entries"])
                after, more = page["after"], page["more"]
            return after

        end = await pages("0")
        assert [case for _id, case in told] == [case for case in cases if case not in unseen]
        assert len({text for text, _case in told}) == 20 and end == told[-1][0]
        before = counted.commits
        assert await pages(end) == end
        assert counted.commits == before, "nothing is read again"
        unseen = unseen | {(await here.filed())["case"]}
        assert await pages(end) == end, "a cursor that moved would tell of a hidden entry"
        new = (await here.filed())["case"]
        assert await pages(end) != end
        assert told[-1][1] == new
        assert counted.commits <= before + 6


async def test_waiting_reader_does_no_work_for_entries_of_others(here: Served) -> None:
    counted = Counted(here.runtime.ports.log, "inbox/cn-demo/zj")
    async with here.client("organisation") as department:
        loop = asyncio.get_running_loop()
        waiting = asyncio.create_task(department.get("/v1/organisations/zj/assignments?wait=30"))
        await counted.first.wait()
        began = loop.time()
        for number in range(40):
            for commit in history(f"case/other-{number}", 5):
                await here.runtime.ports.log.append(commit)
        seconds = loop.time() - began
        assert counted.loads - 1 <= seconds, "appends elsewhere wake nobody; once a second is looked"
        receipt = await here.filed()
        page = (await asyncio.wait_for(waiting, 20)).json()
    assert [one["case"] for one in page["entries"]] == [receipt["case"]]
    assert here.runtime._waiting == {}, "nobody is remembered who does not wait any more"


async def test_idle_wait_polls_once_a_second_and_ends_in_time(here: Served) -> None:
    counted = Counted(here.runtime.ports.log, "inbox/cn-demo/zj")
    async with here.client("organisation") as department:
        loop = asyncio.get_running_loop()
        began = loop.time()
        page = (await department.get("/v1/organisations/zj/assignments?wait=2.2")).json()
        took = loop.time() - began
    assert page == {"entries": [], "after": 0, "more": False}
    assert took >= 2.1
    assert counted.loads <= 5


async def test_stopping_server_releases_waiting_readers(here: Served) -> None:
    async with here.client("organisation") as department:
        waiting = asyncio.create_task(department.get("/v1/organisations/zj/assignments?wait=20"))
        await asyncio.sleep(0.05)
        here.runtime.stopping = True
        here.runtime.tell()
        assert (await asyncio.wait_for(waiting, 2)).json()["entries"] == []
    here.runtime.stopping = False


async def test_long_inbox_on_disk_is_read_page_by_page(tmp_path: Path) -> None:
    """After a restart nothing is remembered: a page from zero is one seek, not the whole stream."""
    async with served() as here:
        for _ in range(12):
            await here.filed()
        commits = [commit async for part in here.runtime.ports.log.scan() for commit in part]
    async with opened(tmp_path / "data", Settings(), feed=False, tasks=False) as runtime:
        for commit in commits:
            await runtime.ports.log.append(commit)
    async with opened(tmp_path / "data", Settings(), feed=False, tasks=False) as runtime:
        counted = Counted(runtime.ports.log, "inbox/cn-demo/zj")
        transport = httpx.ASGITransport(build_owner_app(runtime))
        headers = {"x-huiyin-as": "organisation:zj"}
        async with httpx.AsyncClient(transport=transport, base_url="http://huiyin", headers=headers) as department:
            page = (await department.get("/v1/organisations/zj/assignments?limit=5")).json()
            assert [one["id"] for one in page["entries"]] == [1, 2, 3, 4, 5]
            assert page["more"]
            assert counted.commits == 6
            rest = (await department.get(f"/v1/organisations/zj/assignments?after={page['after']}")).json()
            assert [one["id"] for one in rest["entries"]] == list(range(6, 13))
