"""Two releases with different read model schemas run side by side: the new read model is built next to the live one."""

from __future__ import annotations

import asyncio
import gc
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from itertools import count
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from pydantic import SecretStr

from deploy.api.app import build_owner_app
from deploy.modes import distributed as full
from deploy.modes.composition import SERVICES
from services.supervision import bootstrap as supervision
from services.supervision.policy_activation import activate
from shared.eventstore.read_models import Parked
from shared.hosting.process import Process
from shared.http.health import health
from shared.kernel.settings import Settings
from shared.operations.rebuild import rebuild
from shared.operations.reconcile import reconcile
from shared.policy.loading.loader import bundled
from shared.queries.file_index import FILES
from tests.support import topics
from tests.support.county import DEMO
from tests.support.servers import kafka, mongodb
from tests.support.serving import OPERATOR, submission

pytestmark = [
    pytest.mark.needs_kafka,
    pytest.mark.needs_mongo,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module", autouse=True)
def swept() -> Iterator[None]:
    """A client of Kafka that is stopped while it joins a group is left to the collector. A process ends then; this one does not."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


class Release:
    """A running process, as far as one event loop can be one."""

    def __init__(self, runtime: Process) -> None:
        self.runtime = runtime
        transport = httpx.ASGITransport(build_owner_app(runtime))
        headers = {"x-huiyin-as": "registrar:xfj"}
        self.client = httpx.AsyncClient(transport=transport, base_url="http://huiyin", headers=headers)

    async def files(self, item: str) -> str:
        answer = await self.client.post("/v1/submissions", json=submission(item=item))
        assert answer.status_code == 201, answer.text
        case: str = answer.json()["case"]
        return case

    async def shown(self) -> set[str]:
        """Every case in a list whose shape is another one in the other release."""
        view = next(show.view.name for part in self.runtime.parts for one in part.consumers for show in one.shows)
        return {row.key async for rows in self.runtime.ports.views.rows(view) for row in rows}

    async def until_ready(self) -> None:
        async with asyncio.timeout(60):
            while not (await health(self.runtime))["ready"]:  # noqa: ASYNC110
                await asyncio.sleep(0.02)

    async def until_shown(self, cases: set[str]) -> None:
        async with asyncio.timeout(60):
            while not cases <= await self.shown():  # noqa: ASYNC110
                await asyncio.sleep(0.2)


@pytest.fixture
async def prefix() -> AsyncIterator[str]:
    found = f"{kafka.PREFIX}{uuid4().hex[:8]}-"
    await topics.create(f"{found}case-events", 24)
    yield found
    async with topics.admin() as client:
        await client.delete_topics([f"{found}case-events"])


@asynccontextmanager
async def running(
    folder: Path, prefix: str, instance: str, services: tuple[str, ...] = SERVICES
) -> AsyncIterator[Release]:
    secrets = folder / "secrets"
    secrets.mkdir(mode=0o700, exist_ok=True)
    settings = Settings(
        data=folder / instance, secrets=secrets, instance=instance, kafka_bootstrap=kafka.bootstrap(), kafka_prefix=prefix,
        mongodb_url=SecretStr(mongodb.url()), mongodb_name=mongodb.PREFIX + prefix.strip("-")[-8:],
    )  # fmt: skip
    async with full.opened(settings, services) as runtime:  # type: ignore[arg-type]
        release = Release(runtime)
        try:
            yield release
        finally:
            await release.client.aclose()


@pytest.mark.nightly
async def test_read_model_with_new_schema_is_built_next_to_live_one_under_traffic(
    tmp_path: Path, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(full, "MIXED_SECONDS", 1.0)
    filed: set[str] = set()
    numbers = count(1)

    async def traffic(*releases: Release) -> None:
        while True:
            number = next(numbers)
            filed.add(await releases[number % len(releases)].files(f"r-{number}"))
            await asyncio.sleep(0.05)

    async with AsyncExitStack() as stack:
        old = await stack.enter_async_context(running(tmp_path, prefix, "one"))
        await activate(
            old.runtime.handling("supervision"), OPERATOR, DEMO, {one.section: one.document for one in bundled("demo")}
        )
        for number in range(40):
            filed.add(await old.files(f"b-{number}"))
        await old.until_ready()
        await old.until_shown(filed)
        going = asyncio.create_task(traffic(old))
        changed = [replace(one, view=replace(one.view, version=one.view.version + 1)) for one in supervision.SHOWS]
        monkeypatch.setattr(supervision, "SHOWS", changed)
        before = set(filed)
        async with running(tmp_path, prefix, "two") as new:
            await new.until_ready()
            assert before <= await new.shown(), "when it says that it is ready its lists are whole"
            assert before <= await old.shown(), "and those of the old one are what they were"
            going.cancel()
            with suppress(asyncio.CancelledError):
                await going
            going = asyncio.create_task(traffic(old, new))  # both work, each handles half of the partitions
            await asyncio.sleep(3)
            going.cancel()
            with suppress(asyncio.CancelledError):
                await going
            await new.until_shown(filed)
            await old.until_shown(filed)
            assert len(filed) > len(before) + 5
            async with asyncio.timeout(60):
                for one in (new, old):
                    while (await reconcile(one.runtime.ports, one.runtime.parts, mend=False)).behind:  # noqa: ASYNC110
                        await asyncio.sleep(0.2)


@pytest.mark.nightly
async def test_one_service_rebuilds_all_read_models_and_keeps_marks(tmp_path: Path, prefix: str) -> None:
    """Intake's read models share a store with supervision's, and parked cases of any group stay parked."""
    async with running(tmp_path, prefix, "all") as whole:
        await activate(
            whole.runtime.handling("supervision"),
            OPERATOR,
            DEMO,
            {one.section: one.document for one in bundled("demo")},
        )
        filed = {await whole.files(f"m-{number}") for number in range(10)}
        await whole.until_shown(filed)
        await whole.runtime.drain()
        names = sorted({show.view.name for part in whole.runtime.parts for one in part.consumers for show in one.shows})
    mark = Parked("routing", f"case/{min(filed)}", 1, "ValueError", "2026-03-02T00:00:00.000000Z", b"{}")
    async with running(tmp_path, prefix, "supervision", ("supervision",)) as one:
        await one.until_ready()
        views = one.runtime.ports.views
        await views.park(mark)
        async for _step in rebuild(one.runtime.ports, one.runtime.parts, feeding=True, beside=one.runtime.beside):
            pass
        for name in names:  # none of them has a file
            shown = {row.key async for rows in views.rows(name) for row in rows}
            assert shown == (set() if name == FILES.name else filed), name
        assert await views.parked() == [mark]
