"""The sweep removes what no event names after a day, and nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from shared.adapters.memory import MemoryBlobs
from shared.application.file_references import owner_of
from shared.application.file_uploads import LIFETIME
from shared.eventstore.read_models import Parked
from shared.operations.blob_sweep import GRACE, Swept, sweep
from shared.operations.rebuild import rebuild
from shared.queries.file_index import FILES, event_of
from tests.integration.test_attached_files import REGISTRAR, case_of, contents, file, some, upload
from tests.support.serving import Served, served


@pytest.fixture
async def here() -> AsyncIterator[Served]:
    async with served() as found:
        yield found


def blobs_of(here: Served) -> MemoryBlobs:
    blobs = here.runtime.ports.blobs
    assert isinstance(blobs, MemoryBlobs)
    return blobs


async def swept(here: Served, *, old: bool = True) -> Swept:
    """Sweep when everything that is stored now is older than a day."""
    ports, blobs = here.runtime.ports, blobs_of(here)
    if old:
        here.clock.advance(LIFETIME + GRACE + timedelta(seconds=1))
        for address in blobs.stored:
            blobs.times[address] = ports.clock.now() - LIFETIME - GRACE
        for draft in blobs._changed:
            blobs._changed[draft] = ports.clock.now() - LIFETIME - GRACE
    intake = next(part for part in here.runtime.parts if part.name == "intake")
    return await sweep(ports, intake)


async def test_file_of_an_event_stays_and_unnamed_one_goes(here: Served) -> None:
    await upload(here, "named", b"named")
    await upload(here, "never", b"never")
    case = (await file(here, files=["named"])).case
    assert await swept(here, old=False) == Swept(), "nothing is a day old"
    assert len(blobs_of(here).stored) == 2
    assert await swept(here) == Swept(uploads=2, blobs=1)
    assert list(blobs_of(here).stored) == [(await case_of(here, case)).files[0].blob]
    assert await contents(here, case) == [(b"named", "张三家门口.jpg")]
    assert await swept(here) == Swept()


async def test_unfinished_upload_goes_with_its_draft(here: Served) -> None:
    files, owner = here.runtime.ports.files, owner_of(REGISTRAR)
    await files.begin_upload(owner, "half")
    await files.append(owner, "half", 0, some(b"x" * 100_000))
    await blobs_of(here).write("0" * 32, 0, some(b"of a killed process"))
    assert await swept(here) == Swept(uploads=1, drafts=2)
    assert [page async for page in blobs_of(here).drafts()] == []


async def test_late_read_model_is_brought_up_to_the_log_first(here: Served) -> None:
    await upload(here, "named", b"named")
    receipt = await file(here, files=["named"])
    await here.runtime.ports.views.clear()
    assert await event_of(here.runtime.ports.views, (await case_of(here, receipt.case)).files[0].blob) is None
    assert await swept(here) == Swept(uploads=1)
    assert [content for content, _ in await contents(here, receipt.case)] == [b"named"]
    named = await event_of(here.runtime.ports.views, (await case_of(here, receipt.case)).files[0].blob)
    assert named is not None
    assert named.case == receipt.case


async def test_nothing_is_removed_while_a_stream_is_parked(here: Served) -> None:
    await upload(here, "named", b"named")
    await upload(here, "never", b"never")
    receipt = await file(here, files=["named"])
    views = here.runtime.ports.views
    await views.clear()
    await views.park(Parked("intake", f"case/{receipt.case}", 1, "damaged", "2026-03-02", b""))
    assert (await swept(here)).postponed == 2
    assert len(blobs_of(here).stored) == 2
    await views.unpark("intake", f"case/{receipt.case}")
    assert (await swept(here)).blobs == 1


async def test_rebuild_fills_index_and_removes_rows_of_no_case(here: Served) -> None:
    await upload(here, "named", b"named")
    receipt = await file(here, files=["named"])
    views = here.runtime.ports.views
    before = [row async for page in views.rows(FILES.name) for row in page]
    await views.write({FILES.name: [before[0]._replace(key="sha256:other", values={"case": "0" * 32, "version": 3})]})
    async for _step in rebuild(here.runtime.ports, here.runtime.parts, feeding=here.runtime.feeding):
        pass
    assert [row async for page in views.rows(FILES.name) for row in page] == before
    assert before[0].values == {"case": receipt.case, "version": before[0].applied}
