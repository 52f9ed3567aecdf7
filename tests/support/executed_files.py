"""How many product files a command runs through: how much somebody has to read who follows it.

`python -m tests.support.executed_files [--json]` prints the files and their number for

- a filing: `POST /v1/submissions`, from the arrival of the request until its commit is in the log;
- `sign_off` given with `POST /v1/cases/{reference}/commands`, in the same way;
- a filing with all consumers: the same filing, until every consumer group has handled everything.

A file counts as executed if one of its functions is called or resumed meanwhile, in any thread; what runs only at import
does not count. Product files are those of `shared`, `services` and `deploy`. The embedded mode runs with its real
adapters on a folder, requests go through the public HTTP application with an access key. Caches are warm: a filing and a
`sign_off` of other cases come first. Timers do not run, since what they do depends on the moment; each measurement is
repeated, and only files of every repeat count, since consumer groups look for work from time to time, too.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Any, NamedTuple

import httpx

from deploy.api.app import build_app
from deploy.modes.embedded import opened
from services.supervision.policy_activation import activate
from shared.adapters.sqlite.event_store import SqliteEventStore
from shared.hosting.log_format import configure
from shared.hosting.process import Process
from shared.kernel.settings import Settings
from shared.policy.loading.loader import bundled
from tests.support.county import DEMO
from tests.support.serving import OPERATOR, submission

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("shared", "services", "deploy")
_INSIDE = tuple(f"{ROOT / folder}/" for folder in FOLDERS)
QUIET = 0.43
"""Seconds after which a group has saved how far it is; no divisor of the period in which groups look for work."""
REPEATS = 5
KEYS: tuple[tuple[str, str | None], ...] = (("registrar", "xfj"), ("clerk", "zj"))


class Executed(NamedTuple):
    """Paths of the files that were executed, relative to the project."""

    filing: list[str]
    sign_off: list[str]
    filing_with_consumers: list[str]


class Recorder:
    """Notes the files of called functions while it is switched on. Threads that exist before it are not seen."""

    def __init__(self) -> None:
        self._on = False
        self._files: set[str] = set()

    def __call__(self, frame: FrameType, _event: str, _argument: Any) -> None:
        """A trace function for `sys.settrace`; that it returns None switches the tracing of single lines off."""
        code = frame.f_code
        if self._on and code.co_name != "<module>" and code.co_filename.startswith(_INSIDE):
            self._files.add(code.co_filename)

    def stop(self, *_ignored: object) -> None:
        """Switch off before the work has ended."""
        self._on = False

    async def during(self, work: Callable[[], Awaitable[object]]) -> set[str]:
        """The files that `work` executes, or those until stop()."""
        self._files.clear()
        self._on = True
        try:
            await work()
        finally:
            self.stop()
        return {str(Path(name).relative_to(ROOT)) for name in self._files}


@contextmanager
def recording() -> Iterator[Recorder]:
    """A recorder for this thread and for all that are started meanwhile."""
    recorder = Recorder()
    before, before_threads = sys.gettrace(), threading.gettrace()
    threading.settrace(recorder)
    sys.settrace(recorder)
    try:
        yield recorder
    finally:
        sys.settrace(before)
        threading.settrace(before_threads)  # type: ignore[arg-type]


class _County:
    """The demo county behind its public HTTP application."""

    def __init__(self, runtime: Process, keys: dict[str, str]) -> None:
        self._runtime = runtime
        self._keys = keys
        self._transport = httpx.ASGITransport(build_app(runtime))

    @property
    def log(self) -> SqliteEventStore:
        assert isinstance(self._runtime.ports.log, SqliteEventStore)
        return self._runtime.ports.log

    async def file(self) -> str:
        """Files a complaint; returns its case."""
        return str((await self._post("registrar", "/v1/submissions", submission()))["case"])

    async def file_and_follow(self) -> None:
        """Files a complaint; returns once every consumer group has handled everything."""
        await self.file()
        assert await self._runtime.drain()

    async def dispatched(self) -> str:
        """The case of a filing that an organisation has received."""
        case = await self.file()
        await self.quiet()
        return case

    async def sign_off(self, case: str) -> None:
        await self._post("clerk", f"/v1/cases/{case}/commands", {"command": "sign_off", "command_id": case})

    async def quiet(self) -> None:
        """Returns once every consumer group has handled everything, and has saved how far it is."""
        assert await self._runtime.drain()
        await asyncio.sleep(QUIET)

    async def _post(self, role: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        headers = {"authorization": f"Bearer {self._keys[role]}"}
        async with httpx.AsyncClient(transport=self._transport, base_url="http://huiyin", headers=headers) as client:
            answer = await client.post(path, json=body)
        assert answer.is_success, answer.text
        found: dict[str, Any] = answer.json()
        return found


@asynccontextmanager
async def county(folder: Path) -> AsyncIterator[_County]:
    """The embedded mode on a new folder, with the demo policy in force and a key for each role that acts."""
    async with opened(folder, Settings(data=folder), tasks=False) as runtime:
        sections: dict[str, Any] = {one.section: one.document for one in bundled("demo")}
        await activate(runtime.handling("supervision"), OPERATOR, DEMO, sections)
        intake = runtime.handling("intake")
        keys = {role: (await runtime.principals.issue(intake, OPERATOR, role, org))[1] for role, org in KEYS}
        yield _County(runtime, keys)


async def executed(folder: Path) -> Executed:
    """Measure all three in a new data folder."""
    with recording() as recorder:
        async with county(folder) as here:
            for _ in range(2):
                await here.sign_off(await here.dispatched())
                await here.quiet()
            cases = [await here.dispatched() for _ in range(REPEATS)]
            unlisten = here.log.listen(recorder.stop)
            filing, sign_off = [], []
            for case in cases:
                filing.append(await recorder.during(here.file))
                await here.quiet()
                sign_off.append(await recorder.during(partial(here.sign_off, case)))
                await here.quiet()
            unlisten()
            with_consumers = []
            for _ in cases:
                with_consumers.append(await recorder.during(here.file_and_follow))
                await here.quiet()
    return Executed(in_all(filing), in_all(sign_off), in_all(with_consumers))


def in_all(measured: Sequence[set[str]]) -> list[str]:
    """The files of every repeat: the occasional work of consumer groups is excluded."""
    return sorted(set.intersection(*measured))


def main() -> None:
    configure("error")
    with TemporaryDirectory(prefix="huiyin-executed-") as folder:
        found = asyncio.run(executed(Path(folder) / "data"))
    if sys.argv[1:] == ["--json"]:
        print(json.dumps(found._asdict()))
        return
    for name, files in found._asdict().items():
        print(f"{name.replace('_', ' ')}: {len(files)} files")
        for file in files:
            print(f"  {file}")


if __name__ == "__main__":
    main()
